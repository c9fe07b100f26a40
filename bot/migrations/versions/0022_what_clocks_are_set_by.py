"""What the running clocks of a team were last set by, so that they follow when its opening hours or ladder change"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("teams", sa.Column("timed_by", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("teams", "timed_by")
