"""What must be written now is found at once, also while thousands of messages wait to be posted"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

CHANGED = sa.text("shown_version < version AND ts IS NOT NULL")
PUT_OFF = sa.text("(leased_until IS NOT NULL OR retry_at IS NOT NULL)")


def upgrade() -> None:
    op.create_index(
        "ix_messages_changed", "messages", ["channel", "id"], postgresql_where=CHANGED, sqlite_where=CHANGED
    )
    op.create_index("ix_messages_put_off", "messages", ["channel"], postgresql_where=PUT_OFF, sqlite_where=PUT_OFF)


def downgrade() -> None:
    op.drop_index("ix_messages_put_off", "messages")
    op.drop_index("ix_messages_changed", "messages")
