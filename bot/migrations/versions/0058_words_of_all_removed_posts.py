"""The words of posts of which nobody says who removed them are found by the same index as those of their authors"""

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None

NAME, COLUMNS = "ix_mentions_removed", ["account_id", "gone_at"]
BY_ANYBODY = sa.text("gone IN ('by_author', 'removed') AND redacted_at IS NULL")
BY_ITS_AUTHOR = sa.text("gone = 'by_author' AND redacted_at IS NULL")


def upgrade() -> None:
    op.drop_index(NAME, "mentions")
    op.create_index(NAME, "mentions", COLUMNS, postgresql_where=BY_ANYBODY, sqlite_where=BY_ANYBODY)


def downgrade() -> None:
    op.drop_index(NAME, "mentions")
    op.create_index(NAME, "mentions", COLUMNS, postgresql_where=BY_ITS_AUTHOR, sqlite_where=BY_ITS_AUTHOR)
