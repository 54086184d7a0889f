"""Everything for one workspace on one day: the one function the pipeline calls."""

from dataclasses import dataclass

import numpy as np

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.business_days import WEEKDAYS, BusinessDays
from indicators.conversion import Conversion, conversions
from indicators.counts import partner_counts
from indicators.inputs import DEAL, LISTED, NO_DAY, Codes, Days, EntryTable, EventTable, Ints, PartnerTable
from indicators.lead_time import LeadTime, lead_times
from indicators.paths import PathIssues, PathTable, canonical_paths
from indicators.prospects import Prospects, prospects
from indicators.stalled import StalledEntries, StepPace, paces, stalled_entries
from indicators.subjects import ALL, OVERALL, Funnel, step_name
from indicators.tiers import PartnerTier, TierChange, assign_tiers


@dataclass(frozen=True, slots=True)
class PartnerSummary:
    """One partner. Rates are shares in [0, 1]; None where nothing can be said.

    attack_list_count      valid rows of the list within its validity
    submitted_day          the day the newest list was handed in, however old; NO_DAY = never
    recent                 attempts that came to `listed` .. `deal` in the trailing 90 days
    cvr_listed_to_deal, lead_time_days   of its type: eventual conversion, and median days where it happens
    stalled_entries        `stalled` or `beyond`, not `warn`
    """

    partner_id: str
    type: str
    tier: PartnerTier
    attack_list_count: int
    submitted_day: int
    recent: tuple[int, int, int, int, int]
    cvr_listed_to_deal: float | None
    lead_time_days: int | None
    stalled_entries: int


@dataclass(frozen=True, eq=False, slots=True)
class EntrySummary:
    """Columns of one row an entry: code of its current milestone (-1 where it has no event) and the day it came to it."""

    milestone: Codes
    since: Days
    stalled: StalledEntries


@dataclass(frozen=True, eq=False, slots=True)
class Results:
    """All indicators of a workspace on day `as_of` (a day number).

    partners      in the order of PartnerTable
    entries       columns in the order of EntryTable
    conversions, lead_times   the four steps and `listed>deal` for each type and `all`; look one up with `conversion` and `lead_time`
    paces         type x step: what stalled entries were judged by
    tier_changes  the replayed history
    milestones    attempts that ever came to `listed` .. `deal`
    n_entries, n_attempts, n_events   sample sizes
    prospects     drift, partner rates, forecast and its calibration
    """

    as_of: int
    types: tuple[str, ...]
    partners: tuple[PartnerSummary, ...]
    entries: EntrySummary
    conversions: tuple[Conversion, ...]
    lead_times: tuple[LeadTime, ...]
    paces: tuple[tuple[StepPace, ...], ...]
    tier_changes: tuple[TierChange, ...]
    milestones: tuple[int, int, int, int, int]
    issues: PathIssues
    n_entries: int
    n_attempts: int
    n_events: int
    paths: PathTable
    prospects: Prospects

    def conversion(self, type_name: str = ALL, step: str = step_name(OVERALL)) -> Conversion:
        """One conversion; KeyError names what there is."""
        for row in self.conversions:
            if (row.type, row.step) == (type_name, step):
                return row
        raise KeyError(_unknown(type_name, step, self.types))

    def lead_time(self, type_name: str = ALL, step: str = step_name(OVERALL)) -> LeadTime:
        """One lead time; KeyError names what there is."""
        for row in self.lead_times:
            if (row.type, row.step) == (type_name, step):
                return row
        raise KeyError(_unknown(type_name, step, self.types))


def summarise(
    events: EventTable,
    entries: EntryTable,
    partners: PartnerTable,
    as_of: int,
    *,
    assumptions: Assumptions = DEFAULTS,
    history_start: int | Days = NO_DAY,
    calendar: BusinessDays = WEEKDAYS,
) -> Results:
    """All indicators on day `as_of`, from events that stand. The same inputs give the same results, in any order of the events.

    `history_start`: see `canonical_paths`; `calendar`: the days that people work. ValueError names a column that does not fit. An empty workspace gives empty tables and
    statuses `no_data`.
    """
    paths = canonical_paths(events, entries, partners, as_of, history_start=history_start)
    funnel = Funnel(paths)
    rates = conversions(funnel, partners.types, assumptions)
    leads = lead_times(funnel, partners.types, assumptions, calendar)
    table = paces(funnel, partners.types, assumptions)
    stalled = stalled_entries(paths, entries, table, assumptions)
    tiers = assign_tiers(paths, entries, partners, assumptions)
    recent = partner_counts(paths, entries, len(partners), days=assumptions.counted).reached
    waiting = np.bincount(entries.partner[stalled.is_stalled], minlength=len(partners))
    whole = step_name(OVERALL)
    rate_of = {row.type: row.rate for row in rates if row.step == whole}
    lead_of = {row.type: row.median for row in leads if row.step == whole}
    kinds = [partners.types[t] for t in partners.type]
    return Results(
        as_of=as_of,
        types=partners.types,
        partners=tuple(
            PartnerSummary(
                partner_id=partner_id,
                type=kinds[i],
                tier=tiers.partners[i],
                attack_list_count=tiers.partners[i].valid,
                submitted_day=int(tiers.newest_list[i]),
                recent=_five(recent[i]),
                cvr_listed_to_deal=rate_of[kinds[i]],
                lead_time_days=lead_of[kinds[i]],
                stalled_entries=int(waiting[i]),
            )
            for i, partner_id in enumerate(partners.ids)
        ),
        entries=_entry_summary(paths, stalled),
        conversions=rates,
        lead_times=leads,
        paces=table,
        tier_changes=tiers.changes,
        milestones=_five((paths.reached != NO_DAY).sum(axis=0)),
        issues=paths.issues,
        n_entries=len(entries),
        n_attempts=len(paths),
        n_events=len(events),
        paths=paths,
        prospects=prospects(funnel, partners, rates, len(entries), assumptions),
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


def _unknown(type_name: str, step: str, types: tuple[str, ...]) -> str:
    return f"there is no {step!r} of {type_name!r}; types are {', '.join((*types, ALL))}, steps such as {step_name(OVERALL)}"
