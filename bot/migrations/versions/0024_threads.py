"""The thread that a mention belongs to: of one case it is one, and what answers one another grows together later"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("mentions", sa.Column("thread", sa.String(), server_default=sa.text("''"), nullable=False))
    op.execute(
        "UPDATE mentions SET thread = (SELECT first.external_id FROM mentions AS first "
        "WHERE first.case_id = mentions.case_id ORDER BY first.id LIMIT 1)"
    )
    op.create_index("ix_mentions_answers", "mentions", ["account_id", "in_reply_to"])
    op.create_index("ix_mentions_thread", "mentions", ["account_id", "thread"])


def downgrade() -> None:
    op.drop_index("ix_mentions_thread", "mentions")
    op.drop_index("ix_mentions_answers", "mentions")
    with op.batch_alter_table("mentions") as batch:
        batch.drop_column("thread")
