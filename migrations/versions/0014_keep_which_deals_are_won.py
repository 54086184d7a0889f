"""Keep which deals are won.

Follows 0013.

While this runs, the version before it may still be at work. So: add before you use, stop using before you remove, and
do these in two releases. Do not rename. Fill large tables in batches, outside of a migration. Build an index on a large
table CONCURRENTLY, inside `with op.get_context().autocommit_block()`. Write the downgrade too, and say in it what is lost.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deal_any_channel", sa.Column("won", sa.Boolean(), nullable=True), schema="sakigake")
    op.add_column(
        "deal_any_channel", sa.Column("won_known_at", sa.DateTime(timezone=True), nullable=True), schema="sakigake"
    )


def downgrade() -> None:
    """Which deals are won is lost, with when that was known; the next mapping finds what is won then."""
    op.drop_column("deal_any_channel", "won_known_at", schema="sakigake")
    op.drop_column("deal_any_channel", "won", schema="sakigake")
