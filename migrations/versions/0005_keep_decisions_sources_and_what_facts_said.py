"""Keep decisions on who is who, the records of entries, and what facts said before they changed.

Follows 0004.

While this runs, the version before it may still be at work. So: add before you use, stop using before you remove, and
do these in two releases. Do not rename. Fill large tables in batches, outside of a migration. Build an index on a large
table CONCURRENTLY, inside `with op.get_context().autocommit_block()`. Write the downgrade too, and say in it what is lost.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

JSON = postgresql.JSONB(astext_type=sa.Text())
BEGINNING = "1970-01-01 00:00:00+00"
KNOWN = ("partner", "partner_source", "entry")
INDEXES = (
    ("event_partner_index", "event", ["workspace", "partner_id"]),
    ("activity_record_index", "activity", ["workspace", "connection", "object", "record_id"]),
)


def _text(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _moment(name: str, *, default: str | None = None) -> sa.Column:
    given = sa.text(f"'{default}'") if default else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=given, nullable=False)


def upgrade() -> None:
    op.create_table(
        "decision",
        _text("workspace"), _text("decision_id"), sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _text("subject"), _text("verdict"), _text("decided_left"), _text("decided_right"), _text("undoes", nullable=True),
        _text("who"), _text("reason"), _moment("decided_at"), sa.Column("shown", JSON, nullable=False),
        sa.PrimaryKeyConstraint("workspace", "decision_id", name=op.f("decision_pk")),
        schema="sakigake",
    )
    op.create_index(
        "decision_undoes_key", "decision", ["workspace", "undoes"], unique=True, schema="sakigake",
        postgresql_where=sa.text("undoes is not null"),
    )
    op.create_table(
        "entry_source",
        _text("workspace"), _text("connection"), _text("object"), _text("record_id"), _text("entry_id"), _text("partner_id"),
        _text("matched_by"), sa.Column("target", JSON, nullable=False), _moment("known_at", default=BEGINNING),
        sa.PrimaryKeyConstraint("workspace", "connection", "object", "record_id", name=op.f("entry_source_pk")),
        schema="sakigake",
    )
    for name in ("entry", "partner"):
        op.create_index(f"entry_source_{name}_index", "entry_source", ["workspace", f"{name}_id"], schema="sakigake")
    op.create_table(
        "past_fact",
        _text("workspace"), _text("kind"), _text("fact_id"), _moment("known_until"), _moment("known_at"),
        sa.Column("said", JSON, nullable=False),
        sa.PrimaryKeyConstraint("workspace", "kind", "fact_id", "known_until", name=op.f("past_fact_pk")),
        schema="sakigake",
    )
    for name in KNOWN:
        op.add_column(name, _moment("known_at", default=BEGINNING), schema="sakigake")
    # within the transaction: letting go of it for CONCURRENTLY would let a second upgrade in between
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns, schema="sakigake")
    op.create_index(
        "event_fact_index", "event", ["workspace", "fact_id"], schema="sakigake",
        postgresql_where=sa.text("supersedes is not null"),
    )


def downgrade() -> None:
    """Loses the decisions on who is who, which records an entry stands in, and what facts said before they changed."""
    for name, table, _ in (*INDEXES, ("event_fact_index", "event", [])):
        op.drop_index(name, table, schema="sakigake")
    for name in KNOWN:
        op.drop_column(name, "known_at", schema="sakigake")
    for name in ("past_fact", "entry_source", "decision"):
        op.drop_table(name, schema="sakigake")
