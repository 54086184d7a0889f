"""Counts per partner: what happened of late, and what stands on the list."""

import numpy as np

from indicators.counts import excluded_on, list_rows, newest_listing, partner_counts, rows_on
from indicators.inputs import EXCLUSION_CODE, NO_DAY, EntryTable, PartnerTable, Taken
from indicators.paths import canonical_paths
from tests.unit.reference.worlds import DAY0, events_of

TODAY = DAY0 + 200


def world(stories, partner, **columns):
    entries = EntryTable.of([str(i) for i in range(len(stories))], partner, **columns)
    partners = PartnerTable.of(["p", "q"], ["legacy"], [0, 0])
    return canonical_paths(events_of(stories), entries, partners, TODAY), entries


def test_the_last_ninety_days_end_today():
    stories = [[("listed", day)] for day in (109, 110, 111, 200)]
    assert partner_counts(*world(stories, [0] * 4), 2).reached[0].tolist() == [2, 0, 0, 0, 0]


def test_each_partner_has_its_own_and_skipped_milestones_count():
    stories = [[("listed", 150), ("agreed", 160)], [("listed", 10), ("deal", 190)], [("listed", 199)]]
    counts = partner_counts(*world(stories, [0, 1, 1]), 2)
    assert counts.reached.tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    assert counts.entries.tolist() == [1, 2]


def test_rows_that_do_not_count_are_counted_by_reason():
    """The second row of one company is a duplicate; of another the company buys already, here and at the other partner."""
    taken = Taken.of([(9, NO_DAY, NO_DAY, EXCLUSION_CODE["existing_customer"])])
    rows = list_rows(*world([[("listed", 190)]] * 5, [0, 0, 0, 0, 1], target=[7, 7, 8, 9, 9], taken=taken), 2)
    columns = excluded_on(rows, 2, TODAY)
    assert {name: column.tolist() for name, column in columns.items()} == {
        "existing_customer": [1, 1],
        "open_elsewhere": [0, 0],
        "duplicate": [1, 0],
        "open_deal": [0, 0],
    }
    assert rows_on(rows, np.array([0, 1]), np.array([TODAY, TODAY])).tolist() == [2, 0]


def test_an_entry_listed_anew_is_no_duplicate_of_itself():
    rows = list_rows(*world([[("listed", 100), ("lost", 110), ("listed", 190)]], [0]), 2)
    assert rows_on(rows, np.array([0]), np.array([TODAY])).tolist() == [1]
    assert excluded_on(rows, 2, TODAY)["duplicate"].tolist() == [0, 0]


def test_the_newest_listing_up_to_a_day():
    rows = list_rows(*world([[("listed", 10)], [("listed", 50)]], [0, 0]), 2)
    days = np.array([9, 10, 49, 50, 199]) + DAY0
    found = newest_listing(rows, np.zeros(5, np.int64), days)
    assert [None if d == NO_DAY else int(d) - DAY0 for d in found] == [None, 10, 10, 50, 50]
    assert newest_listing(rows, np.array([1]), np.array([TODAY])).tolist() == [NO_DAY]
