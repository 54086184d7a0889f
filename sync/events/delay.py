"""How late facts come to be known: the days from an event to the moment we learned of it (METHODS 3a, late data)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, text

from models.vocabulary import aware

WITHIN_DAYS = 365
FEW = 20


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
    row = connection.execute(
        text(
            """select count(*), percentile_disc(0.5) within group (order by days), percentile_disc(0.9) within group (order by days)
            from (
                select greatest((min(known_at) at time zone :zone)::date - min(occurred_on), 0) as days from sakigake.event
                where workspace = :workspace and op = 'assert' and not reconstructed and known_at <= :known_at
                    and occurred_on > :since and occurred_on <= :as_of
                group by fact_id) told"""
        ),
        {
            "workspace": workspace,
            "zone": zone,
            "known_at": aware(known_at, "known_at"),
            "since": as_of - timedelta(days=WITHIN_DAYS),
            "as_of": as_of,
        },
    ).one()
    if row[0] < FEW:
        return ReportingDelay(row[0], None, None, None)
    return ReportingDelay(row[0], row[1], row[2], as_of - timedelta(days=row[2] - 1) if row[2] else None)


def as_document(found: ReportingDelay) -> dict[str, object]:
    """As `sakigake indicators --json` prints it."""
    since = found.provisional_from
    return {
        "n": found.n,
        "median": found.median,
        "p90": found.p90,
        "provisional_from": since.isoformat() if since else None,
    }
