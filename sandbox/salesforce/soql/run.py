"""Runs a checked query over the org's rows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.fields import is_deleted
from sandbox.salesforce.org import Org, scattered
from sandbox.salesforce.schema import TEXT_TYPES, Object
from sandbox.salesforce.soql import complain
from sandbox.salesforce.soql.filters import Compiler, Test, id_bound, stamp_bound
from sandbox.salesforce.soql.nodes import Aggregate, Order, Query
from sandbox.salesforce.soql.parse import parse
from sandbox.salesforce.soql.paths import Path, resolve
from sandbox.salesforce.values import to_json
from sandbox.store import Record

MAX_OFFSET = 2000


@dataclass(frozen=True, slots=True)
class Result:
    """The rows of a query, in order, and what to show of each. `summary` stands for the one row of aggregates."""

    object: Object
    columns: list[Path]
    rows: list[Record]
    total: int
    summary: dict[str, Any] | None = None

    @property
    def long_text(self) -> bool:
        return any(c.field.long_text for c in self.columns)


def run(text: str, org: Org, *, all_rows: bool = False, tooling: bool = False) -> Result:
    """`all_rows` is queryAll: deleted rows, merge losers and archived activities too."""
    return execute(parse(text), org, all_rows=all_rows, tooling=tooling)


def execute(query: Query, org: Org, *, all_rows: bool, tooling: bool) -> Result:
    obj = org.schema.find(query.object.text)
    if obj is None or not (obj.tooling if tooling else obj.in_data_api):
        raise complain.unknown_object(query.text, query.object.pos, query.object.text)
    columns = _columns(query, obj, org)
    order = [(_sortable(o, obj, org, query.text), o) for o in query.order]
    aggregated = [(a, resolve(a.field, obj, org, query.text)) for a in query.aggregates if a.field is not None]
    if query.offset > MAX_OFFSET:
        message = f"Maximum SOQL offset allowed is {MAX_OFFSET}"
        raise ApiError(400, "NUMBER_OUTSIDE_VALID_RANGE", complain.at(query.text, query.offset_pos or 0, message))

    def members(inner: Query) -> set[Any]:
        found = execute(inner, org, all_rows=all_rows, tooling=tooling)
        if len(found.columns) != 1:
            raise complain.malformed(query.text, inner.object.pos, "a semi-join selects exactly one field")
        read = found.columns[0].read
        return {v for r in found.rows if (v := read(r)) is not None}

    test = Compiler(query, obj, org, members).compile(query.where) if query.where is not None else None
    stop = None if query.limit is None else query.offset + query.limit
    rows = _ordered(query, obj, org, order, test, stop, all_rows=all_rows)[query.offset : stop]
    if query.counts:
        return Result(obj, [], [], len(rows))
    if aggregated:
        return Result(obj, [], [], 1, _summary(aggregated, rows))
    return Result(obj, columns, rows, len(rows))


def _columns(query: Query, obj: Object, org: Org) -> list[Path]:
    columns: list[Path] = []
    seen: set[str] = set()
    for name in query.fields:
        path = resolve(name, obj, org, query.text)
        if path.label in seen:
            raise complain.malformed(query.text, name.pos, f"duplicate field selected: {path.label}")
        seen.add(path.label)
        columns.append(path)
    most = org.settings.salesforce_query_weight
    if most is not None and sum(10 if c.field.formula is not None else 1 for c in columns) > most:
        message = "Query is either selecting too many fields or the filter conditions are too complicated."
        raise ApiError(400, "QUERY_TOO_COMPLICATED", message)
    return columns


def _sortable(order: Order, obj: Object, org: Org, text: str) -> Path:
    path = resolve(order.field, obj, org, text)
    if not path.field.sortable:
        message = f"field '{path.field.name}' can not be sorted in a query call"
        raise complain.bad_filter(text, order.field.pos, message)
    return path


def _ordered(
    query: Query,
    obj: Object,
    org: Org,
    order: list[tuple[Path, Order]],
    test: Test | None,
    stop: int | None,
    *,
    all_rows: bool,
) -> list[Record]:
    index = org.index(obj)
    asked = [(p.label, o.descending) for p, o in order]
    least = stamp_bound(query.where) if "SystemModstamp" in obj.fields else None

    def kept(rows: Iterable[Record]) -> Iterator[Record]:
        return _filtered(obj, rows, test, all_rows=all_rows)

    if asked == [("SystemModstamp", False), ("Id", False)]:
        return list(islice(kept(islice(index.by_stamp, index.since(least) if least else 0, None)), stop))
    if asked == [("Id", False)]:
        first = id_bound(query.where)
        return list(islice(kept(islice(index.by_id, index.from_id(first) if first else 0, None)), stop))
    if least is not None:
        rows = scattered(list(kept(islice(index.by_stamp, index.since(least), None))))
    elif order:
        rows = list(kept(index.scattered))
    else:
        rows = list(islice(kept(index.scattered), stop))
    for path, o in reversed(order):
        rows = _sorted(rows, path, o)
    return rows


def _filtered(obj: Object, rows: Iterable[Record], test: Test | None, *, all_rows: bool) -> Iterator[Record]:
    kept: Iterable[Record] = rows
    if not all_rows:
        kept = (r for r in kept if not is_deleted(r))
    if not all_rows and obj.archives:
        archived = obj.fields["IsArchived"].read
        kept = (r for r in kept if not archived(r))
    return iter(kept) if test is None else (r for r in kept if test(r))


def _sorted(rows: list[Record], path: Path, order: Order) -> list[Record]:
    """Stable, so that rows equal in all keys keep their scattered order. Nulls come first unless told otherwise."""
    folds = path.field.type in TEXT_TYPES
    nulls = [r for r in rows if path.read(r) is None]
    some = [r for r in rows if path.read(r) is not None]

    def key(r: Record) -> Any:
        value = path.read(r)
        return value.casefold() if folds and isinstance(value, str) else value

    some.sort(key=key, reverse=order.descending)
    return some + nulls if order.nulls_last else nulls + some


def _summary(aggregated: list[tuple[Aggregate, Path]], rows: list[Record]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    unnamed = 0
    for a, path in aggregated:
        name = a.alias
        if name is None:
            name, unnamed = f"expr{unnamed}", unnamed + 1
        values = [v for r in rows if (v := path.read(r)) is not None]
        out[name] = _reduce(a.function, values)
        if a.function in ("min", "max"):
            out[name] = to_json(path.field)(out[name])
    return out


def _reduce(function: str, values: list[Any]) -> Any:
    match function:
        case "count":
            return len(values)
        case "count_distinct":
            return len(set(values))
        case "sum":
            return float(sum(values)) if values else None
        case "avg":
            return sum(values) / len(values) if values else None
        case "min":
            return min(values, default=None)
        case _:
            return max(values, default=None)
