"""Which records are one company: what joins them, what never does, and what is left to a person."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from models.vocabulary import RecordRef
from sync.mapping.matching import Decision, Marks, match, sharing
from tests.mapping_world import NUMBERS

A1, A2, A3 = (RecordRef("salesforce", "Account", f"A{n}") for n in (1, 2, 3))
C1, C2, C3 = (RecordRef("hubspot", "companies", f"C{n}") for n in (1, 2, 3))
PHONE, PLACE = {"phone": "03-1234-5678"}, {"prefecture": "東京都", "city": "渋谷区"}


def groups(records, *decisions):
    return sorted(sorted(ref.id for ref in members) for members in match(records, decisions).groups.values())


def proposed(records, *decisions):
    return [(s.left.id, s.right.id, s.why) for s in match(records, decisions).suggestions]


def test_a_number_a_domain_and_a_name_with_phone_or_place_join():
    cases = [
        (Marks("x", number=NUMBERS[0]), Marks("y", number=NUMBERS[0]), "corporate_number"),
        (Marks("x", domain="one.example"), Marks("y", domain="one.example"), "domain"),
        (
            Marks("㈱青葉厨房", **PHONE),
            Marks("青葉厨房株式会社", phone="＋８１ ３ １２３４ ５６７８"),
            "name_and_phone",
        ),
        (Marks("㈱青葉厨房", **PLACE), Marks("青葉厨房", prefecture="東京", city="渋谷区"), "name_and_place"),
    ]
    for one, other, mark in cases:
        found = match({A1: one, C1: other})
        assert groups({A1: one, C1: other}) == [["A1", "C1"]], mark
        assert set(found.matched_by.values()) == {mark}
        assert found.suggestions == ()


def test_a_name_alone_is_only_a_suggestion():
    records = {A1: Marks("株式会社青葉厨房", **PHONE), C1: Marks("青葉厨房㈱", phone="06-1111-2222")}
    assert groups(records) == [["A1"], ["C1"]]
    assert proposed(records) == [("C1", "A1", "name")]


def test_names_that_are_alike_are_suggested_and_numbers_in_them_tell_shops_apart():
    records = {
        A1: Marks("さくらコンサルティング"),
        C1: Marks("サクラコンサルテイング"),
        C2: Marks("青葉第2食堂"),
        C3: Marks("青葉第3食堂"),
    }
    assert proposed(records) == [("C1", "A1", "similar_name")]


def test_two_companies_with_numbers_of_their_own_are_neither_joined_nor_suggested():
    for more in (PHONE, PLACE, {"domain": "group.example"}, {}):
        records = {A1: Marks("青葉厨房", number=NUMBERS[0], **more), C1: Marks("青葉厨房", number=NUMBERS[1], **more)}
        assert groups(records) == [["A1"], ["C1"]]
        assert proposed(records) == []


def test_what_could_belong_to_either_of_two_companies_is_for_a_person():
    shared = {"domain": "group.example"}
    records = {
        A1: Marks("A", number=NUMBERS[0], **shared),
        A2: Marks("B", number=NUMBERS[1], **shared),
        C1: Marks("C", **shared),
    }
    found = match(records)
    assert groups(records) == [["A1"], ["A2"], ["C1"]]
    assert list(found.ambiguous) == [("domain", "group.example")]
    assert proposed(records) == [("C1", "A1", "domain"), ("C1", "A2", "domain")]
    assert groups(records, Decision(A1, C1, same=True)) == [["A1", "C1"], ["A2"]]


def test_marks_do_not_chain_two_numbers_together():
    """C1 has the domain of one company, and C2 its name and phone and the name of the other."""
    records = {
        A1: Marks("青葉", number=NUMBERS[0], domain="one.example", **PHONE),
        A2: Marks("青葉", number=NUMBERS[1], **PLACE),
        C1: Marks("青葉", domain="one.example", **PLACE),
    }
    assert groups(records) == [["A1", "C1"], ["A2"]]
    assert proposed(records) == []  # both have a number by now


def test_a_person_can_join_what_nothing_joins_and_part_what_a_number_joins():
    apart = {A1: Marks("青葉"), C1: Marks("若葉")}
    assert groups(apart, Decision(A1, C1, same=True)) == [["A1", "C1"]]
    assert set(match(apart, [Decision(A1, C1, same=True)]).matched_by.values()) == {"decision"}
    joined = {A1: Marks("a", number=NUMBERS[0]), C1: Marks("b", number=NUMBERS[0])}
    assert groups(joined, Decision(A1, C1, same=False)) == [["A1"], ["C1"]]


def test_what_was_decided_is_not_asked_again():
    records = {A1: Marks("青葉厨房"), C1: Marks("青葉厨房")}
    assert proposed(records, Decision(A1, C1, same=False)) == []


def test_what_was_told_apart_is_not_joined_through_a_third():
    records = {ref: Marks("x", number=NUMBERS[0]) for ref in (A1, A2, C1)}
    assert groups(records, Decision(A1, C1, same=False)) == [["A1"], ["A2", "C1"]]


def test_of_decisions_that_contradict_each_other_the_later_one_counts():
    records = {A1: Marks("x"), A2: Marks("y"), C1: Marks("z")}
    said = [Decision(A1, C1, same=True), Decision(A1, A2, same=False), Decision(A2, C1, same=True)]
    assert groups(records, *said) == [["A1"], ["A2", "C1"]]


def test_decisions_on_records_that_are_gone_do_nothing():
    assert groups({A1: Marks("x")}, Decision(A1, C1, same=True), Decision(C1, C2, same=False)) == [["A1"]]


MARKS = st.builds(
    Marks,
    name=st.sampled_from(["", "青葉", "㈱青葉", "若葉", "アオバ"]),
    number=st.sampled_from([None, None, *NUMBERS]),
    domain=st.sampled_from([None, None, "one.example", "two.example"]),
    phone=st.sampled_from([None, "03-1234-5678", "06-1111-2222"]),
    prefecture=st.sampled_from([None, "東京都"]),
    city=st.sampled_from([None, "渋谷区"]),
)  # fmt: skip
REFS = [A1, A2, A3, C1, C2, C3]
DECISIONS = st.lists(
    st.tuples(st.sampled_from(REFS), st.sampled_from(REFS), st.booleans()).filter(lambda d: d[0] != d[1]), max_size=4
)


@given(st.lists(MARKS, min_size=6, max_size=6), DECISIONS, st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_the_order_of_records_never_matters_and_every_record_is_in_one_group(marks, said, chance: random.Random):
    records = dict(zip(REFS, marks, strict=True))
    decisions = [Decision(*d) for d in said]
    shuffled = list(records.items())
    chance.shuffle(shuffled)
    found, again = match(records, decisions), match(dict(shuffled), decisions)
    assert found == again
    assert list(found.groups) == list(again.groups)
    assert sorted(ref for members in found.groups.values() for ref in members) == sorted(REFS)


@given(st.lists(MARKS, min_size=6, max_size=6))
@settings(max_examples=300, deadline=None)
def test_no_group_ever_holds_two_corporate_numbers(marks):
    records = dict(zip(REFS, marks, strict=True))
    for members in match(records).groups.values():
        assert len({records[ref].number for ref in members} - {None}) <= 1


@given(st.lists(MARKS, min_size=6, max_size=6), DECISIONS)
@settings(max_examples=300, deadline=None)
def test_what_a_person_told_apart_stays_apart(marks, said):
    records = dict(zip(REFS, marks, strict=True))
    found = match(records, [Decision(*d) for d in said])
    where = {ref: first for first, members in found.groups.items() for ref in members}
    pairs = {frozenset((left, right)) for left, right, same in said if not same}
    assert all(where[left] != where[right] for left, right in map(tuple, pairs))
    shown = {frozenset((s.left, s.right)) for s in found.suggestions}
    assert not shown & pairs


@given(st.lists(MARKS, min_size=6, max_size=6), DECISIONS)
@settings(max_examples=300, deadline=None)
def test_records_that_share_nothing_are_alone_and_change_nothing_for_the_others(marks, said):
    records = dict(zip(REFS, marks, strict=True))
    decisions = [Decision(*d) for d in said]
    some = {ref: records[ref] for ref in sharing(records, decisions)}
    whole, part = match(records, decisions, alike=False), match(some, decisions, alike=False)
    assert whole.groups == {**part.groups, **{ref: [ref] for ref in records.keys() - some.keys()}}
    assert (whole.suggestions, whole.ambiguous) == (part.suggestions, part.ambiguous)
    assert all(whole.matched_by[ref] == part.matched_by.get(ref, "itself") for ref in records)
