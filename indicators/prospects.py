"""What is to be expected, in one bundle: the outlook, drift, the forecast of entries and partners, and whether such forecasts came true."""

from dataclasses import dataclass

from indicators.calibration import Calibration
from indicators.drift import Drift
from indicators.entry_forecast import EntryForecast
from indicators.outlook import Outlook
from indicators.partner_forecast import PartnerForecast


@dataclass(frozen=True, eq=False, slots=True)
class Prospects:
    """See the parts. `status` of the forecast: `ok`, `miscalibrated`, `unchecked`, or `not_enough_data` where a step was never taken."""

    outlook: Outlook
    drifts: tuple[Drift, ...]
    entries: EntryForecast
    partners: PartnerForecast
    calibration: Calibration
    status: str
