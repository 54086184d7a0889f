"""Proposed cut-offs are those that tell partners apart, and none where there is nothing to tell."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicators.assumptions import TierRule
from indicators.tier_cutoffs import proposed

RULE = TierRule(a_up=10, b_up=3)


def test_three_clear_groups_are_found_whatever_the_order():
    valid = np.array([0, 1, 1, 6, 7, 8, 8, 15, 16, 20])
    expected = np.array([0.1, 0.2, 0.1, 2.0, 2.1, 2.0, 1.9, 6.0, 6.2, 5.9])
    found = proposed("x", valid, expected, RULE)
    assert (found.b_up, found.a_up, found.partners) == (6, 15, 10)
    assert found.explained > 0.99
    order = np.random.default_rng(0).permutation(10)
    assert proposed("x", valid[order], expected[order], RULE) == found


def test_nothing_is_proposed_where_partners_are_few_or_alike():
    assert proposed("x", np.arange(8), np.arange(8.0), RULE) is None
    assert proposed("x", np.arange(12), np.ones(12), RULE) is None
    assert proposed("x", np.zeros(12, int), np.arange(12.0), RULE) is None
    assert proposed("x", np.zeros(0, int), np.zeros(0), RULE) is None


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0, 20)), min_size=9, max_size=40))
def test_a_proposal_tells_no_less_than_the_rule_of_today_wherever_that_makes_groups(partners):
    valid, expected = np.array([v for v, _ in partners]), np.array([e for _, e in partners])
    found = proposed("x", valid, expected, RULE)
    if found is not None:
        assert 1 <= found.b_up < found.a_up
        assert -1e-9 <= found.today <= 1 + 1e-6
        assert -1e-9 <= found.explained <= 1 + 1e-6
        low, high = (valid < 3).sum(), (valid >= 10).sum()
        if min(low, high, len(valid) - low - high) >= 3:
            assert found.explained >= found.today - 1e-6


def explained(valid, expected, b_up, a_up):
    """The share of the sum of squares that lies between the three groups, and the size of the smallest."""
    groups = [expected[valid < b_up], expected[(valid >= b_up) & (valid < a_up)], expected[valid >= a_up]]
    between = sum(len(g) * (g.mean() - expected.mean()) ** 2 for g in groups if len(g))
    return round(between / ((expected - expected.mean()) ** 2).sum(), 9), min(map(len, groups))


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)), min_size=9, max_size=30))
def test_what_is_proposed_is_the_best_of_all_pairs_with_three_partners_in_each_group(partners):
    """Every pair tried one after the other; of equally good ones the lowest."""
    valid, expected = np.array([v for v, _ in partners]), np.array([float(e) for _, e in partners])
    found = proposed("x", valid, expected, RULE)
    seen = sorted({v for v in valid.tolist() if v >= 1})
    tried = [(*explained(valid, expected, b, a), b, a) for b in seen for a in seen if b < a and np.ptp(expected) > 0]
    fit = [(-share, b, a) for share, fewest, b, a in tried if fewest >= 3]
    if not fit:
        assert found is None
        return
    best, b_up, a_up = min(fit)
    assert (found.explained, found.b_up, found.a_up) == (pytest.approx(-best, abs=2e-9), b_up, a_up)
    assert found.today == pytest.approx(explained(valid, expected, RULE.b_up, RULE.a_up)[0], abs=2e-9)
