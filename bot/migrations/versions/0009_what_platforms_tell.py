"""What platforms tell of accounts, mentions and replies: who we are, kinds, ratings, why a post is gone, deliveries"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ACCOUNTS = sa.table("accounts", sa.column("id"), sa.column("limits"), sa.column("known"), sa.column("identity"))


def upgrade() -> None:
    op.add_column("accounts", sa.Column("identity", sa.JSON(), nullable=True))
    op.add_column("accounts", sa.Column("recheck_cursor", sa.JSON(), nullable=True))
    op.execute("ALTER TABLE accounts RENAME COLUMN known TO limits")
    for account_id, limits in _read("limits"):
        if "account_id" in limits:
            identity = {"id": limits.pop("account_id"), "handle": limits.pop("acct", ""), "name": "", "url": ""}
            _write(account_id, limits=limits, identity=identity)
    op.add_column("mentions", sa.Column("kind", sa.String(length=32), nullable=False, server_default="post"))
    op.add_column("mentions", sa.Column("rating", sa.Integer(), nullable=True))
    op.add_column("mentions", sa.Column("place", sa.JSON(), nullable=True))
    op.add_column("mentions", sa.Column("gone", sa.String(length=32), nullable=True))
    op.execute("UPDATE mentions SET gone = 'by_author' WHERE gone_at IS NOT NULL")
    op.add_column("replies", sa.Column("conversation", sa.String(), nullable=True))
    op.add_column("replies", sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("replies", sa.Column("arrived", sa.String(length=32), nullable=True))
    op.add_column("replies", sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_replies_conversation", "replies", ["account_id", "conversation"])


def downgrade() -> None:
    op.drop_index("ix_replies_conversation", table_name="replies")
    for column in ("arrived_at", "arrived", "held", "conversation"):
        op.drop_column("replies", column)
    for column in ("gone", "place", "rating", "kind"):
        op.drop_column("mentions", column)
    op.execute("ALTER TABLE accounts RENAME COLUMN limits TO known")
    for account_id, known, identity in _read("known", "identity"):
        if identity:
            _write(account_id, known={**known, "account_id": identity["id"], "acct": identity["handle"]})
    op.drop_column("accounts", "recheck_cursor")
    op.drop_column("accounts", "identity")


def _read(*columns: str) -> list[list]:
    """Return the id and these JSON columns of every account; SQLite has JSON as text."""
    rows = op.get_bind().execute(sa.select(ACCOUNTS.c.id, *(ACCOUNTS.c[name] for name in columns))).all()
    return [[row[0], *(json.loads(value) if isinstance(value, str) else value for value in row[1:])] for row in rows]


def _write(account_id: int, **columns: dict) -> None:
    table = sa.table("accounts", sa.column("id"), *(sa.column(name, sa.JSON()) for name in columns))
    op.get_bind().execute(sa.update(table).where(table.c.id == account_id).values(**columns))
