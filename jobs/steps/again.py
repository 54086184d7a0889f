"""Any day computed again, as it was known at any moment. Stores nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from typing import Any

from psycopg import Connection
from sqlalchemy import Connection as SqlConnection

from indicators.inputs import PartnerTable
from jobs.computing_code import CODE_VERSION
from jobs.reports import Stamp
from jobs.settings import WorkspaceSettings
from jobs.steps import actual, more
from jobs.steps import results as shaped
from jobs.steps.computed import Computed
from jobs.steps.inputs import read_inputs
from jobs.steps.made import Told, make, tell
from jobs.wiring import Workspace
from sync.events.deals import deals_between
from sync.events.delay import as_document, reporting_delay
from sync.mapping.grammar import Mapping as Rules


@dataclass(frozen=True, slots=True)
class Said:
    """What a computation says: the document, the values of partners and entries, the tier history, and reports by kind.

    Rows may be read once; `partners` are those they speak of. `told` is what they are told from.
    """

    document: dict[str, Any]
    told: Told
    rows: Iterable[shaped.Row]
    tiers: Iterable[tuple[str, Any, str, str | None, str]]
    reports: dict[str, dict[str, Any]]
    partners: PartnerTable


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
    *,
    mapping: str | None = None,
) -> Said:
    """The same, on connections that are open already. `mapping`: the version by which draws were seeded then, where that is not the rules'."""
    pooled = pooled_at(raw, workspace, as_of, known_at)
    made = make(settings, rules, read_inputs(conn, workspace, as_of, pooled, past=True), as_of, mapping=mapping)
    month = made.goals()
    told = made.told
    if pooled != known_at:
        tables = read_inputs(conn, workspace, as_of, known_at, past=True)
        later = tell(settings, rules, made.results.pool, tables, as_of, mapping=mapping)
        if later is None:
            raise RuntimeError("A computation by an earlier pool tells of a partner type that the pool does not know.")
        told = later
    activities = more.activities_of(conn, workspace, told.partners, as_of, known_at)
    of_all = more.activities_of(conn, workspace, made.partners, as_of, pooled)
    done = Computed(made.results, made.entries, made.partners, of_all, made.calendar)
    deals = deals_between(conn, workspace, *more.share_span(as_of), pooled)
    stamp = Stamp("", as_of, pooled, rules.hash, CODE_VERSION, pooled)
    late = reporting_delay(conn, workspace, as_of, pooled, rules.zone.key)
    return Said(
        {**made.document(), "reporting_delay": as_document(late)},
        told,
        chain(told.rows(activities), month.rows(made)),
        shaped.tier_rows(told.own, told.partners),
        more.reports_of(done, deals, late, settings)
        | more.months_of(actual.set_by_hand(raw, workspace, stamp), stamp, done, month.plan, late),
        told.partners,
    )


def pooled_at(conn: Connection[Any], workspace: str, as_of: date, known_at: datetime) -> datetime:
    """What the pool knew by which a day was computed at that moment: as much, where there was no such computation."""
    row = conn.execute(
        """select coalesce(pooled_known_at, known_at) from sakigake.computation
        where workspace = %s and as_of = %s and known_at = %s order by computed_at desc limit 1""",
        (workspace, as_of, known_at),
    ).fetchone()
    return row[0] if row else known_at
