"""A target shared out to partners: how many deals from whom this month, and whom to work on for the next.

A partner's part is what it has brought, what is expected of its entries under way, and what its share of the plan's new entries should
become at its own rates. Whole numbers, by largest remainder; they sum to the target.
"""

from dataclasses import dataclass

import numpy as np

from indicators.counting import per_group, shared_out
from indicators.inputs import DEAL, LISTED, Flags, Floats, Ints
from indicators.month import Month, chances_in, landing_in
from indicators.outlook import Outlook
from indicators.target_plan import TargetPlan


@dataclass(frozen=True, eq=False, slots=True)
class NextMonth:
    """Whom to work on for the month after. Columns [partners]; 0 for partners out of scope.

    in_flight   deals expected from what is under way today
    new         and from new entries, at the partner's usual pace
    gain        deals more for ten entries more, listed in the coming week
    focus       the milestone at which most of the expected deals stand today; -1 where none does
    waiting     [partners, 4] entries under way by milestone
    """

    in_flight: Floats
    new: Floats
    gain: Floats
    focus: Ints
    waiting: Ints

    @property
    def order(self) -> Ints:
        """Partners by what they are expected to bring, most first; ties in the order of their ids."""
        return np.argsort(-(self.in_flight + self.new).round(9), kind="stable")


@dataclass(frozen=True, eq=False, slots=True)
class Allocation:
    """Columns [partners]; 0 for partners out of scope.

    target      deals of this month, achieved ones included
    achieved, in_flight, new   what that rests on
    entries     new entries to list until the end of the month
    """

    target: Ints
    achieved: Ints
    in_flight: Floats
    new: Floats
    entries: Ints
    next_month: NextMonth


def allocate(outlook: Outlook, plan: TargetPlan, following: Month, scope: Flags | None = None) -> Allocation:
    """The plan's deals and new entries by partner; `following` is the month after the plan's."""
    n, kind = len(outlook.partners), outlook.partners.type
    chosen = np.ones(n, bool) if scope is None else np.asarray(scope, bool)
    through = outlook.rates.rate.prod(axis=1) * chosen
    weekly = outlook.arriving.weekly * chosen
    in_flight = per_group(plan.under_way.partner, plan.chances, n)
    entries, new = np.zeros(n, np.int64), np.zeros(n)
    kinds = len(outlook.partners.types)
    days = max(plan.month.end - plan.as_of, 0)
    landed = landing_in(outlook.curves[:kinds], plan.as_of, plan.month, plan.as_of + 1, plan.month.end)
    per_type = plan.weekly.goals[LISTED].sum(axis=1)
    for t in range(kinds):
        mine = (kind == t) & chosen
        if not mine.any() or not days:
            continue
        pace = _weights(weekly[mine])
        entries[mine] = shared_out(int(per_type[t]), pace)
        share = pace / pace.sum()
        new[mine] = plan.listed[t] / 7.0 * share * landed[t] * through[mine]
    left = max(plan.deals - plan.achieved, 0)
    likely = in_flight + new
    weights = likely if likely.sum() > 0 else np.where(chosen, _weights(weekly), 0.0)
    return Allocation(
        target=plan.achieved_by + shared_out(left, weights),
        achieved=plan.achieved_by,
        in_flight=in_flight,
        new=new,
        entries=entries,
        next_month=_next_month(outlook, plan, following, weekly, through),
    )


def _weights(weekly: Floats) -> Floats:
    """The pace of each; alike where nobody has one, as after the last contract of a type."""
    return weekly if weekly.sum() > 0 else np.ones(len(weekly))


def _next_month(outlook: Outlook, plan: TargetPlan, following: Month, weekly: Floats, through: Floats) -> NextMonth:
    n, kind, kinds = len(outlook.partners), outlook.partners.type, len(outlook.partners.types)
    coming = chances_in(outlook, following, plan.under_way)
    cell = plan.under_way.partner * DEAL + plan.under_way.milestone
    by_milestone = per_group(cell, coming, n * DEAL).reshape(n, DEAL)
    curves = outlook.curves[:kinds]
    usual = landing_in(curves, outlook.as_of, following, outlook.as_of + 1, following.end)
    soon = landing_in(curves, outlook.as_of, following, outlook.as_of + 1, outlook.as_of + 7)
    return NextMonth(
        in_flight=by_milestone.sum(axis=1),
        new=weekly / 7.0 * usual[kind] * through,
        gain=10.0 / 7.0 * soon[kind] * through,
        focus=np.where(by_milestone.sum(axis=1) > 0, by_milestone.argmax(axis=1), -1).astype(np.int64),
        waiting=np.bincount(cell, minlength=n * DEAL).reshape(n, DEAL).astype(np.int64),
    )
