"""Keep erased records out and let connections rest.

Follows 0009.

While this runs, the version before it may still be at work. So: add before you use, stop using before you remove, and
do these in two releases. Do not rename. Fill large tables in batches, outside of a migration. Build an index on a large
table CONCURRENTLY, inside `with op.get_context().autocommit_block()`. Write the downgrade too, and say in it what is lost.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column:
    return sa.Column(name, sa.Text(), nullable=False)


def _moment(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def upgrade() -> None:
    op.create_table(
        "erased",
        _text("workspace"), _text("record_hash"), _text("connection"), _text("object"), _moment("erased_at"),
        _text("who"), _text("reason"),
        sa.PrimaryKeyConstraint("workspace", "record_hash", name=op.f("erased_pk")),
        schema="sakigake",
    )  # fmt: skip
    op.create_table(
        "paused",
        _text("workspace"), _text("connection"), _moment("paused_at"), _text("who"), _text("reason"),
        sa.PrimaryKeyConstraint("workspace", "connection", name=op.f("paused_pk")),
        schema="sakigake",
    )  # fmt: skip
    op.execute(
        """create function sakigake.record_hash(workspace text, connection text, object text, id text) returns text
        language sql immutable strict parallel safe as $$
            select encode(sha256(convert_to(workspace || chr(10) || connection || '.' || object || '/' || id, 'UTF8')), 'hex')
        $$"""
    )
    # On a table of the mirror: workspace, connection and object are the arguments. The row stays, so that a sweep finds nothing missing.
    op.execute(
        """create function sakigake.blank_erased() returns trigger language plpgsql as $$
        begin
            if exists (select from sakigake.erased e where e.workspace = tg_argv[0]
                and e.record_hash = sakigake.record_hash(tg_argv[0], tg_argv[1], tg_argv[2], new.id)) then
                new := jsonb_populate_record(new, (select jsonb_object_agg(key, null) from jsonb_object_keys(to_jsonb(new)) key
                    where key not in ('id', '_version', '_deleted', '_merged_into', '_first_seen_at', '_changed_at')));
            end if;
            return new;
        end $$"""
    )
    op.execute(
        """create function sakigake.keep_erased_out() returns trigger language plpgsql as $$
        declare
            given jsonb := to_jsonb(new);
            whose text := coalesce(tg_argv[0], given ->> 'workspace');
            place text := coalesce(tg_argv[1], given ->> 'connection');
        begin
            if exists (select from sakigake.erased e where e.workspace = whose and e.record_hash in (
                sakigake.record_hash(whose, place, given ->> 'object', given ->> 'record_id'),
                sakigake.record_hash(whose, place, given ->> 'from_object', given ->> 'from_id'),
                sakigake.record_hash(whose, place, given ->> 'to_object', given ->> 'to_id'))) then
                return null;
            end if;
            return new;
        end $$"""
    )
    op.execute(
        "create trigger parked_keeps_erased_out before insert on sakigake.parked"
        " for each row execute function sakigake.keep_erased_out()"
    )
    op.execute(
        """create or replace function sakigake.refuse_rewriting() returns trigger language plpgsql as $$
        begin
            if tg_table_name = 'result_log' and tg_op = 'DELETE' and current_setting('sakigake.erasing', true) = 'on' then
                return null;
            end if;
            raise exception 'sakigake.% is append-only', tg_table_name using errcode = 'restrict_violation';
        end $$"""
    )


def downgrade() -> None:
    """Loses which records were erased: the next reading would bring back those that the CRM still has."""
    op.execute(
        """create or replace function sakigake.refuse_rewriting() returns trigger language plpgsql as $$
        begin
            raise exception 'sakigake.% is append-only', tg_table_name using errcode = 'restrict_violation';
        end $$"""
    )
    op.execute("drop trigger parked_keeps_erased_out on sakigake.parked")
    op.execute("drop function sakigake.keep_erased_out() cascade")
    op.execute("drop function sakigake.blank_erased() cascade")
    op.execute("drop function sakigake.record_hash(text, text, text, text)")
    op.drop_table("paused", schema="sakigake")
    op.drop_table("erased", schema="sakigake")
