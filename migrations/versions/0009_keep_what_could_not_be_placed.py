"""Keep what could not be placed.

Follows 0008.

While this runs, the version before it may still be at work. So: add before you use, stop using before you remove, and
do these in two releases. Do not rename. Fill large tables in batches, outside of a migration. Build an index on a large
table CONCURRENTLY, inside `with op.get_context().autocommit_block()`. Write the downgrade too, and say in it what is lost.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    names = ("workspace", "connection", "object", "record_id", "place", "kind", "rule", "field", "value")
    op.create_table(
        "mapping_issue",
        *(sa.Column(name, sa.Text(), nullable=False) for name in names),
        sa.PrimaryKeyConstraint(*names[:5], name=op.f("mapping_issue_pk")),
        schema="sakigake",
    )
    op.create_index("mapping_issue_kind_index", "mapping_issue", ["workspace", "kind"], schema="sakigake")


def downgrade() -> None:
    """Loses nothing: the next run maps everything again."""
    op.drop_index("mapping_issue_kind_index", table_name="mapping_issue", schema="sakigake")
    op.drop_table("mapping_issue", schema="sakigake")
