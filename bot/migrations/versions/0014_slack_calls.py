"""Messages of which Slack may yet do what we gave up are found quickly"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    doubted = sa.text("posting_since IS NOT NULL")
    op.create_index(
        "ix_messages_doubted", "messages", ["posting_since"], postgresql_where=doubted, sqlite_where=doubted
    )


def downgrade() -> None:
    op.drop_index("ix_messages_doubted", "messages")
