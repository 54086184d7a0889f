"""Conditions: text as text, numbers by value, days by the mapping's zone, patterns that cannot explode, and records that are linked."""

import time
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from sync.mapping.conditions import ConditionInput
from sync.mapping.selection import selector
from sync.mapping.where import Where
from tests.fake_mirror import FakeMirror

CONDITION = TypeAdapter(ConditionInput)
TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.mark.parametrize(
    ("condition", "fits", "fails"),
    [
        ("Agreed", ["Agreed"], ["agreed", "Agreed ", None, ""]),
        (["A", "B"], ["A", "B"], ["C", None]),
        (True, [True, "true"], [False, None, "True"]),
        ("true", [True, "true"], [False, None]),
        (1001, ["1001", 1001, Decimal("1001.0")], ["1001.0", 1002, None]),
        ("1.50", [Decimal("1.5"), 1.5, "1.50"], ["1.5", None]),
        ({"equals": "x"}, ["x"], ["y", None]),
        ({"not": ["A", "B"]}, ["C", None], ["A", "B"]),
        ({"not": "A"}, ["C", None], ["A"]),
        ({"contains": "定例"}, ["週次定例ミーティング", "定例"], ["会食", None, ""]),
        ({"contains": ["会食", "定例"]}, ["定例会", "会食"], ["訪問"]),
        ({"includes": ["A", "B C"]}, ["A", "x;A", "B C; x"], ["AA;x", "B", None, ""]),
        ({"regex": "^(週次|月次)定例"}, ["週次定例会", "月次定例"], ["臨時定例", "の週次定例", None, ""]),
        ({"regex": ["(?i)qbr", r"\d{4}年"]}, ["2026 qbr", "２０２６ QBR", "2026年"], ["年", None]),
        ({"empty": True}, [None, ""], ["x", 0, False]),
        ({"empty": False}, ["x", 0, False], [None, ""]),
        ({"contains": "a", "not": "abc"}, ["ab"], ["abc", "b"]),
        ("2026-01-05", [date(2026, 1, 5)], [date(2026, 1, 6)]),
        ({"at_least": 10}, [10, Decimal(10), 10.5, "10", "1,000"], [9, "9.9", "ten", "", None, True]),
        ({"more_than": 10, "at_most": "20"}, [11, "20"], [10, 21, None]),
        ({"less_than": 0.5}, ["0.49", -1], [0.5, None]),
        ({"since": "2026-04-01"}, [date(2026, 4, 1), "2026-04-01"], [date(2026, 3, 31), None, "", "April", 5]),
        ({"after": "2026-04-01", "until": "2026-04-30"}, [date(2026, 4, 2), date(2026, 4, 30)], [date(2026, 4, 1), date(2026, 5, 1)]),
        ({"before": "2026-04-01"}, [datetime(2026, 3, 31, 14, 59, tzinfo=UTC)], [datetime(2026, 3, 31, 15, 0, tzinfo=UTC)]),
    ],
)  # fmt: skip
def test_a_condition_holds_for_what_it_says_and_for_nothing_else(condition, fits, fails):
    test = CONDITION.validate_python(condition).predicate(TOKYO)
    assert [test(value) for value in fits] == [True] * len(fits)
    assert [test(value) for value in fails] == [False] * len(fails)


@pytest.mark.parametrize("nothing", [{}, [], {"in": []}, "", ["A", ""], {"regex": []}, {"regex": ""}])
def test_a_condition_that_says_nothing_is_refused(nothing):
    with pytest.raises(ValidationError):
        CONDITION.validate_python(nothing)


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ({"regex": "("}, "the pattern '(' is not read: missing ): ("),
        ({"regex": "(?=a)b"}, "no look-around, no back-references"),
        ({"regex": r"(a)\1"}, "no look-around, no back-references"),
        ({"regex": "(a{1000}){1000}"}, "repetition up to 1000"),
        ({"regex": "((((a{30}){30}){30}){30})"}, "is not read"),
        ({"regex": "a" * 2000}, "it has 2,000 characters; 1,000 are the most"),
        ({"since": "next week"}, "'next week' is no day; write it as 2026-01-31"),
        ({"since": "2026-02-30"}, "'2026-02-30' is no day"),
        ({"at_least": "many"}, "'many' is no number; days are compared by since, until, after, before"),
        ({"more_than": "2026-01-01"}, "is no number"),
    ],
)
def test_what_cannot_be_compared_or_found_is_refused_in_one_sentence(condition, sentence):
    with pytest.raises(ValidationError) as caught:
        CONDITION.validate_python(condition)
    (problem,) = caught.value.errors()
    assert sentence in problem["msg"]


@pytest.mark.parametrize("pattern", [r"^(a+)+$", r"(a|a)*b", r"(\w+\s?)*$", r"(.*)*x", r"^((a|b|ab)*)*c$"])
@pytest.mark.timeout(10)
def test_a_pattern_that_would_explode_elsewhere_takes_time_in_proportion_to_the_text(pattern):
    """Each of these takes ages on a hundred characters in an engine that goes back; here a CRM's longest text is read at once."""
    test = CONDITION.validate_python({"regex": pattern}).predicate()
    began = time.process_time()
    for text in ("a" * 131_072 + "!", "ab" * 60_000, "あ" * 40_000 + "\ud800"):
        test(text)
    assert time.process_time() - began < 5


@given(st.text(max_size=40))
def test_any_text_is_a_pattern_or_is_refused(pattern):
    try:
        test = CONDITION.validate_python({"regex": pattern}).predicate()
    except ValidationError:
        return
    assert test("x") in (True, False)


# --- records ------------------------------------------------------------------------------------------------------------


def opportunities() -> FakeMirror:
    mirror = FakeMirror()
    mirror.put("crm.Account", "A1", Type="Partner", Region="East")
    mirror.put("crm.Account", "A2", Type="Customer", Region="West")
    mirror.put("crm.Opportunity", "O1", LeadSource="Partner", Amount=Decimal(500), AccountId="A1")
    mirror.put("crm.Opportunity", "O2", LeadSource="Web", Amount=Decimal(900), AccountId="A2")
    mirror.put("crm.Opportunity", "O3", LeadSource="Web", Amount=None, AccountId="A9")
    mirror.link("crm.Opportunity", "O1", "companies", "501", "partner")
    mirror.link("crm.Opportunity", "O2", "companies", "501", "customer")
    mirror.put("crm.companies", "501", flag=True)
    return mirror


@pytest.mark.parametrize(
    ("where", "fitting"),
    [
        ({}, ["O1", "O2", "O3"]),
        ({"LeadSource": "Web", "Amount": {"empty": True}}, ["O3"]),
        ({"or": [{"LeadSource": "Partner"}, {"Amount": {"at_least": 900}}]}, ["O1", "O2"]),
        ({"LeadSource": "Web", "or": [{"Amount": {"empty": True}}, {"AccountId": "A1"}]}, ["O3"]),
        ({"and": [{"LeadSource": "Web"}, {"not": {"Amount": {"empty": True}}}]}, ["O2"]),
        ({"not": {"LeadSource": "Web", "Amount": 900}}, ["O1", "O3"]),
        ({"related": {"by": "AccountId", "where": {"Type": "Partner"}}}, ["O1"]),
        ({"related": {"by": "AccountId", "object": "Account", "where": {"Region": {"not": "East"}}}}, ["O2"]),
        ({"not": {"related": {"by": "AccountId", "where": {"Type": "Partner"}}}}, ["O2", "O3"]),
        ({"related": {"by": {"association": "companies"}, "where": {"flag": True}}}, ["O1", "O2"]),
        ({"related": {"by": {"association": "companies", "label": "partner"}, "where": {"flag": True}}}, ["O1"]),
        ({"related": [{"by": "AccountId", "where": {"Region": "West"}}, {"by": {"association": "companies"}, "where": {"flag": True}}]}, ["O2"]),
    ],
)  # fmt: skip
def test_records_are_chosen_by_their_fields_by_those_they_are_linked_to_and_by_and_or_not(where, fitting):
    rule, mirror = Where.model_validate(where), opportunities()
    fits = selector(rule, mirror, "crm", "Opportunity", TOKYO)
    rows = mirror.rows("crm", "Opportunity", sorted(rule.fields()))
    assert sorted(row.id for row in rows if fits(row)) == fitting


def test_a_link_of_a_linked_record_may_be_followed_and_a_deleted_one_meets_nothing():
    mirror = opportunities()
    mirror.put("crm.Line", "L1", OpportunityId="O1")
    mirror.put("crm.Line", "L2", OpportunityId="O2")
    rule = Where.model_validate(
        {"related": {"by": "OpportunityId", "where": {"related": {"by": "AccountId", "where": {"Type": "Partner"}}}}}
    )
    chosen = [
        row.id
        for row in mirror.rows("crm", "Line", ["OpportunityId"])
        if selector(rule, mirror, "crm", "Line", TOKYO)(row)
    ]
    assert chosen == ["L1"]
    mirror.delete("crm.Account", "A1")
    fits = selector(rule, mirror, "crm", "Line", TOKYO)
    assert not any(fits(row) for row in mirror.rows("crm", "Line", ["OpportunityId"]))


@pytest.mark.parametrize(
    "empty", [{"or": []}, {"or": [{}]}, {"not": {}}, {"related": {"by": "AccountId", "where": {}}}]
)
def test_a_group_of_conditions_that_says_nothing_is_refused(empty):
    with pytest.raises(ValidationError):
        Where.model_validate(empty)


FIELDS = st.sampled_from(["A", "B"])
VALUES = st.sampled_from(["x", "y", None])
LEAVES = st.dictionaries(FIELDS, st.sampled_from(["x", "y", {"empty": True}, {"not": "x"}]), min_size=1, max_size=2)
WHERES = st.recursive(
    LEAVES,
    lambda below: st.one_of(
        st.builds(lambda parts: {"or": parts}, st.lists(below, min_size=1, max_size=2)),
        st.builds(lambda parts: {"and": parts}, st.lists(below, min_size=1, max_size=2)),
        st.builds(lambda part: {"not": part}, below),
    ),
    max_leaves=6,
)


def truth(where, values):
    """The same, said again in the plainest way."""
    for key, said in where.items():
        if key == "or":
            holds = any(truth(part, values) for part in said)
        elif key == "and":
            holds = all(truth(part, values) for part in said)
        elif key == "not":
            holds = not truth(said, values)
        elif isinstance(said, dict):
            holds = values[key] is None if "empty" in said else values[key] != said["not"]
        else:
            holds = values[key] == said
        if not holds:
            return False
    return True


@given(WHERES, VALUES, VALUES)
def test_and_or_not_mean_what_logic_says(where, a, b):
    mirror = FakeMirror().put("crm.O", "1", A=a, B=b)
    fits = selector(Where.model_validate(where), mirror, "crm", "O", TOKYO)
    (row,) = mirror.rows("crm", "O", ["A", "B"])
    assert fits(row) is truth(where, {"A": a, "B": b})
