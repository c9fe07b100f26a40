"""What a post or its author is marked as on its platform, so that nobody comes upon it unprepared"""

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("mentions", sa.Column("cautions", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("mentions", "cautions")
