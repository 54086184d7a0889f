"""Tiers: up at once, down slowly, the same by every replay, and said in one sentence."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from indicators.assumptions import DEFAULTS
from indicators.inputs import (
    EXCLUSION_CODE,
    LISTED,
    NO_DAY,
    EntryTable,
    EventTable,
    PartnerTable,
    Taken,
    TierOverride,
    day_number,
    day_numbers,
)
from indicators.paths import canonical_paths
from indicators.tier_reason import LONGEST, reason, what_would_change
from indicators.tiers import assign_tiers, month_ends
from models.vocabulary import Tier

D = np.datetime64
CUSTOMER = EXCLUSION_CODE["existing_customer"]


def day(text):
    return day_number(D(text))


def tiers_of(listings, as_of, *, kind="legacy", target=None, taken=None, **partner):
    """One partner whose rows were listed on the given days (text, how many)."""
    days = [day(text) for text, n in listings for _ in range(n)]
    n = len(days)
    entries = EntryTable.of([str(i) for i in range(n)], [0] * n, target=target, taken=taken)
    partners = PartnerTable.of(["p"], ["legacy", "growth1"], [["legacy", "growth1"].index(kind)], **partner)
    paths = canonical_paths(EventTable.of(range(n), [LISTED] * n, days), entries, partners, day(as_of))
    return assign_tiers(paths, entries, partners)


def tier_of(*args, **kwargs):
    return tiers_of(*args, **kwargs).partners[0]


def history(table):
    return [(c.day, c.tier.value) for c in table.changes]


@pytest.mark.parametrize(
    ("kind", "rows", "tier"),
    [
        ("legacy", 10, "A"),
        ("legacy", 9, "B"),
        ("legacy", 3, "B"),
        ("legacy", 2, "C"),
        ("legacy", 1, "C"),
        ("growth1", 20, "A"),
        ("growth1", 19, "B"),
        ("growth1", 5, "B"),
        ("growth1", 4, "C"),
    ],
)
def test_the_table_by_type(kind, rows, tier):
    assert tier_of([("2026-05-10", rows)], "2026-05-20", kind=kind).tier == tier


def test_without_a_list_the_answer_decides_between_c_and_d():
    assert tier_of([], "2026-05-20", willingness=[2]).tier is Tier.C
    assert tier_of([], "2026-05-20", willingness=[1]).tier is Tier.D
    assert tier_of([], "2026-05-20", willingness=[0]).tier is Tier.D


def test_a_list_counts_whatever_was_answered_before():
    assert tier_of([("2026-05-10", 12)], "2026-05-20", willingness=[1]).tier is Tier.A


def test_up_at_once_on_the_day_the_row_comes():
    table = tiers_of([("2026-05-01", 9), ("2026-05-14", 1)], "2026-05-14")
    assert history(table) == [(day("2026-05-01"), "B"), (day("2026-05-14"), "A")]
    partner = table.partners[0]
    assert (partner.tier, partner.previous, partner.since, partner.rule) == ("A", "B", day("2026-05-14"), "list_a")


def test_down_only_after_two_month_ends():
    """Six rows stay when the first ten run out on 7 July: July's end says B for the first time, August's for the second."""
    listings = [("2026-01-08", 10), ("2026-06-20", 6)]
    assert tier_of(listings, "2026-07-31").tier is Tier.A
    assert tier_of(listings, "2026-07-31").falling
    assert tier_of(listings, "2026-08-30").tier is Tier.A
    fallen = tier_of(listings, "2026-08-31")
    assert (fallen.tier, fallen.previous, fallen.since) == ("B", "A", day("2026-08-31"))


def test_seven_rows_keep_an_a_and_six_do_not():
    assert tier_of([("2026-01-08", 10), ("2026-06-20", 7)], "2026-12-01").tier is Tier.A
    assert tier_of([("2026-01-08", 10), ("2026-06-20", 6)], "2026-12-01").tier is Tier.B


def test_two_rows_keep_a_b_and_one_does_not():
    assert tier_of([("2026-01-08", 3), ("2026-06-20", 2)], "2026-12-01").tier is Tier.B
    assert tier_of([("2026-01-08", 3), ("2026-06-20", 1)], "2026-12-01").tier is Tier.C


@pytest.mark.parametrize(("later", "tier"), [(14, "A"), (13, "B")])
def test_growth1_keeps_an_a_from_fourteen(later, tier):
    assert tier_of([("2026-01-08", 20), ("2026-06-20", later)], "2026-12-01", kind="growth1").tier == tier


def test_a_month_end_that_recovers_starts_the_count_anew():
    """Below at the end of July, above at the end of August, below again at the end of September: still A."""
    short = [("2026-01-08", 10), ("2026-06-20", 6), ("2026-08-20", 1)]
    assert [tier_of(short, d).falling for d in ("2026-07-31", "2026-08-31")] == [True, False]
    assert tier_of(short, "2026-09-30").tier is Tier.A


def test_twenty_eight_days_in_a_tier_before_leaving_it():
    """Lists are made to expire within days here, so that two month-ends say D soon after the partner came into A."""
    assumptions = replace(DEFAULTS, list_valid=20)
    n = 10
    entries = EntryTable.of([str(i) for i in range(n)], [0] * n)
    partners = PartnerTable.of(["p"], ["legacy"], [0])

    def at(listed, as_of):
        events = EventTable.of(range(n), [LISTED] * n, [day(listed)] * n)
        paths = canonical_paths(events, entries, partners, day(as_of))
        return assign_tiers(paths, entries, partners, assumptions).partners[0].tier.value

    # listed 5 February, gone on 25 February; 28 February and 31 March both say D, 54 days after coming into A
    assert [at("2026-02-05", d) for d in ("2026-02-28", "2026-03-30", "2026-03-31")] == ["A", "A", "D"]
    short = replace(assumptions, list_valid=1, min_in_tier=60)
    events = EventTable.of(range(n), [LISTED] * n, [day("2026-02-05")] * n)

    def waiting(as_of):
        paths = canonical_paths(events, entries, partners, day(as_of))
        return assign_tiers(paths, entries, partners, short).partners[0].tier.value

    assert [waiting(d) for d in ("2026-03-31", "2026-04-29", "2026-04-30")] == ["A", "A", "D"]


def test_down_goes_to_the_higher_of_the_two_tiers_said():
    """The end of July says B, the end of August D: the partner comes down to B first."""
    listings = [("2026-01-08", 10), ("2026-02-10", 5)]
    assert [tier_of(listings, d).table.value for d in ("2026-07-31", "2026-08-31")] == ["B", "D"]
    assert tier_of(listings, "2026-08-31").tier is Tier.B
    assert tier_of(listings, "2026-09-30").tier is Tier.D


def test_a_row_counts_for_180_days():
    assert tier_of([("2026-01-01", 10)], "2026-06-29").valid == 10
    assert tier_of([("2026-01-01", 10)], "2026-06-30").valid == 0


def test_one_company_listed_twice_counts_once():
    assert tier_of([("2026-05-01", 2), ("2026-05-10", 2)], "2026-05-20", target=[7, 8, 7, 8]).valid == 2


def test_rows_that_do_not_count_are_told():
    taken = Taken.of([(1, NO_DAY, NO_DAY, CUSTOMER), (2, day("2026-05-20"), NO_DAY, CUSTOMER)])
    partner = tier_of([("2026-05-10", 4)], "2026-05-20", target=[0, 1, 2, 0], taken=taken)
    assert (partner.tier, partner.valid) == ("C", 1)
    assert partner.excluded == (("existing_customer", 2), ("duplicate", 1))


def test_a_row_that_is_free_again_brings_the_partner_up_at_once():
    taken = Taken.of([(i, day("2026-05-12"), day("2026-05-18"), EXCLUSION_CODE["open_deal"]) for i in range(9)])
    tiers = tiers_of([("2026-05-11", 1), ("2026-05-12", 9)], "2026-05-20", taken=taken, target=[9, *range(9)])
    assert history(tiers) == [(day("2026-05-11"), "C"), (day("2026-05-18"), "A")]


def test_the_day_the_crm_states_goes_before_the_newest_listing():
    rows = [("2026-05-10", 12)]
    assert tier_of(rows, "2026-05-20", submitted_day=[day("2026-05-11")]).submitted_day == day("2026-05-11")
    today = tier_of(rows, "2026-05-20", submitted_day=[day("2026-05-20")])
    assert (today.tier, today.submitted_day) == ("A", day("2026-05-20"))
    planned = tier_of(rows, "2026-05-20", submitted_day=[day("2026-05-21")])
    assert (planned.tier, planned.submitted_day) == ("A", day("2026-05-10")), "until then its rows tell"
    for mistyped in ("1900-01-01", "1969-12-31", "1999-12-31"):
        typed = tier_of(rows, "2026-05-20", submitted_day=day_numbers([date.fromisoformat(mistyped)]))
        assert (typed.tier, typed.submitted_day) == ("A", day("2026-05-10")), "no list is as old as that"
    stale = tier_of(rows, "2026-05-20", submitted_day=[day("2025-05-11")])
    assert (stale.table, stale.valid) == ("D", 0)
    assert tiers_of(rows, "2026-05-20", submitted_day=[day("2025-05-11")]).newest_list[0] == day("2025-05-11")


def test_a_list_is_stale_180_days_after_it_was_handed_in_however_new_its_rows_are():
    rows = [("2026-05-10", 12)]
    last = tier_of(rows, "2026-05-20", submitted_day=[day("2026-05-20") - 179])
    over = tier_of(rows, "2026-05-20", submitted_day=[day("2026-05-20") - 180])
    assert (last.table, last.valid, over.table, over.valid) == ("A", 12, "D", 0)


def test_a_yes_counts_from_the_day_it_was_said():
    table = tiers_of(
        [], "2026-05-20", willingness=[2], willingness_day=[day("2026-05-15")], joined_day=[day("2026-05-01")]
    )
    assert history(table) == [(day("2026-05-01"), "D"), (day("2026-05-15"), "C")]


def test_a_tier_set_by_hand_holds_until_its_end():
    def at(text):
        hand = TierOverride(0, Tier.A, day("2026-06-01"), day("2026-08-29"), "key account")
        return tier_of([("2026-05-10", 3)], text, overrides=[hand])

    assert [at(d).tier.value for d in ("2026-05-31", "2026-06-01", "2026-08-29", "2026-08-30")] == ["B", "A", "A", "B"]
    held = at("2026-07-01")
    assert (held.rule, held.previous, held.since, held.table) == ("override", "B", day("2026-06-01"), "B")
    after = at("2026-08-30")
    assert (after.previous, after.since, after.rule) == ("A", day("2026-08-30"), "list_b")


def test_a_tier_set_by_hand_before_anything_was_known_of_a_partner_ends_where_the_rules_begin():
    """Of two set by hand that hold together the one that began last holds."""
    first = TierOverride(0, Tier.A, day("2026-01-01"), day("2026-01-31"), "")
    table = tiers_of([("2026-05-01", 3)], "2026-05-20", overrides=[first])
    assert history(table) == [(day("2026-01-01"), "A"), (day("2026-05-01"), "B")]
    assert (table.partners[0].previous, table.partners[0].rule) == ("A", "list_b")
    second = TierOverride(0, Tier.C, day("2026-01-10"), day("2026-01-20"), "")
    both = tiers_of([("2026-05-01", 3)], "2026-05-20", overrides=[second, first])
    assert history(both)[:3] == [(day("2026-01-01"), "A"), (day("2026-01-10"), "C"), (day("2026-01-21"), "A")]


def test_a_tier_set_by_hand_to_what_the_rules_say_is_no_change():
    hand = TierOverride(0, Tier.B, day("2026-05-10"), day("2026-05-31"), "")
    table = tiers_of([("2026-05-01", 3)], "2026-06-20", overrides=[hand])
    assert history(table) == [(day("2026-05-01"), "B")]
    assert (table.partners[0].previous, table.partners[0].since) == (None, day("2026-05-01"))


def test_the_same_past_is_replayed_from_any_later_day():
    rng = np.random.default_rng(4)
    listings = [
        (str(D("2025-01-01") + np.timedelta64(int(d), "D")), int(n))
        for d, n in zip(rng.integers(0, 500, 40), rng.integers(1, 5, 40), strict=True)
    ]
    late = history(tiers_of(listings, "2026-12-31"))
    for as_of in ("2025-03-03", "2025-09-30", "2026-04-17"):
        assert history(tiers_of(listings, as_of)) == [c for c in late if c[0] <= day(as_of)]


def test_an_empty_workspace_has_no_tiers():
    entries, partners = EntryTable.of([], []), PartnerTable.of([], ["legacy"], [])
    paths = canonical_paths(EventTable.of([], [], []), entries, partners, day("2026-05-20"))
    assert assign_tiers(paths, entries, partners).partners == ()


def test_a_tier_that_the_table_goes_on_saying_is_never_left_nor_entered_anew():
    said_yes = tiers_of([], "2027-05-20", willingness=[2], willingness_day=[day("2026-05-15")])
    assert history(said_yes) == [(day("2026-05-15"), "C")]
    assert not said_yes.partners[0].falling
    nothing = tiers_of([], "2027-05-20", joined_day=[day("2026-05-15")])
    assert history(nothing) == [(day("2026-05-15"), "D")]


def test_month_ends_know_leap_years():
    assert month_ends(day("2024-02-29"), day("2024-02-29")).tolist() == [day("2024-02-29")]
    assert month_ends(day("2024-02-10"), day("2024-04-29")).tolist() == [day("2024-02-29"), day("2024-03-31")]


@pytest.mark.parametrize(
    ("partner", "english", "japanese"),
    [
        (
            lambda: tier_of(
                [("2026-05-10", 15)],
                "2026-05-20",
                target=[*range(14), 0],
                taken=Taken.of([(12, NO_DAY, NO_DAY, CUSTOMER), (13, NO_DAY, NO_DAY, CUSTOMER)]),
            ),
            "A: 12 valid targets in the list of 2026-05-10 (>= 10); 3 rows excluded (2 existing customers, 1 duplicate)",
            "A：2026-05-10提出のリストに有効な打診先12件（基準10件以上）、除外3件（既存顧客2、重複1）",
        ),
        (
            lambda: tier_of([("2026-05-10", 1)], "2026-05-20"),
            "C: 1 valid target in the list of 2026-05-10 (B needs 3)",
            "C：2026-05-10提出のリストに有効な打診先1件（Bは3件から）",
        ),
        (
            lambda: tier_of([("2026-01-08", 10), ("2026-06-20", 6)], "2026-07-31"),
            "A: held, 6 valid targets in the list of 2026-06-20; leaves A only below 7 at two month-ends",
            "A：維持中、2026-06-20提出のリストに有効な打診先6件（2回連続の月末に7件未満で降格）",
        ),
        (
            lambda: tier_of([], "2026-05-20", willingness=[2]),
            "C: said yes to a list, but no list handed in within 180 days",
            "C：リスト提出の意思あり、180日以内のリスト提出なし",
        ),
        (
            lambda: tier_of([], "2026-05-20", willingness=[0]),
            "D: refused to hand in a list",
            "D：リスト提出を辞退",
        ),
        (
            lambda: tier_of([], "2026-05-20"),
            "D: no list handed in within 180 days",
            "D：180日以内のリスト提出なし",
        ),
        (
            lambda: tier_of(
                [], "2026-05-20", overrides=[TierOverride(0, Tier.B, day("2026-05-01"), day("2026-07-30"), "new")]
            ),
            "B: set by hand until 2026-07-30 (new)",
            "B：手動設定、2026-07-30まで（new）",
        ),
    ],
)
def test_the_reason_is_one_sentence_in_each_language(partner, english, japanese):
    assert reason(partner(), "en") == english
    assert reason(partner(), "ja") == japanese


def test_a_reason_fits_its_field():
    hand = TierOverride(0, Tier.B, day("2026-05-01"), day("2026-07-30"), "x" * 400)
    assert len(reason(tier_of([], "2026-05-20", overrides=[hand]), "ja")) == LONGEST


def test_what_would_change_it():
    a = tier_of([("2026-05-10", 12)], "2026-05-20")
    assert what_would_change(a, "en") == "drops to B if fewer than 7 remain valid at two month-ends"
    assert what_would_change(a, "ja") == "2回連続の月末に有効7件未満でBへ"
    b = tier_of([("2026-05-10", 3)], "2026-05-20", kind="growth1", overrides=[])
    assert (b.tier, what_would_change(b, "en")) == (
        "C",
        "rises to B with 5 valid targets; drops to D if none remains valid at two month-ends",
    )
    assert what_would_change(b, "ja") == "有効な打診先5件でBへ、2回連続の月末に有効0件でDへ"
    up = tier_of([("2026-05-10", 5)], "2026-05-20", kind="growth1")
    assert what_would_change(up, "en") == (
        "rises to A with 20 valid targets; drops to C if fewer than 3 remain valid at two month-ends"
    )
    assert what_would_change(up, "ja") == "有効な打診先20件でAへ、2回連続の月末に有効3件未満でCへ"
    said = tier_of([], "2026-05-20", willingness=[2])
    assert what_would_change(said, "ja") == "有効な打診先3件でBへ、有効な打診先も提出の意思もなくなればDへ"
    assert what_would_change(said, "en") == (
        "rises to B with 3 valid targets; drops to D without a valid target and without the yes"
    )
    hand = tier_of([], "2026-05-20", overrides=[TierOverride(0, Tier.B, day("2026-05-01"), day("2026-07-30"), "")])
    assert what_would_change(hand, "en") == "ends after 2026-07-30; the rules say D"
    assert what_would_change(hand, "ja") == "2026-07-30に終了、ルール上はD"
    d = tier_of([], "2026-05-20")
    assert what_would_change(d, "en") == "rises to C with one valid target or a yes to a list"
    assert d.submitted_day == NO_DAY
