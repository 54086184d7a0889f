"""Drives a connector's pages into the mirror, one transaction a page, and keeps how far it has come."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import Connection, errors, sql

from sync.connector import Connector
from sync.errors import FieldMissing, Stop
from sync.mirror.ahead import Ready, Sessions, ahead
from sync.mirror.drift import Depends
from sync.mirror.fill import fill
from sync.mirror.land import keep_cursor, land
from sync.mirror.land_file import land_file
from sync.mirror.place import LandCounts, Place, note_landing
from sync.mirror.prepare import Key, Prepared, prepare
from sync.mirror.refresh import land_refreshed
from sync.mirror.schema import MirrorTable, ensure_indexes
from sync.mirror.staging import forget_staging
from sync.mirror.unpark import any_parked, unpark
from sync.records import Page, ReadSpec

Connect = Callable[[], AbstractContextManager[Connection[Any]]]
"""Opens a connection of its own to our database, outside any transaction."""


def no_dependants(_object: str, _field: str) -> Mapping[str, list[str]]:
    """Where nobody knows what rests on a field."""
    return {}


@dataclass(frozen=True, slots=True)
class Pull:
    """One reading of one connection into its schema."""

    workspace: str
    connection: str
    schema: str
    run_id: str
    clock: Callable[[], datetime]
    depends: Depends = no_dependants


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

    A field that the CRM shows no more is left out, and its column keeps what was read last; where the whole object is shown no more,
    nothing is read: `mirror_object` and `drift` tell of both. `full` reads everything again. While some pages are stored the next are read;
    memory is bounded, see `sync.mirror.ahead`.
    """
    key = Key(pull.workspace, pull.connection, spec.object, pull.schema, pull.clock(), pull.depends)
    with connect() as conn, connect() as other:
        prepared = prepare(conn, connector, key, spec, full=full)
        if prepared is None:
            return LandCounts()
        if prepared.given_up:
            connector.give_up(prepared.given_up)
        try:
            return _read((conn, other), connector, pull, prepared, progress)
        except FieldMissing:  # what we remembered of the object is no longer so: ask, and go on with what is left
            _forget_description(conn, pull, spec)
        prepared = prepare(conn, connector, key, spec, full=False)
        if prepared is None:
            return LandCounts()
        try:
            return _read((conn, other), connector, pull, prepared, progress)
        except FieldMissing:
            _forget_description(conn, pull, spec)
            raise


def _forget_description(conn: Connection[Any], pull: Pull, spec: ReadSpec) -> None:
    conn.execute(
        "update sakigake.mirror_object set description = description - 'described_at' where workspace = %s and connection = %s and object = %s",
        (pull.workspace, pull.connection, spec.object),
    )


def _read(
    sessions: Sessions,
    connector: Connector,
    pull: Pull,
    prepared: Prepared,
    progress: Callable[[LandCounts, int | None], None],
) -> LandCounts:
    table, counts, expected = prepared.table, LandCounts(), None
    conn = sessions[0]
    for session in sessions:
        forget_staging(session, table)
    # a column's first values are no changes of the records
    tracked = tuple(n for n in prepared.tracked if prepared.filling.get(n, {"returned": True})["returned"])

    def place() -> Place:
        return Place(pull.workspace, pull.connection, pull.run_id, pull.clock(), tracked)

    def pages(session: Callable[[], Connection[Any]]) -> Iterator[Page]:
        return connector.pages(prepared.spec, prepared.cursor, _Held(session, table))

    parked = any_parked(conn, table, place())
    try:
        with closing(ahead(pages, sessions, table, place, loading=prepared.loading)) as coming:
            for ready in coming:
                counts += _stored(ready, table, loading=prepared.loading, parked=parked)
                expected = ready.page.expected
                progress(counts, expected)
        base, read = counts, counts.read
        counts += fill(conn, connector, prepared, place, lambda _done: progress(base, expected))
        counts.read = read  # records, not values of theirs
        ensure_indexes(conn, table, prepared.indexed)
    except errors.ProgramLimitExceeded as e:
        raise Stop(
            f"PostgreSQL could not store a page of {table.object}: {e.diag.message_primary}; a row of {len(table.columns)} columns that are all filled may be too wide.",
            remedy="Mirror fewer of its fields: `fields:` and `mirror:` of the connection in sakigake.yaml. Every page before it is stored.",
            code=e.sqlstate,
        ) from e
    except (errors.DiskFull, errors.OutOfMemory, errors.ReadOnlySqlTransaction, errors.QueryCanceled) as e:
        raise Stop(
            f"PostgreSQL could not store a page of {table.object}: {e.diag.message_primary}.",
            remedy="Every page before it is stored; make room (or mend the server's settings) and run again, it goes on from there.",
            code=e.sqlstate,
        ) from e
    return counts


def _stored(ready: Ready, table: MirrorTable, *, loading: bool, parked: bool) -> LandCounts:
    """Stores a batch in its transaction, or, where that fails, each of its pages in one of its own, the careful way: so that a page that
    cannot be stored holds up none that came before it. `parked`: some value of the object is.
    """
    try:
        with ready.transaction:
            return _landed(ready.conn, table, ready.page, ready.place, loading=loading, parked=parked, ready=ready)
    except psycopg.Error:
        if ready.conn.broken or (len(ready.pages) == 1 and not loading):
            raise
    counts = LandCounts()
    for page in ready.pages:
        with ready.conn.transaction():
            counts += _landed(ready.conn, table, page, ready.place, loading=loading, parked=parked, ready=None)
    return counts


def _landed(
    conn: Connection[Any],
    table: MirrorTable,
    page: Page,
    place: Place,
    *,
    loading: bool,
    parked: bool,
    ready: Ready | None,
) -> LandCounts:
    """The page and its cursor; `ready` where it was prepared in this transaction, `parked` where some value of the object may be."""
    rows, told_apart = (ready.rows, ready.told_apart) if ready is not None else (None, None)
    careful = ready is None or not loading
    counts = land(conn, table, page, place, loading=loading, careful=careful, rows=rows, told_apart=told_apart)
    if page.file is not None:
        counts += land_file(conn, table, page.file, place, loading=loading)
    if page.refreshed:
        counts += land_refreshed(conn, table, page.refreshed, place)
    note_landing(conn, table.object, place, counts)
    if parked:
        unpark(conn, table, place)
    keep_cursor(conn, table, page, place, counts)
    return counts


class _Held:
    """The versions in the table, as connectors ask for them."""

    def __init__(self, session: Callable[[], Connection[Any]], table: MirrorTable) -> None:
        self._session = session
        self._table = table

    def __call__(self, object_name: str, ids: Sequence[str]) -> Mapping[str, datetime]:
        _ = object_name
        query = sql.SQL("select id, _version from {} where id = any(%s)").format(self._table.identifier)
        return dict(self._session().execute(query, (list(ids),)).fetchall())

    def count(self, object_name: str, low: datetime, high: datetime) -> int:
        _ = object_name
        query = sql.SQL("select count(*) from {} where _version between %s and %s and not _deleted").format(
            self._table.identifier
        )
        row = self._session().execute(query, (low, high)).fetchone()
        return int(row[0]) if row else 0
