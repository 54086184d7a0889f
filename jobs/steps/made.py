"""All results of one day, from tables: the one way for a run, for a preview of another mapping, and for a past day computed again. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain
from typing import Any

from indicators.allocation import Allocation
from indicators.assumptions import DEFAULTS, Assumptions
from indicators.business_days import BusinessDays
from indicators.inputs import EntryTable, EventTable, PartnerTable, day_number
from indicators.month_goals import month_goals
from indicators.summary import Results, summarise
from indicators.targets import TargetPlan
from jobs.calendar import business_days
from jobs.months import capacity_of, month_of
from jobs.settings import WorkspaceSettings
from jobs.steps import more
from jobs.steps import results as shaped
from jobs.steps.prospect_rows import entry_prospect_rows, partner_prospect_rows
from models.vocabulary import Activity
from sync.mapping.grammar import Mapping as Rules


@dataclass(frozen=True, slots=True)
class Made:
    """Results of a day. `deals` is the month's target, `plan` the way to it, `goals` each partner's part; None where none is set."""

    results: Results
    entries: EntryTable
    partners: PartnerTable
    calendar: BusinessDays
    deals: int | None
    plan: TargetPlan | None
    goals: Allocation | None
    language: Any

    def document(self) -> dict[str, Any]:
        """The indicators per type and step, as they are kept."""
        return {**shaped.document(self.results, self.partners), "deals_wanted": self.deals}

    def rows(self) -> Iterator[shaped.Row]:
        """Every catalogue value of every partner and entry, with its inputs."""
        return chain(
            shaped.partner_rows(self.results, self.language),
            partner_prospect_rows(self.results, self.partners, self.goals, self.deals, self.language),
            shaped.entry_rows(self.results, self.entries, self.language),
            entry_prospect_rows(self.results, self.entries, self.language),
        )

    def every_row(self, activities: Iterable[Activity]) -> Iterator[shaped.Row]:
        """The same, and what follows from the activities: next meetings and next steps."""
        done = more.Computed(
            self.results,
            self.entries,
            self.partners,
            more.as_columns(activities, self.partners),
            self.calendar,
            self.plan,
        )
        return chain(self.rows(), more.partner_rows(done, self.language))


def make(
    settings: WorkspaceSettings,
    rules: Rules,
    tables: tuple[EventTable, EntryTable, PartnerTable],
    as_of: date,
) -> Made:
    """The results of the day, by the settings and the rules. Equal tables, settings and rules give equal bytes."""
    events, entries, partners = tables
    assumptions = assumptions_of(rules.hash)
    calendar = business_days(settings.calendar, as_of)
    results = summarise(events, entries, partners, day_number(as_of), assumptions=assumptions, calendar=calendar)
    deals = settings.targets.deals_in(as_of)
    plan = goals = None
    if deals is not None:
        limits = capacity_of(settings.targets.capacity, partners.types)
        months = month_of(as_of), month_of(as_of, 1)
        plan, goals = month_goals(results.paths, partners, deals, *months, capacity=limits, assumptions=assumptions)
    return Made(results, entries, partners, calendar, deals, plan, goals, rules.language)


def assumptions_of(mapping_hash: str) -> Assumptions:
    """The defaults; draws are seeded by the mapping, so that equal facts and rules give equal bytes."""
    return replace(DEFAULTS, seed=mapping_hash)
