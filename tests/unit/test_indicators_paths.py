"""What counts as having reached a milestone, and when (METHODS 3a)."""

import numpy as np
import pytest

from indicators.inputs import (
    AGREED,
    DEAL,
    EXECUTED,
    FIRST_DAY,
    LAST_DAY,
    LISTED,
    LOST,
    MILESTONE_CODE,
    MILESTONES,
    NO_DAY,
    REQUESTED,
    WON,
    EntryTable,
    EventTable,
    PartnerTable,
)
from indicators.paths import canonical_paths
from tests.unit.reference.worlds import AS_OF, DAY0, events_of, generate, paths_of


def reached(paths, row=0):
    """Days after DAY0 of listed .. deal, None where not reached."""
    return [None if d == NO_DAY else int(d) - DAY0 for d in paths.reached[row]]


def stands(paths, row=0):
    return int(paths.current[row]), int(paths.since[row]) - DAY0


def test_a_plain_path_is_read_as_it_is():
    paths = paths_of([("listed", 0), ("requested", 5), ("agreed", 9), ("executed", 9), ("deal", 30)])
    assert reached(paths) == [0, 5, 9, 9, 30]
    assert not paths.inferred.any()
    assert stands(paths) == (DEAL, 30)


def test_a_step_back_never_converts_twice_but_restarts_the_age():
    paths = paths_of([("listed", 0), ("requested", 5), ("agreed", 10), ("requested", 14), ("agreed", 20)])
    assert reached(paths) == [0, 5, 10, None, None]
    assert stands(paths) == (AGREED, 20)
    assert paths.regressions.tolist() == [1]


def test_after_a_step_back_the_entry_stands_where_it_fell_to():
    paths = paths_of([("listed", 0), ("requested", 5), ("agreed", 10), ("requested", 14)])
    assert reached(paths)[AGREED] == 10
    assert stands(paths) == (REQUESTED, 14)


def test_repeating_a_milestone_does_not_restart_its_age():
    assert stands(paths_of([("listed", 0), ("requested", 5), ("requested", 9)])) == (REQUESTED, 5)


def test_a_skipped_milestone_is_reached_with_the_next_one_and_flagged():
    paths = paths_of([("listed", 0), ("agreed", 8)])
    assert reached(paths) == [0, 8, 8, None, None]
    assert paths.inferred[0].tolist() == [False, True, False, False, False]


def test_a_milestone_typed_in_up_to_three_days_late_moves_back():
    paths = paths_of([("listed", 0), ("agreed", 8), ("requested", 11)])
    assert reached(paths) == [0, 8, 8, None, None]
    assert not paths.inferred.any()
    assert stands(paths) == (AGREED, 8)
    assert (paths.issues.clamped, paths.issues.inversions) == (1, 0)


def test_a_milestone_typed_in_four_days_late_counts_as_skipped():
    paths = paths_of([("listed", 0), ("agreed", 8), ("requested", 12)])
    assert reached(paths) == [0, 8, 8, None, None]
    assert paths.inferred[0].tolist() == [False, True, False, False, False]
    assert (paths.issues.clamped, paths.issues.inversions) == (0, 1)


def test_a_loss_is_taken_back_by_what_follows_within_thirty_days():
    paths = paths_of([("listed", 0), ("lost", 10), ("requested", 40)])
    assert len(paths) == 1
    assert paths.lost[0] == NO_DAY
    assert stands(paths) == (REQUESTED, 40)
    assert paths.issues.reopened == 1


def test_what_follows_a_loss_after_thirty_days_is_the_next_attempt():
    paths = paths_of([("listed", 0), ("lost", 10), ("requested", 41)])
    assert paths.attempt.tolist() == [1, 2]
    assert (paths.lost - DAY0).tolist()[0] == 10
    assert reached(paths, 1) == [41, 41, None, None, None]
    assert paths.issues.not_listed == 1


def test_a_new_listing_after_a_loss_is_the_next_attempt_however_soon():
    paths = paths_of([("listed", 0), ("lost", 10), ("listed", 12), ("deal", 20)])
    assert paths.attempt.tolist() == [1, 2]
    assert reached(paths, 0) == [0, None, None, None, None]
    assert reached(paths, 1) == [12, 20, 20, 20, 20]
    assert paths.last.tolist() == [1]


def test_a_second_loss_says_nothing_new():
    paths = paths_of([("listed", 0), ("lost", 10), ("lost", 35), ("requested", 50)])
    assert paths.attempt.tolist() == [1, 2]
    assert paths.lost[0] - DAY0 == 10


def test_a_loss_before_anything_else_is_set_aside():
    paths = paths_of([("lost", 0), ("listed", 2)])
    assert len(paths) == 1
    assert reached(paths) == [2, None, None, None, None]
    assert paths.issues.lost_first == 1


def test_an_entry_with_nothing_but_a_loss_is_no_subject_of_any_rate():
    paths = paths_of([("lost", 3)])
    assert reached(paths) == [None] * 5
    assert stands(paths) == (LOST, 3)
    assert paths.issues.only_lost == 1


def test_lost_on_the_day_of_a_milestone_comes_after_it():
    paths = paths_of([("lost", 5), ("requested", 5), ("listed", 0)])
    assert reached(paths)[REQUESTED] == 5
    assert stands(paths) == (LOST, 5)


def test_won_implies_the_deal():
    paths = paths_of([("listed", 0), ("won", 40)])
    assert reached(paths)[DEAL] == 40
    assert paths.inferred[0, DEAL]
    assert stands(paths) == (WON, 40)


def test_two_records_of_one_entry_tell_one_story():
    """The other CRM's later telling is neither a step back nor a second entry into the milestone."""
    events = EventTable.of(
        [0] * 7,
        [LISTED, REQUESTED, AGREED, LISTED, REQUESTED, AGREED, LOST],
        [DAY0 + d for d in (0, 1, 5, 2, 3, 7, 60)],
        source=[0, 0, 0, 1, 1, 1, 1],
    )
    paths = canonical_paths(events, EntryTable.of(["e"], [0]), PartnerTable.of(["p"], ["t"], [0]), AS_OF)
    assert reached(paths) == [0, 1, 5, None, None]
    assert paths.regressions.tolist() == [0]
    assert stands(paths) == (LOST, 60)


def told_by_two(*told):
    """The paths of one entry, of (milestone, days after DAY0, record)."""
    names, days, records = zip(*told, strict=True)
    events = EventTable.of(
        [0] * len(told), [MILESTONE_CODE[n] for n in names], [DAY0 + d for d in days], source=list(records)
    )
    return canonical_paths(events, EntryTable.of(["e"], [0]), PartnerTable.of(["p"], ["t"], [0]), AS_OF)


FIRST = (("listed", 0, 0), ("requested", 5, 0), ("lost", 10, 0), ("listed", 100, 0))


def test_what_another_record_tells_of_a_new_attempt_is_no_late_telling_of_the_old_one():
    """The second CRM knows the second attempt alone: its request on day 103 is none of the request on day 5."""
    paths = told_by_two(*FIRST, ("listed", 102, 1), ("requested", 103, 1), ("agreed", 110, 1))
    assert [reached(paths, row) for row in (0, 1)] == [[0, 5, None, None, None], [100, 103, 110, None, None]]
    assert not paths.inferred.any()
    both = told_by_two(*FIRST, ("requested", 105, 0), ("listed", 102, 1), ("requested", 103, 1))
    assert reached(both, 1) == [100, 103, None, None, None]
    assert both.regressions.tolist() == [0, 0]


def test_two_records_that_begin_an_attempt_within_thirty_days_begin_the_same():
    """The listing on day 130 is the one of day 100, told later, and so is the loss before it; on day 131 it is another entry into `listed`."""
    seen = [("listed", 2, 1), ("lost", 120, 1)]
    once = told_by_two(*FIRST, ("requested", 105, 0), *seen, ("listed", 130, 1), ("requested", 140, 1))
    assert reached(once, 1) == [100, 105, None, None, None]
    assert [once.lost[0] - DAY0, once.lost[1]] == [10, NO_DAY]
    assert once.regressions.tolist() == [0, 0]
    again = told_by_two(*FIRST, ("requested", 105, 0), ("listed", 2, 1), ("lost", 12, 1), ("listed", 131, 1))
    assert again.regressions.tolist() == [0, 1]


@pytest.mark.parametrize(("day", "lost"), [(40, None), (41, 41)])
def test_the_loss_of_the_old_attempt_may_be_told_thirty_days_late(day, lost):
    """Listed anew on day 12 by the first record, while the second has yet to tell of the loss on day 10."""
    paths = told_by_two(("listed", 0, 0), ("lost", 10, 0), ("listed", 12, 0), ("listed", 1, 1), ("lost", day, 1))
    assert paths.attempt.tolist() == [1, 2]
    assert paths.lost[0] - DAY0 == 10
    assert (None if paths.lost[1] == NO_DAY else paths.lost[1] - DAY0) == lost


def test_events_after_the_as_of_day_are_not_seen():
    paths = paths_of([("listed", 0), ("deal", 30)], as_of=DAY0 + 29)
    assert reached(paths) == [0, None, None, None, None]
    assert paths.issues.after_as_of == 1


def test_dates_before_2000_are_set_aside_and_counted():
    paths = paths_of([("listed", -15000), ("requested", 4)])
    assert reached(paths) == [4, 4, None, None, None]
    assert (paths.issues.before_2000, paths.issues.not_listed) == (1, 1)


def test_attempts_that_began_before_the_history_are_left_out_of_rates():
    paths = paths_of([("listed", 0)], [("listed", 10)], history_start=DAY0 + 5)
    assert paths.excluded.tolist() == [True, False]
    assert paths.issues.before_history == 1


def test_an_entry_without_events_has_no_attempt():
    paths = paths_of([], [("listed", 1)])
    assert paths.last.tolist() == [-1, 0]
    assert paths.issues.no_events == 1


@pytest.mark.parametrize(
    ("day", "taken"), [(FIRST_DAY - 1, False), (FIRST_DAY, True), (LAST_DAY, True), (LAST_DAY + 1, False)]
)
def test_a_day_before_2000_or_after_2149_is_no_as_of_day(day, taken):
    if taken:
        assert paths_of([("listed", 0)], as_of=day).as_of == day
    else:
        with pytest.raises(ValueError, match="expected a day from 2000 to 2149"):
            paths_of([("listed", 0)], as_of=day)


def test_an_unknown_entry_is_refused_with_a_sentence():
    with pytest.raises(ValueError, match=r"event\.entry holds 1, but there are 1 entries"):
        canonical_paths(
            events_of([[], [("listed", 0)]]), EntryTable.of(["e"], [0]), PartnerTable.of(["p"], ["t"], [0]), AS_OF
        )


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (([0], [9], [DAY0]), "event.milestone holds 9, expected 6 or less"),
        (([0], [0.5], [DAY0]), "event.milestone holds float64, expected whole numbers"),
        (([0, 1], [0], [DAY0]), "event.milestone has shape"),
        (([-1], [0], [DAY0]), "event.entry holds -1, expected 0 or more"),
    ],
)
def test_columns_that_do_not_fit_are_refused_by_name(columns, sentence):
    with pytest.raises(ValueError, match=sentence):
        EventTable.of(*columns)


def test_a_messy_world_has_its_entries_counted_right(tmp_path):
    """Skips, steps back, duplicates from the other CRM, corrected dates: attempts, first listings and deals equal the truth."""
    world = generate(tmp_path, "messy")
    paths = world.paths()
    assert len(paths) == len(world.entries) == world.truth["n_entries"]
    assert (paths.reached[:, LISTED] != NO_DAY).all()
    deals = {int(e) for e, m in zip(world.events.entry, world.events.milestone, strict=True) if m == DEAL}
    assert set(paths.entry[paths.reached[:, DEAL] != NO_DAY].tolist()) == deals
    # generated step backs are 6 % of the entries that reach `agreed`; a duplicate must not add to them
    share_back = (paths.regressions > 0).sum() / (paths.reached[:, AGREED] != NO_DAY).sum()
    assert 0.03 < share_back < 0.07


def test_hundreds_of_thousands_of_entries_keep_their_rows_apart():
    rng = np.random.default_rng(1)
    n, per = 200_000, 3
    entry = np.repeat(np.arange(n), per)
    milestone = np.tile([LISTED, REQUESTED, EXECUTED], n)
    day = np.repeat(rng.integers(18000, 19000, n), per) + np.tile([0, 9, 30], n)
    order = rng.permutation(n * per)
    events = EventTable.of(entry[order], milestone[order], day[order])
    entries = EntryTable.of([""] * n, rng.integers(0, 100, n))
    partners = PartnerTable.of([f"{i:03}" for i in range(100)], ["t"], [0] * 100)
    paths = canonical_paths(events, entries, partners, 19100)
    assert len(paths) == n
    assert paths.inferred[:, AGREED].all()


def test_milestones_are_numbered_in_the_order_they_are_reached():
    assert [m.value for m in MILESTONES] == ["listed", "requested", "agreed", "executed", "deal", "won", "lost"]
