"""What is told of two versions' events: each difference once, under the rule that it concerns, and the same in whatever order."""

import random
from collections import Counter
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from models.vocabulary import Event, Milestone, RecordRef
from sync.mapping.compare import Difference, RuleDifference, compare_events, total
from sync.mapping.identity import stable_id
from sync.mapping.said import said_of

DAY = date(2026, 5, 1)


def said(fact: str, day: int = 0, *, entry: str = "E1", milestone: str = "agreed", rule: str = "entries[0]") -> Event:
    return Event(
        stable_id(fact), stable_id(entry), "P1", Milestone(milestone), DAY + timedelta(days=day),
        RecordRef("salesforce", "Entry", entry), fact, rule,
    )  # fmt: skip


def compared(before: list[Event], after: list[Event]) -> list[RuleDifference]:
    return compare_events(said_of(before), said_of(after))


def told(before: list[Event], after: list[Event]) -> dict[str, int]:
    return {kind: n for kind, n in total(compared(before, after)).items() if n}


def test_equal_facts_differ_in_nothing():
    assert told([said("a"), said("b", 3)], [said("b", 3), said("a")]) == {}


def test_gained_lost_and_moved_are_told_by_rule_with_their_days():
    before = [said("a"), said("b", entry="E2"), said("c", entry="E3")]
    after = [said("a", 4), said("c", entry="E3"), said("d", entry="E4", rule="entries[1]")]
    first, second = compared(before, after)
    assert (first.rule, first.before, first.after) == ("entries[0]", 3, 2)
    assert first.counts == {Difference.GAINED: 0, Difference.LOST: 1, Difference.MOVED: 1, Difference.RETOLD: 0}
    moved = first.examples[Difference.MOVED][0]
    assert (moved.before, moved.after) == (DAY, DAY + timedelta(days=4))
    assert second.counts[Difference.GAINED] == 1


def test_a_day_from_another_field_is_one_event_that_moved_and_not_two():
    assert told([said("by field A")], [said("by field B", 2)]) == {"moved": 1}
    assert told([said("by field A")], [said("by field B")]) == {"retold": 1}


def test_a_milestone_told_twice_keeps_what_is_equal_before_the_rest_is_paired():
    before = [said("a", 0), said("b", 10)]
    after = [said("x", 10), said("y", 30)]
    assert told(before, after) == {"moved": 1, "retold": 1}


def test_one_entry_s_loss_is_not_another_one_s_gain():
    assert told([said("a")], [said("b", entry="E2")]) == {"gained": 1, "lost": 1}
    assert told([said("a")], [said("b", milestone="lost")]) == {"gained": 1, "lost": 1}


EVENTS = st.lists(
    st.builds(
        said,
        st.sampled_from("abcdefgh"),
        st.integers(0, 3),
        entry=st.sampled_from(["E1", "E2"]),
        milestone=st.sampled_from(["agreed", "deal"]),
    ),
    max_size=8,
    unique_by=lambda e: e.event_id,
)


@given(EVENTS, EVENTS, st.randoms(use_true_random=False))
def test_the_order_of_events_does_not_matter_and_the_numbers_add_up(before, after, chance: random.Random):
    found = total(compared(before, after))
    chance.shuffle(before)
    chance.shuffle(after)
    assert total(compared(before, after)) == found
    assert len(after) - len(before) == found["gained"] - found["lost"]
    back = total(compared(after, before))
    assert (back["gained"], back["lost"], back["moved"], back["retold"]) == (
        found["lost"], found["gained"], found["moved"], found["retold"],
    )  # fmt: skip


@given(EVENTS, EVENTS)
def test_days_that_both_have_are_never_told_as_moved(before, after):
    """Of one entry and milestone, only days that one version has more often than the other can be gained, lost or moved."""
    unlike = 0
    for place in {(e.entry_id, e.milestone) for e in (*before, *after)}:
        days = [Counter(e.occurred_on for e in side if (e.entry_id, e.milestone) == place) for side in (before, after)]
        unlike += max((days[0] - days[1]).total(), (days[1] - days[0]).total())
    same_fact_elsewhere = {e.event_id for e in before} & {e.event_id for e in after}
    if not same_fact_elsewhere:
        found = total(compared(before, after))
        assert found["gained"] + found["lost"] + found["moved"] == unlike
