"""What is published beside a private reply once that was sent"""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("replies", sa.Column("invitation", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("drafts", sa.Column("invitation", sa.String(), nullable=False, server_default=sa.text("''")))


def downgrade() -> None:
    op.drop_column("drafts", "invitation")
    op.drop_column("replies", "invitation")
