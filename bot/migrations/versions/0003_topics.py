"""What a case is about: a topic of the team's own list"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cases", sa.Column("topic", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("cases", "topic")
