"""A role is what a coordinator gave; without one it follows from the team's channel

Until now everybody was an agent who was not made something else, so that no role of an agent was given by anybody.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

AGENTS = sa.table("agents", sa.column("role", sa.String()))


def upgrade() -> None:
    with op.batch_alter_table("agents") as agents:
        agents.alter_column("role", existing_type=sa.String(length=32), nullable=True, server_default=None)
    op.execute(AGENTS.update().where(AGENTS.c.role == "agent").values(role=None))


def downgrade() -> None:
    op.execute(AGENTS.update().where(AGENTS.c.role.is_(None)).values(role="agent"))
    with op.batch_alter_table("agents") as agents:
        agents.alter_column("role", existing_type=sa.String(length=32), nullable=False, server_default="agent")
