"""Stores one page: rows, history, links and the watermark, in one transaction.

May be repeated: the newest version by the CRM's stamp wins, ties change nothing, and a row whose content is the same is not rewritten.
Rows that are new go straight into the table by COPY. Of the others those are left alone whose hash is that of the row held; what is
left goes through staging. A value that does not fit its column is parked with its cause, and its row still lands.
"""

import json
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection, errors, sql

from sync.mirror.park import park, stage_parking
from sync.mirror.place import LandCounts, Place
from sync.mirror.rows import Rows, copy_block, newest
from sync.mirror.schema import MirrorTable
from sync.mirror.staging import prepare_session, settle, staging
from sync.mirror.trail import keep_history, keep_links
from sync.records import CrmRecord, Page


@dataclass(frozen=True, slots=True)
class Sorted:
    """A page's rows, told apart by what the table held: `new` ones, and `changed` ones, which `staged` says to lie in staging already.

    Those that are the same as the row held are in neither.
    """

    new: Rows
    changed: Rows
    staged: bool


def rows_of(table: MirrorTable, page: Page) -> Rows:
    """The page's records as they are stored. A record that was merged away comes without values: what it held stays readable."""
    return Rows(table, newest([r for r in page.records if r.merged_into is None or r.values]))


def sort_out(conn: Connection[Any], table: MirrorTable, rows: Rows) -> Sorted:
    """Tells the rows apart, and stages the changed ones in the session, inside the caller's transaction. Waits for no lock."""
    ids = [r.id for r in rows.records]
    query = sql.SQL("select id, _hash from {} where id = any(%s)").format(table.identifier)
    with conn.cursor(binary=True) as cursor:
        held: dict[str, int | None] = dict(cursor.execute(query, (ids,)).fetchall()) if ids else {}
    hashes = rows.lines.hashes
    new = rows.some(i for i, one in enumerate(ids) if one not in held)
    changed = rows.some(i for i, one in enumerate(ids) if one in held and (hashes[i] is None or held[one] != hashes[i]))
    return Sorted(new, changed, staged=bool(len(changed)) and _staged(conn, table, changed))


def land(
    conn: Connection[Any],
    table: MirrorTable,
    page: Page,
    place: Place,
    *,
    loading: bool,
    careful: bool = True,
    rows: Rows | None = None,
    told_apart: Sorted | None = None,
) -> LandCounts:
    """Stores the page inside the caller's transaction. `loading` says that rows are not expected to exist yet.

    Without `careful`, rows that are there after all, or hold what their columns do not take, are an error of psycopg: a savepoint less.

    `rows` and `told_apart` are what `rows_of` and `sort_out` made of the page in this transaction, where that has been done before;
    the session is prepared then.
    """
    counts = LandCounts(read=len(page.records))
    if rows is None:
        rows = rows_of(table, page)
        prepare_session(conn, place)
    if not (loading and _copy_directly(conn, table, rows, counts, careful=careful)):
        sorted_ = sort_out(conn, table, rows) if told_apart is None else told_apart
        if len(sorted_.changed):
            _by_staging(conn, table, sorted_.changed, place, counts, staged=sorted_.staged)
        if not _copy_directly(conn, table, sorted_.new, counts):
            _by_staging(conn, table, sorted_.new, place, counts, staged=False)
    merged = [r for r in page.records if r.merged_into is not None and not r.values]
    counts.deleted += sum(_merge_away(conn, table, r, place) for r in merged)
    if page.gone:
        counts.deleted += conn.execute(
            sql.SQL(
                "update {} set _deleted = true, _hash = null, _changed_at = %s where id = any(%s) and not _deleted"
            ).format(table.identifier),
            (place.now, list(page.gone)),
        ).rowcount
    counts.history += keep_history(conn, table, page.history, place)
    for links in page.associations:
        counts.links += keep_links(conn, table, links, place)
    return counts


def _merge_away(conn: Connection[Any], table: MirrorTable, record: CrmRecord, place: Place) -> int:
    """Marks the loser of a merge; its row is made where it was never seen. Returns whether anything changed."""
    return conn.execute(
        sql.SQL("""
        insert into {} as t (id, _version, _deleted, _merged_into, _first_seen_at, _changed_at)
        values (%s, %s, true, %s, %s, %s)
        on conflict (id) do update set _deleted = true, _merged_into = excluded._merged_into, _hash = null,
            _changed_at = excluded._changed_at
        where (t._deleted, t._merged_into) is distinct from (true, excluded._merged_into)""").format(table.identifier),
        (record.id, record.version, record.merged_into, place.now, place.now),
    ).rowcount


def keep_cursor(conn: Connection[Any], table: MirrorTable, page: Page, place: Place, counts: LandCounts) -> None:
    """Moves the object's watermark: belongs into the transaction that stored the page."""
    conn.execute(
        """update sakigake.mirror_object set cursor = %s, loaded = loaded or %s,
            covered_until = coalesce(%s, covered_until), last_run_id = %s,
            last_changed_run_id = case when %s then %s else last_changed_run_id end, updated_at = %s
        where workspace = %s and connection = %s and object = %s""",
        (
            json.dumps(page.cursor), page.loaded, page.covered_until, place.run_id, counts.altered, place.run_id,
            place.now, place.workspace, place.connection, table.object,
        ),
    )  # fmt: skip


def _copy_directly(
    conn: Connection[Any], table: MirrorTable, rows: Rows, counts: LandCounts, *, careful: bool = True
) -> bool:
    """COPY into the table itself. False, and nothing done, where a row exists already or a value cannot be stored as it is."""
    if not len(rows):
        return True
    if rows.lines.odd or rows.lines.escaped:
        return False
    try:
        with conn.transaction() if careful else nullcontext():
            copy_block(conn, table.identifier, table, rows.lines.block())
    except (errors.UniqueViolation, psycopg.DataError):
        if not careful:
            raise
        return False
    counts.inserted += len(rows)
    return True


def _staged(conn: Connection[Any], table: MirrorTable, rows: Rows) -> bool:
    """The rows into staging; False where some value does not fit, and needs the way that parks it."""
    staged = staging(conn, table, typed=True)
    if rows.lines.odd:
        return False
    try:
        with conn.transaction():
            copy_block(conn, staged, table, rows.lines.block())
    except psycopg.DataError:
        return False
    return True


def _by_staging(
    conn: Connection[Any], table: MirrorTable, rows: Rows, place: Place, counts: LandCounts, *, staged: bool
) -> None:
    if staged or _staged(conn, table, rows):
        counts.parked += park(conn, table, place, rows.lines.escaped)
    else:
        stage_parking(conn, table, rows, place, counts)
    settle(conn, table, len(rows), place, counts)
