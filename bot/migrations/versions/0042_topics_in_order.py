"""What cases of a period are about is counted topic by topic, without sorting them"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

HAS_ONE = sa.text("topic IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_cases_topic",
        "cases",
        ["topic", "opened_at", "team_id", "transfers"],
        postgresql_where=HAS_ONE,
        sqlite_where=HAS_ONE,
    )


def downgrade() -> None:
    op.drop_index("ix_cases_topic", "cases")
