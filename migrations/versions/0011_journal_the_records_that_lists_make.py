"""Journal the records that lists make.

Follows 0010.

While this runs, the version before it may still be at work. So: add before you use, stop using before you remove, and
do these in two releases. Do not rename. Fill large tables in batches, outside of a migration. Build an index on a large
table CONCURRENTLY, inside `with op.get_context().autocommit_block()`. Write the downgrade too, and say in it what is lost.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def _text(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.Text(), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "creation",
        _text("workspace"), _text("plan_id"), sa.Column("seq", sa.BigInteger(), nullable=False),
        _text("row_id"), _text("connection"), _text("object"), _text("key_field"), _text("partner"),
        sa.Column("values", JSONB(), nullable=False),
        sa.Column("links", JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        _text("status"), _text("cause", nullable=True), _text("record_id", nullable=True), _text("request_id", nullable=True),
        _text("run_id", nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("as_made", JSONB(), nullable=True),
        _text("removal", nullable=True), _text("removal_cause", nullable=True), _text("removed_by", nullable=True),
        sa.PrimaryKeyConstraint("workspace", "plan_id", "seq", name=op.f("creation_pk")),
        schema="sakigake",
    )  # fmt: skip
    op.create_index("creation_row_index", "creation", ["workspace", "row_id"], schema="sakigake")
    op.create_index(
        "creation_open_index",
        "creation",
        ["workspace"],
        schema="sakigake",
        postgresql_where=sa.text("status = 'sent' or removal = 'sent'"),
    )


def downgrade() -> None:
    """Loses which records were made from which rows: a row and its record become two entries where their marks do not tell."""
    op.drop_table("creation", schema="sakigake")
