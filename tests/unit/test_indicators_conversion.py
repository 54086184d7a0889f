"""Conversion and lead time: edge cases that have a stated answer."""

from dataclasses import replace

import numpy as np
import pytest

from indicators.assumptions import DEFAULTS
from indicators.beta_binomial import CENTRE, MOST, SPREAD
from indicators.conversion import FEW_EVENTS, conversions, correct_skips, rate_interval
from indicators.incidence import aalen_johansen, quantile_days
from indicators.intervals import wilson
from indicators.lead_time import lead_times
from indicators.paths import CLAMP_DAYS
from indicators.subjects import OVERALL, Funnel, subjects_of, within_window
from indicators.telling import REOPEN_DAYS
from tests.unit.reference.worlds import AS_OF, DAY0, paths_of

SOON = DAY0 + 400


def row_of(paths, step="listed>requested", kind="legacy"):
    return next(r for r in conversions(paths, ["legacy"]) if (r.type, r.step) == (kind, step))


def lead_of(paths, step="listed>requested"):
    return next(r for r in lead_times(paths, ["legacy"]) if (r.type, r.step) == ("legacy", step))


def converted(days, n):
    return [[("listed", 100), ("requested", 100 + days)]] * n


LISTED_ONLY = [("listed", 100)]
LOST_SOON = [("listed", 100), ("lost", 120)]


def test_nobody_came_gives_a_status_and_no_number():
    row = row_of(paths_of())
    assert (row.status, row.n, row.rate, row.corrected) == ("no_data", 0, None, None)
    assert (row.interval.low, row.interval.high) == (0, 1)
    assert row.flow_ratio is None


def test_all_lost_is_zero_with_an_honest_upper_end():
    row = row_of(paths_of(*[LOST_SOON] * 20, as_of=SOON))
    assert row.rate == 0
    assert row.interval.low == 0
    assert row.interval.high == pytest.approx(1 - 0.05 ** (1 / 20))


def test_all_converted_is_one_with_an_honest_lower_end():
    row = row_of(paths_of(*converted(5, 20), as_of=SOON))
    assert row.rate == pytest.approx(1)
    assert row.interval.low == pytest.approx(0.05 ** (1 / 20))
    assert row.interval.high == 1


def test_all_open_since_yesterday_says_nothing_yet():
    row = row_of(paths_of(*[LISTED_ONLY] * 40, as_of=DAY0 + 101))
    assert (row.status, row.rate) == ("immature", 0)
    assert (row.interval.low, row.interval.high) == (0, 1)


@pytest.mark.parametrize(("young", "status"), [(12, "ok"), (13, "immature")])
def test_a_step_is_immature_where_its_entries_are_young_and_not_where_few_are_left(young, status):
    """Of 110 entries 100 came to an end by day 12, so that fewer than ten are watched for twice the median of 10 days: that makes no rate young.

    Over a tenth of all of them that are too young for it do.
    """
    stories = [*converted(10, 50), *[[("listed", 100), ("lost", 112)]] * 50, *[[("listed", 100)]] * 8]
    row = row_of(paths_of(*stories, *[[("listed", 390)]] * young, as_of=SOON))
    assert row.readable_to == 12
    assert row.status == status


def test_one_conversion_has_the_exact_interval():
    interval = rate_interval(aalen_johansen([3] + [10] * 9, [1] + [2] * 9))
    assert interval.low == pytest.approx(0.002529, abs=1e-6)  # Clopper-Pearson of 1 in 10
    assert interval.high == pytest.approx(0.445016, abs=1e-6)


def test_open_entries_are_neither_failures_nor_left_out():
    stories = [*converted(10, 30), *[LOST_SOON] * 30, *[[("listed", 395)]] * 60]
    row = row_of(paths_of(*stories, as_of=SOON))
    assert row.rate == pytest.approx(0.5)  # 30 of the 60 of whom something is known
    assert row.open == 60
    assert row.within[0].n == 60


def test_what_happens_after_the_horizon_does_not_count():
    row = row_of(paths_of(*converted(180, 20), *converted(181, 20), as_of=SOON))
    assert row.rate == pytest.approx(0.5)
    assert row.converted == 20


def test_conversion_on_the_same_day_counts():
    assert row_of(paths_of(*converted(0, 15), *[LOST_SOON] * 15, as_of=SOON)).rate == pytest.approx(0.5)


def test_the_cohort_rate_asks_only_those_who_had_the_time():
    stories = [*converted(10, 6), *converted(45, 6), *[LISTED_ONLY] * 8, *[[("listed", 380)]] * 50]
    thirty, sixty = row_of(paths_of(*stories, as_of=SOON)).within
    assert (thirty.days, thirty.n, thirty.converted) == (30, 20, 6)
    assert (sixty.days, sixty.n, sixty.converted) == (60, 20, 12)
    assert thirty.interval == wilson(6, 20)
    assert (thirty.rate, sixty.rate) == (0.3, 0.6)


def test_the_ratio_of_counts_can_exceed_one():
    """It looks back its 365 days even where the rate's own window has grown."""
    old = [[("listed", 0), ("requested", 390)]] * 6
    row = row_of(paths_of(*old, [("listed", 380)], [("listed", 380)], as_of=SOON))
    assert (row.flow_from, row.flow_to, row.flow_ratio) == (2, 6, 3)


def test_the_share_resolved_is_that_of_the_subjects_that_came_to_an_end():
    row = row_of(paths_of(*converted(5, 6), *[LOST_SOON] * 3, *[LISTED_ONLY] * 3, as_of=SOON))
    assert (row.converted, row.lost, row.open, row.share_resolved) == (6, 3, 3, 0.75)


def test_the_window_grows_until_it_holds_thirty():
    paths = paths_of(*[[("listed", d)] for d in range(0, 900, 10)], as_of=DAY0 + 899)
    everyone = subjects_of(paths, OVERALL)
    few, window = within_window(everyone, paths.as_of, 100, 30)
    assert len(few) == 30
    assert window == 300
    assert within_window(everyone, paths.as_of, None, 30)[1] is None
    assert len(within_window(everyone, paths.as_of, 365, 30)[0]) == 36


def test_unrecorded_milestones_are_undone_with_the_published_figures():
    """METHODS 3a: read .461/.652/.744/.534 with about 8 % unrecorded; corrected .475/.645/.758/.513."""
    corrected = correct_skips([0.461, 0.652, 0.744, 0.534], [0, 0.08, 0.08, 0.08, 0])
    assert corrected == pytest.approx([0.475, 0.645, 0.758, 0.513], abs=0.0035)
    assert correct_skips([0.5, None, 0.5, 0.5], [0, 0, 0, 0, 0]) == (0.5, None, 0.5, 0.5)


def test_skips_are_counted_among_those_that_went_beyond():
    paths = paths_of([("listed", 0), ("agreed", 5)], [("listed", 0), ("requested", 3), ("agreed", 5)], LISTED_ONLY)
    assert Funnel(paths).skip_rates() == (0, 0.5, 0, 0, 0)


def test_a_loss_after_the_deal_takes_no_deal_away():
    """What becomes of a deal is another funnel: five of these eight were lost again, and all eight had come to a deal."""
    way = [("listed", 100), ("requested", 101), ("agreed", 111), ("executed", 112), ("deal", 113)]
    paths = paths_of(*[way] * 3, *[[*way, ("lost", 150)]] * 5, *[LOST_SOON] * 8, as_of=SOON)
    for step in ("executed>deal", "listed>deal"):
        row = row_of(paths, step)
        n = 16 if step == "listed>deal" else 8
        assert (row.n, row.converted, row.lost, row.open) == (n, 8, n - 8, 0)
        assert row.rate == pytest.approx(8 / n)
        assert (row.flow_to, row.within[0].converted) == (8, 8)


def test_attempts_that_stepped_back_are_counted_with_the_entries_that_a_rate_is_told_from():
    """One stepped back once, one twice and one before the window; a step is told of those that came to its first milestone."""
    once = [("listed", 100), ("requested", 105), ("listed", 110)]
    twice = [
        ("listed", 100),
        ("requested", 105),
        ("agreed", 110),
        ("requested", 120),
        ("agreed", 125),
        ("requested", 130),
    ]
    older = [("listed", 75), ("requested", 80), ("listed", 83)]  # listed 365 days ago, requested in the window
    paths = paths_of(once, twice, older, *converted(5, 40), as_of=DAY0 + 440)
    counted = {(r.type, r.step): (r.n, r.regressed, r.regressions) for r in conversions(paths, ["legacy"])}
    for kind in ("legacy", "all"):
        assert counted[kind, "listed>requested"] == (42, 2, 3)
        assert counted[kind, "requested>agreed"] == (43, 3, 4)
        assert counted[kind, "agreed>executed"] == (1, 1, 2)
        assert counted[kind, "executed>deal"] == (0, 0, 0)
        assert counted[kind, "listed>deal"] == (42, 2, 3)


def test_steps_that_are_not_independent_are_flagged():
    """Here a quick request always leads to a deal and a slow one never: the product of the steps misleads."""
    quick = [("listed", 100), ("requested", 101), ("agreed", 111), ("executed", 112), ("deal", 113)]
    slow = [("listed", 220), ("requested", 395)]  # too young in its second step to be seen failing there
    alike = row_of(paths_of(*[quick] * 50, *[LOST_SOON] * 50, as_of=SOON), "listed>deal")
    assert (alike.rate, alike.product, alike.disagrees) == (pytest.approx(0.5), pytest.approx(0.5), False)
    apart = row_of(paths_of(*[quick] * 50, *[slow] * 50, as_of=SOON), "listed>deal")
    assert (apart.rate, apart.product, apart.disagrees) == (pytest.approx(0.5), pytest.approx(1), True)


@pytest.mark.parametrize(("slow", "disagrees"), [(31, False), (33, True)])
def test_product_and_direct_rate_disagree_from_two_standard_errors_of_their_difference_on(slow, disagrees):
    """By the delta method: se^2 of the rate and, of the product, its square times the sum of the steps' (se / rate)^2 (METHODS 3b)."""
    quick = [("listed", 100), ("requested", 101), ("agreed", 111), ("executed", 112), ("deal", 113)]
    late = [("listed", 220), ("requested", 395)]
    half = [("listed", 100), ("requested", 101), ("lost", 111)]
    paths = paths_of(*[quick] * 30, *[half] * 30, *[LOST_SOON] * 30, *[late] * slow, as_of=SOON)
    *steps, whole = (row for row in conversions(paths, ["legacy"]) if row.type == "legacy")
    product = np.prod([row.rate for row in steps])
    spread = np.sqrt(whole.se**2 + product**2 * sum((row.se / row.rate) ** 2 for row in steps))
    assert whole.product == pytest.approx(product)
    assert whole.product - whole.rate == pytest.approx(2 * spread, rel=0.05)
    assert whole.disagrees is disagrees


def test_there_is_no_product_where_a_step_was_never_come_to():
    whole = row_of(paths_of(*converted(5, 40), as_of=SOON), "listed>deal")
    assert (whole.rate, whole.product, whole.disagrees) == (0, None, None)


@pytest.mark.parametrize(("waited", "status"), [(180, "ok"), (179, "immature")])
def test_that_nobody_converts_is_told_once_they_were_watched_to_the_horizon(waited, status):
    row = row_of(paths_of(*[[("listed", 400 - waited)]] * 40, as_of=SOON))
    assert (row.rate, row.status) == (0, status)


def test_without_a_conversion_those_count_that_were_watched_to_the_horizon_or_to_their_end():
    """Ten were lost and twenty still wait after 180 days; of fifteen no more than a month is known."""
    interval = rate_interval(aalen_johansen([20] * 10 + [180] * 20 + [30] * 15, [2] * 10 + [0] * 35))
    assert (interval.low, interval.high) == (0, pytest.approx(1 - 0.05 ** (1 / 30)))


def test_the_published_interval_is_the_wider_one():
    for row in conversions(paths_of(*converted(5, 30), *[LOST_SOON] * 30, as_of=SOON), ["legacy"]):
        if row.bootstrap is not None:
            assert row.interval.width == max(row.analytic.width, row.bootstrap.width)


def test_partners_that_differ_widen_the_interval():
    rng = np.random.default_rng(2)
    paths = paths_of(*converted(5, 200), *[LOST_SOON] * 200, as_of=SOON)
    clustered = replace(paths, partner=np.arange(400) // 20)  # ten partners convert all, ten none
    mixed = replace(paths, partner=rng.permutation(np.arange(400) // 20))
    wide, narrow = (conversions(p, ["legacy"])[0].interval.width for p in (clustered, mixed))
    assert wide > 3 * narrow


def test_intervals_are_the_same_bytes_every_time_and_depend_on_the_seed():
    paths = replace(paths_of(*converted(5, 50), *[LOST_SOON] * 50, as_of=SOON), partner=np.arange(100) % 7)
    first, again = (conversions(paths, ["legacy"])[0].bootstrap for _ in range(2))
    other = conversions(paths, ["legacy"], replace(DEFAULTS, seed="another"))[0].bootstrap
    assert first == again
    assert first != other


def test_lead_time_is_not_published_under_ten_conversions():
    few = lead_of(paths_of(*converted(5, 9), *[LOST_SOON] * 30, as_of=SOON))
    assert (few.status, few.conversions, few.median) == ("few", 9, None)
    enough = lead_of(paths_of(*converted(5, 10), *[LOST_SOON] * 30, as_of=SOON))
    assert (enough.status, enough.median, enough.p80) == ("ok", 5, 5)


def test_lead_time_quantiles_are_given_conversion():
    stories = [story for days in range(1, 21) for story in converted(days, 1)]
    lead = lead_of(paths_of(*stories, *[LOST_SOON] * 20, as_of=SOON))
    assert (lead.median, lead.p80, lead.p95) == (10, 16, 19)


def test_intervals_of_the_lead_time_are_those_of_partners_drawn_anew():
    """81 partners, each with a pace of its own: half and 80 % of each draw, drawn here by hand and by another seed.

    They are told of those that convert by day 81, the last on which ten are still watched.
    """
    days = np.arange(10, 91)
    paths = replace(paths_of(*[story for d in days for story in converted(int(d), 1)], as_of=SOON), partner=days - 10)
    lead = lead_of(paths)
    drawn = np.sort(days[np.random.default_rng(11).integers(0, 81, (4000, 81))], axis=1)
    readable = (drawn <= 81).sum(axis=1)
    for share, found, ends in ((0.5, lead.median, lead.median_interval), (0.8, lead.p80, lead.p80_interval)):
        assert found == days[int(np.ceil(share * 72)) - 1]
        by_hand = drawn[np.arange(4000), np.ceil(share * readable).astype(int) - 1]
        assert ends == pytest.approx(np.percentile(by_hand, [2.5, 97.5], method="inverted_cdf"), abs=2)
        assert ends[0] + 4 < found < ends[1] - 4


def test_older_entries_seen_to_their_end_narrow_the_interval_of_the_lead_time():
    """By whole days, so that an end may move by one."""
    rng = np.random.default_rng(4)
    stories = [[("listed", 300), ("requested", 300 + int(d))] for d in rng.gamma(2, 8, 120)]
    older = [[("listed", 100), ("requested", day - 200)] for (_, _), (_, day) in stories]
    widths = []
    for times in range(4):
        paths = paths_of(*stories, *older * times, as_of=SOON)
        lead = lead_of(replace(paths, partner=np.arange(len(paths)) % 12 + 12 * (np.arange(len(paths)) // 120)))
        widths.append([end - begin for begin, end in (lead.median_interval, lead.p80_interval)])
    assert (np.diff(widths, axis=0) <= 1).all()
    assert (np.array(widths[3]) < widths[0]).all()


def test_young_cohorts_do_not_shorten_the_lead_time():
    """Entries listed day by day, all converting after 10 or 50 days: the naive median of converters reads 10."""
    stories = [[("listed", d), ("requested", d + (10 if d % 2 else 50))] for d in range(300, 400)]
    paths = paths_of(*stories, as_of=SOON)
    naive = np.median(subjects_of(paths, (0, 1)).only(subjects_of(paths, (0, 1)).ending == 1).duration)
    lead = lead_of(paths)
    assert naive == 10
    assert lead.p80 == 50


def test_inferred_days_are_left_out_of_the_step_and_kept_in_the_whole():
    stories = [[("listed", 100), ("agreed", 108), ("executed", 110), ("deal", 120)]] * 15
    paths = paths_of(*stories, as_of=SOON)
    assert lead_of(paths, "listed>requested").status == "few"
    assert lead_of(paths, "listed>deal").median == 20


def test_a_step_whose_ends_are_often_inferred_is_greyed_out():
    plain = [("listed", 100), ("requested", 105), ("agreed", 110)]
    skipping = [("listed", 100), ("agreed", 110)]
    some, many = (paths_of(*[plain] * (75 - n), *[skipping] * n, as_of=SOON) for n in (15, 16))
    for step in ("listed>requested", "requested>agreed"):
        assert lead_of(some, step).status == "ok"
        assert lead_of(many, step).status == "skips"
        assert lead_of(many, step).p95 == 5, "only of those with both days recorded"


def test_conversions_are_counted_up_to_the_last_day_on_which_ten_are_watched():
    """One converts a day: of eighteen nine do while ten are watched, of nineteen ten."""
    eighteen, nineteen = (lead_of(paths_of(*[converted(d, 1)[0] for d in range(1, n)], as_of=SOON)) for n in (19, 20))
    assert (eighteen.status, eighteen.conversions) == ("few", 9)
    assert (nineteen.status, nineteen.conversions, nineteen.median) == ("ok", 10, 5)


def test_what_converts_on_the_day_it_was_listed_took_no_days():
    lead = lead_of(paths_of(*converted(0, 20), as_of=SOON))
    assert (lead.median, lead.median_interval, lead.business_median) == (0, (0, 0), 0)


def test_a_quantile_of_nothing_is_minus_one():
    assert quantile_days(aalen_johansen([], []).f1, 0.5, 180) == -1


@pytest.mark.parametrize(
    ("durations", "endings", "sentence"),
    [
        ([-1], [1], "a duration of -1 days"),
        ([1], [3], "an ending other than"),
        ([1, 2], [1], "columns of one length"),
        ([0.5], [1], "expected whole numbers"),
    ],
)
def test_impossible_durations_are_refused_with_a_sentence(durations, endings, sentence):
    with pytest.raises(ValueError, match=sentence):
        aalen_johansen(durations, endings)


def test_defaults_are_those_of_the_specification():
    a = DEFAULTS
    assert (a.horizon, a.window, a.min_subjects, a.within, a.min_at_risk, a.replicates) == (
        180,
        365,
        30,
        (30, 60),
        10,
        1000,
    )
    assert (a.min_conversions, a.max_skip_rate, a.drift_at, a.drift_recent) == (10, 0.20, 30, 90)
    assert (a.min_partners, a.min_attempts, a.arrivals) == (3, 20, 13)
    assert (np.log(12), 1.5, 500) == (CENTRE, SPREAD, MOST)
    assert (FEW_EVENTS, REOPEN_DAYS, CLAMP_DAYS) == (5, 30, 3)


def test_the_as_of_day_moves_the_window():
    assert row_of(paths_of(*converted(5, 40), as_of=AS_OF)).window > 365
