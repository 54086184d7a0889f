"""All that forecasts and targets stand on, worked out once: who is under way, the curves, the partners' rates, what keeps coming."""

from collections.abc import Sequence
from dataclasses import dataclass

from indicators.arrivals import Arrivals, arrivals
from indicators.assumptions import DEFAULTS, Assumptions
from indicators.conversion import Conversion
from indicators.curves import TypeCurves, type_curves
from indicators.forecast import WayTables, way_tables
from indicators.inputs import PartnerTable
from indicators.jumps import with_jumps
from indicators.open_entries import OpenEntries, open_entries
from indicators.partner_rates import PartnerRates, partner_rates
from indicators.paths import PathTable
from indicators.subjects import Funnel


@dataclass(frozen=True, eq=False, slots=True)
class Outlook:
    """One workspace on one day. `curves` and `ways` have a row a type, and all types together last. `draws`: of each partner."""

    paths: PathTable
    partners: PartnerTable
    under_way: OpenEntries
    curves: tuple[TypeCurves, ...]
    ways: tuple[WayTables, ...]
    rates: PartnerRates
    arriving: Arrivals
    as_of: int
    draws: int
    assumptions: Assumptions


def outlook(
    funnel: Funnel, partners: PartnerTable, conversions: Sequence[Conversion], assumptions: Assumptions = DEFAULTS
) -> Outlook:
    """The outlook on the funnel's as-of day; `conversions` are those of the same funnel."""
    curves = with_jumps(type_curves(conversions, partners.types, assumptions), funnel, assumptions)
    return outlook_by(funnel, partners, curves, assumptions)


def outlook_by(
    funnel: Funnel, partners: PartnerTable, curves: tuple[TypeCurves, ...], assumptions: Assumptions = DEFAULTS
) -> Outlook:
    """The outlook by these curves."""
    return Outlook(
        paths=funnel.paths,
        partners=partners,
        under_way=open_entries(funnel.paths),
        curves=curves,
        ways=way_tables(curves),
        rates=partner_rates(funnel, partners, curves, assumptions),
        arriving=arrivals(funnel.paths, partners, assumptions),
        as_of=funnel.paths.as_of,
        draws=assumptions.draws_each(len(partners)),
        assumptions=assumptions,
    )
