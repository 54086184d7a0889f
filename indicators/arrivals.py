"""How many entries a partner lists a week: counts of the last weeks, leaning on its type (Gamma and Poisson).

A partner's weekly rate is drawn from its type's Gamma(a, b); with c entries in w weeks it is Gamma(a + c, b + w). Of a partner whose contract
has ended nothing more is expected, and it tells nothing of how the others are spread.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.inputs import LISTED, NO_DAY, Flags, Floats, Ints, PartnerTable
from indicators.paths import PathTable

_LEAST, _MOST = 0.05, 50.0  # of the shape a: partners never differ, nor resemble each other, without bound


@dataclass(frozen=True, eq=False, slots=True)
class Arrivals:
    """Columns [partners].

    listed   entries in the trailing weeks
    weeks    how many of them the partner has been there
    shape, scale   of the Gamma distribution of its weekly rate; the mean is shape * scale, and both that and the scale 0 after its contract
    """

    listed: Ints
    weeks: Floats
    shape: Floats
    scale: Floats

    @property
    def weekly(self) -> Floats:
        """Entries expected a week."""
        return self.shape * self.scale


Pace = tuple[float, float]
"""(a, b) of the Gamma distribution of the weekly rates of a type's partners."""


def arrivals(paths: PathTable, partners: PartnerTable, assumptions: Assumptions = DEFAULTS) -> Arrivals:
    """The weekly rate of each partner on the as-of day, from the `arrivals` weeks before it."""
    return arrivals_given(paths, partners, type_paces(paths, partners, assumptions), assumptions)


def type_paces(paths: PathTable, partners: PartnerTable, assumptions: Assumptions = DEFAULTS) -> tuple[Pace, ...]:
    """How the weekly rates of each type's partners are spread."""
    listed, weeks = _counts(paths, partners, assumptions)
    stay = ~_ended(paths, partners)
    kinds = (stay & (partners.type == t) for t in range(len(partners.types)))
    return tuple(_gamma_prior(listed[mine], weeks[mine]) for mine in kinds)


def arrivals_given(
    paths: PathTable, partners: PartnerTable, paces: Sequence[Pace], assumptions: Assumptions = DEFAULTS
) -> Arrivals:
    """The weekly rates of these partners, leaning on `paces` [types]."""
    listed, weeks = _counts(paths, partners, assumptions)
    prior = np.array(paces, np.float64).reshape(-1, 2)[partners.type]
    scale = np.where(_ended(paths, partners), 0.0, 1.0 / (prior[:, 1] + weeks))
    return Arrivals(listed, weeks, prior[:, 0] + listed, scale)


def _ended(paths: PathTable, partners: PartnerTable) -> Flags:
    """[partners]: from tomorrow on without a contract."""
    return np.asarray((partners.ended_day != NO_DAY) & (partners.ended_day <= paths.as_of), np.bool_)


def _counts(paths: PathTable, partners: PartnerTable, assumptions: Assumptions) -> tuple[Ints, Floats]:
    """Entries listed of late by each partner, and the weeks it was there."""
    span = 7 * assumptions.arrivals
    day = paths.reached[:, LISTED]
    recent = (day != NO_DAY) & (day > paths.as_of - span)
    listed = np.bincount(paths.partner[recent], minlength=len(partners)).astype(np.int64)
    there = np.where(partners.joined_day == NO_DAY, span, np.clip(paths.as_of - partners.joined_day, 1, span))
    return listed, there / 7.0


def _gamma_prior(listed: Ints, weeks: Floats) -> tuple[float, float]:
    """(a, b) by moments: the mean weekly rate, and how much more partners differ than chance alone would make them."""
    exposure = float(weeks.sum())
    if not len(listed) or exposure <= 0:
        return 0.5, 0.5 * 13
    mean = max(float(listed.sum()), 0.5) / exposure
    expected = mean * weeks
    excess = float(((listed - expected) ** 2 - expected).sum())
    a = float((expected**2).sum()) / excess if excess > 0 else _MOST
    a = min(max(a, _LEAST), _MOST)
    return a, a / mean
