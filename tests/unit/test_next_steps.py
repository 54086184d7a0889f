"""The next step with a partner, the audit of tiers, lead-time curves, and reports of workspaces with next to nothing in them."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from indicators.business_days import WEEKDAYS
from indicators.cadence import Activities
from indicators.inputs import MILESTONE_CODE, NO_DAY, EntryTable, EventTable, PartnerTable
from indicators.lead_curves import lead_curves
from indicators.next_steps import Advice, Waiting, advise, told, waiting_by_partner
from indicators.paths import canonical_paths
from indicators.summary import summarise
from indicators.tier_audit import audit
from indicators.tiers import TierChange
from jobs.plots import curves
from jobs.plots.canvas import save
from jobs.steps.computed import Computed
from jobs.steps.more import activation_document, partner_rows
from models.vocabulary import FUNNEL, Tier
from sync.events.deals import DealCount

LISTED, REQUESTED, AGREED, EXECUTED = range(4)
DAY = 20400


@pytest.mark.parametrize(
    ("tier", "waiting", "expected"),
    [
        (Tier.D, [Waiting(LISTED, 3, 3, DAY)], Advice("no_push")),
        (Tier.A, [], Advice("ask_for_list")),
        (Tier.C, [Waiting(LISTED, 3, 0, DAY)], Advice("ask_for_list")),
        (Tier.A, [Waiting(LISTED, 3, 0, DAY), Waiting(AGREED, 2, 0, DAY)], Advice("move_on", REQUESTED, 3)),
        (
            Tier.B,
            [Waiting(LISTED, 9, 1, DAY), Waiting(AGREED, 2, 2, DAY - 9)],
            Advice("move_stalled", EXECUTED, 3, DAY - 9),
        ),
        (
            Tier.A,
            [Waiting(LISTED, 0, 0, NO_DAY, 4), Waiting(AGREED, 2, 0, NO_DAY)],
            Advice("move_on", EXECUTED, 2, beyond=4),
        ),
        (Tier.A, [Waiting(LISTED, 0, 0, NO_DAY, 4), Waiting(AGREED, 0, 0, NO_DAY, 1)], Advice("tidy_up", None, 5)),
        (Tier.C, [Waiting(EXECUTED, 1, 1, DAY)], Advice("move_stalled", EXECUTED + 1, 1, DAY)),
    ],
)
def test_what_is_stalled_comes_first_and_tier_d_is_left_alone(tier, waiting, expected):
    assert advise(tier, waiting) == expected


def test_the_advice_names_what_to_do_since_when_and_the_next_milestone():
    late = Advice("move_stalled", EXECUTED, 3, 20454)
    assert (
        told(late, "en")
        == "3 stalled entries, the longest since 2026-01-01: carry out what was agreed (next milestone: Action executed)."
    )
    assert told(late, "ja") == "停滞3件（最長2026-01-01から）：合意したアクションを実施（次は「アクション実施」）"
    late = replace(late, beyond=35)  # the field beside it counts 38 stalled entries
    assert told(late, "en").startswith(
        "3 stalled entries, the longest since 2026-01-01, besides 35 that waited too long: "
    )
    assert told(late, "ja").startswith("停滞3件（最長2026-01-01から、ほかに長期停滞35件）：")
    assert told(Advice("move_on", EXECUTED, 2, beyond=4), "ja").startswith("進行中2件（ほかに長期停滞4件）：")
    for what in ("no_push", "ask_for_list", "tidy_up"):
        assert told(Advice(what, None, 1), "en").endswith(".")
        assert "{" not in told(Advice(what, None, 1), "en") + told(Advice(what, None, 1), "ja")
    assert told(Advice("move_on", REQUESTED, 1), "en").startswith("1 open entry: ask by name")


def results_of(rows, entries, partners, as_of=DAY):
    events = EventTable.of(*zip(*rows, strict=True)) if rows else EventTable.of([], [], [])
    return summarise(events, entries, partners, as_of)


def test_open_entries_are_counted_by_partner_and_milestone():
    rows = [
        (0, 0, DAY - 200),
        (4, 0, DAY - 90),
        (1, 0, DAY - 3),
        (2, 0, DAY - 9),
        (2, 1, DAY - 2),
        (3, 0, DAY - 5),
        (3, 6, DAY - 1),
    ]
    entries = EntryTable.of(list("abcde"), [0, 0, 1, 1, 0])
    partners = PartnerTable.of(["p", "q"], ["x"], [0, 0])
    results = results_of(rows, entries, partners)
    found = waiting_by_partner(entries, results.entries.stalled, results.entries.milestone, results.entries.since, 2)
    assert found == [[Waiting(LISTED, 2, 1, DAY - 90, 1)], [Waiting(REQUESTED, 1, 0, NO_DAY)]]


def test_tiers_are_audited_from_the_day_after_they_were_given():
    changes = [
        TierChange(0, DAY - 100, Tier.B, None, "list_b"),
        TierChange(0, DAY - 40, Tier.A, Tier.B, "list_a"),
        TierChange(1, DAY - 100, Tier.D, None, "none"),
    ]
    deals = [(0, DAY - 40), (0, DAY - 39), (1, DAY - 10)]  # the first one came on the day the tier was given: it is B's
    rows = [(i, 4, day) for i, (_, day) in enumerate(deals)]
    partners = PartnerTable.of(["p", "q"], ["x"], [0, 0])
    paths = canonical_paths(
        EventTable.of(*zip(*rows, strict=True)), EntryTable.of(list("abc"), [p for p, _ in deals]), partners, DAY
    )
    found = audit(changes, paths, 2)
    month = 365.25 / 12
    assert found.moves == 1
    assert found.flap_rate == pytest.approx(1 / (200 / (365.25 / 4)))
    assert found.deals_per_month == (
        pytest.approx(month / 40),
        pytest.approx(month / 60),
        None,
        pytest.approx(month / 100),
    )
    assert found.ordered is True
    assert found.steady is True
    assert audit([], paths, 2).flap_rate is None


def test_of_what_lay_before_the_year_nothing_is_audited_and_two_tiers_can_be_compared():
    """Tier B is over a year ago; then 325 days of C with one deal and 40 of A with one: a change in 365 days, that is 0.25 a quarter."""
    changes = [
        TierChange(0, DAY - 500, Tier.B, None, "list_b"),
        TierChange(0, DAY - 400, Tier.C, Tier.B, "list_c"),
        TierChange(0, DAY - 40, Tier.A, Tier.C, "list_a"),
    ]
    days = (DAY - 450, DAY - 365, DAY - 300, DAY - 5)
    partners = PartnerTable.of(["p"], ["x"], [0])
    events = EventTable.of(range(4), [4] * 4, days)
    found = audit(changes, canonical_paths(events, EntryTable.of(list("abcd"), [0] * 4), partners, DAY), 1)
    month = 365.25 / 12
    assert found.deals_per_month == (pytest.approx(month / 40), None, pytest.approx(month / 325), None)
    assert (found.moves, found.ordered, found.steady) == (1, True, True)
    young = [replace(changes[1], day=DAY - 150, previous=None), changes[2]]
    again = audit(young, canonical_paths(events, EntryTable.of(list("abcd"), [0] * 4), partners, DAY), 1)
    assert (again.flap_rate, again.steady) == (pytest.approx(1 / (150 / (365.25 / 4))), False), "0.61 a quarter"


def test_tiers_that_flap_or_sort_wrongly_are_told_so():
    swings = [
        TierChange(0, DAY - 100 + 20 * i, Tier.B if i % 2 else Tier.C, Tier.C if i % 2 else Tier.B, "list_b")
        for i in range(5)
    ]
    changes = [replace(swings[0], previous=None), *swings[1:], TierChange(1, DAY - 100, Tier.D, None, "none")]
    partners = PartnerTable.of(["p", "q"], ["x"], [0, 0])
    paths = canonical_paths(EventTable.of([0], [4], [DAY - 30]), EntryTable.of(["a"], [1]), partners, DAY)
    found = audit(changes, paths, 2)
    assert found.moves == 4
    assert found.flap_rate == pytest.approx(4 / (200 / (365.25 / 4)))
    assert (found.steady, found.ordered) == (False, False), "tier D brought the only deal"
    older = [replace(change, day=change.day - 400) for change in changes]
    assert audit(older, paths, 2).moves == 0, "only the trailing year counts"


def test_curves_rise_to_one_and_are_empty_where_too_few_convert(tmp_path):
    chance = np.random.default_rng(1)
    rows = [(i, m, int(d)) for i in range(80) for m, d in ((0, DAY - 300), (1, DAY - 300 + chance.integers(0, 40)))]
    entries = EntryTable.of([str(i) for i in range(80)], [0] * 80)
    partners = PartnerTable.of(["p"], ["x"], [0])
    paths = canonical_paths(EventTable.of(*zip(*rows, strict=True)), entries, partners, DAY)
    found = lead_curves(paths, ["x"])
    assert set(found) == {"x", "all"}
    points = found["x"]["listed>requested"]
    assert points == found["all"]["listed>requested"]
    assert points[0][0] == 0
    assert points[-1][1] == 1.0
    assert all(a < b for (a, _), (b, _) in itertools.pairwise(points))
    assert found["x"]["executed>deal"] == ()
    save(tmp_path / "curves.svg", curves.draw("2025-11-08", found, "ja"))


NOBODY = (EntryTable.of([], []), PartnerTable.of([], [], []), [])
ONE = (EntryTable.of(["a"], [0]), PartnerTable.of(["p"], ["unclassified"], [0]), [])
ALL_LOST = (EntryTable.of(["a"], [0]), PartnerTable.of(["p"], ["x"], [0]), [(0, 0, DAY - 9), (0, 6, DAY)])
NO_LISTING = (EntryTable.of(["a"], [0]), PartnerTable.of(["p"], ["x"], [0], joined_day=[DAY + 50]), [(0, 4, DAY)])
IN_THE_FUTURE = (EntryTable.of(["a"], [0]), PartnerTable.of(["p"], ["x"], [0]), [(0, 0, DAY + 9), (0, 1, 9000)])


@pytest.mark.parametrize("world", [NOBODY, ONE, ALL_LOST, NO_LISTING, IN_THE_FUTURE])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_workspace_with_next_to_nothing_has_stated_results(world, language):
    """Never NaN, never a crash; a rate over nothing is empty rather than 0."""
    entries, partners, rows = world
    results = results_of(rows, entries, partners)
    nothing = Activities(np.zeros(0, np.int64), (), np.zeros(0, np.int64))
    done = Computed(results, entries, partners, nothing, WEEKDAYS)
    document = activation_document(done, DealCount(0, 0), None)
    every = document["activation"][-1]
    assert every["type"] == "all"
    assert (every["activation"] is None) == (every["base"] == 0)
    assert every["deals_per_active"] is None or every["active"]
    assert document["sourced"]["status"] == "no_data"
    assert document["sourced"]["won"]["status"] == "no_condition"
    assert "nan" not in str(document).lower()
    fields = {(s, f): v for _, s, f, v, _ in partner_rows(results.own, entries, nothing, WEEKDAYS, language)}
    assert len(fields) == 2 * len(partners)
    assert all(v for (_, f), v in fields.items() if f == "next_step")


def test_milestones_and_codes_are_those_of_the_funnel():
    assert [MILESTONE_CODE[m.value] for m in FUNNEL] == [0, 1, 2, 3, 4]
    assert NO_DAY == -1
