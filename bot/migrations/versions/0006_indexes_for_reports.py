"""What happened in a period is found by its moment; closings are found in the log"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

CLOSING, CLOSED = sa.text("kind = 'close'"), sa.text("closed_at IS NOT NULL")
WAITING = sa.text("status IN ('new','claimed','escalated')")


def upgrade() -> None:
    op.drop_index("ix_cases_closed", table_name="cases")
    op.create_index("ix_events_closed", "events", ["at", "case_id"], postgresql_where=CLOSING, sqlite_where=CLOSING)
    _cases(open_by=["opened_at", "team_id"], opened_by=["opened_at", "team_id", "account_id", "topic"])
    op.drop_index("ix_clocks_stopped", table_name="clocks")
    op.create_index("ix_clocks_stopped", "clocks", ["kind", "stopped_at", "team_id"])


def downgrade() -> None:
    op.drop_index("ix_clocks_stopped", table_name="clocks")
    op.create_index("ix_clocks_stopped", "clocks", ["team_id", "kind", "stopped_at"])
    _cases(open_by=["team_id", "opened_at"], opened_by=["team_id", "opened_at", "account_id"])
    op.create_index("ix_cases_closed", "cases", ["team_id", "closed_at"], postgresql_where=CLOSED, sqlite_where=CLOSED)
    op.drop_index("ix_events_closed", table_name="events")


def _cases(*, open_by: list[str], opened_by: list[str]) -> None:
    op.drop_index("ix_cases_open", table_name="cases")
    op.create_index("ix_cases_open", "cases", open_by, postgresql_where=WAITING, sqlite_where=WAITING)
    op.drop_index("ix_cases_opened", table_name="cases")
    op.create_index("ix_cases_opened", "cases", opened_by)
