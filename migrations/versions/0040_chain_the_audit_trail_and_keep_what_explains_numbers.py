"""Chain the audit trail and keep what explains numbers.

Follows 0003.

While this runs, the version before it may still be at work. So: add before you use, stop using before you remove, and
do these in two releases. Do not rename. Fill large tables in batches, outside of a migration. Build an index on a large
table CONCURRENTLY, inside `with op.get_context().autocommit_block()`. Write the downgrade too, and say in it what is lost.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0040"
down_revision = "0030"
branch_labels = None
depends_on = None

JSON = postgresql.JSONB(astext_type=sa.Text())
APPEND_ONLY = ("audit_link", "mapping_activation", "landing", "result_log")


def _text(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _moment(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _number(name: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "audit_link",
        _text("workspace"), _number("seq"), _moment("at"), _text("kind"), _text("who"), _text("subject"),
        _text("document"), _text("previous"), _text("hash"),
        sa.PrimaryKeyConstraint("workspace", "seq", name=op.f("audit_link_pk")),
        schema="sakigake",
    )
    op.create_table(
        "audit_key",
        _text("workspace"), sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", name=op.f("audit_key_pk")),
        schema="sakigake",
    )
    op.create_table(
        "mapping_activation",
        _text("workspace"), _number("seq"), _text("mapping_hash"), _text("previous_hash", nullable=True),
        _moment("activated_at"), _text("who"), _text("reason"), _text("diff"),
        sa.Column("preview", JSON, nullable=True),
        sa.PrimaryKeyConstraint("workspace", "seq", name=op.f("mapping_activation_pk")),
        schema="sakigake",
    )
    op.create_table(
        "landing",
        _text("workspace"), _text("connection"), _text("object"), _text("run_id"), _number("page"),
        _moment("landed_at"), _number("records"),
        sa.PrimaryKeyConstraint("workspace", "connection", "object", "run_id", "page", name=op.f("landing_pk")),
        schema="sakigake",
    )
    op.create_index(
        "landing_moment_index", "landing", ["workspace", "connection", "object", "landed_at"], schema="sakigake"
    )
    op.create_table(
        "result_log",
        _text("workspace"), _text("subject"), _text("subject_id"), _text("field"), _text("run_id"),
        sa.Column("as_of", sa.Date(), nullable=False), _moment("known_at"),
        sa.Column("gone", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("value", JSON, nullable=False), sa.Column("inputs", JSON, nullable=False),
        sa.PrimaryKeyConstraint("workspace", "subject", "subject_id", "field", "run_id", name=op.f("result_log_pk")),
        schema="sakigake",
    )
    op.create_table(
        "list_import",
        _text("workspace"), _text("import_id"), _text("connection"), _text("object"), _text("record_id"),
        _text("file_hash"), sa.Column("submitted_on", sa.Date(), nullable=False), _text("willingness", nullable=True),
        _moment("imported_at"), _moment("known_at"), _text("who"), sa.Column("document", JSON, nullable=False),
        sa.PrimaryKeyConstraint("workspace", "import_id", name=op.f("list_import_pk")),
        schema="sakigake",
    )
    op.create_table(
        "list_entry",
        _text("workspace"), _text("entry_id"), _text("connection"), _text("object"), _text("record_id"),
        _text("import_id"), _number("row"), sa.Column("target", JSON, nullable=False),
        sa.Column("listed_on", sa.Date(), nullable=False), _moment("known_at"),
        sa.PrimaryKeyConstraint("workspace", "entry_id", name=op.f("list_entry_pk")),
        schema="sakigake",
    )
    place = ["workspace", "connection", "object", "record_id"]
    op.create_index("list_import_partner_index", "list_import", place, schema="sakigake")
    op.create_index("list_entry_partner_index", "list_entry", place, schema="sakigake")
    op.execute(
        """create function sakigake.refuse_rewriting() returns trigger language plpgsql as $$
        begin
            raise exception 'sakigake.% is append-only', tg_table_name using errcode = 'restrict_violation';
        end $$"""
    )
    for table in APPEND_ONLY:
        op.execute(
            f"create trigger {table}_append_only before update or delete or truncate on sakigake.{table} "
            "for each statement execute function sakigake.refuse_rewriting()"
        )


def downgrade() -> None:
    """Loses the audit trail (export it first), which version of the mapping is in force, and lists that are kept here only."""
    for table in ("list_entry", "list_import", "result_log", "landing", "mapping_activation", "audit_key", "audit_link"):
        op.drop_table(table, schema="sakigake")
    op.execute("drop function sakigake.refuse_rewriting()")
