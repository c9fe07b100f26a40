"""Since when the words of a removed post are no longer kept"""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

REMOVED = sa.text("gone = 'by_author' AND redacted_at IS NULL")


def upgrade() -> None:
    op.add_column("mentions", sa.Column("redacted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_mentions_removed", "mentions", ["account_id", "gone_at"], postgresql_where=REMOVED, sqlite_where=REMOVED
    )


def downgrade() -> None:
    op.drop_index("ix_mentions_removed", "mentions")
    op.drop_column("mentions", "redacted_at")
