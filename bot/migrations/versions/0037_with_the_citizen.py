"""A case that waits for its citizen has a status of its own; a question is no answer"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

WITH_CITIZEN = sa.text("status = 'with_citizen'")
SENT = sa.text("sent_at IS NOT NULL")
ASKED = """
    UPDATE cases SET status = 'with_citizen', waits_since = :now
    WHERE status = 'answered'
    AND NOT EXISTS (
        SELECT 1 FROM replies WHERE replies.case_id = cases.id AND (replies.status IN ('approved','sending') OR replies.held)
    )
    AND 'question' = (
        SELECT replies.kind FROM replies
        WHERE replies.case_id = cases.id AND replies.status = 'sent' AND NOT replies.held
        ORDER BY replies.id DESC LIMIT 1
    )
"""


def upgrade() -> None:
    op.add_column("cases", sa.Column("waits_since", sa.DateTime(timezone=True), nullable=True))
    # The citizen's time begins now: else their owners would be asked about all of the past at once.
    moved = sa.text(ASKED).bindparams(sa.bindparam("now", datetime.now(UTC), sa.DateTime(timezone=True)))
    op.get_bind().execute(moved)
    op.create_index(
        "ix_cases_with_citizen",
        "cases",
        ["team_id", "waits_since"],
        postgresql_where=WITH_CITIZEN,
        sqlite_where=WITH_CITIZEN,
    )
    op.drop_index("ix_replies_sent", "replies")
    op.create_index(
        "ix_replies_sent", "replies", ["sent_at", "case_id", "kind"], postgresql_where=SENT, sqlite_where=SENT
    )


def downgrade() -> None:
    op.drop_index("ix_replies_sent", "replies")
    op.create_index("ix_replies_sent", "replies", ["sent_at", "case_id"], postgresql_where=SENT, sqlite_where=SENT)
    op.drop_index("ix_cases_with_citizen", "cases")
    op.execute("UPDATE cases SET status = 'answered' WHERE status = 'with_citizen'")
    op.execute("DELETE FROM messages WHERE kind = 'unanswered'")
    op.drop_column("cases", "waits_since")
