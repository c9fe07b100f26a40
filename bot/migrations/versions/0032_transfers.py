"""Cases that went to another team"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cases", sa.Column("transfers", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.create_table(
        "transfers",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("case_id", sa.Integer(), sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("from_team_id", sa.Integer(), sa.ForeignKey("teams.id"), nullable=False),
        sa.Column("to_team_id", sa.Integer(), sa.ForeignKey("teams.id"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submission", sa.String(), nullable=False, unique=True),
    )
    op.create_index("ix_transfers_case", "transfers", ["case_id", "at"])
    op.create_index("ix_transfers_number", "transfers", ["from_team_id", "number"])


def downgrade() -> None:
    op.drop_table("transfers")
    op.drop_column("cases", "transfers")
