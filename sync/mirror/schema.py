"""The mirror's tables, made and extended from the CRM's own description.

Columns are only added, never dropped or rewritten, so that a running BI query or an older process never loses one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection, sql

from sync.described import FieldDescription, FieldType, ObjectDescription, Pipeline
from sync.errors import Stop
from sync.mirror.names import column_names, index_name, table_name, typed_name

BOOKKEEPING = ("_version", "_deleted", "_merged_into", "_hash", "_first_seen_at", "_changed_at")
# what goes into the table straight from COPY knows nothing of when we store it: the session says so
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
    ours: frozenset[str] = (
        frozenset()
    )  # of them, fields that we write back: a row where only they differ has not changed

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)


def ensure_schema(conn: Connection[Any], schema: str, *, workspace: str, connection: str) -> None:
    """Makes the connection's schema with its two shared tables; refuses a schema that belongs to something else."""
    mark = OWNER.format(connection=connection, workspace=workspace)
    query = "select obj_description(oid, 'pg_namespace') from pg_namespace where nspname = %s"
    row = conn.execute(query, (schema,)).fetchone()
    if row is None:  # objects of one connection are read side by side: the first one makes it, the others look again
        conn.execute("select pg_advisory_xact_lock(hashtextextended('sakigake schema ' || %s, 0))", (schema,))
        row = conn.execute(query, (schema,)).fetchone()
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


def ensure_table(
    conn: Connection[Any], schema: str, description: ObjectDescription, fields: Sequence[FieldDescription]
) -> tuple[MirrorTable, list[str]]:
    """Makes the object's table or adds the columns it lacks. Returns it and the API names that were added to an existing table.

    A field whose type changed gets a column of the new type, under the old name and the type's; the old column keeps its values.
    """
    name = table_name(description.name)
    place = sql.Identifier(schema, name)
    present = {
        row[0]: row[1]
        for row in conn.execute(
            "select column_name, data_type from information_schema.columns where table_schema = %s and table_name = %s",
            (schema, name),
        )
    }
    columns = typed_columns(fields, present)
    missing = [f for f in fields if columns[f.name] not in present]
    if not present:
        parts: list[sql.Composable] = [sql.SQL("id text primary key")]
        parts += [sql.SQL("{} {}").format(sql.Identifier(columns[f.name]), sql.SQL(f.type.value)) for f in fields]
        parts += [
            sql.SQL("_version timestamptz not null"),
            sql.SQL("_deleted boolean not null default false"),
            sql.SQL("_merged_into text"),
            sql.SQL("_hash bigint"),  # of the row as a page brought it; null where nobody can say
            sql.SQL("_first_seen_at timestamptz not null default {}").format(LANDED_AT),
            sql.SQL("_changed_at timestamptz not null default {}").format(LANDED_AT),
        ]
        conn.execute(sql.SQL("create table {} ({})").format(place, sql.SQL(", ").join(parts)))
        conn.execute(sql.SQL("comment on table {} is {}").format(place, sql.Literal(description.label)))
        # connectors ask how many records a window of time holds; a summarising index leaves updates in place (PostgreSQL 16)
        conn.execute(sql.SQL("create index on {} using brin (_version)").format(place))
    else:
        added: list[sql.Composable] = [
            sql.SQL("add column {} {}").format(sql.Identifier(columns[f.name]), sql.SQL(f.type.value)) for f in missing
        ]
        if "_hash" not in present:
            added.append(sql.SQL("add column _hash bigint"))
        if added:
            conn.execute(sql.SQL("alter table {} {}").format(place, sql.SQL(", ").join(added)))
    table = MirrorTable(schema, name, description.name, {f.name: (columns[f.name], f.type) for f in fields})
    plain = column_names(f.name for f in fields)
    for f in missing:
        comment(conn, table, f)
        if present and plain[f.name] in present:
            said = f"{_said(f)} (until it changed its type; it goes on in {columns[f.name]})"
            conn.execute(_commented(table, plain[f.name], said))
    return table, [f.name for f in missing] if present else []


def typed_columns(fields: Sequence[FieldDescription], present: Mapping[str, str]) -> dict[str, str]:
    """API name -> column that has the field's type, or may be made with it. `present` are the table's columns with their types."""
    plain = column_names(f.name for f in fields)
    return {
        f.name: plain[f.name]
        if present.get(plain[f.name], f.type.value) == f.type.value
        else typed_name(plain[f.name], f.type.name.lower())
        for f in fields
    }


def comment(
    conn: Connection[Any], table: MirrorTable, f: FieldDescription, *, stale_since: datetime | None = None
) -> None:
    """What people read beside the column: label and help; and since when its values are not kept up to date, if they are not."""
    said = _said(f)
    if stale_since is not None:
        said += f" (STALE: not shown to us since {stale_since:%Y-%m-%d %H:%M} UTC; these are the values read last)"
    conn.execute(_commented(table, table.columns[f.name][0], said))


def _said(f: FieldDescription) -> str:
    return f.label if not f.help else f"{f.label}: {f.help}"


def _commented(table: MirrorTable, column: str, said: str) -> sql.Composed:
    place = sql.Identifier(table.schema, table.name, column)
    return sql.SQL("comment on column {} is {}").format(place, sql.Literal(said))


def ensure_indexes(conn: Connection[Any], table: MirrorTable, names: Iterable[str]) -> None:
    """An index for each of these columns that has none: people look records up by them. Best when the rows are there already."""
    wanted = {index_name(table.name, table.columns[n][0]): table.columns[n][0] for n in names if n in table.columns}
    query = "select indexname from pg_indexes where schemaname = %s and tablename = %s"
    present = {r[0] for r in conn.execute(query, (table.schema, table.name))}
    for name, column in wanted.items():
        if name not in present:
            conn.execute(
                sql.SQL("create index if not exists {} on {} ({})").format(
                    sql.Identifier(name), table.identifier, sql.Identifier(column)
                )
            )


def described(
    description: ObjectDescription, fields: Sequence[FieldDescription], table: MirrorTable, at: datetime
) -> dict[str, Any]:
    """The description as it is kept with the mirror (JSON): what was true of these columns at that time."""
    return {
        "name": description.name,
        "label": description.label,
        "custom": description.custom,
        "fields": [asdict(f) for f in fields],
        "columns": {name: column for name, (column, _) in table.columns.items()},
        "described_at": at.isoformat(),
    }


def remembered(kept: dict[str, Any]) -> ObjectDescription:
    """The description that `described` kept, of the mirrored fields alone."""
    fields = tuple(remembered_field(f) for f in kept["fields"])
    return ObjectDescription(kept["name"], kept["label"], fields, kept["custom"])


def remembered_field(kept: dict[str, Any]) -> FieldDescription:
    """One field of it."""
    return FieldDescription(
        **{
            **kept,
            "type": FieldType(kept["type"]),
            "references": tuple(kept["references"]),
            "options": tuple((v, label) for v, label in kept["options"]),
            "pipelines": tuple(
                Pipeline(i, label, tuple((v, name) for v, name in stages))
                for i, label, stages in kept.get("pipelines", ())
            ),
        }
    )
