"""Changed messages are found in the order in which they are written: what goes first before the others"""

import sqlalchemy as sa
from alembic import op

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None

CHANGED = sa.text("shown_version < version AND ts IS NOT NULL")
NAME = "ix_messages_changed"


def upgrade() -> None:
    op.drop_index(NAME, "messages")
    op.create_index(NAME, "messages", ["channel", "rank", "id"], postgresql_where=CHANGED, sqlite_where=CHANGED)


def downgrade() -> None:
    op.drop_index(NAME, "messages")
    op.create_index(NAME, "messages", ["channel", "id"], postgresql_where=CHANGED, sqlite_where=CHANGED)
