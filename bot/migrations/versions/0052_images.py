"""The images of answers"""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

WITH_IMAGE, LOOKED = sa.text("image IS NOT NULL"), sa.text("look_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "images",
        sa.Column("sha256", sa.String(), primary_key=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index("ix_images_look", "images", ["look_at"], postgresql_where=LOOKED, sqlite_where=LOOKED)
    for table in ("replies", "drafts"):
        op.execute(f"ALTER TABLE {table} ADD COLUMN image VARCHAR REFERENCES images (sha256)")
        for name in ("image_file", "image_description"):
            op.add_column(table, sa.Column(name, sa.String(), nullable=False, server_default=sa.text("''")))
    op.create_index("ix_replies_image", "replies", ["image"], postgresql_where=WITH_IMAGE, sqlite_where=WITH_IMAGE)


def downgrade() -> None:
    op.drop_index("ix_replies_image", "replies")
    for table in ("drafts", "replies"):
        for name in ("image_description", "image_file", "image"):
            op.drop_column(table, name)
    op.drop_table("images")
