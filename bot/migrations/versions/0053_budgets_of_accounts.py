"""How much of its platform's limit an account has used, and of which act a reply tells"""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("budget", sa.JSON(), nullable=True))
    op.add_column("account_troubles", sa.Column("budget", sa.JSON(), nullable=True))
    op.add_column("replies", sa.Column("tells_of", sa.Integer(), nullable=True))
    op.execute(
        "UPDATE replies SET tells_of = (SELECT acts.id FROM acts WHERE acts.key = replies.key) WHERE status = 'approved'"
    )


def downgrade() -> None:
    op.drop_column("replies", "tells_of")
    op.drop_column("account_troubles", "budget")
    op.drop_column("accounts", "budget")
