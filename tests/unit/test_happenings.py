"""How many of many happenings with unlike chances come true: against the exact count."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, poisson

from indicators.chance_of_count import Count
from indicators.counting import drawn_counts, poisson_binomial
from indicators.happenings import FEW, Happenings, exact_shares, together, two_groups
from tests.unit.reference.unlike_chances import largest_error

quick = settings(max_examples=60, deadline=None)
ANY, LOW, ENDS = st.floats(0, 1), st.floats(0, 0.5), st.one_of(st.floats(0, 0.05), st.floats(0.95, 1))
OFF = {
    "of any kind": 0.001,
    "up to one half": 0.0002,
    "within 0.05 of either end": 0.03,
    "of 0.02, 0.5 and 0.97": 0.03,
}
FEW_OF_ANY = st.lists(st.one_of(ANY, ENDS), max_size=FEW)


def once(chances):
    return np.asarray(chances, float).reshape(-1, 1)


def by_sums(chances):
    """As of many, of which only the sums are kept."""
    return Happenings(Happenings.of(once(chances)).sums)


def at_least(shares):
    return np.cumsum(shares[::-1])[::-1]


def sums_of(groups):
    counts, chances = groups
    return np.stack([(counts * chances**power).sum(axis=0) for power in (1, 2)])


@pytest.mark.parametrize("below", [5, 900, 1200, 1600])
def test_of_very_many_only_what_their_count_can_be_is_worked_out(below):
    """Two draws of 4,000 alike happenings: where the count lies, and nothing elsewhere, however many are asked for."""
    p = np.array([0.25, 0.3])
    many = Happenings(np.stack([4000 * p**power for power in (1, 2, 3, 4)]))
    found = many.shares(below)
    expected = binom.pmf(np.arange(below), 4000, p[:, None])
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert found[:, :500].sum() == 0


@quick
@given(FEW_OF_ANY)
def test_the_count_of_few_is_exact(chances):
    one = Happenings.of(once(chances))
    np.testing.assert_allclose(one.shares(len(chances) + 1)[0], poisson_binomial(chances), atol=1e-12)


@pytest.mark.parametrize("kind", OFF)
@quick
@given(st.integers(0, 2**32 - 1), st.integers(FEW + 1, 160))
def test_the_count_of_many_is_off_by_no_more_than_is_told(kind, seed, n):
    """The bounds that docs/indicators.md tells."""
    assert largest_error(kind, seed, n, sets=5) <= OFF[kind]


@quick
@given(st.integers(1, 60), st.integers(0, 60), st.floats(0.01, 0.45), st.floats(0.55, 1))
def test_two_groups_are_found_as_they_are(few, more, low, high):
    chances = [low] * few + [high] * more
    counts, found = two_groups(by_sums(chances).sums)
    told = np.concatenate([np.full(int(n), p) for n, p in zip(counts[:, 0], found[:, 0], strict=True)])
    np.testing.assert_allclose(np.sort(told), np.sort(chances), atol=1e-4)


@quick
@given(st.lists(st.one_of(ANY, ENDS), min_size=1, max_size=80))
def test_the_first_two_sums_are_met_by_whole_groups(chances):
    many = by_sums(chances)
    counts, shares = two_groups(many.sums)
    assert (counts == np.floor(counts)).all()
    assert shares.min() >= 0
    assert shares.max() <= 1
    np.testing.assert_allclose(sums_of((counts, shares)), many.sums[:2], atol=1e-5)


@quick
@given(st.lists(ANY, max_size=60), st.lists(ANY, max_size=60))
def test_together_they_are_the_sum_of_both(first, second):
    whole = together([Happenings.of(once(first)), Happenings.of(once(second))])
    np.testing.assert_allclose(whole.sums, Happenings.of(once(first + second)).sums, atol=1e-9)
    few = len(first) + len(second) <= FEW
    assert (whole.each is not None) == few
    if few:
        np.testing.assert_allclose(
            exact_shares(whole.each, 121)[0, : len(first + second) + 1], poisson_binomial(first + second), atol=1e-12
        )


@quick
@given(st.lists(st.one_of(LOW, ANY, ENDS), max_size=90), st.floats(0, 40))
def test_with_new_ones_the_chance_is_that_of_the_exact_sum(chances, new):
    """Exactly of few, as long as the variance is small; where it is large by three moments."""
    count = Count(Happenings.of(once(chances)), np.array([new]))
    exact = at_least(np.convolve(poisson_binomial(chances), poisson.pmf(np.arange(160), new)))
    small = count.under_way.variance[0] + new < 8
    off = 1e-9 if small and len(chances) <= FEW else 0.02 if small else 0.004
    for wanted in range(len(exact)):
        assert count.chance(wanted) == pytest.approx(exact[wanted] if wanted else 1.0, abs=off)


@quick
@given(st.lists(st.one_of(ANY, ENDS), max_size=150), st.floats(0, 300))
def test_more_wanted_is_never_likelier_and_a_chance_is_a_share(chances, new):
    count = Count(Happenings.of(once(chances)), np.array([new]))
    found = [count.chance(wanted) for wanted in range(int(len(chances) + new + 8 * new**0.5) + 20)]
    assert found[0] == 1.0
    assert found == sorted(found, reverse=True)
    assert found[-1] < 1e-3
    assert all(0.0 <= chance <= 1.0 for chance in found)


@quick
@given(st.lists(st.one_of(LOW, ANY, ENDS), max_size=90), st.floats(0, 60))
def test_a_tenth_or_less_lies_beyond_either_end_of_the_middle(chances, new):
    count = Count(Happenings.of(once(chances)), np.array([new]))
    low, high = count.middle()
    assert low <= high
    assert 1 - count.chance(low) <= 0.1 + 1e-12
    assert count.chance(high + 1) <= 0.1 + 1e-12
    assert 1 - count.chance(low + 1) > 0.1 - 1e-9, "one more would cut off more than a tenth"
    assert high == 0 or count.chance(high) > 0.1 - 1e-9


def test_large_sums_that_hardly_vary_are_told_as_such():
    """3,000 that are as good as certain: a normal curve would know nothing of whole numbers."""
    chances = np.full(3000, 0.9995)
    count = Count(by_sums(chances), np.zeros(1))
    exact = at_least(poisson_binomial(chances))
    assert [count.chance(n) for n in range(2990, 3001)] == pytest.approx(exact[2990:3001].tolist(), abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of(ANY, ENDS), min_size=1, max_size=6))
def test_drawn_counts_have_the_mean_and_the_spread_of_few_unlike_chances(chances):
    q = np.asarray(chances)
    drawn = drawn_counts(np.random.default_rng(5), np.full(40_000, q.sum()), np.full(40_000, (q**2).sum()))
    spread = float((q * (1 - q)).sum())
    assert drawn.mean() == pytest.approx(q.sum(), abs=5 * (spread / 40_000) ** 0.5 + 1e-9)
    assert drawn.var() == pytest.approx(spread, rel=0.1, abs=0.004)
