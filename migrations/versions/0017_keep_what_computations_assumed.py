"""Keep what computations assumed, how they were seeded and how far what they read had been read.

Follows 0016.

While this runs, the version before it may still be at work. So: add before you use, stop using before you remove, and
do these in two releases. Do not rename. Fill large tables in batches, outside of a migration. Build an index on a large
table CONCURRENTLY, inside `with op.get_context().autocommit_block()`. Write the downgrade too, and say in it what is lost.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

VIEW = """
    select c.workspace, c.run_id, c.as_of, c.known_at, c.computed_at, c.mapping_hash, c.code_version, c.settings_hash, c.seed,
        c.input_watermark, s.said -> 'assumptions' as assumptions, (c.indicators -> 'n' ->> 'entries')::int as entries,
        (c.indicators -> 'n' ->> 'attempts')::int as attempts, (c.indicators -> 'n' ->> 'events')::int as events
    from sakigake.computation c
    left join sakigake.settings_said s on (s.workspace, s.settings_hash) = (c.workspace, c.settings_hash)"""


def upgrade() -> None:
    """Computations of before have none of it: what they assumed was not kept."""
    op.create_table(
        "settings_said",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("settings_hash", sa.Text(), nullable=False),
        sa.Column("said", JSONB(), nullable=False),
        sa.Column("first_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "settings_hash", name=op.f("settings_said_pk")),
        schema="sakigake",
    )
    op.add_column("computation", sa.Column("settings_hash", sa.Text(), nullable=True), schema="sakigake")
    op.add_column("computation", sa.Column("seed", sa.Text(), nullable=True), schema="sakigake")
    op.add_column("computation", sa.Column("input_watermark", JSONB(), nullable=True), schema="sakigake")
    op.execute(f"create view sakigake.bi_computation as {VIEW}")


def downgrade() -> None:
    """What past computations assumed, their seeds and how far they had read is lost; their numbers stay."""
    op.execute("drop view sakigake.bi_computation")
    for name in ("input_watermark", "seed", "settings_hash"):
        op.drop_column("computation", name, schema="sakigake")
    op.drop_table("settings_said", schema="sakigake")
