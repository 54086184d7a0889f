"""Entries into a stage, read from a history that may start late, repeat itself or lag behind."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sync.mapping.stages import AT_CREATION, Entered, StageChange, in_order, passages

DAY0 = datetime(2026, 1, 1, tzinfo=UTC)


def path(*values, start=None, step=timedelta(days=1)):
    """Changes through these values, one a step."""
    before = [start, *values]
    return [StageChange(DAY0 + step * n, f"c{n}", before[n], value) for n, value in enumerate(values)]


def entered_on(changes, current, *stages):
    return [e.change_id for e in passages(changes, current, set(stages)).entered]


def test_a_history_that_begins_with_an_old_value_was_there_from_the_start():
    assert passages(path("B", start="A"), "B", {"A"}).entered == [Entered(None, AT_CREATION)]


def test_without_any_change_the_present_value_was_there_from_the_start():
    assert passages([], "A", {"A"}).entered == [Entered(None, AT_CREATION)]
    assert passages([], None, {"A"}).entered == []


def test_a_history_from_the_first_value_on_dates_that_value():
    assert entered_on(path("A", "B"), "B", "A") == ["c0"]


def test_coming_back_is_a_new_entry_and_moving_within_the_stages_is_none():
    assert entered_on(path("A", "B", "A", "B"), "B", "A") == ["c0", "c2"]
    assert entered_on(path("A", "B", "A", "B"), "B", "A", "B") == ["c0"]


def test_a_record_ahead_of_its_history_is_said_to_be_unseen():
    assert passages(path("A", "B"), "C", {"C"}).unseen
    assert not passages(path("A", "C"), "C", {"C"}).unseen


@given(st.lists(st.sampled_from("ABC"), min_size=1, max_size=8), st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_their_repetition_do_not_matter(values, same_second, chance):
    values = [v for n, v in enumerate(values) if n == 0 or v != values[n - 1]]
    changes = path(*values, step=timedelta(0) if same_second and len(set(values)) == len(values) else timedelta(days=1))
    mixed = chance.sample(changes * 2, len(changes) * 2)
    assert in_order(mixed) == in_order(changes)
    for stage in "ABC":
        assert passages(in_order(mixed), values[-1], {stage}) == passages(changes, values[-1], {stage})


@given(st.permutations(["c0", "c1", "c2"]))
def test_changes_of_one_second_are_chained_by_their_values_not_their_ids(ids):
    tied = [
        StageChange(DAY0, one, old, new)
        for one, (old, new) in zip(ids, [("A", "B"), ("B", "C"), ("C", "D")], strict=True)
    ]
    assert [change.new for change in in_order(tied)] == ["B", "C", "D"]
