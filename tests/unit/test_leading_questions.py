"""What is put to which test, and what is adjusted together, when all activities and milestones are asked about at once."""

from dataclasses import replace

import numpy as np
import pytest

from indicators.inputs import LAST_DAY
from indicators.leading.backtest import HORIZONS
from indicators.leading.panel_scores import panel_test
from indicators.leading.rates import Cohorts, Passages
from indicators.leading.series import Occurrences, Weeks, counts
from indicators.leading.verdicts import skill_weeks_missing
from indicators.multiple import benjamini_hochberg, holm
from tests.unit.reference.asking import does_it_lead

MONDAY, WEEKS = 20003, 66
PARTNERS = 18
TYPE = np.arange(PARTNERS) // 12  # twelve of `many`, six of `few`, which are fewer than a verdict takes
JOINED = np.where(np.arange(PARTNERS) % 3 == 0, MONDAY + 70, MONDAY - 400).astype(np.int32)
AS_OF = MONDAY + 7 * WEEKS + 2


def some(seed, n, first=0):
    chance = np.random.default_rng(seed)
    return Occurrences.of(chance.integers(0, PARTNERS, n), MONDAY + chance.integers(7 * first, 7 * WEEKS, n))


def after(rows, days, share=1.0):
    """Deals that many days after, of a share of them."""
    kept = np.arange(len(rows)) < share * len(rows)
    return Occurrences.of(rows.partner[kept], rows.day[kept] + days)


def both(one, two):
    return Occurrences.of(np.r_[one.partner, two.partner], np.r_[one.day, two.day])


FIRST = Occurrences.of([0], [MONDAY])  # so that the series begins with that week
VISITS, DEALS_BEFORE = some(1, 500), some(2, 300)
DEALS = both(DEALS_BEFORE, after(VISITS, 21, 0.4))
DINNERS = after(DEALS, 14, 0.5)
SERIES = {"co_visit": VISITS, "dinner": DINNERS, "webinar": some(3, 400), "touch": some(4, 20)}


@pytest.fixture(scope="module")
def answers():
    return does_it_lead(
        DEALS,
        {"listed": both(FIRST, some(5, 800))},
        SERIES,
        ["many", "few"],
        TYPE,
        JOINED,
        AS_OF,
        replicates=499,
        horizons=(4, 8),
    )


def test_the_reverse_test_has_x_and_deals_swapped_and_each_result_a_seed_of_its_own(answers):
    weeks = answers.weeks
    start = np.where(JOINED > MONDAY, 10, 0)
    for scope, mine in (("all", TYPE >= 0), ("many", TYPE == 0)):
        y = counts(DEALS, weeks, PARTNERS)[mine]
        for name, rows in SERIES.items():
            x, found = counts(rows, weeks, PARTNERS)[mine], answers.finding(name, scope)
            for side, pair in (("forward", (y, x)), ("reverse", (x, y))):
                seed = f"sakigake|{scope}|{name}|{side}"
                assert getattr(found, side) == panel_test(*pair, start[mine], seed=seed, replicates=499)


def test_holm_is_over_activities_and_types_that_reach_the_floors_and_nothing_else(answers):
    family = [f for f in answers.findings if f.kind == "activity" and f.type != "few" and f.indicator != "touch"]
    assert len(family) == 6
    assert [f.holm for f in family] == list(holm([f.forward.p for f in family]))
    assert [f.reverse_holm for f in family] == list(holm([f.reverse.p for f in family]))
    assert [f.explore for f in family] == list(benjamini_hochberg([f.forward.p for f in family]))
    assert sorted(f.holm for f in family) != sorted(f.forward.p for f in family)
    assert [f.explore for f in family] != [f.holm for f in family]
    assert [f.reverse_holm for f in family] != [f.reverse.p for f in family]
    others = [f for f in answers.findings if f not in family]
    assert {(f.holm, f.reverse_holm, f.explore) for f in others} == {(None, None, None)}
    assert answers.finding("touch").short_of == ("actions",)
    assert "partners" in answers.finding("co_visit", "few").short_of


def test_what_was_planted_here_has_its_verdicts(answers):
    assert answers.finding("co_visit").verdict.startswith("leading")
    assert answers.finding("dinner").verdict == "lagging"
    assert answers.finding("listed").verdict == "mechanical"


def test_deals_are_counted_within_the_weeks_that_are_looked_at(answers):
    assert answers.deals == counts(DEALS, answers.weeks, PARTNERS).sum() < len(DEALS)


def test_every_horizon_is_graded_and_the_first_one_is_what_verdicts_rest_on(answers):
    assert [s.horizon for s in answers.finding("listed").skills] == [4, 8]
    assert answers.finding("listed").skill.horizon == 4
    assert answers.finding("listed").more_weeks == skill_weeks_missing(WEEKS, 4) == 4
    assert HORIZONS == (4, 8, 12)


def told_ahead(known):
    """Skill of a milestone that stands exactly three weeks before each deal, known `known` days after the day it stands for."""
    chance = np.random.default_rng(7)
    level = np.repeat(np.exp(chance.normal(0, 0.6, 34)), 3)[:100]
    day = MONDAY + 7 * np.repeat(np.arange(100), chance.poisson(12 * level / level.mean())) + 3
    ahead = Occurrences.of(0 * day, day - 21, day - 21 + known)
    found = does_it_lead(
        Occurrences.of(0 * day, day), {"listed": ahead}, {}, ["a"], np.zeros(1, int), np.full(1, -1), MONDAY + 700,
        replicates=49, horizons=(4,),
    )  # fmt: skip
    return found.finding("listed").skill.deviance


def test_what_was_typed_in_after_the_forecast_was_made_gives_no_skill():
    assert told_ahead(0) > 0.3
    assert told_ahead(21) < 0.05


def test_deals_that_were_typed_in_late_were_not_there_to_forecast_by():
    """Deals of a level that jumps, known at once or eight weeks later: what is late makes x look useful that says nothing new."""
    chance = np.random.default_rng(9)
    level = np.where(np.arange(100) % 30 < 15, 4, 20)
    day = MONDAY + 7 * np.repeat(np.arange(100), chance.poisson(level)) + 3
    x = Occurrences.of(0 * day, day)

    def skill(late):
        found = does_it_lead(
            replace(x, known_from=day + late), {"executed": x}, {}, ["a"], np.zeros(1, int), np.full(1, -1),
            MONDAY + 700, replicates=49, horizons=(4,),
        )  # fmt: skip
        return found.finding("executed").skill.deviance

    assert skill(0) < 0.1
    assert skill(56) > 0.25


def test_a_type_is_asked_about_the_conversions_of_its_own_partners():
    n = 3600  # twenty a week and more of the type, so that it borrows nobody's prior
    chance = np.random.default_rng(3)
    partner, day = np.arange(n) % PARTNERS, MONDAY + np.sort(chance.integers(0, 7 * 100, n))
    often = np.where(TYPE[partner] == 0, 0.3 + 0.4 * (day > MONDAY + 350), 0.7 - 0.4 * (day > MONDAY + 350))
    on = np.flatnonzero(chance.random(n) < often)
    deals = Occurrences.of(partner[on], day[on] + 14)

    def skill_of_many(told):
        on_told = on[told[on]]
        cohorts = Cohorts.of(
            Passages(np.flatnonzero(told), Occurrences.of(partner[told], day[told])),
            Passages(on_told, Occurrences.of(partner[on_told], day[on_told] + 14)),
        )
        found = does_it_lead(
            deals, {}, {}, ["many", "few"], TYPE, np.full(PARTNERS, -1), MONDAY + 7 * 104,
            rates={"executed>deal": cohorts}, horizons=(4,), replicates=49,
        )  # fmt: skip
        return found.finding("executed>deal", "many").skill

    assert skill_of_many(np.ones(n, bool)) == skill_of_many(TYPE[partner] == 0)


def test_taken_back_is_not_counted():
    gone = Occurrences.of([0, 0], [MONDAY, MONDAY], None, [MONDAY + 3, LAST_DAY])
    assert counts(gone, Weeks(MONDAY, 1), 1).tolist() == [[1]]
