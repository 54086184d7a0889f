"""Stores a file of the CRM's own making: streamed into COPY as it comes, inside the transaction that keeps the cursor.

Nothing of it is held but the block at hand. The CRM says how many records the file has; where COPY counts another number, or a value
does not fit its column, the file is read again value by value, in the way that parks what does not fit and names what is missing.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

import psycopg
from psycopg import Connection, errors, sql

from sync.described import FieldType
from sync.errors import Retry
from sync.mirror.cells import OddCell, in_shape
from sync.mirror.land import land
from sync.mirror.place import LandCounts, Place
from sync.mirror.schema import MirrorTable
from sync.mirror.staging import forget_staging, prepare_session, settle, staging
from sync.records import Page, RecordFile

LOOSE = "_stage_loose"
TRIES = 3  # of a file that breaks off on its way
_AT_ONCE = 2000  # records, where they are taken value by value
_LONG_ID = 18  # letters; a shorter one names the same record, and needs the careful way


def land_file(
    conn: Connection[Any], table: MirrorTable, file: RecordFile, place: Place, *, loading: bool
) -> LandCounts:
    """Stores the file's records inside the caller's transaction; all of them, or an error of `sync.errors`.

    `loading` says that rows are not expected to exist yet.
    """
    for attempt in range(1, TRIES + 1):
        try:
            with conn.transaction():
                return _landed(conn, table, file, place, loading=loading)
        except Retry:
            if attempt == TRIES:
                raise
    raise AssertionError("the loop returns or raises")


def _landed(conn: Connection[Any], table: MirrorTable, file: RecordFile, place: Place, *, loading: bool) -> LandCounts:
    prepare_session(conn, place)
    blocks = file.blocks()
    first = next(blocks, b"")
    blocks = chain([first], blocks)
    if with_points(table, file, first):
        try:
            with conn.transaction():
                return _by_numbers(conn, table, file, blocks, place)
        except (psycopg.DataError, errors.NotNullViolation, _Short, OddCell):
            return _carefully(conn, table, file, place, loading=loading)
    if loading and not _doubled(table, file):
        try:
            with conn.transaction():
                if _copied(conn, table, file, table.identifier, blocks):
                    return LandCounts(read=file.count, inserted=file.count)
                raise _Short
        except errors.UniqueViolation:
            blocks = file.blocks()  # it was stored before, or a record came meanwhile
        except (psycopg.DataError, errors.NotNullViolation, _Short, OddCell):
            return _carefully(conn, table, file, place, loading=loading)
    try:
        with conn.transaction():
            return _settled(conn, table, file, blocks, place)
    except (psycopg.DataError, errors.NotNullViolation, _Short, OddCell):
        return _carefully(conn, table, file, place, loading=False)


class _Short(Exception):
    """COPY did not count what the CRM did, or some record came twice."""


def _copied(
    conn: Connection[Any], table: MirrorTable, file: RecordFile, into: sql.Identifier, blocks: Iterable[bytes]
) -> bool:
    """Whether all of the file went in."""
    columns = sql.SQL(", ").join(sql.Identifier(_column(table, file, name)) for name in file.columns)
    statement = sql.SQL("copy {} ({}) from stdin with (format csv, force_null ({})) where length(id) = {}").format(
        into, columns, columns, sql.Literal(_LONG_ID)
    )
    with conn.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for block in in_shape(blocks, [_kind(table, file, name) for name in file.columns]):
                copy.write(block)
        return cursor.rowcount == file.count


def _by_numbers(
    conn: Connection[Any], table: MirrorTable, file: RecordFile, blocks: Iterable[bytes], place: Place
) -> LandCounts:
    """A file that writes whole numbers as 12.0, which no whole number column takes: by one whose columns are of any numbers."""
    whole = [column for column, kind in table.columns.values() if kind is FieldType.INTEGER]
    loose, staged = sql.Identifier(LOOSE), staging(conn, table, typed=True)
    widened = sql.SQL(", ").join(sql.SQL("alter column {} type numeric").format(sql.Identifier(c)) for c in whole)
    conn.execute(
        sql.SQL(
            "drop table if exists pg_temp.{loose}; create temporary table {loose} (like {staged}) on commit drop; alter table {loose} {widened}"
        ).format(loose=loose, staged=staged, widened=widened)
    )
    if not _copied(conn, table, file, loose, blocks):
        raise _Short
    broken = sql.SQL(" or ").join(sql.SQL("{c} <> trunc({c})").format(c=sql.Identifier(c)) for c in whole)
    row = conn.execute(sql.SQL("select exists (select from {} where {})").format(loose, broken)).fetchone()
    if row is None or row[0]:
        raise _Short  # half a number in a whole number's place: its cell is parked, which takes more care
    conn.execute(sql.SQL("insert into {} select * from {}").format(staged, loose))  # numeric is bigint by assignment
    return _from_staging(conn, table, file, staged, place)


def with_points(table: MirrorTable, file: RecordFile, block: bytes) -> bool:
    """Whether the file seems to write whole numbers with a decimal point, by the rows of its first block."""
    whole = [at for at, name in enumerate(file.columns) if table.columns.get(name, ("", None))[1] is FieldType.INTEGER]
    if not whole:
        return False
    text = block[: block.rfind(b"\n") + 1].decode("utf-8", "replace").replace("\x00", "")
    return any(at < len(row) and "." in row[at] for row in csv.reader(io.StringIO(text, "")) for at in whole)


def _settled(
    conn: Connection[Any], table: MirrorTable, file: RecordFile, blocks: Iterable[bytes], place: Place
) -> LandCounts:
    staged = staging(conn, table, typed=True)
    if not _copied(conn, table, file, staged, blocks):
        raise _Short
    return _from_staging(conn, table, file, staged, place)


def _from_staging(
    conn: Connection[Any], table: MirrorTable, file: RecordFile, staged: sql.Identifier, place: Place
) -> LandCounts:
    counts = LandCounts(read=file.count)
    if _repeats(conn, staged):
        raise _Short
    for name, own in _doubled(table, file).items():
        column, kind = table.columns[name]
        conn.execute(
            sql.SQL("update {} set {} = {}::{}").format(
                staged, sql.Identifier(column), sql.Identifier(own), sql.SQL(kind.value)
            )
        )
    settle(conn, table, file.count, place, counts)
    return counts


def _repeats(conn: Connection[Any], staged: sql.Identifier) -> bool:
    """Whether some record is there twice: which version counts is decided value by value."""
    row = conn.execute(sql.SQL("select count(*) > count(distinct id) from {}").format(staged)).fetchone()
    return bool(row and row[0])


def _carefully(
    conn: Connection[Any], table: MirrorTable, file: RecordFile, place: Place, *, loading: bool
) -> LandCounts:
    counts = LandCounts()
    for records in _chunks(file):
        forget_staging(conn, table)  # it empties itself at a commit only
        counts += land(conn, table, Page(records, {}), place, loading=loading)
    return counts


def _chunks(file: RecordFile) -> Iterator[tuple[Any, ...]]:
    records = file.records()
    while some := tuple(islice(records, _AT_ONCE)):
        yield some


def _column(table: MirrorTable, file: RecordFile, name: str) -> str:
    own = _own(file).get(name)
    return own if own is not None else table.columns[name][0]


def _kind(table: MirrorTable, file: RecordFile, name: str) -> FieldType | None:
    if name == file.version:
        return FieldType.DATETIME
    return table.columns[name][1] if name in table.columns else None


def _doubled(table: MirrorTable, file: RecordFile) -> dict[str, str]:
    """Columns of ours that the mapping also wants as a field: the file has them once."""
    return {name: own for name, own in _own(file).items() if name in table.columns}


def _own(file: RecordFile) -> dict[str, str]:
    """API names of the columns whose meaning we know, and ours for them."""
    named = {file.id: "id", file.version: "_version", file.deleted: "_deleted", file.merged_into: "_merged_into"}
    return {name: own for name, own in named.items() if name is not None}
