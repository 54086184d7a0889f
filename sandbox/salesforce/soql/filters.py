"""Conditions compiled to closures over records, and the bounds that let a keyset query start in the middle of an index."""

import operator
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any, TypeVar

from sandbox.salesforce import ids, stamps
from sandbox.salesforce.org import Org
from sandbox.salesforce.schema import NUMBER_TYPES, Field, Object
from sandbox.salesforce.soql import complain, dates
from sandbox.salesforce.soql.nodes import Comparison, Condition, Logic, Name, Query, Value
from sandbox.salesforce.soql.paths import Read, resolve
from sandbox.store import Record

Test = Callable[[Record], bool]
Values = Callable[[Query], set[Any]]  # runs the query of a semi-join
_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Compiler:
    """Compiles the conditions of one query."""

    def __init__(self, query: Query, obj: Object, org: Org, run_subquery: Values) -> None:
        self._text = query.text
        self._obj = obj
        self._org = org
        self._run_subquery = run_subquery

    def compile(self, node: Condition) -> Test:
        if isinstance(node, Comparison):
            return self._comparison(node)
        parts = [self.compile(p) for p in node.parts]
        if node.op == "not":
            (inner,) = parts
            return lambda r: not inner(r)
        if len(parts) == 2:
            first, second = parts
            if node.op == "and":
                return lambda r: first(r) and second(r)
            return lambda r: first(r) or second(r)
        if node.op == "and":
            return lambda r: all(p(r) for p in parts)
        return lambda r: any(p(r) for p in parts)

    def _comparison(self, node: Comparison) -> Test:
        path = resolve(node.field, self._obj, self._org, self._text)
        f, read = path.field, path.read
        if not f.filterable or f.type == "address":
            raise self._bad(node.field, f"field '{f.name}' can not be filtered in a query call")
        if isinstance(node.values, Query):
            members = self._run_subquery(node.values)
            return _inside(read, members) if node.op == "in" else _outside(read, members)
        match node.op:
            case "like":
                return self._like(node, f, read)
            case "in" | "not in":
                members = {self._literal(f, v) for v in node.values}
                fold = _folding(f, read)
                return _inside(fold, members) if node.op == "in" else _outside(fold, members)
            case "includes" | "excludes":
                return self._multi(node, f, read)
        value = node.values[0]
        if value.kind == "word" and f.type in ("date", "datetime") and value.text != "NULL":
            return self._range(node, f, read, value)
        literal = self._literal(f, value)
        return _compare(node.op, _folding(f, read), literal)

    def _like(self, node: Comparison, f: Field, read: Read) -> Test:
        assert isinstance(node.values, tuple)
        (value,) = node.values
        if (
            value.kind != "string"
            or f.type in NUMBER_TYPES
            or f.type in ("date", "datetime", "boolean", "id", "reference")
        ):
            message = f"invalid operator on {f.type} field"
            raise complain.bad_filter(self._text, node.field.pos, message, "INVALID_QUERY_FILTER_OPERATOR")
        pattern = re.compile(_like_pattern(value.text), re.IGNORECASE | re.DOTALL)
        return lambda r: (text := read(r)) is not None and pattern.fullmatch(text) is not None

    def _multi(self, node: Comparison, f: Field, read: Read) -> Test:
        assert isinstance(node.values, tuple)
        if f.type != "multipicklist":
            message = f"{node.op} operator is only valid on multi-select picklist fields"
            raise complain.bad_filter(self._text, node.field.pos, message, "INVALID_QUERY_FILTER_OPERATOR")
        wanted = [frozenset(v.text.split(";")) for v in node.values]

        def includes(r: Record) -> bool:
            chosen = set((read(r) or "").split(";"))
            return any(group <= chosen for group in wanted)

        return includes if node.op == "includes" else lambda r: not includes(r)

    def _range(self, node: Comparison, f: Field, read: Read, value: Value) -> Test:
        span = dates.days(value.text, self._org.today())
        if span is None:
            raise complain.unexpected(self._text, value.pos, value.text)
        start, end = (_limit(f, d) for d in span)
        match node.op:
            case "=":
                return lambda r: (v := read(r)) is not None and start <= v < end
            case "!=":
                return lambda r: (v := read(r)) is None or not start <= v < end
            case "<":
                return lambda r: (v := read(r)) is not None and v < start
            case "<=":
                return lambda r: (v := read(r)) is not None and v < end
            case ">":
                return lambda r: (v := read(r)) is not None and v >= end
        return lambda r: (v := read(r)) is not None and v >= start

    def _literal(self, f: Field, value: Value) -> Any:
        """The value in the form `read` gives, text folded; an error where the field's type does not take it."""
        if value.kind == "word" and value.text == "NULL":
            return None
        kind = f.type
        if kind in NUMBER_TYPES:
            return (
                float(value.text)
                if value.kind == "number"
                else self._wrong(f, value, "double" if kind != "int" else "int")
            )
        if kind == "boolean":
            if value.kind == "word" and value.text in ("TRUE", "FALSE"):
                return value.text == "TRUE"
            return self._wrong(f, value, "boolean")
        if kind == "date":
            if value.kind == "date":
                return self._checked_day(value)
            return self._wrong(f, value, "date")
        if kind == "datetime":
            if value.kind == "datetime":
                return self._checked_time(value)
            return self._wrong(f, value, "dateTime")
        if value.kind == "word":
            raise complain.unexpected(self._text, value.pos, self._text[value.pos : value.pos + len(value.text)])
        if value.kind != "string":
            message = f"value of filter criterion for field '{f.name}' must be of type string and should be enclosed in quotes"
            raise complain.bad_filter(self._text, value.pos, message)
        if kind in ("id", "reference"):
            whole = ids.full(value.text)
            if whole is None:
                message = f"invalid ID field: {value.text}"
                raise complain.bad_filter(self._text, value.pos, message, "INVALID_QUERY_FILTER_OPERATOR")
            return whole
        return value.text.casefold() or None  # Salesforce keeps no empty text: '' means null

    def _checked_day(self, value: Value) -> str:
        try:
            return date.fromisoformat(value.text).isoformat()
        except ValueError:
            raise complain.malformed(self._text, value.pos, f"Invalid date: {value.text}") from None

    def _checked_time(self, value: Value) -> datetime:
        try:
            return stamps.parse(value.text)
        except ValueError:
            raise complain.malformed(self._text, value.pos, f"Invalid datetime: {value.text}") from None

    def _wrong(self, f: Field, value: Value, wanted: str) -> Any:
        message = f"value of filter criterion for field '{f.name}' must be of type {wanted} and should not be enclosed in quotes"
        raise complain.bad_filter(self._text, value.pos, message)

    def _bad(self, name: Name, message: str) -> Exception:
        return complain.bad_filter(self._text, name.pos, message)


def _limit(f: Field, day: date) -> Any:
    return day.isoformat() if f.type == "date" else datetime.combine(day, time(), stamps.ORG_ZONE).astimezone(UTC)


def _like_pattern(text: str) -> str:
    out, i = [], 0
    while i < len(text):
        char = text[i]
        if char == "\\" and text[i + 1 : i + 2] in ("%", "_"):
            out.append(re.escape(text[i + 1]))
            i += 1
        else:
            out.append({"%": ".*", "_": "."}.get(char, re.escape(char)))
        i += 1
    return "".join(out)


def _folding(f: Field, read: Read) -> Read:
    """Text compares without regard to case; ids do not."""
    if f.type in NUMBER_TYPES or f.type in ("id", "reference", "boolean", "date", "datetime"):
        return read

    def folded(r: Record) -> Any:
        value = read(r)
        return value.casefold() or None if isinstance(value, str) else value

    return folded


def _compare(op: str, read: Read, literal: Any) -> Test:
    if op == "=":
        return lambda r: read(r) == literal
    if op == "!=":
        return lambda r: read(r) != literal
    if literal is None:
        return lambda _: False
    ordered = _ORDERED[op]
    return lambda r: (v := read(r)) is not None and ordered(v, literal)


def _inside(read: Read, members: set[Any]) -> Test:
    return lambda r: read(r) in members


def _outside(read: Read, members: set[Any]) -> Test:
    return lambda r: read(r) not in members


Bound = TypeVar("Bound", str, datetime)
_STAMPS = ("systemmodstamp", "lastmodifieddate")


def stamp_bound(node: Condition | None) -> datetime | None:
    """No row with an earlier stamp can satisfy the condition."""
    if node is None:
        return None
    if isinstance(node, Comparison):
        if node.field.text.lower() in _STAMPS and node.op in ("=", ">", ">=") and isinstance(node.values, tuple):
            value = node.values[0]
            return stamps.parse(value.text) if value.kind == "datetime" else None
        return None
    return _combine(node, [stamp_bound(p) for p in node.parts])


def id_bound(node: Condition | None) -> str | None:
    """No row with a smaller id can satisfy the condition."""
    if node is None:
        return None
    if isinstance(node, Comparison):
        if node.field.text.lower() == "id" and node.op in ("=", ">", ">=") and isinstance(node.values, tuple):
            return ids.full(node.values[0].text)
        return None
    return _combine(node, [id_bound(p) for p in node.parts])


def _combine(node: Logic, bounds: list[Bound | None]) -> Bound | None:
    known = [b for b in bounds if b is not None]
    if node.op == "and" and known:
        return max(known)
    if node.op == "or" and len(known) == len(bounds):
        return min(known)
    return None
