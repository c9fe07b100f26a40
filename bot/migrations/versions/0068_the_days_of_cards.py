"""On which day open cards were last let name the days of their moments"""

import sqlalchemy as sa
from alembic import op

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workspaces", sa.Column("dated_on", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column("workspaces", "dated_on")
