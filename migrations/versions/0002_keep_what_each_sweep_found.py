"""Keep what each sweep found.

Follows 0001.

While this runs, the version before it may still be at work. So: add before you use, stop using before you remove, and
do these in two releases. Do not rename. Fill large tables in batches, outside of a migration. Build an index on a large
table CONCURRENTLY, inside `with op.get_context().autocommit_block()`. Write the downgrade too, and say in it what is lost.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reconciliation",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("here", sa.BigInteger(), nullable=False),
        sa.Column("there", sa.BigInteger(), nullable=False),
        sa.Column("counted", sa.BigInteger(), nullable=True),
        sa.Column("missing", sa.BigInteger(), nullable=False),
        sa.Column("extra", sa.BigInteger(), nullable=False),
        sa.Column("stale", sa.BigInteger(), nullable=False),
        sa.Column("recent", sa.BigInteger(), nullable=False),
        sa.Column("repaired", sa.BigInteger(), nullable=False),
        sa.Column("links", sa.BigInteger(), nullable=False),
        sa.Column("refreshed", sa.BigInteger(), nullable=False),
        sa.Column("proven", sa.Boolean(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("workspace", "run_id", "connection", "object", name=op.f("reconciliation_pk")),
        schema="sakigake",
    )
    op.create_index(
        "reconciliation_latest_index",
        "reconciliation",
        ["workspace", "connection", "object", "finished_at"],
        unique=False,
        schema="sakigake",
    )


def downgrade() -> None:
    """Loses the proofs; the mirror stays, and the next sweep proves it anew."""
    op.drop_index("reconciliation_latest_index", table_name="reconciliation", schema="sakigake")
    op.drop_table("reconciliation", schema="sakigake")
