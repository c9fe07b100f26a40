"""What is urgent by its words, private or asked before gets its card before the rest, and says why"""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None

NEW = sa.text("shown_version < version AND ts IS NULL")


def upgrade() -> None:
    op.add_column("cases", sa.Column("signals", sa.JSON(), nullable=True))
    op.add_column("messages", sa.Column("rank", sa.Integer(), server_default="2", nullable=False))
    op.create_index("ix_messages_new", "messages", ["channel", "rank", "id"], postgresql_where=NEW, sqlite_where=NEW)


def downgrade() -> None:
    op.drop_index("ix_messages_new", "messages")
    op.drop_column("messages", "rank")
    op.drop_column("cases", "signals")
