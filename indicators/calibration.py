"""Were earlier forecasts right? What would have been said on past days, against what came (METHODS 3e, quality gate).

For each of the last six origins, 30 days apart, the chances of the entries then under way to be a deal within 30 days are summed and
compared with how many were. Beyond twice the standard deviation that such chances have by themselves, forecasts are `miscalibrated`.
The past is told with what is known today (`rewound`).
"""

from dataclasses import dataclass

import numpy as np

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.forecast import chances, way_tables
from indicators.inputs import DEAL, NO_DAY, Ints, PartnerTable
from indicators.jumps import with_jumps
from indicators.open_entries import every_nth, open_entries, rewound
from indicators.partner_rates import partner_rates
from indicators.paths import PathTable
from indicators.quick_curves import quick_curves
from indicators.subjects import Funnel

OK, MISCALIBRATED, UNCHECKED, NOT_ENOUGH_DATA = "ok", "miscalibrated", "unchecked", "not_enough_data"
EVERY = 30
MOST = 200_000  # attempts
_STILL = 1e-4  # of a rate: far below what the check could see


@dataclass(frozen=True, slots=True)
class Origin:
    """One day in the past: entries then under way, deals expected of them within 30 days, and deals that came."""

    day: int
    n: int
    expected: float
    came: int
    variance: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """`status`: `ok`, `miscalibrated`, or `unchecked` where no past day had enough behind it. `limit`: the difference allowed."""

    status: str
    expected: float
    came: int
    limit: float
    origins: tuple[Origin, ...]


def calibration(paths: PathTable, partners: PartnerTable, assumptions: Assumptions = DEFAULTS) -> Calibration:
    """The check over the last origins whose 30 days are over; of very many entries every n-th is enough to see what is off."""
    paths = every_nth(paths, -(-len(paths) // MOST))
    origins = tuple(
        found
        for back in range(assumptions.checks, 0, -1)
        if (found := _origin(paths, partners, paths.as_of - EVERY * back, assumptions)) is not None
    )
    expected, came = sum(o.expected for o in origins), sum(o.came for o in origins)
    limit = 2 * float(np.sqrt(sum(o.variance for o in origins)))
    if not origins:
        return Calibration(UNCHECKED, 0.0, 0, 0.0, ())
    status = MISCALIBRATED if abs(expected - came) > limit else OK
    return Calibration(status, expected, came, limit, origins)


def _origin(paths: PathTable, partners: PartnerTable, day: int, assumptions: Assumptions) -> Origin | None:
    """One origin; None where not every step had been seen to convert often enough."""
    then = rewound(paths, day)
    funnel = Funnel(then)
    curves = with_jumps(quick_curves(funnel, partners.types, assumptions), funnel, assumptions)
    if any(curve.conversions < assumptions.own_curve for curve in curves[-1]):
        return None
    waiting = open_entries(then)
    if not len(waiting):
        return None
    rates = partner_rates(funnel, partners, curves, assumptions, still=_STILL)
    q = chances(waiting, way_tables(curves, only=(EVERY,)), rates, (EVERY,))[:, 0]
    return Origin(day, len(q), float(q.sum()), _deals_of(paths, then, waiting.row, day), float((q * (1 - q)).sum()))


def _deals_of(paths: PathTable, then: PathTable, rows: Ints, day: int) -> int:
    """How many of the rows of `then` were a deal within the 30 days that followed."""
    began = np.flatnonzero((paths.reached[:, 0] != NO_DAY) & (paths.reached[:, 0] <= day))
    assert len(began) == len(then)
    deal = paths.reached[began[rows], DEAL]
    return int(((deal != NO_DAY) & (deal <= day + EVERY)).sum())
