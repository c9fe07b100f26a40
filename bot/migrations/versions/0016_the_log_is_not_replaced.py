"""The event log cannot be rewritten by replacing rows or by emptying the table either"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        # INSERT OR REPLACE deletes the row in its way without firing the trigger on DELETE.
        op.execute(
            "CREATE TRIGGER events_no_replace BEFORE INSERT ON events "
            "WHEN EXISTS (SELECT 1 FROM events WHERE id = NEW.id) "
            "BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END"
        )
    else:
        op.execute(
            "CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON events "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_event_change()"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER events_no_replace")
    else:
        op.execute("DROP TRIGGER events_no_truncate ON events")
