"""What each partner's entries did on a step, and how many of those that still wait will convert (METHODS 3d, E)."""

from dataclasses import dataclass

import numpy as np

from indicators.assumptions import Assumptions
from indicators.counting import per_group
from indicators.curves import StepCurve, waiting
from indicators.incidence import CENSORED, CONVERTED, ENDED
from indicators.inputs import Floats, Ints, PartnerTable
from indicators.subjects import STEPS, Funnel, Subjects


@dataclass(frozen=True, eq=False, slots=True)
class Tally:
    """What one step's entries did, by partner: counts [partners], and of the open ones by age [partners, days]."""

    converted: Ints
    attempts: Ints
    waiting: Floats


def tallies_of(funnel: Funnel, partners: PartnerTable, assumptions: Assumptions) -> list[Tally]:
    return [
        _tally(funnel.subjects(step, None, assumptions.partner_window, 0)[0], len(partners), assumptions.horizon)
        for step in STEPS
    ]


def _tally(subjects: Subjects, n_partners: int, horizon: int) -> Tally:
    within = subjects.duration <= horizon
    partner = subjects.partner.astype(np.int64)
    done = (subjects.ending == CONVERTED) & within
    ended = (subjects.ending == ENDED) & within
    censored = ~(done | ended)
    age = np.where(subjects.ending == CENSORED, np.minimum(subjects.duration, horizon), horizon)[censored].astype(
        np.int64
    )
    days = horizon + 1
    waiting_ = np.bincount(partner[censored] * days + age, minlength=n_partners * days).reshape(n_partners, days)
    return Tally(
        np.bincount(partner[done], minlength=n_partners).astype(np.int64),
        np.bincount(partner, minlength=n_partners).astype(np.int64),
        waiting_.astype(np.float64),
    )


@dataclass(frozen=True, eq=False, slots=True)
class Waiting:
    """Open entries of `n` partners, one row a partner and age: those as old as the horizon count as not converted, and are none of them.

    entries              how many there are
    converters, others   of those that will convert, and that will not, the share that still waits at that age
    """

    partner: Ints
    entries: Floats
    converters: Floats
    others: Floats
    n: int

    @classmethod
    def at(cls, curve: StepCurve, waits: Floats) -> "Waiting":
        """Of one type's partners, by age [partners, days]."""
        converters, others = waiting(curve)
        partner, age = np.nonzero(waits[:, :-1])
        return cls(partner, waits[partner, age], converters[age], others[age], len(waits))

    def expected(self, p: Floats) -> tuple[Floats, Floats]:
        """Of partners with rates p [n]: how many of their open entries will convert, and how that changes with p (METHODS 3d, E)."""
        own = p[self.partner]
        will, wont = own * self.converters, (1 - own) * self.others
        both = np.maximum(will + wont, 1e-100)
        found = per_group(self.partner, self.entries * (will / both), self.n)
        slope = self.entries * (self.converters * self.others / (both * both))
        return found, per_group(self.partner, slope, self.n)
