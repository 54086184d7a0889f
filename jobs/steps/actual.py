"""Plan against actual: targets that were set for a month, what was reached, and where the gap comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
from psycopg import Connection

from indicators.counting import shared_out
from indicators.inputs import DEAL, MILESTONES
from indicators.landings import Landing, coming, landings, settled
from indicators.plan_actual import cause, lines, of_all, reached_between, share_elapsed, timing
from indicators.static_table import StaticRow
from indicators.subjects import ALL
from indicators.target_plan import NOT_ENOUGH_DATA, TargetPlan
from jobs.errors import NotFound
from jobs.months import month_of
from jobs.reports import Stamp
from jobs.steps.computed import Computed
from jobs.steps.plan_document import verdict_document, weeks_document
from jobs.steps.rounding import rounded
from models.vocabulary import FUNNEL, STEPS

Planned = list[float | None]
"""The five milestones of a month; None where there is not enough data to say."""
SetTargets = Mapping[date, Mapping[str, Planned]]
"""By month and type."""
KIND = "plan_vs_actual"
STATIC = "static"
PAST_MONTHS = 2  # before the as-of day's month: late records still change them


def set_by_hand(conn: Connection[Any], workspace: str, stamp: Stamp) -> SetTargets:
    """The targets of the months that a day's report tells of: from two months before on, as they were set by the stamp's moment."""
    return targets(conn, workspace, _month_before(stamp.as_of.replace(day=1), PAST_MONTHS), stamp.known_at)


def months(by_hand: SetTargets, done: Computed, plan: TargetPlan | None, stamp: Stamp) -> list[dict[str, Any]]:
    """Every month with targets set by hand, and the as-of day's by its plan where it has none: that one with its verdict and its weeks."""
    found = {month: month_document(done, month, numbers) for month, numbers in by_hand.items() if month <= stamp.as_of}
    this = stamp.as_of.replace(day=1)
    if this not in by_hand and plan is not None:
        types = done.partners.types
        weeks = weeks_document(plan, done.results.paths, types)
        told = {"plan": verdict_document(plan), "weeks": weeks}
        found[this] = month_document(done, this, by_plan(plan, types)) | told
    return [document for _, document in sorted(found.items())]


def by_plan(plan: TargetPlan, types: Sequence[str]) -> dict[str, Planned]:
    """What the month's plan asks for by type and milestone; its deals are those wanted, shared out as the plan expects them, or as new entries
    are where it expects none. The milestones before are at least as many as that many deals take in the long run: what is listed too late for
    this month's deals, or is not needed for them, is what those of the months after it will come of.

    Where there is not enough data for a plan, the deals wanted of all and nothing else: a milestone for which nobody can say a number has none.
    """
    if plan.verdict == NOT_ENOUGH_DATA:
        return {ALL: [None] * DEAL + [float(plan.deals)]}
    goals = plan.weekly.goals.sum(axis=2).astype(float)
    expected = (plan.weekly.in_flight + plan.weekly.new).sum(axis=2)
    shares = expected[DEAL] if expected[DEAL].sum() > 0 else plan.pace
    if shares.sum() > 0:
        goals[DEAL] = shared_out(plan.deals, shares)
    through = np.cumprod(plan.rates.T[::-1], axis=0)[::-1]  # [4, types]: from each milestone on
    usual = np.divide(goals[DEAL], through, out=np.zeros(through.shape), where=through > 0)
    goals[:DEAL] = np.maximum(goals[:DEAL], np.ceil(usual - 1e-9) + 0.0)  # + 0: the ceiling of next to nothing is -0
    found: dict[str, Planned] = {name: [float(n) for n in goals[:, at]] for at, name in enumerate(types)}
    found[ALL] = [*(float(n) for n in goals[:DEAL].sum(axis=1)), float(plan.deals)]
    return found


def ending(done: Computed, month: date, planned: Mapping[str, Planned]) -> dict[str, Landing]:
    """By planned type, and of all: where the month ends, as forecast today, or as it did where it is over."""
    types, span, paths = done.partners.types, month_of(month), done.results.paths
    rows = [reached_between(paths, span.start, span.end, at) for at in range(len(types))]
    actual = np.array(rows, np.int64).reshape(-1, DEAL + 1).T  # where there is no partner there is no type either
    nothing: Planned = [None] * (DEAL + 1)
    of_types = [planned.get(name, nothing) for name in types]
    whole = planned.get(ALL, nothing)
    if span.end <= paths.as_of:
        counts = [*actual.T.tolist(), actual.sum(axis=1).tolist()]
        found = tuple(settled(row, plan) for row, plan in zip(counts, [*of_types, whole], strict=True))
    else:
        ahead = done.coming.get() if done.coming is not None else coming(done.results.prospects.outlook, span.end)
        found = landings(ahead, actual, of_types, whole)
    return {name: one for name, one in zip((*types, ALL), found, strict=True) if name in planned}


def targets(conn: Connection[Any], workspace: str, since: date, known_at: datetime) -> dict[date, dict[str, Planned]]:
    """By month and type, the planned numbers of the five milestones, as they were last set by a moment."""
    rows = conn.execute(
        """select month, type, milestone, planned from sakigake.target t
        where workspace = %s and month >= %s and set_at = (
            select max(set_at) from sakigake.target n where (n.workspace, n.month) = (t.workspace, t.month) and n.known_at <= %s)
        order by month, type""",
        (workspace, since, known_at),
    )
    found: dict[date, dict[str, Planned]] = {}
    order = [m.value for m in FUNNEL]
    for month, kind, milestone, planned in rows:
        found.setdefault(month, {}).setdefault(kind, [0.0] * len(order))[order.index(milestone)] = float(planned)
    return found


def month_document(done: Computed, month: date, planned: Mapping[str, Planned]) -> dict[str, Any]:
    """One month: a line for each type and milestone that is planned, and the gap in deals by cause, null where not all are."""
    ends = ending(done, month, planned)
    paths, types = done.results.paths, done.partners.types
    span = month_of(month)
    first, last = span.start, span.end
    elapsed = share_elapsed(first, last, paths.as_of, done.calendar)
    rows: list[dict[str, Any]] = []
    gaps: dict[str, Any] = {}
    came = {
        kind: [
            int(n)
            for n in reached_between(
                paths, first, last, None if kind == ALL else types.index(kind) if kind in types else -1
            )
        ]
        for kind in planned
    }
    causes = {kind: cause(plan, came[kind], elapsed) for kind, plan in planned.items()}
    if ALL in causes:
        causes[ALL] = of_all(causes[ALL], [one for kind, one in causes.items() if kind != ALL])
    for kind, plan in planned.items():
        mine, split = ends.get(kind), causes[kind]
        found = lines(kind, plan, came[kind], elapsed, landing=mine, split=split)
        rows += [
            {**{k: rounded(v) for k, v in asdict(line).items()}, "milestone": MILESTONES[line.milestone].value}
            for line in found
        ]
        deals = found[-1]
        effects = [None] * len(STEPS) if split is None else [rounded(e) for e in split.conversions]
        gaps[kind] = {
            "gap": rounded(deals.gap),
            "volume": None if split is None else rounded(split.volume),
            "conversion": {f"{a}>{b}": e for (a, b), e in zip(STEPS, effects, strict=True)},
            "timing": rounded(timing(deals.planned, elapsed, mine.in_flight[DEAL] if mine else None)),
            "zeros": None if split is None else split.zeros,
        }
    return {"month": month.isoformat()[:7], "elapsed": rounded(elapsed), "rows": rows, "gap": gaps}


def static_targets(rows: Sequence[StaticRow]) -> list[tuple[float, float | None]]:
    """(number, conversion into the next) of the five milestones, as the static table of `sakigake targets` has them.

    NotFound where a step has no conversion yet.
    """
    if any(row.whole is None for row in rows):
        raise NotFound(
            "Not every step has a conversion yet, so the deals cannot be worked back; see: sakigake indicators"
        )
    return [(float(row.whole or 0), row.rate) for row in rows]


def keep_targets(
    conn: Connection[Any],
    workspace: str,
    month: date,
    by_type: dict[str, list[tuple[float, float | None]]],
    *,
    basis: str,
    by: str,
    at: datetime,
    known_at: datetime,
) -> None:
    """Sets a month's targets: what was set before stays, and is what `--known-at` an earlier moment shows."""
    with conn.transaction(), conn.cursor() as cursor:
        cursor.executemany(
            """insert into sakigake.target (workspace, month, set_at, type, milestone, planned, conversion, basis, set_by, known_at)
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
            [
                (
                    workspace,
                    month.replace(day=1),
                    at,
                    kind,
                    milestone.value,
                    Decimal(str(round(planned, 6))),
                    None if rate is None else Decimal(str(round(rate, 6))),
                    basis,
                    by,
                    known_at,
                )
                for kind, numbers in by_type.items()
                for milestone, (planned, rate) in zip(FUNNEL, numbers, strict=True)
            ],
        )


def fingerprint(conn: Connection[Any], workspace: str) -> str:
    """Changes whenever a target is set."""
    row = conn.execute("select max(set_at) from sakigake.target where workspace = %s", (workspace,)).fetchone()
    return str(row[0]) if row else ""


def _month_before(month: date, n: int) -> date:
    at = month.year * 12 + month.month - 1 - n
    return date(at // 12, at % 12 + 1, 1)
