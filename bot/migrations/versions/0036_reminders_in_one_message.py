"""What each recipient is reminded of, in one message; the many single reminders from before say nothing any more"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

SINGLE = "('reminder', 'still', 'asked_again')"


def upgrade() -> None:
    op.create_table(
        "reminders",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("message_id", sa.Integer(), sa.ForeignKey("messages.id"), nullable=False),
        sa.Column("team_id", sa.Integer(), sa.ForeignKey("teams.id"), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("case_id", sa.Integer(), sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True)),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("for_owner", sa.Boolean(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heard", sa.String(32), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.UniqueConstraint("team_id", "recipient", "kind", "subject_id"),
    )
    op.create_index("ix_reminders_case", "reminders", ["case_id"])
    op.create_index("ix_reminders_message", "reminders", ["message_id"])
    _retire_single_reminders()


def _retire_single_reminders() -> None:
    """Make every earlier reminder one without rows, and show that of those whose case still waits."""
    connection = op.get_bind()
    waiting = set(connection.scalars(sa.text("SELECT id FROM cases WHERE status IN ('new', 'claimed', 'escalated')")))
    rows = connection.execute(sa.text(f"SELECT id, case_id, details FROM messages WHERE kind IN {SINGLE}"))  # noqa: S608
    stale = [row.id for row in rows if waiting & {row.case_id, *_cases(row.details)}]
    connection.execute(sa.text(f"UPDATE messages SET kind = 'reminder', subject_id = NULL WHERE kind IN {SINGLE}"))  # noqa: S608
    for message_id in stale:
        connection.execute(sa.text("UPDATE messages SET version = version + 1 WHERE id = :id"), {"id": message_id})


def _cases(details: Any) -> set[int]:
    stored = json.loads(details) if isinstance(details, str) else details
    return {step["case"] for step in (stored or {}).get("steps", [])}


def downgrade() -> None:
    op.drop_table("reminders")
