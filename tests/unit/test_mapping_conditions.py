"""Conditions on mirrored values: text as text, numbers by value, emptiness as itself."""

from datetime import date
from decimal import Decimal

import pytest
from pydantic import TypeAdapter, ValidationError

from sync.mapping.conditions import ConditionInput, all_of

CONDITION = TypeAdapter(ConditionInput)


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
        ({"empty": True}, [None, ""], ["x", 0, False]),
        ({"empty": False}, ["x", 0, False], [None, ""]),
        ({"contains": "a", "not": "abc"}, ["ab"], ["abc", "b"]),
        ("2026-01-05", [date(2026, 1, 5)], [date(2026, 1, 6)]),
    ],
)
def test_a_condition_holds_for_what_it_says_and_for_nothing_else(condition, fits, fails):
    test = CONDITION.validate_python(condition).predicate()
    assert [test(value) for value in fits] == [True] * len(fits)
    assert [test(value) for value in fails] == [False] * len(fails)


def test_all_conditions_must_hold_and_a_missing_field_is_empty():
    where = {"A": CONDITION.validate_python("x"), "B": CONDITION.validate_python({"empty": True})}
    assert all_of(where)({"A": "x"})
    assert not all_of(where)({"A": "x", "B": "y"})
    assert all_of({})({})


@pytest.mark.parametrize("nothing", [{}, [], {"in": []}, "", ["A", ""]])
def test_a_condition_that_says_nothing_is_refused(nothing):
    with pytest.raises(ValidationError):
        CONDITION.validate_python(nothing)
