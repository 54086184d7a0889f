"""A parsed query, before any schema has been asked. Positions are offsets into the text, for the caret of an error."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Name:
    text: str
    pos: int


@dataclass(frozen=True, slots=True)
class Value:
    kind: Literal["string", "number", "date", "datetime", "word"]  # word: null, true, false or a date literal
    text: str  # strings are unescaped
    pos: int


@dataclass(frozen=True, slots=True)
class Comparison:
    field: Name
    op: str  # =, !=, <, <=, >, >=, like, in, not in, includes, excludes
    values: "tuple[Value, ...] | Query"
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Logic:
    op: Literal["and", "or", "not"]
    parts: "tuple[Condition, ...]"


Condition = Comparison | Logic


@dataclass(frozen=True, slots=True)
class Aggregate:
    function: str
    field: Name | None
    alias: str | None
    pos: int


@dataclass(frozen=True, slots=True)
class Order:
    field: Name
    descending: bool
    nulls_last: bool


@dataclass(frozen=True, slots=True)
class Query:
    text: str
    fields: tuple[Name, ...]
    aggregates: tuple[Aggregate, ...]
    counts: bool  # SELECT COUNT()
    object: Name
    where: Condition | None = None
    order: tuple[Order, ...] = field(default_factory=tuple)
    limit: int | None = None
    offset: int = 0
    offset_pos: int | None = None
