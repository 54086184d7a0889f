"""All results of one day, from tables: the one way for a run, for a preview of another mapping, and for a past day computed again. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain
from typing import Any

import numpy as np

from indicators.allocation import Allocation
from indicators.assumptions import Assumptions
from indicators.business_days import BusinessDays
from indicators.cadence import Activities
from indicators.calibration import calibration
from indicators.histories import paths_by_histories, starts_of
from indicators.inputs import EntryTable, PartnerTable, day_number
from indicators.month_goals import month_goals
from indicators.own import Own, own
from indicators.paths import PathTable, canonical_paths
from indicators.pool import Pool
from indicators.subjects import Funnel
from indicators.summary import Results, summary_of
from indicators.target_plan import TargetPlan
from jobs.beside import Answer, Beside
from jobs.calendar import business_days
from jobs.months import capacity_of, mix_of, month_of
from jobs.settings import WorkspaceSettings
from jobs.steps import more
from jobs.steps import results as shaped
from jobs.steps.entry_rows import basis, entry_rows, said_of
from jobs.steps.inputs import Tables
from jobs.steps.keep_results import EntriesSaid
from jobs.steps.prospect_rows import expected_rows, goal_rows
from sync.mapping.grammar import Mapping as Rules

HANDED_OVER = 200_000  # attempts; of more, handing them to a process beside costs more than it spares


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of some partners, or of all, and of their entries."""

    own: Own
    entries: EntryTable
    partners: PartnerTable
    calendar: BusinessDays
    language: shaped.Language
    horizon: int

    def partner_rows(self, activities: Activities) -> Iterator[shaped.Row]:
        """Every partner field with its inputs, but for the goal of the month."""
        return chain(
            shaped.partner_rows(self.own, self.language),
            expected_rows(self.own, self.language),
            more.partner_rows(self.own, self.entries, activities, self.calendar, self.language),
        )

    def entries_said(self) -> EntriesSaid:
        """What is said of the entries."""
        words = basis(self.language, self.horizon)
        return EntriesSaid(self.entries, said_of(self.own, self.entries), words, self.language, self.horizon)

    def rows(self, activities: Activities) -> Iterator[shaped.Row]:
        """The same as rows, after those of the partners."""
        said = self.entries_said()
        return chain(
            self.partner_rows(activities), entry_rows(self.entries.ids, said.said, self.language, self.horizon)
        )


@dataclass(frozen=True, slots=True)
class Goals:
    """The way to the month's target, and each partner's part of it; None where none is set. `deals` is the target."""

    deals: int | None
    plan: TargetPlan | None = None
    parts: Allocation | None = None

    def rows(self, made: "Made") -> Iterator[shaped.Row]:
        """Each partner's goal of the month."""
        return goal_rows(made.partners, self.parts, self.deals, made.language)


@dataclass(frozen=True, slots=True)
class Made:
    """Results of a day. `deals` is the month's target, and `month` what it asks for; None where none is set."""

    results: Results
    entries: EntryTable
    partners: PartnerTable
    calendar: BusinessDays
    deals: int | None
    month: Answer[tuple[TargetPlan, Allocation]] | None
    language: shaped.Language
    assumptions: Assumptions

    @property
    def told(self) -> Told:
        """What is told of partners and entries."""
        horizon = self.assumptions.horizon
        return Told(self.results.own, self.entries, self.partners, self.calendar, self.language, horizon)

    def goals(self) -> Goals:
        """The way to the month's target."""
        return Goals(self.deals, *self.month.get()) if self.month is not None else Goals(self.deals)

    def document(self) -> dict[str, Any]:
        """The indicators per type and step, as they are kept."""
        return {**shaped.document(self.results, self.partners), "deals_wanted": self.deals}


def make(
    settings: WorkspaceSettings,
    rules: Rules,
    tables: Tables,
    as_of: date,
    *,
    mapping: str | None = None,
    aside: Beside | None = None,
) -> Made:
    """The results of the day, by the settings and the rules. Equal tables, settings and rules give equal bytes: draws are seeded by the rules.

    `mapping`: the hash of the version that held then, where draws are to be those of then. `aside`: a process that may do a part of it.
    """
    events, entries, partners = tables
    assumptions = settings.assumptions.for_numbers(mapping or rules.hash)
    calendar = business_days(settings.calendar, as_of)
    began = settings.assumptions.history_start
    paths, late = paths_by_histories(events, entries, partners, day_number(as_of), began)
    ask = aside.ask if aside is not None and are_handed_over(paths) else Answer
    checked = ask(calibration, paths, partners, assumptions)
    deals = settings.targets.deals_in(as_of)
    month = None
    if deals is not None:
        limits, span, following = (
            capacity_of(settings.targets.capacity, partners.types),
            month_of(as_of),
            month_of(as_of, 1),
        )
        mix = mix_of(settings.targets.mix, partners.types)
        month = ask(
            month_goals, paths, partners, deals, span, following, capacity=limits, mix=mix, assumptions=assumptions
        )
    return Made(
        results=summary_of(paths, events, entries, partners, checked.get, assumptions, calendar, late=late),
        entries=entries,
        partners=partners,
        calendar=calendar,
        deals=deals,
        month=month,
        language=rules.language,
        assumptions=assumptions,
    )


def are_handed_over(paths: PathTable) -> bool:
    """Whether what is worked out of so many paths may be asked of a process beside."""
    return len(paths) <= HANDED_OVER


def tell(
    settings: WorkspaceSettings, rules: Rules, pool: Pool, tables: Tables, as_of: date, *, mapping: str | None = None
) -> Told | None:
    """What the pool tells of the partners of the tables, the same as if everything were made anew by it. `mapping`: as of `make`.

    None where it cannot: the pool knows nothing of the type of one of them.
    """
    events, entries, partners = tables
    if not set(partners.types) <= set(pool.types):
        return None
    places = [pool.types.index(name) for name in partners.types]
    partners = replace(partners, types=pool.types, type=np.array(places, np.int64)[partners.type])
    assumptions = settings.assumptions.for_numbers(mapping or rules.hash)
    said = settings.assumptions.history_start
    began = starts_of(events, len(entries), pool.late) if said is None else said
    funnel = Funnel(canonical_paths(events, entries, partners, day_number(as_of), history_start=began))
    found = own(pool, funnel, entries, partners, assumptions)
    calendar = business_days(settings.calendar, as_of)
    return Told(found, entries, partners, calendar, rules.language, assumptions.horizon)
