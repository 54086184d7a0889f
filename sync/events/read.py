"""What the compute step reads: events as columns, and partners, entries and activities as values.

Events leave PostgreSQL many rows together, so that numpy takes them whole and Python's cost does not grow with their number.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import psycopg
from sqlalchemy import Connection, text

from models.vocabulary import Activity, Entry, Milestone, Partner, RecordRef, Target, Willingness, aware
from sync.events.blocks import blocks, numbers
from sync.events.ids import WRITTEN, Ids
from sync.events.now import ACTIVITIES, ENTRIES, ENTRY_SOURCES, PARTNERS, SOURCES
from sync.mapping.same_target import EntryRecord, marks_of

MILESTONES = tuple(Milestone)
"""`EventColumns.milestone` holds places in this tuple: listed 0, requested 1, agreed 2, executed 3, deal 4, won 5, lost 6."""
_CODE = {milestone.value.encode(): at for at, milestone in enumerate(MILESTONES)}

_OBJECTS = 512  # that tell of entries; more would be told of as the last
_POSTGRES_EPOCH = np.datetime64("2000-01-01", "D")

# Which milestone, by whom it was told and how, and whether that was taken back, is said once for all events of a group. Few days make a group, so
# that none outgrows the gigabyte that PostgreSQL puts together.
_KNOWN = """
    select e.op, e.milestone, e.connection, e.object, right(e.source_change_id, 8) = ':created',
        string_agg(e.entry_id, ''), array_agg(e.occurred_on)
    from sakigake.event e
    where e.workspace = %s and (e.occurred_on <= %s or e.occurred_on > %s) and e.known_at <= %s {scope}
    group by e.op, e.milestone, e.connection, e.object, right(e.source_change_id, 8) = ':created',
        (e.occurred_on - date '2000-01-01') / 1024"""
_OF_PARTNERS = """and e.entry_id = any(array(
    select n.entry_id from sakigake.entry n where n.workspace = %s and n.removed_at is null and n.partner_id = any(%s)))"""


@dataclass(frozen=True, slots=True)
class EventColumns:
    """Events as columns of one length, ordered by entry, day, milestone, connection. `entry` is the place in `entry_ids`.

    `connection` numbers the CRM that told it: of an entry that stands in two CRMs, one happening is told twice.
    `told` is twice the place in `histories` of the object that told it, as `connection.Object`, and one more where the record stood there
    when it was made, as far as anything is known (`stages.AT_CREATION`).
    """

    entry_ids: Sequence[str]
    entry: npt.NDArray[np.int64]
    milestone: npt.NDArray[np.int8]
    occurred_on: npt.NDArray[np.datetime64]
    connection: npt.NDArray[np.int64]
    told: npt.NDArray[np.int64]
    histories: tuple[str, ...]

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
    ahead: bool = False,
) -> EventColumns:
    """Events that had happened by `as_of`, as they were known at `known_at` (aware): asserted by then and not yet retracted.

    `ahead`: also those that lay in the future when they were known, for who counts them: planned, or mistyped.
    `only`: those of entries that now are these partners'. `entries`: of these entries. `rules`: those of these rules; `besides`: of all but these.
    """
    raw = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    moment = aware(known_at, "known_at")
    given: list[Any] = [workspace, as_of, _future(as_of, moment) if ahead else date.max, moment]
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
    with raw.cursor() as cursor:
        sent = blocks(cursor, _KNOWN.format(scope=" ".join(scope)), given, 7)
    number = connection_numbers(connection, workspace)
    long = np.array([len(block[5]) // WRITTEN for block in sent], np.int64)
    entry_ids, entry = Ids.of_text(b"".join(block[5] for block in sent)).distinct()
    day = numbers([block[6] for block in sent])
    milestone = np.repeat(np.array([_CODE[block[1]] for block in sent], np.int64), long)
    places = sorted({(number(block[2]), block[2], block[3]) for block in sent})
    at = {place[1:]: 2 * min(n, _OBJECTS - 1) for n, place in enumerate(places)}
    told = np.repeat(np.array([at[block[2], block[3]] + (block[4] != b"\0") for block in sent], np.int64), long)
    asserted = np.repeat(np.array([block[0] == b"assert" for block in sent], np.bool_), long)
    # the key holds all there is of an event; dates have fewer days than 2 ** 23
    key = (((entry << 23) | (day + 2**22)) << 4 | milestone) << 10 | told
    key = without(np.sort(key[asserted]), np.sort(key[~asserted]))
    entry = key >> 37
    stands = np.zeros(len(entry_ids), np.bool_)
    stands[entry] = True
    return EventColumns(
        entry_ids=entry_ids[stands],
        entry=(np.cumsum(stands) - 1)[entry],
        milestone=(key >> 10 & 15).astype(np.int8),
        occurred_on=_POSTGRES_EPOCH + ((key >> 14 & 2**23 - 1) - 2**22).astype("timedelta64[D]"),
        connection=np.array([number for number, _, _ in places], np.int64)[(key & 2**10 - 1) >> 1],
        told=key & 2**10 - 1,
        histories=tuple(f"{crm.decode()}.{name.decode()}" for _, crm, name in places[:_OBJECTS]),
    )


def _future(as_of: date, known_at: datetime) -> date:
    """The last day that is no future. Of a past day told by what is known now, what happened since then lies behind us.

    A moment's day differs by the zone: what is a day apart is the same day somewhere.
    """
    known_on = known_at.astimezone(UTC).date()
    return (
        as_of
        if known_on - as_of <= timedelta(days=1)
        else min(known_on, date.max - timedelta(days=1)) + timedelta(days=1)
    )


def without(told: npt.NDArray[np.int64], taken_back: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """What was told and not taken back, both in order. A retraction repeats what it takes back, so that it is found by what it says.

    Looking for each by its id would have PostgreSQL keep the ids of all events in mind.
    """
    again = np.arange(len(taken_back)) - np.searchsorted(taken_back, taken_back)  # of equal ones, which
    at = np.searchsorted(told, taken_back) + again
    if len(at) and (at[-1] >= len(told) or (told[np.minimum(at, len(told) - 1)] != taken_back).any()):
        raise RuntimeError("The log of events takes back what it never told; a retraction has to repeat its assertion.")
    stands = np.ones(len(told), np.bool_)
    stands[at] = False
    return told[stands]


def connections(connection: Connection, workspace: str) -> list[str]:
    """The names that `EventColumns.connection` numbers, from 1; 0 is one that is not mirrored."""
    rows = connection.execute(
        text("select distinct connection from sakigake.mirror_object where workspace = :w order by 1"), {"w": workspace}
    )
    return [str(name) for (name,) in rows]


def connection_numbers(connection: Connection, workspace: str) -> Callable[[bytes], int]:
    """From the name of a connection to its number in `EventColumns.connection`; of more than 255 the last are one."""
    named = {name.encode(): at for at, name in enumerate(connections(connection, workspace), 1)}
    return lambda name: min(named.get(name, 0), 255)


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
            yield dict(zip((*kept.key, *kept.said), row, strict=True))
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
