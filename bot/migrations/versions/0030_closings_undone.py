"""An index of the closings that were undone, by when"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

UNCLOSING = sa.text("kind = 'unclose'")


def upgrade() -> None:
    op.create_index(
        "ix_events_unclosed", "events", ["at", "case_id"], postgresql_where=UNCLOSING, sqlite_where=UNCLOSING
    )


def downgrade() -> None:
    op.drop_index("ix_events_unclosed", "events")
