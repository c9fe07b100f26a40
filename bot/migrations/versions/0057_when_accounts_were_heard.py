"""When something last came in on an account, and how long after it was written"""

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("accounts", sa.Column("lag", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("accounts", "lag")
    op.drop_column("accounts", "heard_at")
