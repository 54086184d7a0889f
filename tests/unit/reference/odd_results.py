"""Everything that is told of a workspace on a day, as it is kept or printed."""

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

from jobs.asked import Answer, Axes
from jobs.errors import NotFound
from jobs.months import capacity_of, mix_of, month_of, month_to_plan
from jobs.reports import Stamp
from jobs.steps import more
from jobs.steps import results as shaped
from jobs.steps.computed import Computed
from jobs.steps.made import Made, make
from jobs.steps.prospect_document import entries_under_way, partner_document
from jobs.steps.rank_document import rank_document
from jobs.target_document import MONTHS_AHEAD, target_document
from jobs.then import Then
from tests.unit.reference.odd_tables import OddTables

RULES: Any = {lang: SimpleNamespace(hash="m1", language=lang) for lang in ("ja", "en")}


def made_of(world: OddTables, language: str = "en") -> Made:
    """The results of the day."""
    return make(world.settings, RULES[language], world.tables, world.as_of)


def told_of(world: OddTables, made: Made, language: str = "en") -> dict[str, Any]:
    """By name: the document, rows, tiers, reports, plans and rankings."""
    month = made.goals()
    done = Computed(made.results, made.entries, made.partners, world.activities, made.calendar)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    stamp = Stamp("run", world.as_of, moment, "m1", "c1", moment)
    rows = [*made.told.rows(world.activities), *month.rows(made)]
    found: dict[str, Any] = {
        "document": made.document(),
        "rows": {(s, i, f): (v, inputs) for s, i, f, v, inputs in rows},
        "tiers": list(shaped.tier_rows(made.told.own, made.partners)),
        "reports": more.reports_of(done, world.deals, world.late, world.settings),
        "months": more.months_of(world.by_hand, stamp, done, month.plan, world.late),
    }
    results, partners = made.results, made.partners
    for at, name in enumerate(partners.ids):
        found[f"partner {name}"] = partner_document(results, partners, at, name)
        found[f"under way {name}"] = entries_under_way(results, made.entries.ids, at)
    stood_on = Then("m1", world.settings, "s", None, False)
    asked = Answer("main", Axes(world.as_of, moment), stood_on, results, partners, partners.ids, made.entries.ids)
    targets = world.settings.targets
    capacity, mix = capacity_of(targets.capacity, partners.types), mix_of(targets.mix, partners.types)
    planned = month_to_plan(world.as_of, targets.months, targets.deals)
    this, deals = world.as_of.replace(day=1), 3 if made.deals is None else made.deals
    asks: list[tuple[date, int, str | None, int | None]] = [(planned, deals, None, None), (this, 2, None, None)]
    if len(partners):
        asks += [(planned, 2, partners.types[0], None), (this, deals, None, 0)]
    for first, wanted, kind, partner in asks:
        later = tuple(month_of(first, n) for n in range(1, MONTHS_AHEAD + 1))
        found[f"targets {first} {wanted} {kind} {partner}"] = target_document(
            asked, wanted, month_of(first), later, partner_type=kind, partner=partner, capacity=capacity, mix=mix
        )
    try:
        found["rank"] = rank_document(results, partners, partners.ids, "m1")
    except NotFound as e:
        found["rank"] = str(e)
    return found
