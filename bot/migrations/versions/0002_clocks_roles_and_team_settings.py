"""Clocks, roles and team settings"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "clocks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("target_seconds", sa.Integer(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("running_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_seconds", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("elapsed_seconds", sa.Integer(), nullable=True),
        sa.Column("kept", sa.Boolean(), nullable=True),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["cases.id"],
        ),
        sa.ForeignKeyConstraint(
            ["team_id"],
            ["teams.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    running = sa.text("stopped_at IS NULL")
    op.create_index("ix_clocks_case", "clocks", ["case_id"])
    op.create_index("ix_clocks_due", "clocks", ["next_at"], postgresql_where=running, sqlite_where=running)
    op.create_index("ix_clocks_stopped", "clocks", ["team_id", "kind", "stopped_at"])

    op.add_column("agents", sa.Column("role", sa.String(length=32), server_default="agent", nullable=False))
    op.add_column("agents", sa.Column("away_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("agents", sa.Column("duty_since", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("agents") as agents:  # no other table refers to it, so SQLite may make it anew
        agents.alter_column("initials", existing_type=sa.String(), nullable=True)

    op.add_column("cases", sa.Column("urgent", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("replies", sa.Column("kind", sa.String(length=32), server_default="final", nullable=False))
    op.add_column("replies", sa.Column("promised_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("messages", sa.Column("details", sa.JSON(), nullable=True))
    op.add_column("teams", sa.Column("settings", sa.JSON(), nullable=True))

    op.create_index("ix_mentions_received", "mentions", ["received_at", "case_id"])
    op.create_index("ix_cases_opened", "cases", ["team_id", "opened_at", "account_id"])
    closed, sent = sa.text("closed_at IS NOT NULL"), sa.text("sent_at IS NOT NULL")
    op.create_index("ix_cases_closed", "cases", ["team_id", "closed_at"], postgresql_where=closed, sqlite_where=closed)
    op.create_index("ix_replies_sent", "replies", ["sent_at", "case_id"], postgresql_where=sent, sqlite_where=sent)


def downgrade() -> None:
    for name, table in (
        ("ix_replies_sent", "replies"),
        ("ix_cases_closed", "cases"),
        ("ix_cases_opened", "cases"),
        ("ix_mentions_received", "mentions"),
    ):
        op.drop_index(name, table_name=table)

    op.drop_column("teams", "settings")
    op.drop_column("messages", "details")
    op.drop_column("replies", "promised_at")
    op.drop_column("replies", "kind")
    op.drop_column("cases", "urgent")

    op.execute("DELETE FROM agents WHERE initials IS NULL")
    with op.batch_alter_table("agents") as agents:
        agents.alter_column("initials", existing_type=sa.String(), nullable=False)
    op.drop_column("agents", "duty_since")
    op.drop_column("agents", "away_since")
    op.drop_column("agents", "role")

    op.drop_table("clocks")
