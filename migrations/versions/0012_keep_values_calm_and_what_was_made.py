"""Keep values calm, doubts about the journal, and what was made in the CRMs.

Follows 0011.

While this runs, the version before it may still be at work. So: add before you use, stop using before you remove, and
do these in two releases. Do not rename. Fill large tables in batches, outside of a migration. Build an index on a large
table CONCURRENTLY, inside `with op.get_context().autocommit_block()`. Write the downgrade too, and say in it what is lost.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column:
    return sa.Column(name, sa.Text(), nullable=False)


def upgrade() -> None:
    op.add_column("written", sa.Column("before", postgresql.JSONB(), nullable=True), schema="sakigake")
    op.add_column(
        "written", sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True), schema="sakigake"
    )
    op.add_column("change", sa.Column("redirected_from", sa.Text(), nullable=True), schema="sakigake")
    op.add_column("epoch", sa.Column("doubted_at", sa.DateTime(timezone=True), nullable=True), schema="sakigake")
    op.add_column("epoch", sa.Column("doubt", sa.Text(), nullable=True), schema="sakigake")
    op.create_table(
        "provisioned",
        _text("workspace"), _text("connection"), _text("object"), _text("prefix"),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "connection", "object", "prefix", name=op.f("provisioned_pk")),
        schema="sakigake",
    )  # fmt: skip


def downgrade() -> None:
    """Lost: which objects were provisioned, which record a redirected change was meant for, and doubts that are not settled yet."""
    op.drop_table("provisioned", schema="sakigake")
    op.drop_column("epoch", "doubt", schema="sakigake")
    op.drop_column("epoch", "doubted_at", schema="sakigake")
    op.drop_column("change", "redirected_from", schema="sakigake")
    op.drop_column("written", "changed_at", schema="sakigake")
    op.drop_column("written", "before", schema="sakigake")
