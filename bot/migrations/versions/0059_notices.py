"""Sentences in the thread about who has a case, or why it is back in the queue, are one kind that stores its words"""

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

FORMER = """
SELECT messages.id, messages.kind, messages.details, cases.assignee
FROM messages LEFT JOIN cases ON cases.id = messages.case_id
WHERE messages.kind IN ('assigned', 'taken_over', 'returned')
"""


def upgrade() -> None:
    connection = op.get_bind()
    changed = sa.text("UPDATE messages SET kind = 'notice', details = :details WHERE id = :id")
    changed = changed.bindparams(sa.bindparam("details", type_=sa.JSON))
    rows = connection.execute(sa.text(FORMER)).all()
    words = [{"id": row.id, "details": _words(row.kind, _stored(row.details), row.assignee or "")} for row in rows]
    if words:
        connection.execute(changed, words)


def _stored(details: Any) -> Mapping[str, Any]:
    return (json.loads(details) if isinstance(details, str) else details) or {}


def _words(kind: str, details: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Return what such a message said; the oldest do not name the colleague who had the case."""
    to, former = f"<@{details.get('to') or owner}>", f"<@{details.get('former')}>"
    if kind == "returned":
        if details.get("away"):
            return _text("{agent} is away, so this case is back in the queue.", agent=f"<@{details['away']}>")
        if details.get("reader"):
            words = "{agent} has read-only access, so this case is back in the queue."
            return _text(words, agent=f"<@{details['reader']}>")
        return _text("Nothing happened with this case, so it is back in the queue.")
    if not details.get("former"):
        return _text("{agent}, this case has been assigned to you.", agent=to)
    if kind == "taken_over":
        return _text("{former}, {agent} has taken this case over from you.", former=former, agent=to)
    words = "{agent}, this case has been assigned to you. {former}, it is no longer with you."
    return _text(words, agent=to, former=former)


def _text(message: str, **params: str) -> dict[str, Any]:
    return {"message": message, "params": params}


def downgrade() -> None:
    """Forget these messages: Slack shows them as they are, and the program before this one never changes them."""
    op.execute("DELETE FROM messages WHERE kind = 'notice'")
