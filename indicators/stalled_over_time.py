"""Stalled entries without flicker: limits move once a month, and what was stalled stays so until it moves or is worked on (METHODS 3g).

It is worked out from the facts alone, so that any day can be told again: the limits are those of the month-ends of the last 180 days,
and every entry is judged by each in turn.
"""

from collections.abc import Sequence

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.inputs import FIRST_DAY, Codes, EntryTable, Floats
from indicators.open_entries import every_nth, rewound
from indicators.paths import PathTable
from indicators.stalled import StalledEntries, StepPace, paces, stalled_entries
from indicators.subjects import Funnel
from indicators.tiers import month_ends

Table = tuple[tuple[StepPace, ...], ...]
"""type x step"""
Paces = tuple[tuple[int, Table], ...]
"""Limits with the day since which they hold, in the order of those days."""
MOST = 200_000  # attempts


def paces_over_time(funnel: Funnel, types: Sequence[str], assumptions: Assumptions = DEFAULTS) -> Paces:
    """The limits that each month-end within the horizon told; the last of them hold today.

    Where a month-end had too little to go by, today's hold in its place; without any month-end these alone. Of very many entries every n-th
    tells a quantile as well.
    """
    as_of, today = funnel.paths.as_of, paces(funnel, types, assumptions)
    ends = month_ends(max(as_of - assumptions.horizon, FIRST_DAY), as_of).tolist()
    past = every_nth(funnel.paths, -(-len(funnel.paths) // MOST))
    told = [(day, paces(rewound(past, day), types, assumptions)) for day in ends]
    return tuple(
        (day, tuple(tuple(_told(*pair) for pair in zip(*rows, strict=True)) for rows in zip(table, today, strict=True)))
        for day, table in told or [(as_of, today)]
    )


def lasting_states(
    paths: PathTable,
    entries: EntryTable,
    over_time: Paces,
    assumptions: Assumptions = DEFAULTS,
    *,
    rates: Floats | None = None,
) -> StalledEntries:
    """The state of every entry on the as-of day, by today's limits, and no less than what earlier limits said of it.

    While limits hold an entry only ages, so that it is enough to look at it on their last day. `rates` [limits, partners, 4] are the
    partners' own on the days since which the limits hold.
    """
    before: tuple[Codes, int] | None = None
    *earlier, (_, today) = over_time
    of = [None] * len(over_time) if rates is None else list(rates)
    for (_, table), (following, _), then in zip(earlier, over_time[1:], of, strict=False):
        on = following - 1
        found = stalled_entries(paths, entries, table, assumptions, rates=then, before=before, on=on)
        before = found.status, on
    return stalled_entries(paths, entries, today, assumptions, rates=of[-1], before=before)


def _told(then: StepPace, now: StepPace) -> StepPace:
    return now if then.assumed else then
