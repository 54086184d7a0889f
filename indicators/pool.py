"""What all partners together say: curves, rates and limits that each partner and entry is judged by.

A day's results are told in two parts. The pool is worked out from everybody; a partner's own values follow from the pool and from what
that partner did (`own.py`). So one changed entry costs what its partner costs, and moves no other partner's fields.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from indicators.arrivals import Pace, type_paces
from indicators.assumptions import DEFAULTS, Assumptions
from indicators.calibration import NOT_ENOUGH_DATA, Calibration
from indicators.conversion import Conversion
from indicators.curves import TypeCurves, type_curves
from indicators.histories import LateHistory
from indicators.inputs import PartnerTable
from indicators.jumps import with_jumps
from indicators.lead_time import LeadTime
from indicators.partner_priors import Priors, fitted_priors
from indicators.stalled_over_time import Paces, paces_over_time
from indicators.subjects import OVERALL, Funnel, step_name


@dataclass(frozen=True, slots=True)
class WholeWay:
    """From `listed` to `deal` in one type: the rate with its sample size and status, and the median days with theirs."""

    rate: float | None
    n: int
    status: str
    median: int | None
    conversions: int
    lead_status: str


@dataclass(frozen=True, eq=False, slots=True)
class Pool:
    """One workspace on day `as_of`. Columns over `types`; `curves` has all types together as its last row.

    whole     the whole way of each type
    paces     limits of stalled entries
    priors    [types][4] how partners' rates are spread
    arriving  [types] how their weekly numbers of new entries are spread
    draws     of each partner's forecast
    forecast  status of the forecast: `ok`, `miscalibrated`, `unchecked`, or `not_enough_data`
    late      histories that begin later than their records, by which attempts were left out
    """

    as_of: int
    types: tuple[str, ...]
    whole: tuple[WholeWay, ...]
    paces: Paces
    curves: tuple[TypeCurves, ...]
    priors: Priors
    arriving: tuple[Pace, ...]
    draws: int
    forecast: str
    late: tuple[LateHistory, ...] = ()


def pool_of(
    funnel: Funnel,
    partners: PartnerTable,
    conversions: Mapping[tuple[str, str], Conversion],
    lead_times: Mapping[tuple[str, str], LeadTime],
    checked: Callable[[], Calibration],
    assumptions: Assumptions = DEFAULTS,
    *,
    late: tuple[LateHistory, ...] = (),
) -> Pool:
    """The pool on the funnel's as-of day. `conversions` and `lead_times` are those of the same funnel, by type and step, and so is what `checked` gives.

    `checked` is called last. `late` as in `Pool`.
    """
    curves = with_jumps(type_curves(tuple(conversions.values()), partners.types, assumptions), funnel, assumptions)
    return Pool(
        as_of=funnel.paths.as_of,
        types=partners.types,
        whole=tuple(_whole_way(conversions[t, _WHOLE], lead_times[t, _WHOLE]) for t in partners.types),
        paces=paces_over_time(funnel, partners.types, assumptions),
        curves=curves,
        priors=fitted_priors(funnel, partners, curves, assumptions),
        arriving=type_paces(funnel.paths, partners, assumptions),
        draws=assumptions.draws_each(len(partners)),
        forecast=checked().status if all(curve.known for curve in curves[-1]) else NOT_ENOUGH_DATA,
        late=late,
    )


def _whole_way(rate: Conversion, lead: LeadTime) -> WholeWay:
    return WholeWay(rate.rate, rate.n, rate.status, lead.median, lead.conversions, lead.status)


_WHOLE = step_name(OVERALL)
