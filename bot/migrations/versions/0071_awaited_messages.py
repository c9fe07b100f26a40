"""Since when a colleague who clicked waits for a message to change, and when each was last written: who had a turn last
comes last. The messages to update are sorted by that; SQLite finds them only by an index on the ts that they have."""

import sqlalchemy as sa
from alembic import op

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None

_CHANGED = sa.text("shown_version < version AND ts IS NOT NULL")


def upgrade() -> None:
    op.add_column("messages", sa.Column("awaited_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("messages", sa.Column("written_at", sa.DateTime(timezone=True), nullable=True))
    _index("channel", "ts")


def downgrade() -> None:
    _index("channel", "rank", "id")
    op.drop_column("messages", "written_at")
    op.drop_column("messages", "awaited_at")


def _index(*columns: str) -> None:
    op.drop_index("ix_messages_changed", "messages")
    op.create_index("ix_messages_changed", "messages", list(columns), postgresql_where=_CHANGED, sqlite_where=_CHANGED)
