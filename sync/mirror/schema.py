"""The mirror's tables, made and extended from the CRM's own description.

Columns are only added, never dropped or rewritten, so that a running BI query or an older process never loses one.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection, sql

from sync.connector import FieldDescription, FieldType, ObjectDescription, ReadSpec
from sync.errors import FieldMissing, Stop
from sync.mirror.names import column_names, table_name

BOOKKEEPING = ("_version", "_deleted", "_merged_into", "_first_seen_at", "_changed_at")
# a file of the CRM's goes into the table as it is, and knows nothing of when we store it: the session says so
LANDING = "sakigake.landed_at"
LANDED_AT = sql.SQL("nullif(current_setting('sakigake.landed_at', true), '')::timestamptz")
OWNER = "Sakigake's mirror of connection {connection} of workspace {workspace}"


@dataclass(frozen=True, slots=True)
class MirrorTable:
    """One object's table: `columns` maps API names to (column, type), in the order of the table."""

    schema: str
    name: str
    object: str
    columns: dict[str, tuple[str, FieldType]]

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)


def ensure_schema(conn: Connection[Any], schema: str, *, workspace: str, connection: str) -> None:
    """Makes the connection's schema with its two shared tables; refuses a schema that belongs to something else."""
    mark = OWNER.format(connection=connection, workspace=workspace)
    row = conn.execute(
        "select obj_description(oid, 'pg_namespace') from pg_namespace where nspname = %s", (schema,)
    ).fetchone()
    if row is not None and row[0] == mark:
        return
    if row is not None:
        raise Stop(
            f"The database already has a schema named {schema} that is not the mirror of connection {connection} of workspace {workspace}.",
            remedy="Give this connection another `schema:` in sakigake.yaml, or another database.",
        )
    conn.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))
    conn.execute(sql.SQL("comment on schema {} is {}").format(sql.Identifier(schema), sql.Literal(mark)))
    conn.execute(
        sql.SQL("""
        create table {} (
            object text not null, record_id text not null, field text not null, change_id text not null,
            old_value text, new_value text, changed_at timestamptz not null,
            first_seen_at timestamptz not null, origin text not null check (origin in ('crm', 'observed')),
            primary key (object, record_id, field, change_id)
        )""").format(sql.Identifier(schema, "field_history"))
    )
    conn.execute(
        sql.SQL(
            "comment on table {} is 'Every value change of the fields that the mapping reads, append-only: from the CRM''s own history, or observed by us'"
        ).format(sql.Identifier(schema, "field_history"))
    )
    conn.execute(
        sql.SQL("""
        create table {} (
            from_object text not null, from_id text not null, to_object text not null, to_id text not null,
            type_id text not null, category text not null, label text, seen_at timestamptz not null,
            primary key (from_object, to_object, from_id, to_id, type_id)
        )""").format(sql.Identifier(schema, "association"))
    )
    conn.execute(
        sql.SQL("comment on table {} is 'Links between records that the CRM keeps apart from their fields'").format(
            sql.Identifier(schema, "association")
        )
    )


def wanted_fields(description: ObjectDescription, spec: ReadSpec) -> list[FieldDescription]:
    """The described fields that the spec asks for; FieldMissing names the first that our user cannot see."""
    found = {f.name: f for f in description.fields}
    for name in spec.fields:
        if name not in found:
            raise FieldMissing(
                f"{spec.object} has no field {name} that our user can see.",
                remedy="Mend the name in mapping.yaml, or grant the integration user read access to it; `sakigake mapping check` lists the fields there are.",
            )
    return [found[name] for name in sorted(set(spec.fields))]


def ensure_table(
    conn: Connection[Any], schema: str, description: ObjectDescription, fields: Sequence[FieldDescription]
) -> tuple[MirrorTable, list[str]]:
    """Makes the object's table or adds the columns it lacks. Returns it and the API names that were added to an existing table."""
    name = table_name(description.name)
    columns = column_names(f.name for f in fields)
    place = sql.Identifier(schema, name)
    present = {
        row[0]: row[1]
        for row in conn.execute(
            "select column_name, data_type from information_schema.columns where table_schema = %s and table_name = %s",
            (schema, name),
        )
    }
    added: list[str] = []
    if not present:
        parts: list[sql.Composable] = [sql.SQL("id text primary key")]
        parts += [sql.SQL("{} {}").format(sql.Identifier(columns[f.name]), sql.SQL(f.type.value)) for f in fields]
        parts += [
            sql.SQL("_version timestamptz not null"),
            sql.SQL("_deleted boolean not null default false"),
            sql.SQL("_merged_into text"),
            sql.SQL("_first_seen_at timestamptz not null default {}").format(LANDED_AT),
            sql.SQL("_changed_at timestamptz not null default {}").format(LANDED_AT),
        ]
        conn.execute(sql.SQL("create table {} ({})").format(place, sql.SQL(", ").join(parts)))
        conn.execute(sql.SQL("comment on table {} is {}").format(place, sql.Literal(description.label)))
        # connectors ask how many records a window of time holds; a summarising index leaves updates in place (PostgreSQL 16)
        conn.execute(sql.SQL("create index on {} using brin (_version)").format(place))
    else:
        missing = [f for f in fields if columns[f.name] not in present]
        for f in missing:
            conn.execute(
                sql.SQL("alter table {} add column {} {}").format(
                    place, sql.Identifier(columns[f.name]), sql.SQL(f.type.value)
                )
            )
        added = [f.name for f in missing]
    for f in fields:
        if columns[f.name] not in present:
            text = f.label if not f.help else f"{f.label}: {f.help}"
            conn.execute(
                sql.SQL("comment on column {} is {}").format(
                    sql.Identifier(schema, name, columns[f.name]), sql.Literal(text)
                )
            )
    types = {f.name: FieldType(present.get(columns[f.name], f.type.value)) for f in fields}
    return MirrorTable(
        schema, name, description.name, {f.name: (columns[f.name], types[f.name]) for f in fields}
    ), added


def described(description: ObjectDescription, fields: Sequence[FieldDescription], at: datetime) -> dict[str, Any]:
    """The description as it is kept with the mirror (JSON): what was true of these columns at that time."""
    return {
        "name": description.name,
        "label": description.label,
        "custom": description.custom,
        "fields": [asdict(f) for f in fields],
        "described_at": at.isoformat(),
    }


def remembered(kept: dict[str, Any]) -> ObjectDescription:
    """The description that `described` kept, of the mirrored fields alone."""
    fields = (
        FieldDescription(
            **{
                **f,
                "type": FieldType(f["type"]),
                "references": tuple(f["references"]),
                "options": tuple((v, label) for v, label in f["options"]),
            }
        )
        for f in kept["fields"]
    )
    return ObjectDescription(kept["name"], kept["label"], tuple(fields), kept["custom"])
