"""On PostgreSQL the tables of Procrastinate, by which several processes share the work"""

from importlib.resources import files

from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None

APPLIED = "03.04.00_50_post_add_retry_failed_job_procedure.sql"
"""The library's newest change of its tables. When a newer library is allowed, a migration applies its changes since
the one that the comment names (procrastinate/sql/migrations/), and writes its own newest there."""

FORGET = """
DO $$
DECLARE
  one record;
BEGIN
  FOR one IN SELECT oid::regclass AS name FROM pg_class
    WHERE relkind = 'r' AND relname LIKE 'procrastinate\\_%' AND pg_table_is_visible(oid)
  LOOP EXECUTE format('DROP TABLE %s CASCADE', one.name); END LOOP;
  FOR one IN SELECT oid::regprocedure AS name FROM pg_proc
    WHERE proname LIKE 'procrastinate\\_%' AND pg_function_is_visible(oid)
  LOOP EXECUTE format('DROP FUNCTION %s CASCADE', one.name); END LOOP;
  FOR one IN SELECT oid::regtype AS name FROM pg_type
    WHERE typname LIKE 'procrastinate\\_%' AND typtype IN ('e', 'c') AND pg_type_is_visible(oid)
  LOOP EXECUTE format('DROP TYPE %s CASCADE', one.name); END LOOP;
END $$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    _run((files("procrastinate.sql") / "schema.sql").read_text(encoding="utf-8"))
    _run(f"COMMENT ON TABLE procrastinate_jobs IS '{APPLIED}'")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _run(FORGET)


def _run(statements: str) -> None:
    """Run statements as they are: a percent sign in them is one, and there may be several."""
    op.get_bind().execution_options(no_parameters=True).exec_driver_sql(statements)
