"""What one computation has in hand once its results are there: what reports are made of."""

from dataclasses import dataclass

from indicators.business_days import BusinessDays
from indicators.cadence import Activities
from indicators.inputs import EntryTable, PartnerTable
from indicators.summary import Results


@dataclass(frozen=True, eq=False)
class Computed:
    """Results, and what they were computed from."""

    results: Results
    entries: EntryTable
    partners: PartnerTable
    activities: Activities
    calendar: BusinessDays
