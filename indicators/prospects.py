"""What is to be expected, in one bundle: the outlook, drift, the forecast of entries and partners, and whether such forecasts came true."""

from collections.abc import Sequence
from dataclasses import dataclass

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.calibration import Calibration, calibration
from indicators.conversion import Conversion
from indicators.drift import Drift, drifts
from indicators.entry_forecast import EntryForecast, entry_forecast
from indicators.inputs import PartnerTable
from indicators.outlook import Outlook, outlook
from indicators.partner_forecast import PartnerForecast, partner_forecast
from indicators.subjects import Funnel

NOT_ENOUGH_DATA = "not_enough_data"


@dataclass(frozen=True, eq=False, slots=True)
class Prospects:
    """See the parts. `status` of the forecast: `ok`, `miscalibrated`, `unchecked`, or `not_enough_data` where a step was never taken."""

    outlook: Outlook
    drifts: tuple[Drift, ...]
    entries: EntryForecast
    partners: PartnerForecast
    calibration: Calibration

    @property
    def status(self) -> str:
        known = all(curve.known for curve in self.outlook.curves[-1])
        return self.calibration.status if known else NOT_ENOUGH_DATA


def prospects(
    funnel: Funnel,
    partners: PartnerTable,
    conversions: Sequence[Conversion],
    n_entries: int,
    assumptions: Assumptions = DEFAULTS,
) -> Prospects:
    """The prospects on the funnel's as-of day; `conversions` are those of the same funnel."""
    ahead = outlook(funnel, partners, conversions, assumptions)
    return Prospects(
        outlook=ahead,
        drifts=drifts(funnel, partners.types, assumptions),
        entries=entry_forecast(ahead, n_entries),
        partners=partner_forecast(ahead),
        calibration=calibration(funnel.paths, partners, assumptions),
    )
