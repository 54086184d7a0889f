"""The log with its knowledge axis, for those who ask what was known when: events with the days since and until which they stood.

Like events in `read.visible_events` the rows leave PostgreSQL many together.
"""

from dataclasses import dataclass
from datetime import date, datetime
from itertools import accumulate
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import psycopg
from sqlalchemy import Connection

from models.vocabulary import aware
from sync.events.blocks import blocks, counts, numbers
from sync.events.ids import WRITTEN, Ids
from sync.events.read import MILESTONES, connection_numbers
from sync.events.zones import days_of

STILL = date(2149, 6, 6)
"""`known_until` of what still stands; the last day that the arithmetic takes."""
_POSTGRES_EPOCH = int(np.datetime64("2000-01-01", "D").astype(np.int64))
_CODE = {milestone.value.encode(): at for at, milestone in enumerate(MILESTONES)}
_LOG = """
    select e.milestone, e.connection, string_agg(e.entry_id, ''), array_agg(e.occurred_on),
        array_agg(e.known_at::date), array_agg(coalesce(r.known_at::date, %s))
    from sakigake.event e left join sakigake.event r
        on r.workspace = e.workspace and r.supersedes = e.event_id and r.supersedes is not null and r.known_at <= %s
    where e.workspace = %s and e.op = 'assert' and e.occurred_on <= %s and e.known_at <= %s
    group by e.milestone, e.connection, (e.occurred_on - date '2000-01-01') / 1024"""
_ACTIVITIES = """
    with told as (
        select activity_id, partner_id, kind, occurred_on, known_at, removed_at as until
        from sakigake.activity where workspace = %(w)s
        union all
        select fact_id, said ->> 'partner_id', said ->> 'kind', (said ->> 'occurred_on')::date, known_at, known_until
        from sakigake.past_fact where workspace = %(w)s and kind = 'activity'),
    dated as (select *, known_at = min(known_at) over () as from_the_start from told)
    select partner_id, kind, array_agg(occurred_on),
        array_agg(case when from_the_start then occurred_on else greatest(occurred_on, known_at::date) end),
        array_agg(case when until <= %(known_at)s then until::date else %(still)s end)
    from dated where occurred_on <= %(as_of)s and (known_at <= %(known_at)s or from_the_start)
    group by partner_id, kind"""


@dataclass(frozen=True, slots=True)
class LogColumns:
    """Asserted events as columns of one length, by entry, day, milestone and what is known of them. Days are numbers since 1970 in the workspace's time zone.

    entry        place in `entry_ids`
    milestone    place in `read.MILESTONES`
    known_until  the day on which it was taken back; `STILL` where it was not
    connection   the number of the CRM that told it, as in `read.EventColumns`
    """

    entry_ids: Ids
    entry: npt.NDArray[np.int64]
    milestone: npt.NDArray[np.int8]
    day: npt.NDArray[np.int64]
    known_from: npt.NDArray[np.int64]
    known_until: npt.NDArray[np.int64]
    connection: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LoggedActivities:
    """The activities of one kind with one partner: the days on which they were, and those since and until which they were known.

    Days as in `LogColumns`. What the first load found is known since its own day.
    """

    partner_id: str
    kind: str
    day: npt.NDArray[np.int64]
    known_from: npt.NDArray[np.int64]
    known_until: npt.NDArray[np.int64]


def event_log(connection: Connection, workspace: str, as_of: date, known_at: datetime, zone: str) -> LogColumns:
    """Every assertion about days up to `as_of` that was made by `known_at` (aware), also those taken back by then."""
    raw = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    moment = aware(known_at, "known_at")
    given = (STILL, moment, workspace, as_of, moment)
    with raw.cursor() as cursor, days_of(zone, raw):
        sent = blocks(cursor, _LOG, given, 6)
    entry_ids, entry = Ids.of_text(b"".join(block[2] for block in sent)).distinct()
    long = [len(block[2]) // WRITTEN for block in sent]
    milestone = np.repeat(np.array([_CODE[block[0]] for block in sent], np.int8), long)
    number = connection_numbers(connection, workspace)
    told_by = np.repeat(np.array([number(block[1]) for block in sent], np.int64), long)
    day, known_from, known_until = (numbers([block[at] for block in sent]) + _POSTGRES_EPOCH for at in (3, 4, 5))
    order = np.lexsort((told_by, known_until, known_from, milestone, day, entry))
    return LogColumns(
        entry_ids,
        entry[order],
        milestone[order],
        day[order],
        known_from[order],
        known_until[order],
        told_by[order],
    )


def activity_log(
    connection: Connection, workspace: str, as_of: date, known_at: datetime, zone: str
) -> list[LoggedActivities]:
    """Activities up to `as_of` as they were known at `known_at` (aware), in any order."""
    raw = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    moment = aware(known_at, "known_at")
    given = {"w": workspace, "as_of": as_of, "known_at": moment, "still": STILL}
    with raw.cursor() as cursor, days_of(zone, raw):
        sent = blocks(cursor, _ACTIVITIES, given, 5)
    columns = [numbers([block[at] for block in sent]) + _POSTGRES_EPOCH for at in (2, 3, 4)]
    long = counts([block[2] for block in sent])
    return [
        LoggedActivities(block[0].decode(), block[1].decode(), *(column[end - n : end] for column in columns))
        for block, n, end in zip(sent, long, accumulate(long), strict=True)
    ]
