"""When a note that is a message in Slack was edited last, by Slack's clock: an older edit may come in after a newer one"""

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0069"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("notes", sa.Column("edited_ts", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("notes", "edited_ts")
