"""Were earlier forecasts right? What would have been said on past days, against what came (METHODS 3e, quality gate).

For each of the last six origins, 30 days apart, the chances of the entries then under way to be a deal within 30 days are summed and
compared with how many were. Beyond twice the standard deviation that such chances have by themselves, forecasts are `miscalibrated`.
The past is told with what is known today (`rewound`).
"""

from dataclasses import dataclass

import numpy as np

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.curves import TypeCurves
from indicators.forecast import chances, way_tables
from indicators.inputs import DEAL, NO_DAY, Ints, PartnerTable
from indicators.jumps import with_jumps
from indicators.open_entries import OpenEntries, every_nth, open_entries, rewound
from indicators.partner_priors import Priors, priors_of_many
from indicators.partner_rates import rates_given
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
    days = (paths.as_of - EVERY * back for back in range(assumptions.checks, 0, -1))
    looks = [found for day in days if (found := _look(paths, partners, day, assumptions)) is not None]
    priors = priors_of_many([(look.funnel, partners, look.curves) for look in looks], assumptions, still=_STILL)
    origins = tuple(
        _origin(paths, partners, look, prior, assumptions) for look, prior in zip(looks, priors, strict=True)
    )
    expected, came = sum(o.expected for o in origins), sum(o.came for o in origins)
    limit = 2 * float(np.sqrt(sum(o.variance for o in origins)))
    if not origins:
        return Calibration(UNCHECKED, 0.0, 0, 0.0, ())
    status = MISCALIBRATED if abs(expected - came) > limit else OK
    return Calibration(status, expected, came, limit, origins)


@dataclass(frozen=True, eq=False, slots=True)
class _Look:
    """What there was to be seen on one day in the past."""

    day: int
    funnel: Funnel
    curves: tuple[TypeCurves, ...]
    waiting: OpenEntries


def _look(paths: PathTable, partners: PartnerTable, day: int, assumptions: Assumptions) -> _Look | None:
    """One day; None where not every step had been seen to convert often enough."""
    then = rewound(paths, day)
    funnel = Funnel(then)
    curves = with_jumps(quick_curves(funnel, partners.types, assumptions), funnel, assumptions)
    if any(curve.conversions < assumptions.own_curve for curve in curves[-1]):
        return None
    waiting = open_entries(then)
    return _Look(day, funnel, curves, waiting) if len(waiting) else None


def _origin(paths: PathTable, partners: PartnerTable, look: _Look, priors: Priors, assumptions: Assumptions) -> Origin:
    rates = rates_given(look.funnel, partners, look.curves, priors, assumptions)
    q = chances(look.waiting, way_tables(look.curves, only=(EVERY,)), rates, (EVERY,))[:, 0]
    came = _deals_of(paths, look.funnel.paths, look.waiting.row, look.day)
    return Origin(look.day, len(q), float(q.sum()), came, float((q * (1 - q)).sum()))


def _deals_of(paths: PathTable, then: PathTable, rows: Ints, day: int) -> int:
    """How many of the rows of `then` were a deal within the 30 days that followed."""
    began = np.flatnonzero((paths.reached[:, 0] != NO_DAY) & (paths.reached[:, 0] <= day))
    assert len(began) == len(then)
    deal = paths.reached[began[rows], DEAL]
    return int(((deal != NO_DAY) & (deal <= day + EVERY)).sum())
