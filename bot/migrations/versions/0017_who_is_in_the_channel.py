"""Who is in the channel of a team, and whether it is public or shared with another organisation"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "members",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("slack_id", sa.String(), nullable=False),
        sa.Column("is_full", sa.Boolean(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("channel", "slack_id"),
    )
    op.add_column("teams", sa.Column("channel_seen", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("teams", "channel_seen")
    op.drop_table("members")
