"""What each partner's entries did on a step, and how many of those that still wait will convert (METHODS 3d, E)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from indicators.assumptions import Assumptions
from indicators.counting import per_group
from indicators.curves import StepCurve, waiting
from indicators.incidence import CENSORED, CONVERTED, ENDED
from indicators.inputs import Codes, Days, Floats, Ints, PartnerTable
from indicators.subjects import STEPS, Funnel


@dataclass(frozen=True, eq=False, slots=True)
class Tally:
    """What one step's entries did, by partner: counts [partners], and of the open ones by age [partners, days]."""

    converted: Ints
    attempts: Ints
    waiting: Floats


def tallies_of(funnel: Funnel, partners: PartnerTable, assumptions: Assumptions) -> list[Tally]:
    """Of each step, in the partners' window."""
    found = []
    for step in STEPS:
        subjects, _ = funnel.subjects(step, None, assumptions.partner_window, 0)
        found.append(tally(subjects.partner, subjects.duration, subjects.ending, len(partners), assumptions.horizon))
    return found


def tally(partner: Days, duration: Days, ending: Codes, n_partners: int, horizon: int) -> Tally:
    """What subjects of one step did, by partner; columns as of `Subjects`."""
    within = duration <= horizon
    partner = partner.astype(np.int64)
    done = (ending == CONVERTED) & within
    censored = ~(done | ((ending == ENDED) & within))
    age = np.where(ending == CENSORED, np.minimum(duration, horizon), horizon)[censored].astype(np.int64)
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
    def at(cls, curves: Mapping[int, StepCurve], kind: Ints, waits: Floats) -> "Waiting":
        """Of partners of the types `kind` [partners], by age [partners, days]; each entry by the curve of its own partner's type."""
        partner, age = np.nonzero(waits[:, :-1])
        of, shares = kind[partner], np.zeros((2, len(partner)))
        for t in np.unique(kind):
            mine = of == t
            shares[:, mine] = np.stack(waiting(curves[t]))[:, age[mine]]
        return cls(partner, waits[partner, age], shares[0], shares[1], len(waits))

    @classmethod
    def together(cls, parts: Sequence["Waiting"]) -> "Waiting":
        """All of them, the partners of each after those of the ones before."""
        begins = np.cumsum([0, *(part.n for part in parts)])
        partner = [part.partner + begin for part, begin in zip(parts, begins[:-1], strict=True)]
        return cls(
            np.concatenate([np.zeros(0, np.int64), *partner]),
            np.concatenate([np.zeros(0), *(part.entries for part in parts)]),
            np.concatenate([np.zeros(0), *(part.converters for part in parts)]),
            np.concatenate([np.zeros(0), *(part.others for part in parts)]),
            int(begins[-1]),
        )

    def expected(self, p: Floats) -> tuple[Floats, Floats]:
        """Of partners with rates p [n]: how many of their open entries will convert, and how that changes with p (METHODS 3d, E)."""
        own = p[self.partner]
        will, wont = own * self.converters, (1 - own) * self.others
        both = np.maximum(will + wont, 1e-100)
        found = per_group(self.partner, self.entries * (will / both), self.n)
        slope = self.entries * (self.converters * self.others / (both * both))
        return found, per_group(self.partner, slope, self.n)
