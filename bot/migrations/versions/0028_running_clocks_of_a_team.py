"""An index of the running clocks of a team, by when they are due"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

RUNNING = sa.text("stopped_at IS NULL")


def upgrade() -> None:
    op.create_index(
        "ix_clocks_running", "clocks", ["team_id", "due_at"], postgresql_where=RUNNING, sqlite_where=RUNNING
    )


def downgrade() -> None:
    op.drop_index("ix_clocks_running", "clocks")
