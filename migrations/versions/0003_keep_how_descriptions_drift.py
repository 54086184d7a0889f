"""Keep how descriptions drift.

Follows 0002.

While this runs, the version before it may still be at work. So: add before you use, stop using before you remove, and
do these in two releases. Do not rename. Fill large tables in batches, outside of a migration. Build an index on a large
table CONCURRENTLY, inside `with op.get_context().autocommit_block()`. Write the downgrade too, and say in it what is lost.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

EMPTY = sa.text("'{}'::jsonb")


def upgrade() -> None:
    op.create_table(
        "drift",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("was", sa.Text(), nullable=True),
        sa.Column("now", sa.Text(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("depends", postgresql.JSONB(astext_type=sa.Text()), server_default=EMPTY, nullable=False),
        sa.PrimaryKeyConstraint(
            "workspace", "connection", "object", "field", "kind", "value", "first_seen_at", name=op.f("drift_pk")
        ),
        schema="sakigake",
    )
    for name in ("stale", "filling"):
        op.add_column(
            "mirror_object",
            sa.Column(name, postgresql.JSONB(astext_type=sa.Text()), server_default=EMPTY, nullable=False),
            schema="sakigake",
        )
    op.add_column(
        "mirror_object", sa.Column("gone_since", sa.DateTime(timezone=True), nullable=True), schema="sakigake"
    )


def downgrade() -> None:
    """Loses what drifted, and which columns are stale: the version before reads them as they are."""
    for name in ("gone_since", "filling", "stale"):
        op.drop_column("mirror_object", name, schema="sakigake")
    op.drop_table("drift", schema="sakigake")
