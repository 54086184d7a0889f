"""Any day computed again, as it was known at any moment. Stores nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from typing import Any

from psycopg import Connection
from sqlalchemy import Connection as SqlConnection

from jobs.reports import Stamp
from jobs.settings import WorkspaceSettings
from jobs.steps import more
from jobs.steps import results as shaped
from jobs.steps.inputs import read_inputs
from jobs.steps.made import Made, make, tell
from jobs.wiring import Workspace
from sync.events.deals import deals_between
from sync.events.delay import as_document, reporting_delay
from sync.mapping.grammar import Mapping as Rules


@dataclass(frozen=True, slots=True)
class Said:
    """What a computation says: the document, the values of partners and entries, and the tier history. Rows may be read once.

    `pooled` is what all partners together said, by what was known at `pooled_at`: what the day's reports are made of.
    """

    document: dict[str, Any]
    rows: Iterable[shaped.Row]
    tiers: Iterable[tuple[str, Any, str, str | None, str]]
    pooled: Made
    pooled_at: datetime


def computed_again(workspace: Workspace, as_of: date, known_at: datetime) -> Said:
    """What was, or would have been, computed for a day by what was known at that moment.

    Equal mapping, settings and code say what was said on the day, byte for byte, whatever was learned since.
    """
    with workspace.connect() as raw, workspace.engine.begin() as conn:
        return said_again(conn, raw, workspace.name, workspace.settings, workspace.rules, as_of, known_at)


def said_again(
    conn: SqlConnection,
    raw: Connection[Any],
    workspace: str,
    settings: WorkspaceSettings,
    rules: Rules,
    as_of: date,
    known_at: datetime,
) -> Said:
    """The same, on connections that are open already."""
    pooled_at = _pooled_at(raw, workspace, as_of, known_at)
    made = make(settings, rules, read_inputs(conn, workspace, as_of, pooled_at, past=True), as_of)
    told = made.told
    if pooled_at != known_at:
        tables = read_inputs(conn, workspace, as_of, known_at, past=True)
        later = tell(settings, rules, made.results.pool, tables, as_of)
        if later is None:
            raise RuntimeError("A computation by an earlier pool tells of a partner type that the pool does not know.")
        told = later
    activities = more.activities_of(conn, workspace, told.partners, as_of, known_at)
    late = reporting_delay(conn, workspace, as_of, pooled_at, rules.zone.key)
    return Said(
        {**made.document(), "reporting_delay": as_document(late)},
        chain(told.rows(activities), made.goal_rows()),
        shaped.tier_rows(told.own, told.partners),
        made,
        pooled_at,
    )


def reports_again(workspace: Workspace, said: Said, as_of: date) -> dict[str, dict[str, Any]]:
    """The reports of that day by kind, as `sakigake.report` keeps them."""
    made, at = said.pooled, said.pooled_at
    stamp = Stamp("", as_of, at, workspace.rules.hash, "", at)
    with workspace.engine.begin() as conn:
        activities = more.activities_of(conn, workspace.name, made.partners, as_of, at)
        deals = deals_between(conn, workspace.name, *more.share_span(as_of), at)
    done = more.Computed(made.results, made.entries, made.partners, activities, made.calendar, made.plan)
    with workspace.connect() as raw:
        return more.reports_of(raw, workspace.name, stamp, done, deals, workspace.settings)


def _pooled_at(conn: Connection[Any], workspace: str, as_of: date, known_at: datetime) -> datetime:
    """What the pool knew by which a day was computed at that moment: as much, where there was no such computation."""
    row = conn.execute(
        """select coalesce(pooled_known_at, known_at) from sakigake.computation
        where workspace = %s and as_of = %s and known_at = %s order by computed_at desc limit 1""",
        (workspace, as_of, known_at),
    ).fetchone()
    return row[0] if row else known_at
