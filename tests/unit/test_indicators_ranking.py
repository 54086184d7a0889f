"""Chances of rank: closed forms, and what must not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import beta as B

from indicators.ranking import DRAWS, ranking


def chance_above(a, b, c, d):
    """P(Beta(a, b) > Beta(c, d)) for whole c: 1 less the sum over i < c of B(a + i, b + d) / ((d + i) B(1 + i, d) B(a, b)) (Miller 2014)."""
    return 1 - sum(B(a + i, b + d) / ((d + i) * B(1 + i, d) * B(a, b)) for i in range(c))


@pytest.mark.parametrize(("a", "b", "c", "d"), [(1, 1, 1, 1), (8, 4, 5, 7), (3, 9, 12, 30), (2, 2, 9, 1)])
def test_of_two_partners_one_is_better_by_the_closed_form(a, b, c, d):
    found = ranking(np.array([[a], [c]], float), np.array([[b], [d]], float), ["p", "q"], seed="s", draws=40_000)
    assert found.best[0] == pytest.approx(chance_above(a, b, c, d), abs=4 * 0.5 / 40_000**0.5)
    assert found.expected[0] == pytest.approx(2 - found.best[0])


def test_the_closed_form_is_right_where_it_can_be_counted():
    """Beta(2, 1) is the larger of two uniform numbers, Beta(1, 1) one: of three numbers the two hold the largest in two cases of three."""
    assert chance_above(2, 1, 1, 1) == pytest.approx(2 / 3)
    assert chance_above(1, 1, 1, 3) == pytest.approx(3 / 4)


def test_partners_that_are_alike_have_like_chances():
    found = ranking(np.full((5, 1), 3.0), np.full((5, 1), 7.0), list("abcde"), seed="s")
    np.testing.assert_allclose(found.best, 0.2, atol=0.03)
    np.testing.assert_allclose(found.expected, 3.0, atol=0.1)
    assert found.places == 1


def test_the_whole_way_is_the_product_of_its_steps():
    """Sure steps change nothing; a second step that one partner never takes puts it last."""
    one = ranking(np.array([[4.0], [6.0]]), np.array([[6.0], [4.0]]), ["p", "q"], seed="s", draws=20_000)
    sure = np.array([[4.0, 1e9], [6.0, 1e9]]), np.array([[6.0, 1e-9], [4.0, 1e-9]])
    assert ranking(*sure, ["p", "q"], seed="s", draws=20_000).best[0] == pytest.approx(one.best[0], abs=0.02)
    never = np.array([[4.0, 1e9], [6.0, 1.0]]), np.array([[6.0, 1e-9], [4.0, 1e9]])
    assert ranking(*never, ["p", "q"], seed="s").best.tolist() == [1.0, 0.0]


cells = st.lists(st.tuples(st.floats(0.01, 50), st.floats(0.01, 50)), min_size=1, max_size=12)


@settings(max_examples=30, deadline=None)
@given(cells, st.randoms(use_true_random=False))
def test_chances_sum_to_the_places_there_are_and_the_order_of_partners_changes_nothing(partners, chance):
    a, b = (np.array(c)[:, None] for c in zip(*partners, strict=True))
    ids = [f"p{i}" for i in range(len(partners))]
    found = ranking(a, b, ids, seed="s", draws=300)
    assert found.best.sum() == pytest.approx(1)
    assert found.top.sum() == pytest.approx(found.places)
    assert found.places == -(-len(partners) // 5)
    assert found.expected.sum() == pytest.approx(len(partners) * (len(partners) + 1) / 2)
    assert ((found.best >= 0) & (found.best <= found.top + 1e-12) & (found.top <= 1 + 1e-12)).all()
    order = list(range(len(partners)))
    chance.shuffle(order)
    again = ranking(a[order], b[order], [ids[i] for i in order], seed="s", draws=300)
    for column in ("best", "top", "expected"):
        np.testing.assert_allclose(getattr(again, column), getattr(found, column)[order], atol=1e-12)


def test_the_same_seed_gives_the_same_bytes_and_many_partners_have_fewer_draws():
    a, b = np.arange(1.0, 9.0)[:, None], np.full((8, 1), 5.0)
    one, two = (ranking(a, b, list("abcdefgh"), seed="s") for _ in range(2))
    assert one.best.tobytes() == two.best.tobytes()
    assert one.best.tobytes() != ranking(a, b, list("abcdefgh"), seed="t").best.tobytes()
    assert one.draws == DRAWS
    assert (np.diff(one.expected) < 0).all()


@pytest.mark.parametrize(("partners", "places"), [(1, 1), (5, 1), (6, 2), (10, 2), (11, 3)])
def test_the_best_fifth_is_rounded_up(partners, places):
    ones = np.ones((partners, 1))
    found = ranking(ones, ones, [f"p{i}" for i in range(partners)], seed="x", draws=50)
    assert (found.places, found.top.sum(), found.best.sum()) == (places, pytest.approx(places), pytest.approx(1))


def test_rates_that_are_certain_share_their_rank():
    found = ranking(np.full((4, 1), 1e9), np.full((4, 1), 1e-300), list("abcd"), seed="s")
    assert found.best.tolist() == [0.25] * 4
    assert found.expected.tolist() == [2.5] * 4


def test_nobody_is_refused():
    with pytest.raises(ValueError, match="of partners 0"):
        ranking(np.zeros((0, 1)), np.zeros((0, 1)), [], seed="s")
