"""Conditions on one field of a record: how they are written, and as predicates on mirrored values.

`Status: Agreed` is `equals`, a list is `in`; the long form takes any of the operators below, all of which must hold.
A further operator is one more field of `Condition` and one more of its tests.
"""

import operator
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, ClassVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, model_validator

from sync.mapping.dates import MirrorValue, UnreadableDateError, day_of
from sync.mapping.patterns import LONGEST, finder, problem_of
from sync.mapping.written import WRITTEN_DAY, WRITTEN_NUMBER, WRITTEN_PATTERN

__all__ = [
    "Condition",
    "ConditionInput",
    "MirrorValue",
    "Predicate",
    "Rule",
    "Scalars",
    "number_of",
    "one_of",
    "text_of",
]

_UTC = ZoneInfo("UTC")
Predicate = Callable[[MirrorValue], bool]


class Rule(BaseModel):
    """The common manner of everything in a mapping: unknown keys refused, nothing changed after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False, str_strip_whitespace=True)
    noun: ClassVar[str] = "a rule"


def _as_text(value: Any) -> Any:
    """A CRM's value as text: `true`, `1001` and `"1001"` are what the CRM would write."""
    if value == "":
        raise ValueError("an empty text matches nothing; write {empty: true} for a field that holds nothing")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _written_out(value: Any) -> Any:
    if isinstance(value, dict):
        return value
    return {"in": value} if isinstance(value, list) else {"equals": value}


_Text = Annotated[str, Field(min_length=1)]
Scalar = Annotated[str, BeforeValidator(_as_text, json_schema_input_type=_Text | int | float | bool)]
Scalars = Annotated[
    list[Scalar],
    Field(min_length=1),
    BeforeValidator(_as_list, json_schema_input_type=Scalar | Annotated[list[Scalar], Field(min_length=1)]),
]


def _number_of(value: Any) -> Any:
    number = None if isinstance(value, bool) else _number(str(value).replace(",", ""))
    if number is None:
        raise ValueError(f"'{value}' is no number; days are compared by since, until, after, before")
    return number


def _day_of(value: Any) -> Any:
    if isinstance(value, str) and len(value) == 10:
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError(
        f"'{value}' is no day; write it as 2026-01-31 (a day that moves with today would change events while no record changes)"
    )


def _pattern(value: str) -> str:
    if reason := problem_of(value):
        shown = value if len(value) <= 60 else value[:57] + "..."
        raise ValueError(f"the pattern '{shown}' is not read: {reason}")
    return value


_AsText = Annotated[str, Field(json_schema_extra={"pattern": WRITTEN_NUMBER})]
_AsDay = Annotated[str, Field(json_schema_extra={"pattern": WRITTEN_DAY, "format": "date"})]
_AsPattern = Annotated[str, Field(min_length=1, json_schema_extra={"maxLength": LONGEST, "pattern": WRITTEN_PATTERN})]
Number = Annotated[Decimal, BeforeValidator(_number_of, json_schema_input_type=int | float | _AsText)]
Day = Annotated[date, BeforeValidator(_day_of, json_schema_input_type=_AsDay)]
Pattern = Annotated[str, Field(min_length=1), AfterValidator(_pattern)]
Patterns = Annotated[
    list[Pattern],
    Field(min_length=1),
    BeforeValidator(_as_list, json_schema_input_type=_AsPattern | Annotated[list[_AsPattern], Field(min_length=1)]),
]


class Condition(Rule):
    """What one field must be; where it says several things, all must hold.

    Text is compared exactly, numbers by value, days as days of the mapping's time zone. An empty field meets nothing but `empty: true` and `not`.
    """

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})
    noun: ClassVar[str] = "a condition"
    equals: Scalar | None = Field(None, description="exactly this value")
    in_: Scalars | None = Field(None, alias="in", description="one of these values")
    not_: Scalars | None = Field(None, alias="not", description="none of these values; an empty field passes")
    contains: Scalars | None = Field(None, description="text that holds one of these pieces")
    includes: Scalars | None = Field(None, description="a field of several values (A;B) that holds one of these")
    regex: Patterns | None = Field(None, description="text in which one of these patterns (RE2) is found")
    empty: StrictBool | None = Field(None, description="true: the field holds nothing; false: it holds something")
    more_than: Number | None = Field(None, description="a number above this one")
    at_least: Number | None = Field(None, description="this number or one above it")
    less_than: Number | None = Field(None, description="a number below this one")
    at_most: Number | None = Field(None, description="this number or one below it")
    after: Day | None = Field(None, description="a day later than this one, such as 2026-01-31")
    since: Day | None = Field(None, description="this day or a later one")
    before: Day | None = Field(None, description="a day earlier than this one")
    until: Day | None = Field(None, description="this day or an earlier one")

    @model_validator(mode="after")
    def _says_something(self) -> "Condition":
        if not self.says():
            names = ", ".join(sorted(field.alias or name for name, field in type(self).model_fields.items()))
            raise ValueError(f"a condition is empty; write a value, a list, or one of: {names}")
        return self

    def says(self) -> set[str]:
        """The operators it uses."""
        return {name for name in type(self).model_fields if getattr(self, name) is not None}

    @property
    def compares_numbers(self) -> bool:
        return any(getattr(self, name) is not None for name in _NUMBERS)

    @property
    def compares_days(self) -> bool:
        return any(getattr(self, name) is not None for name in _DAYS)

    def values(self) -> tuple[str, ...]:
        """The whole values it names, which a picklist should know."""
        return tuple(
            v
            for values in ([self.equals] if self.equals is not None else [], self.in_, self.not_, self.includes)
            for v in values or ()
        )

    def predicate(self, zone: ZoneInfo = _UTC) -> Predicate:
        """The condition as a test of mirrored values; `zone` is the mapping's, whose days count."""
        tests = (*self._by_value(), *self._by_text(), *self._by_order(zone))
        return tests[0] if len(tests) == 1 else lambda value: all(test(value) for test in tests)

    def _by_value(self) -> Iterator[Predicate]:
        if self.equals is not None:
            yield one_of([self.equals])
        if self.in_ is not None:
            yield one_of(self.in_)
        if self.not_ is not None:
            excluded = one_of(self.not_)
            yield lambda value: not excluded(value)
        if self.includes is not None:
            wanted = frozenset(self.includes)
            yield lambda value: not wanted.isdisjoint(part.strip() for part in text_of(value).split(";"))
        if self.empty is not None:
            empty = self.empty
            yield lambda value: (value is None or value == "") is empty

    def _by_text(self) -> Iterator[Predicate]:
        if self.contains is not None:
            pieces = tuple(self.contains)
            yield lambda value: value is not None and any(piece in text_of(value) for piece in pieces)
        if self.regex is not None:
            found = finder(tuple(self.regex))
            yield lambda value: value is not None and value != "" and found(text_of(value))

    def _by_order(self, zone: ZoneInfo) -> Iterator[Predicate]:
        for name, compare in _NUMBERS.items():
            if (bound := getattr(self, name)) is not None:
                yield _compared(number_of, compare, bound)
        for name, compare in _DAYS.items():
            if (bound := getattr(self, name)) is not None:
                yield _compared(lambda value: _day(value, zone), compare, bound)


_NUMBERS = {"more_than": operator.gt, "at_least": operator.ge, "less_than": operator.lt, "at_most": operator.le}
_DAYS = {"after": operator.gt, "since": operator.ge, "before": operator.lt, "until": operator.le}


def _compared(read: Callable[[MirrorValue], Any], compare: Callable[[Any, Any], bool], bound: Any) -> Predicate:
    def test(value: MirrorValue) -> bool:
        met = read(value)
        return met is not None and compare(met, bound)

    return test


ConditionInput = Annotated[
    Condition,
    BeforeValidator(
        _written_out, json_schema_input_type=Scalar | Annotated[list[Scalar], Field(min_length=1)] | Condition
    ),
]


def text_of(value: MirrorValue) -> str:
    """A mirrored value as the CRM would write it; the empty text for none."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    return f"{value.normalize():f}" if isinstance(value, Decimal) and value.is_finite() else str(value)


def one_of(values: Iterable[str]) -> Predicate:
    """Whether a mirrored value is among those written; numbers by value, everything else as text."""
    texts = frozenset(values)
    numbers = frozenset(number for text in texts if (number := _number(text)) is not None)

    def test(value: MirrorValue) -> bool:
        if value is None:
            return False
        if isinstance(value, str):
            return value in texts
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            return value in numbers
        return text_of(value) in texts

    return test


def number_of(value: MirrorValue) -> Decimal | None:
    """The value as a number, where it is one or is written as one; thousands may be set apart by commas."""
    if isinstance(value, bool) or value is None or isinstance(value, date):
        return None
    return _number(text_of(value).replace(",", "").strip())


def _day(value: MirrorValue, zone: ZoneInfo) -> date | None:
    try:
        return day_of(value, zone)
    except UnreadableDateError:
        return None


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
