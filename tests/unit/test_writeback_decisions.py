"""What a plan leaves out, asks about or stops: guards, persons' edits, refusals, undo. From plain values."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.catalogue import BY_NAME
from models.vocabulary import RecordRef
from sync.writeback.guards import FEW, FEW_TIERS, Known, Limits, too_much
from sync.writeback.plan import (
    LATE,
    Draft,
    EditPolicy,
    Gone,
    Kept,
    Memory,
    PlannedChange,
    Wanted,
    draft,
    kind_of,
    same,
)
from sync.writeback.undo import WroteOnce, undo_draft

TIER, COUNT = BY_NAME["tier"], BY_NAME["listed_90d"]
HERE = RecordRef("salesforce", "Account", "001A")
CELL = (HERE, "tier")
TODAY = date(2026, 11, 1)


def drafted(live: Any, memory: Memory, wanted: Any = "A") -> Draft:
    return draft([Wanted(HERE, TIER, wanted, "because")], {HERE: {"tier": live}}, memory)


def edited(policy: EditPolicy, **more: Any) -> Memory:
    """We had confirmed B."""
    return Memory({CELL: "B"}, policy=policy, today=TODAY, keep_until=TODAY + timedelta(days=30), **more)


# persons' edits


def test_a_value_that_nobody_confirmed_is_no_edit_of_a_person() -> None:
    assert drafted("C", Memory()).edits == []


def test_overwriting_writes_ours_and_marks_it() -> None:
    found = drafted("C", edited(EditPolicy.OVERWRITE))
    assert [(c.old, c.new, c.edited) for c in found.changes] == [("C", "A", True)]
    assert [(e.ours, e.theirs, e.until) for e in found.edits] == [("B", "C", None)]


def test_keeping_leaves_theirs_until_its_day() -> None:
    found = drafted("C", edited(EditPolicy.KEEP))
    assert (found.changes, found.questions) == ([], [])
    assert found.edits[0].until == TODAY + timedelta(days=30)


def test_asking_leaves_it_out_of_the_plan_and_asks() -> None:
    found = drafted("C", edited(EditPolicy.ASK))
    assert found.changes == []
    assert [c.new for c in found.questions] == ["A"]


@pytest.mark.parametrize(("until", "written"), [(TODAY, 0), (TODAY - timedelta(days=1), 1)])
def test_what_is_kept_stays_through_its_last_day(until: date, written: int) -> None:
    found = drafted("C", edited(EditPolicy.ASK, kept={CELL: Kept("C", until)}))
    assert len(found.changes) == written
    assert found.edits == []


def test_another_edit_is_another_question() -> None:
    found = drafted("D", edited(EditPolicy.ASK, kept={CELL: Kept("C", TODAY)}))
    assert len(found.questions) == 1


def test_a_person_who_wrote_what_we_would_is_right() -> None:
    found = drafted("A", edited(EditPolicy.ASK))
    assert len(found.agreed) == 1
    assert found.edits == []


# what is not offered


def test_a_refused_value_is_not_offered_again_and_another_is() -> None:
    memory = Memory({CELL: "B"}, withheld={CELL: ("A", "refused")})
    assert dict(drafted("B", memory).skipped) == {"refused": 1}
    assert len(drafted("B", memory, "D").changes) == 1


def test_no_other_value_follows_a_write_that_may_still_arrive() -> None:
    memory = Memory({CELL: "B"}, uncertain={CELL: "A"})
    assert dict(drafted("B", memory, "D").skipped) == {LATE: 1}
    assert len(drafted("B", memory, "A").changes) == 1, "the same value does no harm"


def test_nothing_is_written_to_a_merged_record_nor_to_its_winner() -> None:
    found = draft([Wanted(HERE, TIER, "A", "")], {HERE: Gone("001B")})
    assert found.changes == []
    (why,) = found.skipped
    assert "merged" in why


values = st.sampled_from(["A", "B", "C", None])


@given(values, values, values, st.sampled_from(list(EditPolicy)), st.sampled_from([None, "A", "B", "C"]))
def test_every_wanted_field_is_planned_agreed_asked_or_skipped_with_a_reason(
    live: Any, wanted: Any, confirmed: Any, policy: EditPolicy, kept: Any
) -> None:
    memory = Memory({CELL: confirmed}, {CELL: Kept(kept, TODAY)}, policy=policy, today=TODAY, keep_until=TODAY)
    found = drafted(live, memory, wanted)
    outcomes = len(found.changes) + len(found.agreed) + sum(found.skipped.values())
    assert outcomes == 1
    assert all(not same(TIER, c.old, c.new) for c in (*found.changes, *found.questions))


# guards


def changes(count: int, old: Any, new: Any, field: Any = TIER) -> list[PlannedChange]:
    return [PlannedChange(RecordRef("s", "Account", str(i)), field, old, new, "") for i in range(count)]


@pytest.mark.parametrize(
    ("count", "of", "stopped"), [(FEW_TIERS - 1, 2, False), (FEW_TIERS, 4, True), (30, 100, False), (31, 100, True)]
)
def test_tiers_that_move_beyond_the_share_stop_the_plan_and_a_few_never_do(count: int, of: int, stopped: bool) -> None:
    known = Known(records=10_000, filled={"tier": of})
    said = list(too_much(changes(count, "A", "B"), known, Limits()))
    assert bool(said) is stopped
    assert all("guards.tiers_moved" in s for s in said)


def test_filling_what_was_empty_is_no_move_and_nothing_emptied() -> None:
    said = list(too_much(changes(100, None, "B"), Known(10_000, {"tier": 0}), Limits()))
    assert said == []


def test_forty_percent_of_the_tiers_emptied_stop_a_small_company_too() -> None:
    (said,) = too_much(changes(5, "A", None), Known(1_000, {"tier": 12}), Limits())
    assert said.startswith("5 of 12 values of tier would be emptied")
    assert list(too_much(changes(5, 5, None, COUNT), Known(1_000, {"listed_90d": 12}), Limits())) == []


def test_forty_percent_emptied_is_told_by_field() -> None:
    (said,) = too_much(changes(40, 5, None, COUNT), Known(10_000, {"listed_90d": 100}), Limits())
    assert said.startswith(
        "40 of 100 values of listed_90d would be emptied, and 10% are allowed at once (guards.emptied)"
    )


@given(st.integers(0, 200), st.integers(1, 200), st.floats(0.01, 1))
def test_a_share_within_its_limit_never_stops(count: int, known: int, limit: float) -> None:
    limits = Limits(records_changed=limit, tiers_moved=1, emptied=1)
    stopped = bool(list(too_much(changes(min(count, known), "A", "B", COUNT), Known(known, {}), limits)))
    assert stopped is (min(count, known) >= FEW and min(count, known) > limit * known)


# undo


def wrote(new: Any = "A", *, since: bool = False) -> WroteOnce:
    return WroteOnce(HERE, TIER, "B", new, since)


def test_undo_writes_the_old_value_where_ours_still_stands() -> None:
    found = undo_draft([wrote()], {HERE: {"tier": "A"}}, "run-1")
    assert [(c.old, c.new) for c in found.changes] == [("A", "B")]


@pytest.mark.parametrize(
    ("one", "live", "cause"),
    [
        (wrote(), {"tier": "D"}, "somebody has changed the field since"),
        (wrote(since=True), {"tier": "A"}, "a later run wrote the field again"),
        (wrote(), Gone("001W"), "merged into 001W"),
        (wrote(), Gone(), "deleted or not visible"),
    ],
)
def test_undo_leaves_alone_what_was_touched_since_and_says_why(one: WroteOnce, live: Any, cause: str) -> None:
    found = undo_draft([one], {HERE: live}, "run-1")
    assert found.changes == []
    assert cause in found.blocked[0].cause


def test_the_kind_of_a_change_is_what_it_does_to_the_field() -> None:
    assert [kind_of(*pair).value for pair in ((None, 1), (1, 2), (1, ""), ("", "x"))] == [
        "filled",
        "changed",
        "emptied",
        "filled",
    ]
