"""How often a reply or an act was put off, so that each wait is longer than the one before"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TABLES = ("replies", "acts")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("delays", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    for table in TABLES:
        with op.batch_alter_table(table) as batch:
            batch.drop_column("delays")
