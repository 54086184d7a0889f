"""How late facts come to be known: the days from an event to the moment we learned of it (METHODS 3a, late data)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast

import psycopg
from sqlalchemy import Connection

from models.vocabulary import aware
from sync.events.zones import days_of

WITHIN_DAYS = 365
FEW = 20
_DELAYS = """
    select count(*), percentile_disc(0.5) within group (order by days), percentile_disc(0.9) within group (order by days)
    from (
        select greatest(min(known_at)::date - min(occurred_on), 0) as days from sakigake.event
        where workspace = %(w)s and op = 'assert' and not reconstructed and known_at <= %(known_at)s
            and occurred_on > %(since)s and occurred_on <= %(as_of)s
        group by fact_id) told"""


@dataclass(frozen=True, slots=True)
class ReportingDelay:
    """Days, over `n` events of the trailing year; None under 20 of them.

    `provisional_from`: what occurred since then may still grow by a tenth or more, since one event in ten is known later.
    """

    n: int
    median: int | None
    p90: int | None
    provisional_from: date | None


def reporting_delay(
    connection: Connection, workspace: str, as_of: date, known_at: datetime, zone: str
) -> ReportingDelay:
    """Of events that were told by then and were not read from a CRM's own history, each by its first telling."""
    raw = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    given = {
        "w": workspace,
        "known_at": aware(known_at, "known_at"),
        "since": as_of - timedelta(days=WITHIN_DAYS),
        "as_of": as_of,
    }
    with days_of(zone, raw):
        n, median, p90 = raw.execute(_DELAYS, given).fetchone() or (0, None, None)
    if n < FEW:
        return ReportingDelay(n, None, None, None)
    return ReportingDelay(n, median, p90, as_of - timedelta(days=p90 - 1) if p90 else None)


def as_document(found: ReportingDelay) -> dict[str, object]:
    """As `sakigake indicators --json` prints it."""
    since = found.provisional_from
    return {
        "n": found.n,
        "median": found.median,
        "p90": found.p90,
        "provisional_from": since.isoformat() if since else None,
    }
