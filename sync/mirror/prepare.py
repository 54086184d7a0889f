"""What to read of an object, and where to put it: its description, its table, and how both changed since the last time.

A field that the CRM shows no more is left out of the reading; its column keeps what was read last and is marked as stale. One that is
new here, or shown again, or of another type, is filled by itself: see `sync.mirror.fill`.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import dict_row

from sync.connector import Connector
from sync.described import FieldDescription, FieldType, ObjectDescription
from sync.errors import FieldMissing, ObjectMissing
from sync.mirror.drift import GONE, Depends, Difference, Ledger, differences
from sync.mirror.history_view import ensure_history_view
from sync.mirror.schema import (
    MirrorTable,
    comment,
    described,
    ensure_schema,
    ensure_table,
    remembered,
    remembered_field,
)
from sync.records import ReadSpec

DESCRIBE_AGAIN = timedelta(hours=6)  # by the CRM's clock: asking at each cycle would double the calls of a quiet one
BY_THE_READING = None  # a column that the reading at hand fills, because it reads every record
Filling = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """One object, ready to be read. `spec` holds what the CRM shows of what is wanted."""

    table: MirrorTable
    spec: ReadSpec
    cursor: dict[str, Any] | None
    loading: bool  # no rows are there yet
    tracked: tuple[str, ...]  # fields of the mapping, whose changes are kept
    indexed: tuple[str, ...]
    filling: Filling  # by field: the id after which its column is still to be filled
    given_up: dict[str, Any] | None = None  # the cursor of a reading that is begun anew


@dataclass(frozen=True, slots=True)
class Key:
    """Whose object it is, and the moment."""

    workspace: str
    connection: str
    object: str
    schema: str
    now: datetime
    depends: Depends

    @property
    def row(self) -> tuple[str, str, str]:
        return self.workspace, self.connection, self.object


def prepare(conn: Connection[Any], connector: Connector, key: Key, spec: ReadSpec, *, full: bool) -> Prepared | None:
    """None where the CRM shows the whole object no more: it is marked, and what was read of it stays."""
    kept = _kept(conn, key)
    try:
        description, at, fresh = _description(connector, key, spec, kept, full=full)
    except ObjectMissing as e:
        if kept is None:
            raise
        _mark_gone(conn, key, e)
        return None
    names = {*spec.fields, *spec.extra, *(f.name for f in description.fields if spec.every or f.name in spec.ours)}
    fields = sorted((f for f in description.fields if f.name in names), key=lambda f: f.name)
    shown = {f.name for f in fields}
    stale = _stale(names - shown, spec, kept, key.now)
    wanted = replace(spec, fields=tuple(f.name for f in fields), history=tuple(h for h in spec.history if h in shown))
    needs = [
        *wanted.fields,
        *(f"history:{f}" for f in wanted.history),
        *(f"association:{a}" for a in spec.associations),
    ]
    with conn.transaction():
        ensure_schema(conn, key.schema, workspace=key.workspace, connection=key.connection)
        before = remembered(kept["description"]) if kept else None
        table, added = ensure_table(conn, key.schema, description, fields)
        table = replace(table, ours=frozenset(spec.ours) & shown - {*spec.fields, *spec.extra})
        new = set(added)
        if kept is not None and before is not None:
            new |= shown - set(kept["fields"])
            new |= {f.name for f in fields if (old := before.field(f.name)) and old.type is not f.type}
        beside = {n for n in needs if ":" in n and kept is not None and n not in kept["fields"]}
        again = full or bool(beside) or bool(new and kept and not kept["loaded"])
        filling = _filling(kept, new, shown, again=again)
        if fresh and before is not None and kept is not None:
            _keep_drift(conn, key, kept, before, description, stale)
        _mark_stale(conn, key.schema, description, kept, stale, fields)
        document = {**described(description, fields, table, at), "every": spec.every}
        _keep(conn, key, document, sorted(needs), table, stale, filling, again=again)
        if fresh:
            ensure_history_view(conn, table, fields)
        row = conn.execute(sql.SQL("select exists (select from {})").format(table.identifier)).fetchone()
    loaded = bool(kept and kept["loaded"] and not again)
    instants = frozenset(n for n, (_, kind) in table.columns.items() if kind is FieldType.DATETIME)
    return Prepared(
        table,
        replace(wanted, instants=instants),
        None if kept is None or again else kept["cursor"],
        not (loaded or (row and row[0])),
        tuple(sorted(set(spec.fields) & shown)),
        tuple(f.name for f in fields if f.references or f.name in spec.filtered),
        filling,
        kept["cursor"] if kept is not None and again else None,
    )


def _kept(conn: Connection[Any], key: Key) -> dict[str, Any] | None:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """select description, fields, cursor, loaded, stale, filling, gone_since from sakigake.mirror_object
            where workspace = %s and connection = %s and object = %s""",
            key.row,
        ).fetchone()


def _description(
    connector: Connector, key: Key, spec: ReadSpec, kept: dict[str, Any] | None, *, full: bool
) -> tuple[ObjectDescription, datetime, bool]:
    """(the description, when it was asked for, whether just now): the one we remember while it is young and has every field wanted.

    Where something is stale, the CRM is asked each time: what came back is read at once.
    """
    if kept is not None and not (full or kept["stale"] or kept["gone_since"]) and "described_at" in kept["description"]:
        at = datetime.fromisoformat(kept["description"]["described_at"])
        description = remembered(kept["description"])
        names = {f.name for f in description.fields}
        enough = names >= {*spec.fields, *spec.extra} and (not spec.every or kept["description"].get("every", False))
        if key.now - DESCRIBE_AGAIN < at <= key.now and enough:
            return description, at, False
    return connector.describe(spec.object), key.now, True


def _stale(absent: set[str], spec: ReadSpec, kept: dict[str, Any] | None, now: datetime) -> dict[str, dict[str, Any]]:
    """The wanted fields that are not shown any more, with when that began and what they were; FieldMissing where one never was."""
    before = {f["name"]: f for f in kept["description"]["fields"]} if kept else {}
    held = kept["stale"] if kept else {}
    found: dict[str, dict[str, Any]] = {}
    for name in sorted(absent):
        if name in held:
            found[name] = held[name]
        elif name in before:
            found[name] = {"since": now.isoformat(), "field": before[name]}
        else:
            raise FieldMissing(
                f"{spec.object} has no field {name} that our user can see.",
                remedy="Mend the name in mapping.yaml (or under `mirror:` in sakigake.yaml), or grant the integration user read access to it; `sakigake mapping check` lists the fields there are.",
            )
    return found


def _filling(kept: dict[str, Any] | None, new: set[str], shown: set[str], *, again: bool) -> Filling:
    """Which columns wait for their values: what waited already, and what is new. A field that came back had values until it was stale."""
    if kept is None:
        return {}
    since = {n: s["since"] for n, s in kept["stale"].items()}
    after = BY_THE_READING if again else ""
    waited = {n: {**f, "after": after} if again else f for n, f in kept["filling"].items() if n in shown}
    return waited | {n: {"after": after, "known_before": since.get(n), "returned": n in since} for n in sorted(new)}


def _keep_drift(
    conn: Connection[Any],
    key: Key,
    kept: dict[str, Any],
    before: ObjectDescription,
    now: ObjectDescription,
    stale: dict[str, dict[str, Any]],
) -> None:
    found = differences(before, now, stale.keys())
    if kept["description"].get("every"):
        there = {f.name for f in before.fields} | kept["stale"].keys()
        found += [Difference(f.name, "added", None, f.type.value) for f in now.fields if f.name not in there]
    ledger = Ledger(conn, key.workspace, key.connection, key.object, key.depends)
    ledger.resolve(now, stale.keys(), key.now)
    ledger.note(found, key.now)


def _mark_gone(conn: Connection[Any], key: Key, error: ObjectMissing) -> None:
    with conn.transaction():
        conn.execute(
            """update sakigake.mirror_object set gone_since = coalesce(gone_since, %s), updated_at = %s
            where workspace = %s and connection = %s and object = %s""",
            (key.now, key.now, *key.row),
        )
        ledger = Ledger(conn, key.workspace, key.connection, key.object, key.depends)
        ledger.note([Difference("", GONE, now=error.code, lasts=True)], key.now)


def _mark_stale(
    conn: Connection[Any],
    schema: str,
    description: ObjectDescription,
    kept: dict[str, Any] | None,
    stale: dict[str, dict[str, Any]],
    fields: list[FieldDescription],
) -> None:
    """The columns' comments say which are stale, and no longer so."""
    if kept is None:
        return
    gone = [remembered_field(s["field"]) for n, s in stale.items() if n not in kept["stale"]]
    for f in gone:
        table, _ = ensure_table(conn, schema, description, [f])
        comment(conn, table, f, stale_since=datetime.fromisoformat(stale[f.name]["since"]))
    back = [f for f in fields if f.name in kept["stale"]]
    if back:
        table, _ = ensure_table(conn, schema, description, fields)
        for f in back:
            comment(conn, table, f)


def _keep(
    conn: Connection[Any],
    key: Key,
    document: dict[str, Any],
    needs: list[str],
    table: MirrorTable,
    stale: dict[str, dict[str, Any]],
    filling: Filling,
    *,
    again: bool,
) -> None:
    given = [json.dumps(part) for part in (document, needs, stale, filling)]
    conn.execute(
        """insert into sakigake.mirror_object as m
            (workspace, connection, object, table_name, description, fields, stale, filling, loaded, updated_at)
        values (%s, %s, %s, %s, %s, %s, %s, %s, false, %s)
        on conflict (workspace, connection, object) do update set description = excluded.description, fields = excluded.fields,
            stale = excluded.stale, filling = excluded.filling, gone_since = null,
            cursor = case when %s then null else m.cursor end, loaded = m.loaded and not %s
        where %s or m.gone_since is not null or (m.description, m.fields, m.stale, m.filling)
            is distinct from (excluded.description, excluded.fields, excluded.stale, excluded.filling)""",
        (*key.row, f"{table.schema}.{table.name}", *given, key.now, again, again, again),
    )
