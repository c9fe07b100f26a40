"""A transfer, which changes the number of its case, waits for nobody who only refers to the case"""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

NUMBERED = sa.text("number IS NOT NULL")


def upgrade() -> None:
    op.drop_index("ix_cases_number", "cases")
    op.create_index("ix_cases_number", "cases", ["number", "team_id"], unique=True, postgresql_where=NUMBERED)


def downgrade() -> None:
    op.drop_index("ix_cases_number", "cases")
    op.create_index("ix_cases_number", "cases", ["number", "team_id"], unique=True)
