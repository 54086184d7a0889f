"""What must be reached week by week: what is under way moves on, and new entries follow it, by the same curves (METHODS 3f, 4 to 6)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indicators.counting import shared_out
from indicators.curves import onward
from indicators.forecast import WayTables, chances, way_tables
from indicators.inputs import DEAL, LISTED, NO_DAY, Flags, Floats, Ints
from indicators.month import Month, Week, landing_of
from indicators.open_entries import OpenEntries
from indicators.outlook import Outlook
from indicators.partner_rates import PartnerRates


@dataclass(frozen=True, eq=False, slots=True)
class WeeklyTargets:
    """[5 milestones, types, weeks].

    in_flight, new   expected from what is under way, and from the plan's new entries
    goals            whole numbers; those of a milestone sum to its expected total, rounded up
    latest           [5]: the last week in which reaching the milestone still serves the month; -1 where no week does
    """

    weeks: tuple[Week, ...]
    in_flight: Floats
    new: Floats
    goals: Ints
    latest: tuple[int, ...]

    def total(self, milestone: int) -> int:
        """All types and weeks of a milestone."""
        return int(self.goals[milestone].sum())


def moving_on(outlook: Outlook, under_way: OpenEntries, weeks: Sequence[Week]) -> Floats:
    """[5 milestones, types, weeks]: how many of those under way are expected to reach each milestone in each week."""
    kinds = len(outlook.partners.types)
    found = np.zeros((DEAL + 1, kinds, len(weeks)))
    ends = [week.end - outlook.as_of for week in weeks]
    for j in range(LISTED + 1, DEAL + 1) if weeks else ():
        ways = outlook.ways if j == DEAL else way_tables(outlook.curves, j, only=ends)
        still = under_way.only(not_yet_at(outlook, under_way, j))
        found[j] = np.diff(_arriving(still, ways, outlook.rates, ends, j, kinds), axis=1, prepend=0.0)
    return found


def not_yet_at(outlook: Outlook, under_way: OpenEntries, milestone: int) -> Flags:
    """Which of those under way have yet to come to the milestone: one that came there and was set back is not counted there again."""
    never = outlook.paths.reached[under_way.row, milestone] == NO_DAY
    return np.asarray((under_way.milestone < milestone) & never, np.bool_)


def weekly_targets(
    outlook: Outlook, in_flight: Floats, weeks: Sequence[Week], listed: Floats, month: Month
) -> WeeklyTargets:
    """The targets of a plan that lists `listed` [types] entries a day from tomorrow to the end of the last week.

    `in_flight` is what `moving_on` gives for these weeks.
    """
    new = np.zeros_like(in_flight)
    if not weeks:
        return WeeklyTargets((), in_flight, new, np.zeros(in_flight.shape, np.int64), (-1,) * (DEAL + 1))
    ends = [week.end - outlook.as_of for week in weeks]
    new[LISTED] = listed[:, None] * np.array([week.days for week in weeks])
    for t in range(in_flight.shape[1]):
        row = outlook.curves[t]
        rate = 1.0
        for j in range(LISTED + 1, DEAL + 1):
            rate *= row[j - 1].rate
            new[j, t] = listed[t] * rate * np.diff(running(onward(row, j)[LISTED], ends), prepend=0.0)
    return WeeklyTargets(
        weeks=tuple(weeks),
        in_flight=in_flight,
        new=new,
        goals=whole_goals(in_flight, new),
        latest=_latest_useful(outlook, weeks, month, listed),
    )


def whole_goals(in_flight: Floats, new: Floats) -> Ints:
    """Whole numbers [5, types, weeks] for expected ones: each milestone's total rounded up, split by largest remainder.

    Reaching a milestone takes having reached the one before: over all weeks up to any one, as many must come to milestone k as come to
    k + 1, less those that are under way and come to k + 1. Where rounding breaks that, goals move to earlier weeks, or
    rise by what is lacking.
    """
    expected = in_flight + new
    goals = np.array(
        [shared_out(int(np.ceil(part.sum() - 1e-9)), part.ravel()).reshape(part.shape) for part in expected]
    )
    for k in range(DEAL - 1, LISTED - 1, -1):
        if expected[k].sum() <= 0:
            continue  # nothing is planned there, and a rounded-up part of one asks for nothing
        ahead = np.cumsum(in_flight[k + 1].sum(axis=0))
        needed = np.ceil(np.cumsum(goals[k + 1].sum(axis=0)) - ahead - 1e-9).astype(np.int64)
        for w in range(goals.shape[2]):
            while int(goals[k, :, : w + 1].sum()) < needed[w]:
                later = goals[k, :, w + 1 :]
                t = int(expected[k].sum(axis=1).argmax())
                if later.any():
                    t, at = (int(i) for i in np.argwhere(later > 0)[0])
                    goals[k, t, w + 1 + at] -= 1
                goals[k, t, w] += 1
    return goals


def _arriving(
    under_way: OpenEntries, ways: Sequence[WayTables], rates: PartnerRates, days: Sequence[int], to: int, kinds: int
) -> Floats:
    """[types, days]: how many of those under way are expected at the milestone within so many days."""
    found = np.zeros((kinds, len(days)))
    step = 50_000  # entries at once, so that memory does not grow with weeks times entries
    for at in range(0, len(under_way), step):
        part = under_way.only(np.arange(at, min(at + step, len(under_way))))
        expected = chances(part, ways, rates, days, to=to)
        for t in range(kinds):
            found[t] += expected[part.type == t].sum(axis=0)
    return found


def running(delay: Floats, days: Sequence[int]) -> Floats:
    """For entries that come one a day: how many are through within so many days, if all get through."""
    summed = np.cumsum(delay)
    last = len(summed)
    return np.array(
        [float(summed[min(d, last) - 1]) + max(0, d - last) * float(delay[-1]) if d > 0 else 0.0 for d in days]
    )


def _latest_useful(outlook: Outlook, weeks: Sequence[Week], month: Month, listed: Floats) -> tuple[int, ...]:
    """For each milestone the last week (its place) whose entries into it become deals in the month half as often as the best week's."""
    weights = listed if listed.any() else np.ones(len(listed))
    starts = np.array([week.start for week in weeks])
    found = []
    for k in range(DEAL + 1):
        worth = np.zeros(len(weeks))
        for t, weight in enumerate(weights):
            row = outlook.curves[t]
            through = float(np.prod([curve.rate for curve in row[k:]])) if k < DEAL else 1.0
            worth += weight * through * landing_of(onward(row)[k], month, starts)
        useful = np.flatnonzero((worth > 0) & (worth >= outlook.assumptions.useful * worth.max()))
        found.append(int(useful[-1]) if len(useful) else -1)
    return tuple(found)
