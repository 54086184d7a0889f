"""Of several tellings of one happening, the one that counts at any time."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.inputs import LAST_DAY
from indicators.leading.series import Occurrences, Weeks, counts
from indicators.leading.tellings import one_telling

MONDAY = 20003


def told(group, rows):
    group, found = one_telling(np.asarray(group), Occurrences.of([0] * len(rows), *np.array(rows).reshape(-1, 3).T))
    columns = (group, found.day, found.known_from, found.known_until)
    return sorted(zip(*(c.tolist() for c in columns), strict=True))


def test_of_two_tellings_the_earlier_day_counts_for_as_long_as_it_is_known():
    rows = [(5, 5, LAST_DAY), (8, 8, LAST_DAY), (10, 10, 20), (7, 20, LAST_DAY)]
    assert told([0, 0, 1, 1], rows) == [(0, 5, 5, LAST_DAY), (1, 7, 20, LAST_DAY), (1, 10, 10, 20)]


def test_a_date_that_one_crm_corrects_to_a_later_one_leaves_the_other_crm_s_telling_in_force():
    """The one CRM told of day 7, the other from day 10 on of day 5, and from day 20 on of day 9 in its place."""
    rows = [(7, 7, LAST_DAY), (5, 10, 20), (9, 20, LAST_DAY)]
    assert told([3, 3, 3], rows) == [(3, 5, 10, 20), (3, 7, 7, 10), (3, 7, 20, LAST_DAY)]


def test_a_telling_taken_back_at_once_does_not_make_a_third_one_count_twice():
    rows = [(5, 5, LAST_DAY), (7, 7, 8), (9, 9, LAST_DAY)]
    assert told([0, 0, 0], rows) == [(0, 5, 5, LAST_DAY)]


tellings = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 6), st.integers(0, 8), st.integers(0, 9)), max_size=10)


@settings(max_examples=200, deadline=None)
@given(tellings)
def test_on_every_day_what_counts_is_the_earliest_telling_known_that_day(given_):
    group = [g for g, *_ in given_]
    rows = [(MONDAY + day, MONDAY + day + late, MONDAY + day + late + long) for _, day, late, long in given_]
    found = told(group, rows)
    for today in range(MONDAY - 1, MONDAY + 30):
        known = {(g, day) for g, (day, came, went) in zip(group, rows, strict=True) if came <= today < went}
        expected = sorted((g, min(day for h, day in known if h == g)) for g in {g for g, _ in known})
        assert [(g, day) for g, day, came, went in found if came <= today < went] == expected


def test_a_happening_told_often_is_counted_once():
    rows = Occurrences.of([2, 2, 2], [MONDAY + 1, MONDAY + 8, MONDAY + 9])
    _, found = one_telling(np.array([4, 4, 4]), rows)
    assert counts(found, Weeks(MONDAY, 3), 3)[2].tolist() == [1, 0, 0]
