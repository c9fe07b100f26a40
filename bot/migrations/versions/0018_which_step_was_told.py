"""Which step of the ladder a clock has told, by its percentage: a count says nothing once the ladder has changed"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

CLOCKS = sa.table(
    "clocks",
    sa.column("id"),
    sa.column("team_id"),
    sa.column("kind"),
    sa.column("steps"),
    sa.column("told_percent"),
    sa.column("stopped_at"),
)
TEAMS = sa.table("teams", sa.column("id"), sa.column("settings", sa.JSON()))
USUAL = [80, 100, 125, 150]
"""The ladder of a team that has set none; a promise has only the first two steps."""


def upgrade() -> None:
    op.add_column("clocks", sa.Column("told_percent", sa.Integer(), nullable=False, server_default="0"))
    for clock, kind, steps, ladder in _running("steps"):
        climbed = USUAL[:2] if kind == "promise" else ladder
        if steps and climbed:
            _set(clock, "told_percent", climbed[min(steps, len(climbed)) - 1])
    op.drop_column("clocks", "steps")


def downgrade() -> None:
    op.add_column("clocks", sa.Column("steps", sa.Integer(), nullable=False, server_default="0"))
    for clock, kind, told, ladder in _running("told_percent"):
        climbed = USUAL[:2] if kind == "promise" else ladder
        _set(clock, "steps", sum(percent <= told for percent in climbed))
    op.drop_column("clocks", "told_percent")


def _running(column: str) -> list[tuple[int, str, int, list[int]]]:
    """Return the clocks that were not stopped and have told something: id, kind, how far, and their team's ladder."""
    rows = op.get_bind().execute(
        sa.select(CLOCKS.c.id, CLOCKS.c.kind, CLOCKS.c[column], TEAMS.c.settings)
        .join(TEAMS, TEAMS.c.id == CLOCKS.c.team_id)
        .where(CLOCKS.c.stopped_at.is_(None), CLOCKS.c[column] > 0)
    )
    return [(clock, kind, told, _ladder(settings)) for clock, kind, told, settings in rows.all()]


def _ladder(settings: Mapping[str, Any] | None) -> list[int]:
    steps = (settings or {}).get("ladder")
    return USUAL if steps is None else sorted(step["percent"] for step in steps)


def _set(clock: int, column: str, value: int) -> None:
    op.get_bind().execute(CLOCKS.update().where(CLOCKS.c.id == clock).values({column: value}))
