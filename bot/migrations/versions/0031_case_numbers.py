"""A case has a number in its team; those that exist are numbered in the order in which they came"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "case_counts",
        sa.Column("team_id", sa.Integer(), sa.ForeignKey("teams.id"), primary_key=True),
        sa.Column("counted", sa.Integer(), nullable=False),
    )
    op.add_column("cases", sa.Column("number", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.execute(
        "UPDATE cases SET number = numbered.number "
        "FROM (SELECT id, row_number() OVER (PARTITION BY team_id ORDER BY id) AS number FROM cases) AS numbered "
        "WHERE numbered.id = cases.id"
    )
    op.execute("INSERT INTO case_counts (team_id, counted) SELECT team_id, count(*) FROM cases GROUP BY team_id")
    op.create_index("ix_cases_number", "cases", ["number", "team_id"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_cases_number", "cases")
    op.drop_column("cases", "number")
    op.drop_table("case_counts")
