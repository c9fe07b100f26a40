"""The days that are over are counted once, so that the figures of a year do not go through a million rows"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "day_counts",
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("team_id", sa.Integer(), sa.ForeignKey("teams.id"), primary_key=True),
        sa.Column("account_id", sa.Integer(), sa.ForeignKey("accounts.id"), primary_key=True),
        sa.Column("what", sa.String(32), primary_key=True),
        sa.Column("reason", sa.String(), primary_key=True),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("kept", sa.Integer(), nullable=False),
        sa.Column("lowest", sa.Integer(), nullable=True),
        sa.Column("highest", sa.Integer(), nullable=True),
        sa.Column("took", sa.LargeBinary(), nullable=True),
    )
    op.add_column("workspaces", sa.Column("counted_until", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column("workspaces", "counted_until")
    op.drop_table("day_counts")
