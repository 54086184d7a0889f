"""Keep pools and touched partners.

Follows 0012.

While this runs, the version before it may still be at work. So: add before you use, stop using before you remove, and
do these in two releases. Do not rename. Fill large tables in batches, outside of a migration. Build an index on a large
table CONCURRENTLY, inside `with op.get_context().autocommit_block()`. Write the downgrade too, and say in it what is lost.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column:
    return sa.Column(name, sa.Text(), nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "pool",
        _text("workspace"), _text("run_id"), sa.Column("as_of", sa.Date(), nullable=False), _moment("known_at"),
        sa.Column("basis", JSONB(), nullable=False), _text("document"),
        sa.PrimaryKeyConstraint("workspace", name=op.f("pool_pk")),
        schema="sakigake",
    )  # fmt: skip
    op.create_table(
        "said_entries",
        _text("workspace"), _text("partner_id"), _text("basis"),
        sa.Column("ids", sa.LargeBinary(), nullable=False), sa.Column("said", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "partner_id", name=op.f("said_entries_pk")),
        schema="sakigake",
    )  # fmt: skip
    op.create_table(
        "touched_partner",
        _text("workspace"), _text("partner_id"),
        sa.PrimaryKeyConstraint("workspace", "partner_id", name=op.f("touched_partner_pk")),
        schema="sakigake",
    )  # fmt: skip
    op.add_column("computation", _moment("pooled_known_at", nullable=True), schema="sakigake")
    op.create_index("activity_entry_index", "activity", ["workspace", "entry_id"], schema="sakigake")


def downgrade() -> None:
    """What was computed stays. Everything is computed anew by the next run."""
    op.drop_index("activity_entry_index", "activity", schema="sakigake")
    op.drop_column("computation", "pooled_known_at", schema="sakigake")
    for name in ("touched_partner", "said_entries", "pool"):
        op.drop_table(name, schema="sakigake")
