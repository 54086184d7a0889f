"""Whose curves speak for a type, what they are made of, and partners drawn anew against the estimator itself."""

from dataclasses import replace

import numpy as np
import pytest

from indicators.assumptions import DEFAULTS
from indicators.bootstrap import (
    MOST_GROUPS,
    DrawnCurves,
    drawn_incidence,
    draws,
    generator,
    group_histograms,
    groups_of,
)
from indicators.conversion import bootstrap_curves, conversions
from indicators.curves import StepCurve, chosen_curves, curve_from, curve_of, onward
from indicators.incidence import aalen_johansen, quantile_days
from indicators.subjects import Subjects
from tests.unit.reference.worlds import DAY0, paths_of


def curve(conversions=40, *, mature=True, rate=0.5):
    delay = np.array([0.0, 0.5, 1.0])
    return StepCurve(rate, 0.1, delay, delay, 80, conversions, mature)


@pytest.mark.parametrize(
    ("own", "every", "pooled"),
    [
        (curve(20), curve(400), False),
        (curve(19), curve(400), True),
        (curve(20, mature=False), curve(400), True),
        (curve(20, mature=False), curve(400, mature=False), False),
        (curve(19, mature=True), curve(19, mature=False), True),
    ],
)
def test_a_step_speaks_for_itself_from_twenty_conversions_on_if_it_was_watched_no_shorter_than_all(own, every, pooled):
    every = replace(every, rate=0.7)
    (mine, *_), theirs = chosen_curves([(own,), (every,)])
    assert (mine.pooled, mine.rate, mine.conversions) == (
        (True, 0.7, every.conversions) if pooled else (False, 0.5, 20)
    )
    assert theirs == (every,)


def test_a_curve_is_taken_apart_into_whether_and_when():
    """Of ten 4 converted by day 3 and 2 were lost by day 5: F = F1 / F1(H), G = F2 / (1 - F1(H)); the rest die silently (METHODS 3d)."""
    found = curve_from(
        aalen_johansen([1, 1, 3, 3, 2, 5, 9, 9, 9, 9], [1, 1, 1, 1, 2, 2, 0, 0, 0, 0], 9),
        se=0.1,
        conversions=4,
        mature=True,
    )
    assert found.rate == pytest.approx(0.4)
    assert found.delay[[0, 1, 2, 3, 9]] == pytest.approx([0, 0.5, 0.5, 1, 1])
    assert found.loss[[1, 2, 5, 9]] == pytest.approx([0, 1 / 6, 2 / 6, 2 / 6])
    assert found.daily[[1, 2, 3]] == pytest.approx([0.5, 0, 0.5])


def test_what_is_known_of_a_rate_is_the_wider_of_formula_and_bootstrap():
    """Twenty partners of which ten convert all and ten none: the bootstrap knows how alike their entries are."""
    stories = [[("listed", 100), ("requested", 105)]] * 200 + [[("listed", 100), ("lost", 105)]] * 200
    apart = replace(paths_of(*stories, as_of=DAY0 + 400), partner=np.arange(400) // 20)
    alike = replace(apart, partner=np.arange(400) % 20)
    for paths, clustered in ((apart, True), (alike, False)):
        row = conversions(paths, ["legacy"])[0]
        by_draws = row.bootstrap.width / (2 * 1.96)
        assert (by_draws > row.se) is clustered
        assert curve_of(row).se == pytest.approx(max(row.se, by_draws))


def test_the_way_onward_is_the_sum_over_the_days_of_its_steps():
    """Three steps of 1 or 2 days, alike: 3 to 6 days with 1, 3, 3, 1 of 8; a last step alone 1 or 2."""
    step = replace(curve(), delay=np.array([0, 0.5, 1, 1, 1, 1, 1]))
    rows = onward((step,) * 3, 3)
    assert rows[0].tolist() == pytest.approx([0, 0, 0, 1 / 8, 4 / 8, 7 / 8, 1])
    assert rows[2].tolist() == pytest.approx([0, 0.5, 1, 1, 1, 1, 1])
    assert rows[3].tolist() == [1] * 7


@pytest.mark.parametrize("n", [1, 40, 3000])
def test_each_draw_of_partners_has_the_curve_of_its_entries_written_out(n):
    """Also where draws are worked out in several blocks, and where nobody converts on most days."""
    rng = np.random.default_rng(n)
    group, days, ending = rng.integers(0, 9, n), rng.integers(0, 260, n), rng.integers(0, 3, n)
    counts = group_histograms(group, 9, days.astype(np.int32), ending.astype(np.int8), 180)
    weights = draws(generator("a text"), 9, 600)
    assert (weights.sum(axis=1) == 9).all()
    found = drawn_incidence(weights, counts)
    for at in (0, 255, 256, 599):
        times = weights[at].astype(int)[group]
        expected = aalen_johansen(np.repeat(days, times), np.repeat(ending, times), 180)
        of_it = [found.on(day)[at] for day in range(181)]
        np.testing.assert_allclose(of_it, expected.f1, atol=1e-12)
        for share, by in ((0.5, 180), (0.8, 90), (0.5, 0)):
            assert found.quantile_days(share, by)[at] == quantile_days(np.array(of_it), share, by)


def test_half_of_what_a_draw_reaches_is_reached_on_the_day_it_is_half():
    """Also where thirds of it add up to a little less; before the first day, and of a draw in which nobody converts, there is none."""
    found = DrawnCurves(np.array([3, 7, 9]), np.array([[0.1 + 0.2, 0.0], [0.6, 0.0], [0.9, 0.0]]))
    assert found.on(2).tolist() == [0, 0]
    assert found.on(8).tolist() == [0.6, 0]
    assert found.quantile_days(0.5, 8).tolist() == [3, -1]
    assert found.quantile_days(2 / 3, 180).tolist() == [7, -1]
    assert found.quantile_days(0.5, 2).tolist() == [-1, -1]
    assert DrawnCurves(np.zeros(0, np.int64), np.zeros((0, 2))).quantile_days(0.5, 180).tolist() == [-1, -1]


def test_very_many_partners_are_dealt_into_groups_of_which_each_holds_its_own():
    few, n = groups_of(np.array([7, 3, 7, 90]))
    assert (few.tolist(), n) == ([1, 0, 1, 2], 3)
    many, n = groups_of(np.arange(2 * MOST_GROUPS + 1) * 5)
    assert n == MOST_GROUPS
    counts = np.bincount(many)
    assert (len(counts), counts[0], counts[1:].min(), counts[1:].max()) == (MOST_GROUPS, 3, 2, 2)


def test_nobody_cannot_be_drawn_from():
    nobody = Subjects(*(np.zeros(0, np.int32) for _ in range(5)), np.zeros(0, bool))
    with pytest.raises(ValueError, match="nobody to draw from"):
        bootstrap_curves(nobody, "legacy", DEFAULTS)
