"""Why a clock rests; until now that was always for the citizen"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clocks", sa.Column("rests_for", sa.String(length=32), nullable=True))
    op.execute("UPDATE clocks SET rests_for = 'citizen' WHERE stopped_at IS NULL AND running_since IS NULL")


def downgrade() -> None:
    op.drop_column("clocks", "rests_for")
