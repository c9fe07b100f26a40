"""Why posts are hidden: the rule, a copy of the post, a second pair of eyes, and when it is looked at again"""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

REVIEWED = sa.text("review_at IS NOT NULL")
HIDDEN = sa.text("kind = 'hide' AND status = 'done'")
ASKED = sa.text("status = 'asked'")


def upgrade() -> None:
    op.create_table(
        "hidings",
        sa.Column("act_id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("article", sa.String(), nullable=False),
        sa.Column("untold", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("second", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("author_id", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("review_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("kept_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["act_id"], ["acts.id"]),
        sa.PrimaryKeyConstraint("act_id"),
    )
    op.create_index("ix_hidings_review", "hidings", ["review_at"], postgresql_where=REVIEWED, sqlite_where=REVIEWED)
    op.create_index("ix_acts_hidden", "acts", ["done_at", "case_id"], postgresql_where=HIDDEN, sqlite_where=HIDDEN)
    op.create_index("ix_acts_asked", "acts", ["created_at"], postgresql_where=ASKED, sqlite_where=ASKED)


def downgrade() -> None:
    op.drop_index("ix_acts_asked", "acts")
    op.drop_index("ix_acts_hidden", "acts")
    op.drop_table("hidings")
