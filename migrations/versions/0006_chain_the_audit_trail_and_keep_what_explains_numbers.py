"""Chain the audit trail and keep what explains numbers.

Follows 0005.

While this runs, the version before it may still be at work. So: add before you use, stop using before you remove, and
do these in two releases. Do not rename. Fill large tables in batches, outside of a migration. Build an index on a large
table CONCURRENTLY, inside `with op.get_context().autocommit_block()`. Write the downgrade too, and say in it what is lost.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
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
    """Loses the audit trail (export it first) and which version of the mapping is in force."""
    for table in ("result_log", "landing", "mapping_activation", "audit_key", "audit_link"):
        op.drop_table(table, schema="sakigake")
    op.execute("drop function sakigake.refuse_rewriting()")
