"""Who was seen away and asked about their cases, and the user group that follows duty"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MOMENTS = ("seen_away_since", "asked_at", "looked_at")


def upgrade() -> None:
    for name in MOMENTS:
        op.add_column("agents", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.add_column("teams", sa.Column("duty_shown", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("teams", "duty_shown")
    for name in MOMENTS:
        op.drop_column("agents", name)
