"""Keep since when customers say that they buy.

Follows 0017.

While this runs, the version before it may still be at work. So: add before you use, stop using before you remove, and
do these in two releases. Do not rename. Fill large tables in batches, outside of a migration. Build an index on a large
table CONCURRENTLY, inside `with op.get_context().autocommit_block()`. Write the downgrade too, and say in it what is lost.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """No record has stated a day so far."""
    op.add_column("customer_mark", sa.Column("stated", sa.Date(), nullable=True), schema="sakigake")


def downgrade() -> None:
    """The days stay in `since`; which of them a record stated is lost, until the next mapping of a later version."""
    op.drop_column("customer_mark", "stated", schema="sakigake")
