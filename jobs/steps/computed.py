"""What one computation has in hand once its results are there: what reports are made of."""

from dataclasses import dataclass

from indicators.business_days import BusinessDays
from indicators.cadence import Activities
from indicators.inputs import EntryTable, PartnerTable
from indicators.landings import Coming
from indicators.summary import Results
from jobs.beside import Answer


@dataclass(frozen=True, eq=False)
class Computed:
    """Results, and what they were computed from. `coming`: up to the end of the as-of day's month, where it was asked for already."""

    results: Results
    entries: EntryTable
    partners: PartnerTable
    activities: Activities
    calendar: BusinessDays
    coming: Answer[Coming] | None = None
