"""What each partner and entry is told of itself, by the pool and by what it did.

Given any part of the partners, with all of their entries, it tells of them, byte for byte, what it tells given all.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from indicators.arrivals import arrivals_given
from indicators.assumptions import DEFAULTS, Assumptions
from indicators.counts import partner_counts
from indicators.entry_forecast import EntryForecast, entry_forecast
from indicators.forecast import way_tables
from indicators.inputs import DEAL, LISTED, NO_DAY, Codes, Days, EntryTable, Ints, PartnerTable
from indicators.open_entries import open_entries
from indicators.outlook import Outlook
from indicators.partner_forecast import PartnerForecast, partner_forecast
from indicators.partner_rates import rates_given
from indicators.paths import PathTable
from indicators.pool import Pool, WholeWay
from indicators.rates_then import rates_on
from indicators.stalled import StalledEntries
from indicators.stalled_over_time import lasting_states
from indicators.subjects import Funnel
from indicators.tiers import PartnerTier, TierChange, assign_tiers


@dataclass(frozen=True, slots=True)
class PartnerSummary:
    """One partner.

    attack_list_count      valid rows of the list within its validity
    submitted_day          the day the newest list was handed in, however old; NO_DAY = never
    recent                 attempts that came to `listed` .. `deal` in the trailing 90 days
    whole                  what its type says of the whole way
    stalled_entries        `stalled` or `beyond`, not `warn`
    """

    partner_id: str
    type: str
    tier: PartnerTier
    attack_list_count: int
    submitted_day: int
    recent: tuple[int, int, int, int, int]
    whole: WholeWay
    stalled_entries: int


@dataclass(frozen=True, eq=False, slots=True)
class EntrySummary:
    """Columns of one row an entry: code of its current milestone (-1 where it has no event) and the day it came to it."""

    milestone: Codes
    since: Days
    stalled: StalledEntries


@dataclass(frozen=True, eq=False, slots=True)
class Own:
    """Partners and entries on the pool's day, in the order of their tables.

    tier_changes   the replayed history
    forecast, expected   of each entry, and of each partner
    status         of the forecast, see `Pool`
    """

    as_of: int
    partners: tuple[PartnerSummary, ...]
    entries: EntrySummary
    tier_changes: tuple[TierChange, ...]
    outlook: Outlook
    forecast: EntryForecast
    expected: PartnerForecast
    status: str


def own(
    pool: Pool, funnel: Funnel, entries: EntryTable, partners: PartnerTable, assumptions: Assumptions = DEFAULTS
) -> Own:
    """What is told of these partners and of all of their entries, whose paths the funnel holds.

    ValueError where the table names other partner types than the pool, or the funnel another day.
    """
    paths = funnel.paths
    if partners.types != pool.types or paths.as_of != pool.as_of:
        raise ValueError(
            f"the pool is of day {pool.as_of} and types {pool.types}, the tables of day {paths.as_of} and types {partners.types}; "
            "give both the same"
        )
    ahead = Outlook(
        paths=paths,
        partners=partners,
        under_way=open_entries(paths),
        curves=pool.curves,
        ways=way_tables(pool.curves),
        rates=rates_given(funnel, partners, pool.curves, pool.priors, assumptions),
        arriving=arrivals_given(paths, partners, pool.arriving, assumptions),
        as_of=paths.as_of,
        draws=pool.draws,
        assumptions=assumptions,
    )
    with ThreadPoolExecutor(1) as beside:
        expected = beside.submit(partner_forecast, ahead)  # mostly draws, which do not hold up what follows
        days = [day for day, _ in pool.paces]
        rates = rates_on(funnel, days, partners, pool.curves, pool.priors, assumptions)
        stalled = lasting_states(paths, entries, pool.paces, assumptions, rates=rates)
        tiers = assign_tiers(paths, entries, partners, assumptions)
        recent = partner_counts(paths, entries, len(partners), days=assumptions.counted).reached
        waiting = np.bincount(entries.partner[stalled.is_stalled], minlength=len(partners))
        return Own(
            as_of=paths.as_of,
            partners=tuple(
                PartnerSummary(
                    partner_id=partner_id,
                    type=pool.types[partners.type[i]],
                    tier=tiers.partners[i],
                    attack_list_count=tiers.partners[i].valid,
                    submitted_day=int(tiers.newest_list[i]),
                    recent=_five(recent[i]),
                    whole=pool.whole[partners.type[i]],
                    stalled_entries=int(waiting[i]),
                )
                for i, partner_id in enumerate(partners.ids)
            ),
            entries=_entry_summary(paths, stalled),
            tier_changes=tiers.changes,
            outlook=ahead,
            forecast=entry_forecast(ahead, len(entries)),
            expected=expected.result(),
            status=pool.forecast,
        )


def _entry_summary(paths: PathTable, stalled: StalledEntries) -> EntrySummary:
    has = paths.last >= 0
    milestone = np.full(len(paths.last), -1, np.int8)
    since = np.full(len(paths.last), NO_DAY, np.int32)
    milestone[has], since[has] = paths.current[paths.last[has]], paths.since[paths.last[has]]
    return EntrySummary(milestone, since, stalled)


def _five(column: Ints) -> tuple[int, int, int, int, int]:
    listed, requested, agreed, executed, deal = (int(n) for n in column[LISTED : DEAL + 1])
    return listed, requested, agreed, executed, deal
