"""Visits go where entries are: what a partner's entries under way let expect of x, taken out of it before it is asked whether x leads.

Who visits customers that are far along sees deals follow, though the visits do nothing: that is immortal time (METHODS 2, bias 7), one
level up. It is not in partner effects, which do not move, nor in week effects, which all partners share. So x is compared with x at the
same partner in weeks in which its entries stood alike: a regression of x on the days that entries spent at each milestone, by how long
they had been there. What a visit brings about itself comes later, and stays in.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from indicators.inputs import LAST_DAY, NO_DAY, Days, Flags, Floats, Ints
from indicators.leading.panel import Panel
from indicators.leading.series import WEEK, Weeks

AGES = (0, 28, 84, 180)
"""Days at a milestone: what has just come is visited more, and goes on more, than what was left lying; after 180 days nothing moves."""
_DIGITS = 9  # makes equal what equal sums leave on every machine
_CUTOFF = 1e-9
_TURNS = 4  # of fitting slopes and keenness in turn; more of them change nothing that matters


@dataclass(frozen=True, eq=False, slots=True)
class Stays:
    """Where entries stood, from when to when; columns of one length.

    partner    place in PartnerTable
    milestone  0 `listed` to 3 `executed`
    came       the day it was reached
    went       the day the entry moved on, was lost or became a deal; LAST_DAY where it did not
    """

    partner: Ints
    milestone: Ints
    came: Ints
    went: Ints

    @classmethod
    def of(cls, partner: Ints, reached: Days, lost: Days) -> "Stays":
        """From first passages: `reached` [attempts, 5] and `lost` [attempts] are days, NO_DAY where there is none."""
        steps = reached.shape[1] - 1
        came = reached[:, :steps].astype(np.int64)
        ends = np.column_stack([reached[:, 1:], lost]).astype(np.int64)
        ends = np.where(ends == NO_DAY, LAST_DAY, ends)
        # the next end is that of any later milestone, or the loss
        first = np.minimum.accumulate(ends[:, ::-1], axis=1)[:, ::-1][:, :steps]
        stood = (came != NO_DAY) & (came < first)
        row, milestone = np.nonzero(stood)
        return cls(partner[row], milestone, came[stood], first[stood])

    def of_partners(self, mine: Flags) -> "Stays":
        """Those of the entries of these partners [partners], as places among them."""
        rows = np.flatnonzero(mine[self.partner])
        places = (np.cumsum(mine) - 1)[self.partner[rows]]
        return Stays(places, self.milestone[rows], self.came[rows], self.went[rows])


def days_under_way(stays: Stays, weeks: Weeks, n_partners: int) -> Floats:
    """[columns, partners, weeks]: days that entries spent at each milestone, by age, from the day of coming to that before going; columns with none left out."""
    found = []
    for milestone in range(stays.milestone.max(initial=-1) + 1):
        mine = np.flatnonzero(stays.milestone == milestone)
        # who agrees during a visit was visited on the day of coming
        partner, came, went = stays.partner[mine], stays.came[mine] - 1, stays.went[mine] - 1
        beyond = (_days_after(partner, np.minimum(came + age, went), weeks, n_partners) for age in AGES)
        found += [begun - over for begun, over in pairwise(beyond)]
    kept = [days for days in found if days.any()]
    return np.array(kept).reshape(len(kept), n_partners, weeks.count)


@dataclass(frozen=True, eq=False, slots=True)
class Expectation:
    """What entries under way let expect on a panel, for any x."""

    panel: Panel
    under_way: Floats
    _columns: Floats
    _products: Floats
    _size: Floats

    @classmethod
    def of(cls, panel: Panel, under_way: Floats) -> "Expectation":
        """`under_way` is what `days_under_way` gives of the panel's partners."""
        columns = np.array([panel.demeaned(days) for days in under_way]).reshape(under_way.shape)
        size = np.sqrt((columns**2).sum(axis=(1, 2)))
        size = np.where(size > _CUTOFF, size, 1.0)
        columns /= size[:, None, None]
        columns = np.ascontiguousarray(columns.transpose(1, 0, 2))
        # not BLAS, whose threads would add in another order from machine to machine
        return cls(panel, under_way, columns, np.einsum("paw,pbw->pab", columns, columns), size)

    def unexpected(self, x: Ints) -> Floats:
        """What is left of x [partners, weeks] without what the entries under way let expect of it; each partner's sum stays.

        How much x each kind of day lets expect is fitted to all partners, within partners and weeks; how much that says of one partner,
        to it.
        """
        panel = self.panel
        expected = _within(np.einsum("a,apw->pw", self._slopes(x) / self._size, self.under_way), panel.active)
        spread = (expected**2).sum(axis=1)
        says = np.divide((expected * x).sum(axis=1), spread, out=np.zeros(len(x)), where=spread > _CUTOFF)
        return np.asarray(np.round(x * panel.active - says[:, None] * expected, _DIGITS), np.float64)

    def _slopes(self, x: Ints) -> Floats:
        """Of x on a day of each kind, for a partner that is as keen as the average.

        Partners are as unlike as can be: where one of them makes half the visits, a fit that takes all alike is bent to how that one's
        entries happen to stand beside everybody else's, and what it leaves points at deals. So x is keenness times slopes times days,
        each fitted in turn; counts vary as much as they are high, and are weighed so.
        """
        alike = np.einsum("paw,pw->pa", self._columns, self.panel.demeaned(x.astype(np.float64)))
        keen = np.ones(len(x))
        slopes = np.zeros(len(self._size))
        for _ in range(_TURNS):
            slopes = np.linalg.lstsq(np.einsum("p,pab->ab", keen, self._products), alike.sum(axis=0), rcond=_CUTOFF)[0]
            pulled = np.einsum("pa,a->p", alike, slopes)
            spread = np.einsum("pab,a,b->p", self._products, slopes, slopes)
            found = np.divide(pulled, spread, out=np.zeros(len(x)), where=(spread > _CUTOFF) & (pulled > 0))
            if not found.any():
                break
            keen = found / found.mean()
        return slopes


def _days_after(partner: Ints, day: Ints, weeks: Weeks, n_partners: int) -> Floats:
    """[partners, weeks]: summed over rows, how many of a week's days lie after `day`."""
    week = np.maximum(weeks.of(day), -1)
    inside = week < weeks.count
    partner, week, day = partner[inside], week[inside], day[inside]
    left = np.where(week < 0, 0, weeks.first + WEEK * (week + 1) - 1 - day)
    shape = n_partners, weeks.count + 1
    place, cells = partner * shape[1] + week + 1, shape[0] * shape[1]
    whole = np.cumsum(np.bincount(place, minlength=cells).reshape(shape), axis=1)[:, :-1] * WEEK
    return np.asarray(whole + np.bincount(place, weights=left, minlength=cells).reshape(shape)[:, 1:], np.float64)


def _within(f: Floats, active: Flags) -> Floats:
    """What is left of f without each partner's mean over its window; 0 outside."""
    weeks = active.sum(axis=1, keepdims=True)
    return np.where(active, f - (f * active).sum(axis=1, keepdims=True) / np.maximum(weeks, 1), 0.0)
