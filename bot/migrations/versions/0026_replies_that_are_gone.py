"""Since when one of our replies can no longer be read, and why; those that the platform holds are found fast"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("replies", sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("replies", sa.Column("gone", sa.String(length=32), nullable=True))
    held = sa.text("held")
    op.create_index("ix_replies_held", "replies", ["account_id"], postgresql_where=held, sqlite_where=held)


def downgrade() -> None:
    op.drop_index("ix_replies_held", table_name="replies")
    with op.batch_alter_table("replies") as table:
        table.drop_column("gone")
        table.drop_column("gone_at")
