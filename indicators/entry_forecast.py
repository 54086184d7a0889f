"""The forecast of every entry: the chance of a deal, and its day if it comes."""

from dataclasses import dataclass

import numpy as np

from indicators.forecast import chances
from indicators.inputs import NO_DAY, Codes, Days, Floats
from indicators.outlook import Outlook

STATES: tuple[str, ...] = ("closed", "ok", "beyond_support", "no_data")
CLOSED, OK, BEYOND_SUPPORT, NO_DATA = range(len(STATES))


@dataclass(frozen=True, eq=False, slots=True)
class EntryForecast:
    """Columns [entries], in the order of EntryTable.

    state      code in STATES; `closed` where the entry is a deal, lost or has no event; `no_data` where no such way has been gone yet
    within     [entries, horizons]: chance of a deal within 30, 60, 90 days
    eventual   chance of a deal within the horizon
    p50, p80   the day by which it has come with 50 and 80 %, if it comes; NO_DAY where the chance is below 5 %
    """

    state: Codes
    within: Floats
    eventual: Floats
    p50: Days
    p80: Days


def entry_forecast(outlook: Outlook, n_entries: int) -> EntryForecast:
    """The forecast of each of `n_entries` entries; those not under way are `closed`."""
    under_way, assumptions = outlook.under_way, outlook.assumptions
    state = np.zeros(n_entries, np.int8)
    within, eventual = np.zeros((n_entries, len(assumptions.ahead))), np.zeros(n_entries)
    p50, p80 = np.full(n_entries, NO_DAY, np.int32), np.full(n_entries, NO_DAY, np.int32)
    found = chances(under_way, outlook.ways, outlook.rates, (*assumptions.ahead, assumptions.horizon))
    at = under_way.entry
    within[at], eventual[at] = found[:, :-1], found[:, -1]
    known = np.array([way.known for way in outlook.ways], bool)[under_way.type]
    old = under_way.age >= assumptions.horizon
    state[at] = np.where(~known, NO_DATA, np.where(old, BEYOND_SUPPORT, OK))
    likely = known & ~old & (found[:, -1] >= assumptions.min_probability)
    for t, way in enumerate(outlook.ways):
        mine = np.flatnonzero(likely & (under_way.type == t))
        for day, table in ((p50, way.p50), (p80, way.p80)):
            days = table[under_way.milestone[mine], under_way.age[mine]]
            day[at[mine]] = np.where(days >= 0, outlook.as_of + days, NO_DAY)
    return EntryForecast(state, within, eventual, p50, p80)
