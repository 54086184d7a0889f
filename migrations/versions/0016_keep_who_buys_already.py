"""Keep who buys already, and find entries by their target.

Follows 0015.

While this runs, the version before it may still be at work. So: add before you use, stop using before you remove, and
do these in two releases. Do not rename. Fill large tables in batches, outside of a migration. Build an index on a large
table CONCURRENTLY, inside `with op.get_context().autocommit_block()`. Write the downgrade too, and say in it what is lost.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Who buys already is found by the next mapping, which looks at everything."""
    op.create_index(
        "entry_target_index",
        "entry",
        ["workspace", "target_number"],
        schema="sakigake",
        postgresql_where=sa.text("target_number is not null"),
    )
    op.create_table(
        "customer_mark",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("stands", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("known_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint(
            "workspace",
            "connection",
            "object",
            "record_id",
            "stands",
            "number",
            "known_at",
            name=op.f("customer_mark_pk"),
        ),
        schema="sakigake",
    )
    op.create_index("customer_mark_number_index", "customer_mark", ["workspace", "number"], schema="sakigake")


def downgrade() -> None:
    """Since when companies are known to buy is lost; the next mapping of a later version finds who buys then."""
    op.drop_table("customer_mark", schema="sakigake")
    op.drop_index("entry_target_index", "entry", schema="sakigake")
