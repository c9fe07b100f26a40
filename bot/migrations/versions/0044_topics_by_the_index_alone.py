"""What cases of a period are about is counted by the index alone, on PostgreSQL too"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

HAS_ONE = sa.text("topic IS NOT NULL")
BEFORE = ["topic", "opened_at", "team_id", "transfers"]


def upgrade() -> None:
    _replace([*BEFORE, "id"])


def downgrade() -> None:
    _replace(BEFORE)


def _replace(columns: list[str]) -> None:
    op.drop_index("ix_cases_topic", "cases")
    op.create_index("ix_cases_topic", "cases", columns, postgresql_where=HAS_ONE, sqlite_where=HAS_ONE)
