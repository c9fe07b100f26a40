"""Agents belong to a team, teams to a workspace; whether a person is away is the same in all their teams

Until now a role and initials held for all teams, and all teams read the language of the first one. So each agent
becomes one in every team, and each team that chose no language gets the one that the first team chose.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
AWAY = ("away_since", "seen_away_since", "asked_at", "looked_at")
IN_TEAM = ("initials", "role", "duty_since", "created_at")
TYPES = {"slack_id": sa.String(), "initials": sa.String(), "role": sa.String(length=32), "team_id": sa.Integer()}

TEAMS = sa.table("teams", sa.column("id", sa.Integer()), sa.column("settings", sa.JSON()))


def table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(each, TYPES.get(each, MOMENT)) for each in columns))


PEOPLE = table("people", "slack_id", *AWAY)
OF_ALL_TEAMS = table("agents", "slack_id", *IN_TEAM, *AWAY)
OF_ONE_TEAM = table("agents", "team_id", "slack_id", *IN_TEAM)


def upgrade() -> None:
    connection = op.get_bind()
    workspaces = op.create_table(
        "workspaces",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slack_id", sa.String(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("slack_id"),
    )
    op.bulk_insert(workspaces, [{"created_at": datetime.now(UTC)}])
    # Not a column of Alembic's: SQLite adds a reference only within the column, and only one that may be empty.
    op.execute("ALTER TABLE teams ADD COLUMN workspace_id INTEGER REFERENCES workspaces (id)")
    op.execute("UPDATE teams SET workspace_id = (SELECT id FROM workspaces)")
    _share_the_language()

    agents = _rows(sa.select(OF_ALL_TEAMS))
    team_ids = connection.execute(sa.select(TEAMS.c.id)).scalars().all()
    op.create_table(
        "people",
        sa.Column("slack_id", sa.String(), nullable=False),
        *(sa.Column(name, MOMENT, nullable=True) for name in AWAY),
        sa.PrimaryKeyConstraint("slack_id"),
    )
    op.drop_table("agents")
    op.create_table(
        "agents",
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("slack_id", sa.String(), nullable=False),
        sa.Column("initials", sa.String(), nullable=True),
        sa.Column("role", sa.String(length=32), server_default="agent", nullable=False),
        sa.Column("duty_since", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"]),
        sa.PrimaryKeyConstraint("team_id", "slack_id"),
        sa.UniqueConstraint("team_id", "initials", name="uq_agents_initials"),
    )
    op.bulk_insert(PEOPLE, [_part(each, "slack_id", *AWAY) for each in agents])
    in_teams = [{"team_id": team, **_part(each, "slack_id", *IN_TEAM)} for team in team_ids for each in agents]
    op.bulk_insert(OF_ONE_TEAM, in_teams)


def downgrade() -> None:
    """Keep each agent as they are in their first team; of two with the same initials only the first keeps these."""
    away = {row["slack_id"]: row for row in _rows(sa.select(PEOPLE))}
    agents: dict[str, dict[str, object]] = {}
    signed = set()
    for row in _rows(sa.select(OF_ONE_TEAM).order_by(OF_ONE_TEAM.c.team_id, OF_ONE_TEAM.c.slack_id)):
        if row["slack_id"] not in agents:
            initials = None if row["initials"] in signed else row["initials"]
            signed.add(initials)
            agents[row["slack_id"]] = {**_part(row, "slack_id", *IN_TEAM), "initials": initials}
    for slack_id in away:
        agents.setdefault(
            slack_id,
            {"slack_id": slack_id, "initials": None, "role": "agent", "duty_since": None,
             "created_at": datetime.now(UTC)},
        )  # fmt: skip
    op.drop_table("agents")
    op.drop_table("people")
    op.create_table(
        "agents",
        sa.Column("slack_id", sa.String(), nullable=False),
        sa.Column("initials", sa.String(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("role", sa.String(length=32), server_default="agent", nullable=False),
        sa.Column("away_since", MOMENT, nullable=True),
        sa.Column("duty_since", MOMENT, nullable=True),
        *(sa.Column(name, MOMENT, nullable=True) for name in AWAY[1:]),
        sa.PrimaryKeyConstraint("slack_id"),
        sa.UniqueConstraint("initials"),
    )
    nowhere = dict.fromkeys(AWAY)
    rows = [{**each, **_part(away.get(slack_id, nowhere), *AWAY)} for slack_id, each in agents.items()]
    op.bulk_insert(OF_ALL_TEAMS, rows)

    op.drop_column("teams", "workspace_id")
    op.drop_table("workspaces")


def _share_the_language() -> None:
    connection = op.get_bind()
    teams = connection.execute(sa.select(TEAMS).order_by(TEAMS.c.id)).all()
    language = (teams[0].settings or {}).get("language") if teams else None
    for team in teams[1:]:
        kept = team.settings or {}
        if language and not kept.get("language"):
            changed = {**kept, "language": language}
            connection.execute(sa.update(TEAMS).where(TEAMS.c.id == team.id).values(settings=changed))


def _rows(query: sa.Select) -> list[dict]:
    return [dict(row) for row in op.get_bind().execute(query).mappings()]


def _part(row: dict, *columns: str) -> dict:
    return {name: row[name] for name in columns}
