"""Which new cases are alike, and which of them share one card for now"""

import sqlalchemy as sa
from alembic import op

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None

HAS_SUBJECT = sa.text("subject_id IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "subjects",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("stems", sa.String(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_subjects_key", "subjects", ["team_id", "key"])
    op.create_index("ix_subjects_begun", "subjects", ["begun_at"])
    op.create_table(
        "subject_stems",
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("stem", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"]),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.PrimaryKeyConstraint("team_id", "stem", "subject_id"),
    )
    op.create_index("ix_subject_stems_subject", "subject_stems", ["subject_id"])
    op.create_table(
        "rollups",
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.Integer(), nullable=False),
        sa.Column("since_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"]),
        sa.PrimaryKeyConstraint("subject_id"),
    )
    op.add_column("cases", sa.Column("subject_id", sa.Integer(), nullable=True))
    op.create_index(
        "ix_cases_subject",
        "cases",
        ["subject_id", "opened_at"],
        postgresql_where=HAS_SUBJECT,
        sqlite_where=HAS_SUBJECT,
    )


def downgrade() -> None:
    op.execute(
        "UPDATE messages SET version = version + 1 WHERE kind = 'case' AND ts IS NULL AND case_id IN"
        " (SELECT cases.id FROM cases JOIN rollups ON rollups.subject_id = cases.subject_id)"
    )  # the program before this one posts them
    op.execute("DELETE FROM rollups")
    op.execute("DELETE FROM messages WHERE kind = 'rollup'")  # nor does it know these
    op.drop_index("ix_cases_subject", "cases")
    op.drop_column("cases", "subject_id")
    op.drop_table("rollups")
    op.drop_table("subject_stems")
    op.drop_table("subjects")
