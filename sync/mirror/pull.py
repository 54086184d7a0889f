"""Drives a connector's pages into the mirror, one transaction a page, and keeps how far it has come."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection, errors, sql

from sync.connector import Connector, FieldType, ObjectDescription, Page, ReadSpec
from sync.errors import FieldMissing, Stop
from sync.mirror.land import LandCounts, Place, forget_staging, keep_cursor, land
from sync.mirror.land_file import land_file
from sync.mirror.refresh import land_refreshed
from sync.mirror.schema import MirrorTable, described, ensure_schema, ensure_table, remembered, wanted_fields

DESCRIBE_AGAIN = timedelta(hours=6)  # by the CRM's clock: asking at each cycle would double the calls of a quiet one
Connect = Callable[[], AbstractContextManager[Connection[Any]]]
"""Opens a connection of its own to our database, outside any transaction."""


@dataclass(frozen=True, slots=True)
class Pull:
    """One reading of one connection into its schema."""

    workspace: str
    connection: str
    schema: str
    run_id: str
    clock: Callable[[], datetime]


def pull_object(
    connect: Connect,
    connector: Connector,
    pull: Pull,
    spec: ReadSpec,
    *,
    full: bool = False,
    progress: Callable[[LandCounts, int | None], None] = lambda _counts, _expected: None,
) -> LandCounts:
    """Brings one object up to date; returns what changed. May be killed at any instant: the next call goes on after the last page.

    `full` reads everything again. Memory is bounded by the page: nothing of an earlier page is held.
    """
    with connect() as conn:
        table, cursor, loaded, present = _prepare(conn, connector, pull, spec, full=full)
        forget_staging(conn, table)
        counts = LandCounts()
        tracked = tuple(sorted(set(spec.fields)))
        instants = frozenset(n for n, (_, kind) in table.columns.items() if kind is FieldType.DATETIME)
        spec = replace(spec, instants=instants)

        try:
            for page in connector.pages(spec, cursor, _Held(conn, table)):
                place = Place(pull.workspace, pull.connection, pull.run_id, pull.clock(), tracked)
                with conn.transaction():
                    done = _landed(conn, table, page, place, loading=not (loaded or present))
                    keep_cursor(conn, table, page, place, done)
                counts += done
                progress(counts, page.expected)
        except FieldMissing:
            with conn.transaction():  # what we remembered of the object is no longer so: ask next time
                conn.execute(
                    "update sakigake.mirror_object set description = description - 'described_at' where workspace = %s and connection = %s and object = %s",
                    (pull.workspace, pull.connection, spec.object),
                )
            raise
        except (errors.DiskFull, errors.OutOfMemory, errors.ReadOnlySqlTransaction, errors.QueryCanceled) as e:
            raise Stop(
                f"PostgreSQL could not store a page of {spec.object}: {e.diag.message_primary}.",
                remedy="Every page before it is stored; make room (or mend the server's settings) and run again, it goes on from there.",
                code=e.sqlstate,
            ) from e
        return counts


def _landed(conn: Connection[Any], table: MirrorTable, page: Page, place: Place, *, loading: bool) -> LandCounts:
    counts = land(conn, table, page, place, loading=loading)
    if page.file is not None:
        counts += land_file(conn, table, page.file, place, loading=loading)
    if page.refreshed:
        counts += land_refreshed(conn, table, page.refreshed, place)
    return counts


class _Held:
    """The versions in the table, as connectors ask for them."""

    def __init__(self, conn: Connection[Any], table: MirrorTable) -> None:
        self._conn = conn
        self._table = table

    def __call__(self, object_name: str, ids: Sequence[str]) -> Mapping[str, datetime]:
        _ = object_name
        query = sql.SQL("select id, _version from {} where id = any(%s)").format(self._table.identifier)
        return dict(self._conn.execute(query, (list(ids),)).fetchall())

    def count(self, object_name: str, low: datetime, high: datetime) -> int:
        _ = object_name
        query = sql.SQL("select count(*) from {} where _version between %s and %s and not _deleted").format(
            self._table.identifier
        )
        row = self._conn.execute(query, (low, high)).fetchone()
        return int(row[0]) if row else 0


def _prepare(
    conn: Connection[Any], connector: Connector, pull: Pull, spec: ReadSpec, *, full: bool
) -> tuple[MirrorTable, dict[str, Any] | None, bool, bool]:
    """The table, the cursor to go on from, whether the first load is over, and whether the table holds rows."""
    description, described_at = _description(conn, connector, pull, spec, full=full)
    wanted = wanted_fields(description, spec)
    with conn.transaction():
        ensure_schema(conn, pull.schema, workspace=pull.workspace, connection=pull.connection)
        table, added = ensure_table(conn, pull.schema, description, wanted)
        key = (pull.workspace, pull.connection, spec.object)
        kept = conn.execute(
            "select cursor, loaded, fields from sakigake.mirror_object where workspace = %s and connection = %s and object = %s for update",
            key,
        ).fetchone()
        needs = [
            *spec.fields,
            *(f"history:{f}" for f in spec.history),
            *(f"association:{a}" for a in spec.associations),
        ]
        # what was not asked for before has not been read before: only a full reading brings it
        wider = kept is not None and not set(needs) <= set(kept[2])
        again = full or bool(added) or wider
        conn.execute(
            """insert into sakigake.mirror_object as m
                (workspace, connection, object, table_name, description, fields, loaded, updated_at)
            values (%s, %s, %s, %s, %s, %s, false, %s)
            on conflict (workspace, connection, object) do update set description = excluded.description, fields = excluded.fields,
                cursor = case when %s then null else m.cursor end, loaded = m.loaded and not %s
            where %s or (m.description, m.fields) is distinct from (excluded.description, excluded.fields)""",
            (
                *key, f"{table.schema}.{table.name}", json.dumps(described(description, wanted, described_at)),
                json.dumps(sorted(needs)), pull.clock(), again, again, again,
            ),
        )  # fmt: skip
        present = conn.execute(sql.SQL("select exists (select from {})").format(table.identifier)).fetchone()
    cursor = None if kept is None or again else kept[0]
    return table, cursor, bool(kept is not None and kept[1] and not again), bool(present and present[0])


def _description(
    conn: Connection[Any], connector: Connector, pull: Pull, spec: ReadSpec, *, full: bool
) -> tuple[ObjectDescription, datetime]:
    """The object's description and when it was asked for: the one we remember while it is young and has every field wanted."""
    now = pull.clock()
    kept = conn.execute(
        "select description from sakigake.mirror_object where workspace = %s and connection = %s and object = %s",
        (pull.workspace, pull.connection, spec.object),
    ).fetchone()
    if kept is not None and not full and "described_at" in kept[0]:
        at = datetime.fromisoformat(kept[0]["described_at"])
        description = remembered(kept[0])
        if now - DESCRIBE_AGAIN < at <= now and {f.name for f in description.fields} >= set(spec.fields):
            return description, at
    return connector.describe(spec.object), now
