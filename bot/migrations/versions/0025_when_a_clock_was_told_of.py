"""When a clock was last told of, and until when its reminders are put off

All running clocks are set anew at the next tick, so that those past their last step are told of again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clocks", sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("clocks", sa.Column("snoozed_until", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE teams SET timed_by = NULL")


def downgrade() -> None:
    op.drop_column("clocks", "snoozed_until")
    op.drop_column("clocks", "told_at")
