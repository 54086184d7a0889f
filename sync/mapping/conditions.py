"""Conditions on one field of a record: how they are written, and as predicates on mirrored values.

`Status: Agreed` is `equals`, a list is `in`; the long form takes any of the operators below, all of which must hold.
A further operator is one more field of `Condition` and one more branch of `predicate`.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

MirrorValue = str | int | Decimal | float | bool | date | datetime | None
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


Scalar = Annotated[str, BeforeValidator(_as_text, json_schema_input_type=str | int | float | bool)]
Scalars = Annotated[
    list[Scalar],
    Field(min_length=1),
    BeforeValidator(_as_list, json_schema_input_type=Scalar | list[Scalar]),
]


class Condition(Rule):
    """What one field must be. Text is compared exactly, numbers by value, and an empty field equals nothing."""

    noun: ClassVar[str] = "a condition"
    equals: Scalar | None = Field(None, description="exactly this value")
    in_: Scalars | None = Field(None, alias="in", description="one of these values")
    not_: Scalars | None = Field(None, alias="not", description="none of these values; an empty field passes")
    contains: Scalars | None = Field(None, description="text that holds one of these pieces")
    empty: bool | None = Field(None, description="true: the field holds nothing; false: it holds something")

    @model_validator(mode="after")
    def _says_something(self) -> "Condition":
        if all(operator is None for operator in (self.equals, self.in_, self.not_, self.contains, self.empty)):
            raise ValueError("a condition is empty; write a value, a list, or one of: contains, empty, equals, in, not")
        return self

    def values(self) -> tuple[str, ...]:
        """The whole values it names, which a picklist should know."""
        return tuple(
            v
            for values in ([self.equals] if self.equals is not None else [], self.in_, self.not_)
            for v in values or ()
        )

    def predicate(self) -> Predicate:
        tests: list[Predicate] = []
        if self.equals is not None:
            tests.append(one_of([self.equals]))
        if self.in_ is not None:
            tests.append(one_of(self.in_))
        if self.not_ is not None:
            excluded = one_of(self.not_)
            tests.append(lambda value: not excluded(value))
        if self.contains is not None:
            pieces = tuple(self.contains)
            tests.append(lambda value: value is not None and any(piece in text_of(value) for piece in pieces))
        if self.empty is not None:
            wanted = self.empty
            tests.append(lambda value: (value is None or value == "") is wanted)
        return tests[0] if len(tests) == 1 else lambda value: all(test(value) for test in tests)


ConditionInput = Annotated[
    Condition,
    BeforeValidator(_written_out, json_schema_input_type=Scalar | list[Scalar] | Condition),
]
Where = dict[str, ConditionInput]


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


def all_of(where: Mapping[str, Condition]) -> Callable[[Mapping[str, MirrorValue]], bool]:
    """Whether a record's values meet every condition; a record with no conditions passes."""
    tests = [(name, condition.predicate()) for name, condition in where.items()]
    if not tests:
        return lambda _values: True
    if len(tests) == 1:
        ((name, test),) = tests
        return lambda values: test(values.get(name))
    return lambda values: all(test(values.get(name)) for name, test in tests)


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
