"""Number the targets of entries.

Follows 0014. The next mapping looks at everything and fills the numbers; until then they are worked out by whoever reads.

While this runs, the version before it may still be at work. So: add before you use, stop using before you remove, and
do these in two releases. Do not rename. Fill large tables in batches, outside of a migration. Build an index on a large
table CONCURRENTLY, inside `with op.get_context().autocommit_block()`. Write the downgrade too, and say in it what is lost.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("entry", sa.Column("target_number", sa.BigInteger(), nullable=True), schema="sakigake")


def downgrade() -> None:
    """Nothing is lost: the numbers follow from the targets."""
    op.drop_column("entry", "target_number", schema="sakigake")
