"""A target plan as one JSON document: what `sakigake targets --json` prints, and its tables are made from. Pure."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from indicators.allocation import Allocation, allocate
from indicators.inputs import DEAL, LISTED, Flags, Floats, day_date
from indicators.landings import Coming, chance_of_more, coming
from indicators.month import Month
from indicators.static_table import StaticRow, static_table, static_table_of_mix
from indicators.subjects import STEPS, Funnel, step_name
from indicators.target_plan import NOT_ENOUGH_DATA, TargetPlan
from indicators.targets import target_plan
from jobs.asked import Answer
from jobs.errors import ConfigError
from jobs.steps.plan_document import NAMES, latest_week, way_document
from jobs.steps.prospect_document import rounded
from jobs.target_sentences import sentences
from models.counted import counted

MONTHS_AHEAD = 12


def target_document(
    asked: Answer,
    deals: int,
    month: Month,
    later: tuple[Month, ...],
    *,
    partner_type: str | None,
    partner: int | None,
    capacity: Floats,
    mix: Floats | None = None,
) -> dict[str, Any]:
    """The plan for `deals` in `month` from the partners in question; `later` are the months after it, the next one first.

    Where there is not enough data for a plan, what rests on one is null or empty: the static table alone is told.
    """
    ahead = asked.results.prospects.outlook
    scope = asked.scope(partner_type, partner)
    plan = target_plan(ahead, deals, month, scope=scope, capacity=capacity, mix=mix, earliest=later)
    of_type = _one_type(asked, partner_type, partner)
    rows = static_of(asked, deals, month, of_type, plan.mix if plan.mix_said else None)
    shared = allocate(ahead, plan, later[0], scope)
    known = plan.verdict != NOT_ENOUGH_DATA
    soon = coming(ahead, month.end, scope)
    kinds = [name for t, name in enumerate(asked.partners.types) if (scope & (asked.partners.type == t)).any()]
    document = {
        **asked.head(),
        "month": _month(month),
        "deals": deals,
        "scope": {
            "type": partner_type,
            "partner": None if partner is None else asked.partners.ids[partner],
            "name": None if partner is None else asked.names[partner],
        },
        "verdict": plan.verdict,
        "achieved": plan.achieved,
        "in_flight": rounded(plan.in_flight) if known else None,
        "chance_without_new": rounded(plan.in_flight_only),
        "plans": {"mean": way_document(plan.mean), "safe": way_document(plan.safe)},
        "at_capacity": None
        if plan.at_capacity is None
        else {
            "chance": rounded(plan.at_capacity.chance),
            "expected": rounded(plan.at_capacity.expected),
            "shortfall": rounded(plan.at_capacity.shortfall),
            "rate": rounded(plan.at_capacity.rate),
            "needed_rate": rounded(plan.at_capacity.needed_rate),
        },
        "earliest_month": None if plan.earliest is None else _month(plan.earliest),
        "in_time": rounded(plan.landing) if known else None,
        "a_week": {
            name: {
                "now": rounded(float(plan.pace[t])) if not plan.assumed_mix else 0.0,
                "plan": rounded(float(plan.listed[t])) if known else None,
                "capacity": rounded(float(plan.capacity[t])),
            }
            for t, name in enumerate(asked.partners.types)
            if name in kinds
        },
        "mix_assumed": plan.assumed_mix,
        "mix_said": {name: rounded(float(plan.mix[t])) for t, name in enumerate(asked.partners.types) if name in kinds}
        if plan.mix_said
        else None,
        "immature_steps": [step_name(STEPS[k]) for k in plan.immature],
        "static": [_static(row) for row in rows],
        "weeks": _weeks(plan, asked.partners.types, kinds) if known else [],
        "totals": {
            NAMES[k]: {
                "goal": plan.weekly.total(k) if known else None,
                "in_flight": rounded(float(plan.weekly.in_flight[k].sum())) if known else None,
                "new": rounded(float(plan.weekly.new[k].sum())) if known else None,
                "chance": _chances(soon, plan, k, asked.partners.types, kinds) if known and plan.weekly.weeks else None,
                "latest_week": latest_week(plan, k) if known else None,
            }
            for k in range(LISTED, DEAL + 1)
        },
        "partners": _partners(asked, shared, scope) if known else [],
        "next_month": {"month": _month(later[0]), "partners": _next(asked, shared, scope) if known else []},
        "n": {
            "entries": asked.results.n_entries,
            "attempts": asked.results.n_attempts,
            "events": asked.results.n_events,
            "under_way": len(plan.under_way),
        },
    }
    return {**document, **sentences(document)}


def share_of(document: Mapping[str, Any], scope: Flags, asked: Answer) -> int:
    """The part of a target of all partners that falls to those of `scope` [partners]; ConfigError where nothing says who brings how much."""
    if not document["partners"]:
        raise ConfigError(
            f"There is not enough data to say which part of the {counted(document['deals'], 'deal')} of {document['month']} is theirs; say --deals N."
        )
    mine = {asked.partners.ids[i] for i in np.flatnonzero(scope)}
    return sum(int(row["target"]) for row in document["partners"] if row["id"] in mine)


def static_of(
    asked: Answer, deals: float, month: Month, of_type: int | None = None, mix: Floats | None = None
) -> tuple[StaticRow, ...]:
    """The static table of one partner type, or (None) of all together: as their entries went, or with new ones of the types by `mix` [types]."""
    ahead = asked.results.prospects.outlook
    funnel = Funnel(ahead.paths)
    if of_type is None and mix is not None and mix.sum() > 0:
        skips = [funnel.skip_rates(t) for t in range(len(mix))]
        return static_table_of_mix(ahead, deals, month, mix / mix.sum(), skips)
    return static_table(ahead, deals, month, partner_type=of_type, skipped=funnel.skip_rates(of_type))


def _one_type(asked: Answer, partner_type: str | None, partner: int | None) -> int | None:
    if partner is not None:
        return int(asked.partners.type[partner])
    return None if partner_type is None else asked.type_place(partner_type)


def _static(row: StaticRow) -> dict[str, Any]:
    return {
        "milestone": NAMES[row.milestone],
        "needed": rounded(row.needed),
        "goal": row.whole,
        "low": row.low,
        "high": row.high,
        "rate": rounded(row.rate),
        "by": None if row.by is None else str(day_date(row.by)),
    }


def _weeks(plan: TargetPlan, types: tuple[str, ...], kinds: list[str]) -> list[dict[str, Any]]:
    goals = plan.weekly.goals
    return [
        {
            "from": str(day_date(week.start)),
            "to": str(day_date(week.end)),
            "goals": {
                NAMES[k]: {
                    **{name: int(goals[k, t, w]) for t, name in enumerate(types) if name in kinds},
                    "all": int(goals[k, :, w].sum()),
                }
                for k in range(LISTED, DEAL + 1)
            },
        }
        for w, week in enumerate(plan.weekly.weeks)
    ]


def _chances(
    soon: Coming, plan: TargetPlan, milestone: int, types: tuple[str, ...], kinds: list[str]
) -> dict[str, float | None]:
    """By type and of all: the chance that the goals of all weeks are reached at the pace at which entries are listed of late."""
    goals = plan.weekly.goals[milestone].sum(axis=1)
    found = {
        name: rounded(chance_of_more(soon, milestone, int(goals[t]), [t]))
        for t, name in enumerate(types)
        if name in kinds
    }
    return {**found, "all": rounded(chance_of_more(soon, milestone, int(goals.sum())))}


def _partners(
    asked: Answer, shared: Allocation, scope: "np.ndarray[tuple[int], np.dtype[np.bool_]]"
) -> list[dict[str, Any]]:
    likely = shared.in_flight + shared.new
    order = np.lexsort((np.arange(len(scope)), -likely.round(9), -shared.target))
    return [
        {
            "id": asked.partners.ids[i],
            "name": asked.names[i],
            "type": asked.partners.types[asked.partners.type[i]],
            "target": int(shared.target[i]),
            "achieved": int(shared.achieved[i]),
            "in_flight": rounded(float(shared.in_flight[i])),
            "new": rounded(float(shared.new[i])),
            "list_entries": int(shared.entries[i]),
        }
        for i in order
        if scope[i]
    ]


def _next(
    asked: Answer, shared: Allocation, scope: "np.ndarray[tuple[int], np.dtype[np.bool_]]"
) -> list[dict[str, Any]]:
    following = shared.next_month
    return [
        {
            "id": asked.partners.ids[i],
            "name": asked.names[i],
            "type": asked.partners.types[asked.partners.type[i]],
            "expected": rounded(float(following.in_flight[i] + following.new[i])),
            "in_flight": rounded(float(following.in_flight[i])),
            "new": rounded(float(following.new[i])),
            "ten_more_entries": rounded(float(following.gain[i])),
            "push": None if following.focus[i] < 0 else NAMES[following.focus[i] + 1],
            "waiting": {NAMES[k]: int(following.waiting[i, k]) for k in range(DEAL)},
        }
        for i in following.order
        if scope[i]
    ]


def _month(month: Month) -> str:
    return str(day_date(month.start))[:7]
