"""What the environment gave a team, and close reasons in a team's own words"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("teams", sa.Column("environment", sa.JSON(), nullable=True))
    if op.get_bind().dialect.name != "sqlite":  # which heeds no length of text
        op.alter_column("cases", "close_reason", existing_type=sa.String(length=32), type_=sa.String())


def downgrade() -> None:
    op.execute(
        "UPDATE cases SET close_text = trim(close_reason || ' ' || close_text), close_reason = 'other' "
        "WHERE close_reason NOT IN ('answered_elsewhere', 'no_answer_needed', 'not_for_us', 'spam', 'other')"
    )
    if op.get_bind().dialect.name != "sqlite":
        op.alter_column("cases", "close_reason", existing_type=sa.String(), type_=sa.String(length=32))
    op.drop_column("teams", "environment")
