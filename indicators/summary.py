"""Everything for one workspace on one day: the one function the pipeline calls."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.business_days import WEEKDAYS, BusinessDays
from indicators.calibration import Calibration, calibration
from indicators.conversion import Conversion, conversions
from indicators.cross_checks import CrossCheck, cross_checks
from indicators.drift import drifts
from indicators.histories import LateHistory, paths_by_histories
from indicators.inputs import DEAL, LISTED, NO_DAY, Days, EntryTable, EventTable, Ints, PartnerTable
from indicators.lead_time import LeadTime, lead_times
from indicators.own import EntrySummary, Own, PartnerSummary, own
from indicators.paths import PathIssues, PathTable
from indicators.pool import Pool, pool_of
from indicators.prospects import Prospects
from indicators.subjects import ALL, OVERALL, Funnel, step_name
from indicators.tiers import TierChange


@dataclass(frozen=True, eq=False, slots=True)
class Results:
    """All indicators of a workspace on day `as_of` (a day number).

    pool          what all partners together say
    own           what each partner and entry is told by it
    conversions, lead_times   the four steps and `listed>deal` for each type and `all`; look one up with `conversion` and `lead_time`
    checks        numbers beside them, for whoever checks
    prospects     drift, partner rates, forecast and its calibration
    milestones    attempts that ever came to `listed` .. `deal`
    n_entries, n_attempts, n_events   sample sizes
    """

    as_of: int
    types: tuple[str, ...]
    pool: Pool
    own: Own
    conversions: tuple[Conversion, ...]
    lead_times: tuple[LeadTime, ...]
    checks: tuple[CrossCheck, ...]
    prospects: Prospects
    milestones: tuple[int, int, int, int, int]
    issues: PathIssues
    n_entries: int
    n_attempts: int
    n_events: int
    paths: PathTable

    @property
    def partners(self) -> tuple[PartnerSummary, ...]:
        """In the order of PartnerTable."""
        return self.own.partners

    @property
    def entries(self) -> EntrySummary:
        """Columns in the order of EntryTable."""
        return self.own.entries

    @property
    def tier_changes(self) -> tuple[TierChange, ...]:
        """The replayed history."""
        return self.own.tier_changes

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
    history_start: int | Days | None = None,
    calendar: BusinessDays = WEEKDAYS,
) -> Results:
    """All indicators on day `as_of`, from events that stand. The same inputs give the same results, in any order of the events.

    `history_start`: see `canonical_paths`; None: what `late_histories` finds. `calendar`: the days that people work. ValueError names a
    column that does not fit. An empty workspace gives empty tables and statuses `no_data`.
    """
    paths, late = paths_by_histories(events, entries, partners, as_of, history_start)
    checked = cache(partial(calibration, paths, partners, assumptions))
    return summary_of(paths, events, entries, partners, checked, assumptions, calendar, late=late)


def summary_of(
    paths: PathTable,
    events: EventTable,
    entries: EntryTable,
    partners: PartnerTable,
    checked: Callable[[], Calibration],
    assumptions: Assumptions = DEFAULTS,
    calendar: BusinessDays = WEEKDAYS,
    *,
    late: tuple[LateHistory, ...] = (),
) -> Results:
    """The same, of paths made already, by these `late` histories; `checked` gives the calibration of the forecast, and is not called before it is needed."""
    funnel = Funnel(paths)
    rates = conversions(funnel, partners.types, assumptions)
    leads = lead_times(funnel, partners.types, assumptions, calendar)
    beside, drifted = cross_checks(funnel, partners.types, assumptions), drifts(funnel, partners.types, assumptions)
    pool = pool_of(
        funnel,
        partners,
        {(row.type, row.step): row for row in rates},
        {(row.type, row.step): row for row in leads},
        checked,
        assumptions,
        late=late,
    )
    told = own(pool, funnel, entries, partners, assumptions)
    return Results(
        as_of=paths.as_of,
        types=partners.types,
        pool=pool,
        own=told,
        conversions=rates,
        lead_times=leads,
        checks=beside,
        prospects=Prospects(
            outlook=told.outlook,
            drifts=drifted,
            entries=told.forecast,
            partners=told.expected,
            calibration=checked(),
            status=told.status,
        ),
        milestones=_five((paths.reached != NO_DAY).sum(axis=0)),
        issues=paths.issues,
        n_entries=len(entries),
        n_attempts=len(paths),
        n_events=len(events) - paths.issues.after_as_of - paths.issues.before_2000,
        paths=paths,
    )


def _five(column: Ints) -> tuple[int, int, int, int, int]:
    listed, requested, agreed, executed, deal = (int(n) for n in column[LISTED : DEAL + 1])
    return listed, requested, agreed, executed, deal


def _unknown(type_name: str, step: str, types: tuple[str, ...]) -> str:
    return f"there is no {step!r} of {type_name!r}; types are {', '.join((*types, ALL))}, steps such as {step_name(OVERALL)}"
