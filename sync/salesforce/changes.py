"""A window of change: one composite call brings the delete log, the changed records and their history.

Records stamped since the watermark are read again for an overlap, because a record may become visible after its stamp. The watermark moves to
what the CRM has vouched for (`latestDateCovered` of the delete log) and never beyond its own clock less a lag: a stamp in the future moves
nothing, and comes again until it is past.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import structlog

from sync.errors import BadReply, SyncError
from sync.records import CrmRecord, Cursor, HistoryRow, Page, ReadSpec
from sync.salesforce import soql
from sync.salesforce.bulk import Circle, follow
from sync.salesforce.bulk_file import Asked, columns_of
from sync.salesforce.bulk_jobs import BulkSettings, JobFailed, JobGone, JobRefused
from sync.salesforce.client import Client, page_of
from sync.salesforce.describe import Facts
from sync.salesforce.ids import chunks, long_id
from sync.salesforce.rows import history_row, key, record
from sync.salesforce.runs import Truncated, pages_of
from sync.salesforce.stamps import literal, minute, moment, next_minute, parameter
from sync.salesforce.wide import completed, portions

OVERLAP = timedelta(minutes=10)
LAG = timedelta(seconds=60)  # a transaction may become visible a little after its stamp
LOG_REACHES = timedelta(days=15) - timedelta(hours=1)  # the delete log is kept for 15 days
_NO_LOG = {"INVALID_REPLICATION_DATE", "EXCEEDED_ID_LIMIT", "INVALID_TYPE_FOR_OPERATION"}
_FRESH = 1.0  # seconds for which the last told time is good enough to end a window of the delete log
_VERIFIED = 300  # ids in one query

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Window:
    """Where a window that spans pages stands. Kept in the cursor, so that it can be gone on with after any page."""

    covered: datetime  # what the watermark becomes at its end
    log_covered: datetime
    records: tuple[datetime, str] | None = None  # the last record stored; None before the first page
    records_done: bool = False
    history: tuple[datetime, str] | None = None
    gone: tuple[str, ...] = ()  # from the delete log, not yet seen as records
    records_left: int = 0  # rows still due: if fewer come, pages before lacked some, and the window is read anew
    history_left: int = 0
    job: dict[str, Any] | None = None  # where the bulk job stands that brings the records; {} before it is made

    def cursor(self) -> dict[str, Any]:
        return {
            "covered": literal(self.covered),
            "log_covered": literal(self.log_covered),
            "records": _place(self.records),
            "records_done": self.records_done,
            "history": _place(self.history),
            "gone": list(self.gone),
            "left": [self.records_left, self.history_left],
            "job": self.job,
        }

    @classmethod
    def of(cls, kept: dict[str, Any]) -> "_Window":
        return cls(
            moment(kept["covered"]), moment(kept["log_covered"]), _placed(kept["records"]), kept["records_done"],
            _placed(kept["history"]), tuple(kept["gone"]), kept["left"][0], kept["left"][1], kept.get("job"),
        )  # fmt: skip


def window(client: Client, spec: ReadSpec, facts: Facts, cursor: Cursor, bulk: BulkSettings) -> Iterator[Page]:
    """The pages of change since `cursor`. One call where all fits a page; nothing is yielded twice but for the overlap."""
    while cursor.get("window") is not None:
        for page in _resumed(client, spec, facts, cursor, bulk):
            cursor = page.cursor
            yield page
    for page in _fresh(client, spec, facts, cursor, bulk):
        cursor = page.cursor
        yield page
    while cursor.get("window") is not None:  # there was much: a bulk job brings it
        for page in _resumed(client, spec, facts, cursor, bulk):
            cursor = page.cursor
            yield page


def _fresh(client: Client, spec: ReadSpec, facts: Facts, cursor: Cursor, bulk: BulkSettings) -> Iterator[Page]:
    until, log_until = moment(cursor["until"]), moment(cursor["log_until"])
    asked_at = client.now(newer_than=_FRESH)
    bodies = _ask(client, spec, facts, min(until, log_until) - OVERLAP, (log_until, asked_at))
    replied_at = client.transport.replied_at() or asked_at
    settled = replied_at - LAG
    deleted, log_covered = _deleted(bodies.get("log"), settled)
    # where there is no log, our own lag is all there is to go by; neither ever moves back
    covered = max(until, min(settled, log_covered) if "log" in bodies else settled)
    place = _Window(covered, max(log_until, log_covered), gone=deleted)
    records = page_of(bodies["records"], _about(spec))
    narrow = len(portions(facts, _fields(spec))) == 1
    if narrow and cursor.get("bulk", True) and bulk.suits(records["totalSize"]):
        yield Page((), {**cursor, "window": replace(place, job={}).cursor()}, expected=records["totalSize"])
        return
    history = page_of(bodies["history"], _about_history(spec)) if "history" in bodies else None
    yield from _pages(client, spec, facts, cursor, place, records, history)


def _by_bulk(client: Client, spec: ReadSpec, facts: Facts, cursor: Cursor, bulk: BulkSettings) -> Iterator[Page]:
    """The records of the window by a bulk job; then the window goes on with its history."""
    place = _Window.of(cursor["window"])
    asked = Asked(spec.object, _about(spec), columns_of(facts, _fields(spec)), facts, frozenset(facts.whole))
    since = min(moment(cursor["until"]), moment(cursor["log_until"])) - OVERLAP
    query = soql.everything_since(spec.object, asked.columns, facts.stamp, since)
    barred = {**_without_window(cursor), "bulk": False}
    try:
        for file, job in follow(client, bulk, asked, query, place.job or None):
            now = replace(place, job=job, records_done=job is None)
            yield Page((), {**cursor, "window": now.cursor()}, file=file)
    except JobRefused as e:
        log.info("bulk_refused", object=spec.object, code=e.code)
        yield Page((), barred)
    except JobGone:
        yield Page((), _without_window(cursor))
    except (Truncated, Circle):
        yield Page((), _without_window(cursor))
        raise
    except JobFailed:
        yield Page((), barred)
        raise


def _resumed(client: Client, spec: ReadSpec, facts: Facts, cursor: Cursor, bulk: BulkSettings) -> Iterator[Page]:
    place = _Window.of(cursor["window"])
    if place.job is not None:
        yield from _by_bulk(client, spec, facts, cursor, bulk)
        return
    since = moment(cursor["until"]) - OVERLAP
    records = history = None
    if not place.records_done:
        query = soql.changed(spec.object, facts, _first(spec, facts), since, place.records)
        records = client.query(query, _about(spec), deleted=True)
    if spec.history:
        name, parent = soql.history_of(spec.object)
        query = soql.history(name, parent, spec.history, since, place.history)
        history = client.query(query, _about_history(spec), deleted=True)
    if _lacks(records, place.records_left) or _lacks(history, place.history_left):
        yield Page((), _without_window(cursor))
        return
    # pages stored before may have held records that were undeleted since they were logged: ask which are really gone
    place = replace(place, gone=_still_gone(client, spec.object, facts, place.gone))
    yield from _pages(client, spec, facts, cursor, place, records, history)


def _lacks(first: dict[str, Any] | None, left: int) -> bool:
    return first is not None and first["totalSize"] < left


def _without_window(cursor: Cursor) -> Cursor:
    return {k: v for k, v in cursor.items() if k not in {"window", "bulk"}}


def _pages(
    client: Client,
    spec: ReadSpec,
    facts: Facts,
    cursor: Cursor,
    place: _Window,
    records: dict[str, Any] | None,
    history: dict[str, Any] | None,
) -> Iterator[Page]:
    try:
        yield from _checked(client, spec, facts, cursor, place, records, history)
    except Truncated:
        yield Page((), _without_window(cursor))  # what is missing lies somewhere in the window: it is read anew
        raise


def _checked(
    client: Client,
    spec: ReadSpec,
    facts: Facts,
    cursor: Cursor,
    place: _Window,
    records: dict[str, Any] | None,
    history: dict[str, Any] | None,
) -> Iterator[Page]:
    """Records first, then history; the last page moves the watermark."""
    place = replace(place, history_left=history["totalSize"] if history else 0)
    held: tuple[CrmRecord, ...] = ()  # the last page of records waits for the first of history: often both are one page
    if records is not None:
        for rows, left, last in pages_of(client, records, _about(spec)):
            whole = completed(client, spec.object, facts, _fields(spec), rows, _about(spec))
            found = tuple(record(row, facts, _fields(spec), spec.object) for row in whole)
            seen = {r.id for r in found}
            place = replace(place, gone=tuple(i for i in place.gone if i not in seen))
            if not last:
                behind = (moment(rows[-1][facts.stamp]), key(rows[-1]["Id"], spec.object))
                place = replace(place, records=behind, records_left=left)
                yield Page(found, {**cursor, "window": place.cursor()}, expected=records["totalSize"])
            else:
                held = found
    place = replace(place, records_done=True)
    told: tuple[HistoryRow, ...] = ()
    if history is not None:
        _, parent = soql.history_of(spec.object)
        for rows, left, last in pages_of(client, history, _about_history(spec)):
            told = tuple(history_row(row, parent) for row in rows)
            if not last:
                place = replace(place, history=(told[-1].changed_at, told[-1].change_id), history_left=left)
                yield Page(held, {**cursor, "window": place.cursor()}, history=told)
                held = ()
    final = _without_window(cursor) | {"until": literal(place.covered), "log_until": literal(place.log_covered)}
    yield Page(held, final, history=told, gone=place.gone, covered_until=place.covered)


def _ask(
    client: Client, spec: ReadSpec, facts: Facts, since: datetime, log_window: tuple[datetime, datetime]
) -> dict[str, Any]:
    """The bodies of one composite call. The log comes first, so that whatever is undeleted meanwhile shows among the records."""
    asked = {}
    if facts.delete_log:
        asked["log"] = f"sobjects/{spec.object}/deleted/?{urlencode(_log_bounds(*log_window))}"
    query = soql.changed(spec.object, facts, _first(spec, facts), since, None)
    asked["records"] = client.query_path(query, deleted=True)
    if spec.history:
        name, parent = soql.history_of(spec.object)
        asked["history"] = client.query_path(soql.history(name, parent, spec.history, since, None), deleted=True)
    try:
        return client.composite(asked, f"changes of {spec.object}")
    except SyncError as e:
        if e.code not in _NO_LOG or "log" not in asked:
            raise
        # there is no log, it does not reach back so far, or it holds too much: the records still come, and hard deletes wait for the sweep
        log.warning("delete_log_incomplete", object=spec.object, since=literal(log_window[0]), code=e.code)
        del asked["log"]
        return client.composite(asked, f"changes of {spec.object}")


def _log_bounds(since: datetime, now: datetime) -> dict[str, str]:
    """`start` and `end`: whole minutes, more than one apart, not further back than the log is kept."""
    end = next_minute(now)
    start = min(max(minute(since), minute(now) - LOG_REACHES), end - timedelta(minutes=2))
    return {"start": parameter(start), "end": parameter(end)}


def _deleted(body: Any, settled: datetime) -> tuple[tuple[str, ...], datetime]:
    """(ids in the delete log, how far the CRM vouches for it); where there is no log, as far as our own lag allows."""
    if body is None:
        return (), settled
    if not isinstance(body, dict) or not isinstance(body.get("deletedRecords"), list):
        raise BadReply("The delete log was answered without records.", remedy="Try again later.")
    ids = tuple(dict.fromkeys(key(row["id"], "the delete log") for row in body["deletedRecords"]))
    covered = body.get("latestDateCovered")
    return ids, min(settled, moment(covered)) if covered else settled


def _still_gone(client: Client, object_name: str, facts: Facts, ids: tuple[str, ...]) -> tuple[str, ...]:
    if not facts.has_deleted:
        return ids
    alive: set[str] = set()
    for chunk in chunks(ids, _VERIFIED):
        query = f"SELECT Id FROM {object_name} WHERE IsDeleted = false AND Id IN {soql.id_list(chunk)}"  # noqa: S608
        about = f"check of deleted records of {object_name}"
        for rows, _, _ in pages_of(client, client.query(query, about, deleted=True), about):
            alive |= {long_id(row["Id"]) for row in rows}
    return tuple(i for i in ids if i not in alive)


def _fields(spec: ReadSpec) -> tuple[str, ...]:
    return tuple(dict.fromkeys(spec.fields))


def _first(spec: ReadSpec, facts: Facts) -> tuple[str, ...]:
    """The fields that the query in order asks for: all of them, but of a wide object."""
    return portions(facts, _fields(spec))[0]


def _about(spec: ReadSpec) -> str:
    return f"query of {spec.object}"


def _about_history(spec: ReadSpec) -> str:
    return f"query of {soql.history_of(spec.object)[0]}"


def _place(at: tuple[datetime, str] | None) -> list[str] | None:
    return [literal(at[0]), at[1]] if at else None


def _placed(kept: list[str] | None) -> tuple[datetime, str] | None:
    return (moment(kept[0]), kept[1]) if kept else None
