"""Which team opened a case is counted by its index alone, also of a case that another team got"""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

COLUMNS = ["opened_at", "team_id", "account_id", "topic"]


def upgrade() -> None:
    op.drop_index("ix_cases_opened", "cases")
    op.create_index("ix_cases_opened", "cases", [*COLUMNS, "transfers"])


def downgrade() -> None:
    op.drop_index("ix_cases_opened", "cases")
    op.create_index("ix_cases_opened", "cases", COLUMNS)
