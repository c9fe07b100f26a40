"""The acts on a mention are found by it: each poll asks what was done to the posts of a page"""

from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_acts_mention", "acts", ["mention_id"])


def downgrade() -> None:
    op.drop_index("ix_acts_mention", "acts")
