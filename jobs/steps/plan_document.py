"""A month's plan as JSON: what it takes, and its weeks with what was reached in them. Pure."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from indicators.inputs import DEAL, LISTED, MILESTONES, Ints, day_date
from indicators.paths import PathTable
from indicators.plan_actual import reached_by_week
from indicators.subjects import ALL
from indicators.target_plan import NOT_ENOUGH_DATA, Plan, TargetPlan
from jobs.steps.prospect_document import rounded

NAMES = tuple(m.value for m in MILESTONES[: DEAL + 1])


def verdict_document(plan: TargetPlan) -> dict[str, Any]:
    """Whether the month's deals can be had, with how many new entries, and up to which week each milestone still serves them."""
    known = plan.verdict != NOT_ENOUGH_DATA
    return {
        "deals": plan.deals,
        "verdict": plan.verdict,
        "in_flight": rounded(plan.in_flight) if known else None,
        "chance_without_new": rounded(plan.in_flight_only),
        "plans": {"mean": way_document(plan.mean), "safe": way_document(plan.safe)},
        "latest_week": {NAMES[k]: latest_week(plan, k) if known else None for k in range(LISTED, DEAL + 1)},
    }


def way_document(plan: Plan | None) -> dict[str, Any] | None:
    """One of the two plans; null where there is none."""
    if plan is None:
        return None
    return {
        "entries": plan.entries,
        "expected": None if plan.entries is None else rounded(plan.expected),
        "chance": None if plan.entries is None else rounded(plan.chance),
        "over_capacity": plan.over_capacity,
    }


def latest_week(plan: TargetPlan, milestone: int) -> dict[str, str] | None:
    """The last week in which reaching the milestone still serves the month; null where none does."""
    at = plan.weekly.latest[milestone]
    if at < 0:
        return None
    week = plan.weekly.weeks[at]
    return {"from": str(day_date(week.start)), "to": str(day_date(week.end))}


def weeks_document(plan: TargetPlan, paths: PathTable, types: Sequence[str]) -> list[dict[str, Any]]:
    """By week, milestone and type (`all` last) the goal, and what was reached: null in weeks that are still to come. None without enough data."""
    if plan.verdict == NOT_ENOUGH_DATA:
        return []
    weeks = plan.weekly.weeks
    goals, actual = (_with_all(n) for n in (plan.weekly.goals, reached_by_week(paths, weeks, len(types))))
    return [
        {
            "from": str(day_date(week.start)),
            "to": str(day_date(week.end)),
            "milestone": NAMES[k],
            "type": name,
            "goal": int(goals[k, t, w]),
            "actual": int(actual[k, t, w]) if week.start <= paths.as_of else None,
        }
        for w, week in enumerate(weeks)
        for k in range(LISTED, DEAL + 1)
        for t, name in enumerate((*types, ALL))
    ]


def _with_all(numbers: Ints) -> Ints:
    """[5, types, weeks] with their sums as one more type."""
    return np.concatenate([numbers, numbers.sum(axis=1, keepdims=True)], axis=1)
