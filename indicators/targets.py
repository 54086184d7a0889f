"""From a month's deals back to what must be reached by when: the reverse funnel with time (METHODS 3f).

    mean plan    as many new entries as bring the wanted deals on average: it fails as often as not
    safe plan    the fewest new entries with which the wanted deals come with 80 %, whatever the rates may truly be
New entries are listed at one pace from tomorrow to the end of the month, shared among partner types as they list today. What is
under way is deducted first. Verdicts: see `target_plan.VERDICTS`.
"""

from dataclasses import dataclass, replace

import numpy as np

from indicators.inputs import DEAL, LISTED, NO_DAY, Flags, Floats
from indicators.month import (
    Month,
    Week,
    chances_in,
    deals_in,
    draws_for,
    landing_in,
    of_scope,
    weeks_until,
)
from indicators.new_mix import shares_of
from indicators.open_entries import OpenEntries
from indicators.outlook import Outlook
from indicators.reverse_funnel import Chances, chances_of, least
from indicators.target_plan import (
    ALREADY_COVERED,
    FEASIBLE,
    INFEASIBLE_CAPACITY,
    INFEASIBLE_TIME,
    NOT_ENOUGH_DATA,
    AtCapacity,
    Plan,
    TargetPlan,
)
from indicators.weekly import moving_on, weekly_targets

MOST = 1_000_000  # entries: a plan that needs more is none


@dataclass(frozen=True, eq=False, slots=True)
class _Case:
    """One month worked out so far: what every plan for it is judged by."""

    chances: Chances
    through_draws: Floats  # [draws, types]
    in_flight: float
    per_entry: Floats  # [types]: the share of one new entry that lands, if every step were taken
    through: Floats  # [types]: the whole way's rate
    mix: Floats  # [types]: shares of new entries
    limit: Floats  # [types]: entries until the end of the month

    def spread(self, entries: float) -> Floats:
        """How many new entries of each type; what a type cannot list, the others take over."""
        asked = entries * self.mix
        for _ in range(len(asked)):
            over = np.maximum(asked - self.limit, 0.0)
            room = (asked < self.limit) & (self.mix > 0)
            if over.sum() <= 1e-9 or not room.any():
                break
            asked = np.minimum(asked, self.limit) + np.where(room, over.sum() * self.mix / self.mix[room].sum(), 0.0)
        return np.minimum(asked, self.limit)

    def chance(self, listed: Floats) -> float:
        return self.chances.reach((self.through_draws * (listed * self.per_entry)[None, :]).sum(axis=1))

    def expected(self, listed: Floats) -> float:
        return float((listed * self.per_entry * self.through).sum())


def target_plan(
    outlook: Outlook,
    deals: int,
    month: Month,
    *,
    scope: Flags | None = None,
    capacity: Floats | None = None,
    mix: Floats | None = None,
    earliest: tuple[Month, ...] = (),
) -> TargetPlan:
    """The plan for `deals` in `month`, from the partners in `scope` [partners] (all where None).

    `capacity` [types] are entries a week at most, NaN where the past decides; `mix` [types] weighs new entries by type, and where None
    the pace does. `earliest` are the later months to look through where this one is out of reach. ValueError for a negative number of deals.
    """
    if deals < 0:
        raise ValueError(f"{deals} deals were asked for, expected 0 or more")
    chosen = np.ones(len(outlook.partners), bool) if scope is None else np.asarray(scope, bool)
    under_way = of_scope(outlook.under_way, chosen)
    weeks = weeks_until(outlook.as_of, month.end)
    pace, assumed = _pace(outlook, chosen)
    limits = _capacity(outlook, chosen, capacity)
    there = np.bincount(outlook.partners.type[chosen], minlength=len(pace)) > 0
    shares, said = shares_of(pace, mix, there)
    by_entry = chances_in(outlook, month, under_way)
    case = _case(outlook, deals, month, under_way, by_entry, chosen, shares, limits)
    achieved_by = deals_in(outlook, month, chosen)
    achieved = int(achieved_by.sum())
    landing = float((case.mix * case.per_entry).sum())
    plan = TargetPlan(
        deals=deals,
        month=month,
        as_of=outlook.as_of,
        verdict=NOT_ENOUGH_DATA,
        achieved=achieved,
        in_flight=case.in_flight,
        in_flight_only=None,
        pace=pace,
        assumed_mix=assumed and not said,
        mix=shares,
        mix_said=said,
        capacity=limits,
        landing=landing,
        mean=None,
        safe=None,
        listed=np.zeros(len(pace)),
        weekly=weekly_targets(outlook, moving_on(outlook, under_way, weeks), weeks, np.zeros(len(pace)), month),
        at_capacity=None,
        earliest=None,
        immature=_immature(outlook, chosen, pace),
        rates=np.array([[curve.rate for curve in row] for row in outlook.curves[: len(pace)]]).reshape(len(pace), DEAL),
        under_way=under_way,
        chances=by_entry,
        achieved_by=achieved_by,
    )
    if achieved >= deals:
        return replace(plan, verdict=ALREADY_COVERED, in_flight_only=1.0, mean=Plan(0, achieved + case.in_flight, 1.0, False),
                       safe=Plan(0, achieved + case.in_flight, 1.0, False))  # fmt: skip
    if plan.immature:
        return plan
    return _judged(outlook, plan, case, weeks, earliest, chosen)


def _judged(
    outlook: Outlook, plan: TargetPlan, case: _Case, weeks: tuple[Week, ...], later: tuple[Month, ...], scope: Flags
) -> TargetPlan:
    """The verdict on a month that data can speak of."""
    sure = outlook.assumptions.sure
    base = plan.achieved + case.in_flight
    free = case.chance(np.zeros(len(plan.pace)))
    per_new = float((case.mix * case.per_entry * case.through).sum())
    lacking = max(0.0, plan.deals - base)
    on_average = 0 if lacking <= 0 else int(np.ceil(lacking / per_new - 1e-9)) if per_new * MOST > lacking else None
    open_case = replace(case, limit=np.full(len(plan.pace), np.inf))
    safe_entries = None
    if per_new > 0 or free >= sure:
        safe_entries = least(lambda n: open_case.chance(open_case.spread(n)) >= sure, MOST)

    def made(entries: int | None) -> Plan:
        if entries is None:
            return Plan(None, base, free, over_capacity=True)
        spread = open_case.spread(entries)
        return Plan(
            entries, base + case.expected(spread), case.chance(spread), bool((spread > case.limit + 1e-6).any())
        )

    span = sum(week.days for week in weeks) / 7.0
    found = replace(plan, in_flight_only=free, mean=made(on_average), safe=made(safe_entries))
    shown = safe_entries if safe_entries is not None else on_average
    if free >= sure:
        verdict, listed = ALREADY_COVERED, np.zeros(len(plan.pace))
    elif plan.landing < outlook.assumptions.hopeless:
        verdict, listed = INFEASIBLE_TIME, np.zeros(len(plan.pace))
    else:
        listed = case.spread(shown or 0)
        at_limit = (
            case.chance(np.where(case.mix > 0, case.limit, 0.0)) if np.isfinite(case.limit[case.mix > 0]).all() else 1.0
        )
        verdict = FEASIBLE if safe_entries is not None and at_limit >= sure else INFEASIBLE_CAPACITY
        if verdict == FEASIBLE and found.safe is not None and found.safe.over_capacity:
            # the others take over what a type cannot list: perhaps more of them are needed
            entries = least(lambda n: case.chance(case.spread(n)) >= sure, MOST)
            listed = case.spread(entries or 0)
            found = replace(
                found, safe=Plan(entries, base + case.expected(listed), case.chance(listed), over_capacity=False)
            )
        if verdict == INFEASIBLE_CAPACITY:
            listed = np.where(case.mix > 0, np.where(np.isfinite(case.limit), case.limit, 0.0), 0.0)
            found = replace(found, at_capacity=_at_capacity(case, plan.deals, base, listed))
    if verdict == INFEASIBLE_TIME:
        found = replace(found, earliest=_first_reachable(outlook, plan.deals, later, scope, plan.mix, plan.capacity))
    a_day = listed / max(7.0 * span, 1e-9)
    return replace(
        found,
        verdict=verdict,
        listed=7.0 * a_day,
        weekly=weekly_targets(outlook, plan.weekly.in_flight, weeks, a_day, plan.month),
    )


def _case(
    outlook: Outlook,
    deals: int,
    month: Month,
    under_way: OpenEntries,
    by_entry: Floats,
    scope: Flags,
    mix: Floats,
    limits: Floats,
) -> _Case:
    kinds = len(outlook.partners.types)
    days = max(month.end - outlook.as_of, 0)
    landed = landing_in(outlook.curves[:kinds], outlook.as_of, month, outlook.as_of + 1, month.end)
    through = np.array([float(np.prod([curve.rate for curve in row])) for row in outlook.curves[:kinds]])
    draws = draws_for(outlook, month, under_way, scope)
    return _Case(
        chances=chances_of(deals - int(deals_in(outlook, month, scope).sum()), draws.under_way),
        through_draws=draws.through[:, :kinds],
        in_flight=float(by_entry.sum()),
        per_entry=landed / days if days else np.zeros(kinds),
        through=through,
        mix=mix,
        limit=limits * days / 7.0
        if days
        else np.zeros(kinds),  # on the last day of a month nothing can be listed any more
    )


def _at_capacity(case: _Case, deals: int, base: float, listed: Floats) -> AtCapacity:
    new = case.expected(listed)
    weights = case.mix if not listed.sum() else listed / listed.sum()
    rate = float((weights * case.through).sum())
    lacking = max(0.0, deals - base)
    return AtCapacity(
        chance=case.chance(listed),
        expected=base + new,
        shortfall=max(0.0, lacking - new),
        rate=rate,
        needed_rate=rate * lacking / new if new > 0 else float("inf"),
    )


def _first_reachable(
    outlook: Outlook, deals: int, months: tuple[Month, ...], scope: Flags, mix: Floats, limits: Floats
) -> Month | None:
    """The first of the months in which the deals come with 80 %, each type listing as much as it can from tomorrow on."""
    under_way = of_scope(outlook.under_way, scope)
    for month in months:
        by_entry = chances_in(outlook, month, under_way)
        case = _case(outlook, deals, month, under_way, by_entry, scope, mix, limits)
        most = np.where(case.mix > 0, np.where(np.isfinite(case.limit), case.limit, MOST), 0.0)
        if case.chance(most) >= outlook.assumptions.sure:
            return month
    return None


def _pace(outlook: Outlook, scope: Flags) -> tuple[Floats, bool]:
    """Entries a week of each type over the trailing weeks. Where none came at all, one a partner and week stands in: only the mix matters."""
    kinds = len(outlook.partners.types)
    kind = outlook.partners.type[scope]
    listed = np.bincount(kind, weights=outlook.arriving.listed[scope], minlength=kinds).astype(np.float64)
    if listed.sum() > 0:
        return listed / outlook.assumptions.arrivals, False
    return np.bincount(kind, minlength=kinds).astype(np.float64), True


def _capacity(outlook: Outlook, scope: Flags, given: Floats | None) -> Floats:
    """Entries a week at most [types]: as given, else the best 4-week mean of the trailing weeks and a quarter; infinite where none came."""
    kinds, weeks = len(outlook.partners.types), outlook.assumptions.capacity_weeks
    day = outlook.paths.reached[:, LISTED]
    back = (outlook.as_of - day) // 7
    recent = (day != NO_DAY) & (back < weeks) & scope[outlook.paths.partner]
    counts = np.bincount(outlook.paths.type[recent] * weeks + back[recent], minlength=kinds * weeks).reshape(
        kinds, weeks
    )
    running = np.cumsum(np.c_[np.zeros((kinds, 1), np.int64), counts], axis=1)
    best = (running[:, 4:] - running[:, :-4]).max(axis=1) / 4.0
    usual = np.where(best > 0, best * outlook.assumptions.capacity_spare, np.inf)
    if given is None:
        return usual
    return np.where(np.isnan(given), usual, given)


def _immature(outlook: Outlook, scope: Flags, pace: Floats) -> tuple[int, ...]:
    """Steps (0 = `listed>requested`) of which no curve of a type in question, nor of all, has been watched long enough."""
    asked = np.bincount(outlook.partners.type[scope], minlength=len(pace)) > 0
    rows = [row for row, wanted in zip(outlook.curves, asked, strict=False) if wanted] or [outlook.curves[-1]]
    return tuple(
        k for k in range(len(outlook.curves[-1])) if any(not row[k].mature or not row[k].known for row in rows)
    )
