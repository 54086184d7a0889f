"""How many entries a partner lists a week: counts of the last weeks, leaning on its type (Gamma and Poisson).

A partner's weekly rate is drawn from its type's Gamma(a, b); with c entries in w weeks it is Gamma(a + c, b + w).
"""

from dataclasses import dataclass

import numpy as np

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.inputs import LISTED, NO_DAY, Floats, Ints, PartnerTable
from indicators.paths import PathTable

_LEAST, _MOST = 0.05, 50.0  # of the shape a: partners never differ, nor resemble each other, without bound


@dataclass(frozen=True, eq=False, slots=True)
class Arrivals:
    """Columns [partners].

    listed   entries in the trailing weeks
    weeks    how many of them the partner has been there
    shape, scale   of the Gamma distribution of its weekly rate; the mean is shape * scale
    """

    listed: Ints
    weeks: Floats
    shape: Floats
    scale: Floats

    @property
    def weekly(self) -> Floats:
        """Entries expected a week."""
        return self.shape * self.scale


def arrivals(paths: PathTable, partners: PartnerTable, assumptions: Assumptions = DEFAULTS) -> Arrivals:
    """The weekly rate of each partner on the as-of day, from the `arrivals` weeks before it."""
    n, span = len(partners), 7 * assumptions.arrivals
    day = paths.reached[:, LISTED]
    recent = (day != NO_DAY) & (day > paths.as_of - span)
    listed = np.bincount(paths.partner[recent], minlength=n).astype(np.int64)
    there = np.where(partners.joined_day == NO_DAY, span, np.clip(paths.as_of - partners.joined_day, 1, span))
    weeks = there / 7.0
    shape, scale = np.zeros(n), np.zeros(n)
    for t in range(len(partners.types)):
        mine = partners.type == t
        a, b = _gamma_prior(listed[mine], weeks[mine])
        shape[mine], scale[mine] = a + listed[mine], 1.0 / (b + weeks[mine])
    return Arrivals(listed, weeks, shape, scale)


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
