"""Messages of which Slack may yet do what we gave up are found quickly; the pace of calls to Slack"""

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
    op.create_table(
        "slack_pace",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("free_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )


def downgrade() -> None:
    op.drop_table("slack_pace")
    op.drop_index("ix_messages_doubted", "messages")
