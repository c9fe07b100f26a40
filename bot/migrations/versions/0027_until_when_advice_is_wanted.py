"""In how much working time advice is wanted, and when that was over without advice"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("escalations", sa.Column("allowed_seconds", sa.Integer(), nullable=True))
    op.add_column("escalations", sa.Column("lapsed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("escalations", "lapsed_at")
    op.drop_column("escalations", "allowed_seconds")
