"""Journal who wrote what, and why something was not written.

Follows 0007.

While this runs, the version before it may still be at work. So: add before you use, stop using before you remove, and
do these in two releases. Do not rename. Fill large tables in batches, outside of a migration. Build an index on a large
table CONCURRENTLY, inside `with op.get_context().autocommit_block()`. Write the downgrade too, and say in it what is lost.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

JSONB = postgresql.JSONB(astext_type=sa.Text())
MOMENT = sa.DateTime(timezone=True)
CELL = ("workspace", "connection", "object", "record_id", "field")


def _new() -> dict[str, tuple[sa.Column[Any], ...]]:
    return {
        "plan": (
            sa.Column("kind", sa.Text(), server_default=sa.text("'write'"), nullable=False),
            sa.Column("undoes", sa.Text(), nullable=True),
            sa.Column("expires_at", MOMENT, nullable=True),
        ),
        "change": (
            sa.Column("edited", sa.Boolean(), server_default=sa.text("false"), nullable=False),
            sa.Column("run_id", sa.Text(), nullable=True),
            sa.Column("request_id", sa.Text(), nullable=True),
            sa.Column("job_id", sa.Text(), nullable=True),
            sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
            sa.Column("uncertain_at", MOMENT, nullable=True),
        ),
        "written": (sa.Column("crm_at", MOMENT, nullable=True),),
    }


def upgrade() -> None:
    for table, columns in _new().items():
        for column in columns:
            op.add_column(table, column, schema="sakigake")
    # both are empty at first, so that a long journal is scanned once and nothing is sorted
    for name in ("run_id", "uncertain_at"):
        op.create_index(
            f"change_{name.partition('_')[0]}_index",
            "change",
            ["workspace", name],
            schema="sakigake",
            postgresql_where=sa.text(f"{name} is not null"),
        )
    op.create_table(
        "person_edit",
        *(sa.Column(name, sa.Text(), nullable=False) for name in CELL),
        sa.Column("found_at", MOMENT, nullable=False),
        sa.Column("ours", JSONB, nullable=False),
        sa.Column("theirs", JSONB, nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("keep_until", sa.Date(), nullable=True),
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(*CELL, "found_at", name=op.f("person_edit_pk")),
        schema="sakigake",
    )
    op.create_table(
        "withheld",
        *(sa.Column(name, sa.Text(), nullable=False) for name in CELL),
        sa.Column("value", JSONB, nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("mapping_hash", sa.Text(), nullable=False),
        sa.Column("record_version", MOMENT, nullable=True),
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint(*CELL, name=op.f("withheld_pk")),
        schema="sakigake",
    )
    op.create_table(
        "epoch",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("database_id", sa.Text(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("workspace", name=op.f("epoch_pk")),
        schema="sakigake",
    )


def downgrade() -> None:
    """Loses whose request wrote what, persons' edits that are kept, refusals, and the mark by which a restored backup is noticed."""
    for table in ("epoch", "withheld", "person_edit"):
        op.drop_table(table, schema="sakigake")
    op.drop_index("change_uncertain_index", table_name="change", schema="sakigake")
    op.drop_index("change_run_index", table_name="change", schema="sakigake")
    for table, columns in _new().items():
        for column in columns:
            op.drop_column(table, column.name, schema="sakigake")
