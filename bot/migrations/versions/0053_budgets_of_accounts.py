"""How much of its platform's limit an account has used"""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("budget", sa.JSON(), nullable=True))
    op.add_column("account_troubles", sa.Column("budget", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("account_troubles", "budget")
    op.drop_column("accounts", "budget")
