"""Conversions as indicators: what was known of a step's rate at each past week (METHODS 3k: rates are graded by T2 alone).

The rate at a week is that of the entries that came to the step's first milestone 8 to 34 weeks before, counting what followed within 8
weeks, drawn towards the rate of all earlier ones by a weight of 12 entries (empirical Bayes, METHODS 3d).
"""

from dataclasses import dataclass

import numpy as np

from indicators.inputs import LAST_DAY, Flags, Floats, Ints
from indicators.leading.series import WEEK, Occurrences, Weeks, vintages

MATURE, SPAN = 8, 26  # weeks
CONCENTRATION = 12.0


@dataclass(frozen=True, eq=False, slots=True)
class Passages:
    """First passages of one milestone: `attempt` names the attempt of each row, equal for all its milestones."""

    attempt: Ints
    rows: Occurrences

    def standing(self) -> "Passages":
        """Those that still stand, one an attempt."""
        kept = np.flatnonzero(self.rows.known_until >= LAST_DAY)
        _, first = np.unique(self.attempt[kept], return_index=True)
        chosen = kept[first]
        return Passages(self.attempt[chosen], self.rows.only(chosen))


@dataclass(frozen=True, eq=False, slots=True)
class Cohorts:
    """Entries that came to a step's first milestone, and those of them that went on in time; days are those of the first."""

    came: Occurrences
    went_on: Occurrences

    @classmethod
    def of(cls, first: Passages, second: Passages) -> "Cohorts":
        """Paired by attempt. That an entry went on is known when its later milestone is."""
        one, two = first.standing(), second.standing()
        place = np.searchsorted(two.attempt, one.attempt)
        place = np.minimum(place, max(len(two.attempt) - 1, 0))
        found = two.attempt[place] == one.attempt if len(two.attempt) else np.zeros(len(one.attempt), np.bool_)
        rows = one.rows.only(found)
        later = two.rows.only(place[found]) if len(two.attempt) else rows
        in_time = (later.day - rows.day <= WEEK * MATURE) & (later.day >= rows.day)
        known = np.maximum(rows.known_from, later.known_from)
        went = Occurrences.of(rows.partner, rows.day, known)
        return cls(one.rows, went.only(in_time))

    def only(self, chosen: Flags) -> "Cohorts":
        """Of the chosen partners [partners]."""
        return Cohorts(self.came.only(chosen[self.came.partner]), self.went_on.only(chosen[self.went_on.partner]))


def rate_feature(cohorts: Cohorts, weeks: Weeks) -> Floats:
    """[weeks, 1]: ln of the odds of the rate, as known at the end of each week."""
    came, went = (np.cumsum(vintages(rows, weeks), axis=1) for rows in (cohorts.came, cohorts.went_on))
    n = weeks.count
    if not n:
        return np.zeros((0, 1))
    week = np.arange(n)
    newest, oldest = week - MATURE, week - MATURE - SPAN

    def until(total: Ints, last: Ints) -> Floats:
        return np.where(last >= 0, total[week, np.maximum(last, 0)], 0).astype(np.float64)

    of_all = (until(went, newest) + 1.0) / (until(came, newest) + 2.0)
    recent = until(came, newest) - until(came, oldest)
    went_on = until(went, newest) - until(went, oldest)
    rate = (went_on + CONCENTRATION * of_all) / (recent + CONCENTRATION)
    return np.asarray(np.log(rate / (1 - rate)), np.float64)[:, None]
