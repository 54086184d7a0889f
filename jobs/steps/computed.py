"""What one computation has in hand once its results are there: what reports are made of."""

from dataclasses import dataclass

from indicators.business_days import BusinessDays
from indicators.cadence import Activities
from indicators.inputs import EntryTable, PartnerTable
from indicators.summary import Results
from indicators.targets import TargetPlan


@dataclass(frozen=True, eq=False)
class Computed:
    """Results, what they were computed from, and the plan of the month."""

    results: Results
    entries: EntryTable
    partners: PartnerTable
    activities: Activities
    calendar: BusinessDays
    plan: TargetPlan | None  # of the as-of day's month, as the last day before it told
