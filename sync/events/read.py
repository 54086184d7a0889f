"""What the compute step reads: events as columns, and partners, entries and activities as values.

Events leave PostgreSQL as bytes of one width a row, many rows together, so that numpy takes them whole and Python's cost does not
grow with their number.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import psycopg
from sqlalchemy import Connection, text

from models.vocabulary import Activity, Entry, Milestone, Partner, RecordRef, Target, Willingness, aware
from sync.events.now import ACTIVITIES, ENTRIES, ENTRY_SOURCES, PARTNERS, SOURCES
from sync.mapping.same_target import EntryRecord, marks_of

MILESTONES = tuple(Milestone)
"""`EventColumns.milestone` holds places in this tuple: listed 0, requested 1, agreed 2, executed 3, deal 4, won 5, lost 6."""

_ROW = np.dtype([("entry", "V16"), ("milestone", ">i2"), ("day", ">i4"), ("connection", ">i2")])
_POSTGRES_EPOCH = np.datetime64("2000-01-01", "D")

# A message carries one row, and Python's cost is a message: rows are put together into 256 before they are sent, by the first two
# digits of the entry's id. They are put in order here and not there: PostgreSQL would sort texts of ids.
_VISIBLE = """
    copy (
        select string_agg(
            uuid_send(e.entry_id::uuid) || int2send(array_position(%s::text[], e.milestone)::int2 - 1::int2)
                || date_send(e.occurred_on) || int2send(coalesce(array_position(%s::text[], e.connection), 0)::int2), ''::bytea)
        from sakigake.event e
        where e.workspace = %s and e.op = 'assert' and e.occurred_on <= %s and e.known_at <= %s
            and not exists (
                select from sakigake.event r
                where r.workspace = e.workspace and r.supersedes = e.event_id and r.known_at <= %s)
            {scope}
        group by left(e.entry_id, 2)
    ) to stdout (format binary)"""
_OF_PARTNERS = """and e.entry_id = any(array(
    select n.entry_id from sakigake.entry n where n.workspace = %s and n.removed_at is null and n.partner_id = any(%s)))"""


def fixed_rows(cursor: "psycopg.Cursor[Any]", query: str, given: Any, row: np.dtype[Any]) -> npt.NDArray[Any]:
    """What a COPY of one column of bytes sends, as rows of one width."""
    cursor.execute("set local work_mem = '256MB'")  # millions of rows are grouped in memory rather than on disk
    with cursor.copy(query, given) as copy:
        copy.set_types(["bytea"])
        sent = b"".join(block for (block,) in copy.rows())
    return np.frombuffer(sent, row)


@dataclass(frozen=True, slots=True)
class EventColumns:
    """Events as columns of one length, ordered by entry, day, milestone, connection. `entry` is the place in `entry_ids`.

    `connection` numbers the CRM that told it: of an entry that stands in two CRMs, one happening is told twice.
    """

    entry_ids: list[str]
    entry: npt.NDArray[np.int64]
    milestone: npt.NDArray[np.int8]
    occurred_on: npt.NDArray[np.datetime64]
    connection: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.entry)


def visible_events(
    connection: Connection,
    workspace: str,
    as_of: date,
    known_at: datetime,
    only: Collection[str] | None = None,
    *,
    entries: Sequence[str] | None = None,
    rules: Sequence[str] | None = None,
    besides: Sequence[str] = (),
) -> EventColumns:
    """Events that had happened by `as_of`, as they were known at `known_at` (aware): asserted by then and not yet retracted.

    `only`: those of entries that now are these partners'. `entries`: of these entries. `rules`: those of these rules; `besides`: of all but these.
    """
    raw = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    moment = aware(known_at, "known_at")
    milestones, named = [milestone.value for milestone in MILESTONES], connections(connection, workspace)
    given: list[Any] = [milestones, named, workspace, as_of, moment, moment]
    scope = []
    if only is not None:
        scope.append(_OF_PARTNERS)
        given += [workspace, sorted(only)]
    if entries is not None:
        scope.append("and e.entry_id = any(%s)")
        given.append(list(entries))
    if rules is not None:
        scope.append("and e.rule = any(%s)")
        given.append(list(rules))
    if besides:
        scope.append("and not e.rule = any(%s)")
        given.append(list(besides))
    query = _VISIBLE.format(scope=" ".join(scope))
    with raw.cursor() as cursor:
        rows = fixed_rows(cursor, query, given, _ROW)
    entry_ids, entry = ids_of(rows["entry"])
    milestone, connected, day = (rows[name].astype(np.int64) for name in ("milestone", "connection", "day"))
    within = np.clip(day, -(2**22), 2**22 - 1) + 2**22  # more days than dates have
    order = np.argsort((((entry << 23) | within) << 4 | milestone) << 8 | np.minimum(connected, 255), kind="stable")
    return EventColumns(
        entry_ids=entry_ids,
        entry=entry[order],
        milestone=milestone[order].astype(np.int8),
        occurred_on=_POSTGRES_EPOCH + day[order].astype("timedelta64[D]"),
        connection=connected[order],
    )


def connections(connection: Connection, workspace: str) -> list[str]:
    """The names that `EventColumns.connection` numbers, from 1; 0 is one that is not mirrored."""
    rows = connection.execute(
        text("select distinct connection from sakigake.mirror_object where workspace = :w order by 1"), {"w": workspace}
    )
    return [str(name) for (name,) in rows]


def ids_of(column: npt.NDArray[np.void]) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The distinct ids in order, and each row's place among them."""
    if not len(column):
        return [], np.zeros(0, np.int64)
    halves = np.ascontiguousarray(column).view(">u8").reshape(-1, 2)
    high, low = halves[:, 0].astype(np.uint64), halves[:, 1].astype(np.uint64)
    order = np.argsort(high)
    if ((high[order][1:] == high[order][:-1]) & (low[order][1:] != low[order][:-1])).any():
        order = np.lexsort((low, high))  # two ids that begin alike, which chance never makes
    high, low = high[order], low[order]
    first = np.concatenate(([True], (high[1:] != high[:-1]) | (low[1:] != low[:-1])))
    places = np.empty(len(column), np.int64)
    places[order] = np.cumsum(first) - 1
    digits = halves[order[first]].tobytes().hex()
    names = (digits[at : at + 32] for at in range(0, len(digits), 32))
    return [f"{n[:8]}-{n[8:12]}-{n[12:16]}-{n[16:20]}-{n[20:]}" for n in names], places


def partners(
    connection: Connection, workspace: str, known_at: datetime | None = None, only: Collection[str] | None = None
) -> list[Partner]:
    """Partners in the order of their ids: as the mapping now sees them, or as they were known at `known_at` (aware).

    `only`: these, of those that now are.
    """
    sources: dict[str, list[RecordRef]] = {}
    for s in _rows(connection, "partner_source", workspace, known_at, only):
        sources.setdefault(s["partner_id"], []).append(_ref(s))
    return [
        Partner(
            partner_id=r["partner_id"],
            name=r["name"],
            type=r["type"],
            sources=tuple(sorted(sources.get(r["partner_id"], ()))),
            willingness=Willingness(r["willingness"]),
            submitted_on=_day(r["submitted_on"]),
            joined_on=_day(r["joined_on"]),
            attributes=dict(r["attributes"]),
        )
        for r in _rows(connection, "partner", workspace, known_at, only)
    ]


def entries(connection: Connection, workspace: str, known_at: datetime | None = None) -> list[Entry]:
    """Entries in the order of their ids: as the mapping now sees them, or as they were known at `known_at` (aware)."""
    sources: dict[str, list[RecordRef]] = {}
    for s in _rows(connection, "entry_source", workspace, known_at):
        sources.setdefault(s["entry_id"], []).append(_ref(s))
    return [
        Entry(
            r["entry_id"],
            r["partner_id"],
            _ref(r),
            Target(**r["target"]),
            tuple(sorted(sources.get(r["entry_id"], ()))),
        )
        for r in _rows(connection, "entry", workspace, known_at)
    ]


def activities(
    connection: Connection,
    workspace: str,
    as_of: date,
    known_at: datetime | None = None,
    only: Collection[str] | None = None,
) -> list[Activity]:
    """Activities up to `as_of` in the order of their ids: as now seen, or as they were known at `known_at` (aware).

    `only`: with these partners, as now seen.
    """
    return [
        Activity(
            activity_id=r["activity_id"],
            partner_id=r["partner_id"],
            entry_id=r["entry_id"],
            kind=r["kind"],
            occurred_on=day,
            source=_ref(r),
            rule=r["rule"],
        )
        for r in _rows(connection, "activity", workspace, known_at, only)
        if (day := _day(r["occurred_on"])) is not None and day <= as_of
    ]


def entry_records(conn: psycopg.Connection[Any], workspace: str) -> list[EntryRecord]:
    """The CRM records that are entries, with what each says of its target."""
    rows = conn.execute(
        """select connection, object, record_id, entry_id, partner_id, target from sakigake.entry_source
        where workspace = %s order by 1, 2, 3""",
        (workspace,),
    )
    return [EntryRecord(RecordRef(*r[:3]), r[3], r[4], marks_of(Target(**r[5]))) for r in rows]


_KEYS = {kept.name: kept for kept in (PARTNERS, SOURCES, ENTRIES, ENTRY_SOURCES, ACTIVITIES)}


def _rows(
    connection: Connection,
    table: str,
    workspace: str,
    known_at: datetime | None,
    only: Collection[str] | None = None,
) -> Iterator[Mapping[str, Any]]:
    """The table's rows in the order of their keys: of now, or together with what was kept of the past as known then."""
    kept = _KEYS[table]
    columns = ", ".join((*kept.key, *kept.said))
    live = " and removed_at is null" if kept.stays else ""
    given: dict[str, Any] = {"w": workspace}
    if known_at is None:
        mine = "" if only is None else " and partner_id = any(:only)"
        if only is not None:
            given["only"] = sorted(only)
        query = (
            f"select {columns} from sakigake.{table} where workspace = :w{live}{mine} order by {', '.join(kept.key)}"  # noqa: S608
        )
        for row in connection.execute(text(query), given):
            yield row._asdict()
        return
    # rows of now as text values, as those of the past are
    document = ", ".join(f"'{name}', {name}" for name in (*kept.key, *kept.said))
    query = f"""
        select jsonb_build_object({document}) from sakigake.{table} where workspace = :w and known_at <= :k{live}
        union all
        select said from sakigake.past_fact where workspace = :w and kind = '{table}' and known_at <= :k and known_until > :k"""  # noqa: S608
    found = connection.execute(text(query), {**given, "k": aware(known_at, "known_at")}).scalars()
    yield from sorted(found, key=lambda said: [said[name] for name in kept.key])


def _ref(row: Mapping[str, Any]) -> RecordRef:
    return RecordRef(row["connection"], row["object"], row["record_id"])


def _day(value: date | str | None) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else value
