"""What of an account does not work although the rest does"""

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("faults", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("accounts", "faults")
