"""The past changes of the settings are found without going through the whole log"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

SETTING = sa.text("kind IN ('settings','role','initials','routing')")


def upgrade() -> None:
    op.create_index("ix_events_setting", "events", ["id"], postgresql_where=SETTING, sqlite_where=SETTING)


def downgrade() -> None:
    op.drop_index("ix_events_setting", "events")
