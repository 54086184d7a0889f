"""POST …/search: at most 200 a page and 10,000 in all, and always a moment late."""

import json
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from sandbox.hubspot.errors import HubspotError, bad_request
from sandbox.hubspot.filters import Fields, Test, comparable, compile_filter, groups_of
from sandbox.hubspot.object_types import ObjectType
from sandbox.hubspot.records import Records
from sandbox.hubspot.wire import chosen_names, render

PAGE_LIMIT, DEFAULT_LIMIT, REACH, QUERY_LIMIT = 200, 10, 10_000, 3_000
CACHED = 16  # searches remembered between pages; a write to the object forgets them


@dataclass(slots=True)
class _Hits:
    generation: int
    found: list[Fields]
    ids: list[int] = field(default_factory=list)  # filled when the hits stand in the order of their ids


class Search:
    """Answers search requests from the versions that search may see."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._cache: OrderedDict[str, _Hits] = OrderedDict()

    def answer(self, kind: ObjectType, body: Mapping[str, Any]) -> dict[str, Any]:
        """The reply's body; 400 for what HubSpot refuses."""
        limit, after = _whole(body, "limit", DEFAULT_LIMIT), _whole(body, "after", 0)
        if not 0 <= limit <= PAGE_LIMIT:
            raise bad_request(f"Invalid limit {limit}: a search page holds at most {PAGE_LIMIT} results")
        if after >= REACH or after + limit > REACH:
            raise HubspotError(400, "There was a problem with the request.", "VALIDATION_ERROR")
        query = body.get("query")
        if query is not None and len(str(query)) > QUERY_LIMIT:
            raise bad_request(f"The query is {len(str(query))} characters long; the maximum is {QUERY_LIMIT}")
        groups = groups_of(body)
        name, descending = self._order(kind, body.get("sorts"))
        lowest, groups = _lowest_id(groups) if name is None and not descending else (0, groups)
        hits = self._hits(kind, groups, str(query) if query else None, name, descending=descending)
        start = bisect_left(hits.ids, lowest) if lowest else 0
        total = len(hits.found) - start
        page = hits.found[start + after : start + after + limit]
        known = self._records.books[kind.name].live
        names = chosen_names(kind, known, body.get("properties"))
        reply: dict[str, Any] = {"total": total, "results": [render(kind, fields, names) for fields in page]}
        if after + limit < total and limit:
            reply["paging"] = {"next": {"after": str(after + limit)}}
        return reply

    def _order(self, kind: ObjectType, sorts: Any) -> tuple[str | None, bool]:
        """The property to sort by (None is by id, as by creation) and whether downwards."""
        if not sorts:
            return None, False
        if len(sorts) > 1:
            raise bad_request(f"Only one sort is allowed, got {len(sorts)}")
        asked = sorts[0]
        if isinstance(asked, str):
            name, descending = asked.lstrip("-"), asked.startswith("-")
        else:
            name, descending = str(asked.get("propertyName")), asked.get("direction") == "DESCENDING"
        if name not in self._records.books[kind.name].live:
            raise bad_request(f"There is no property named '{name}' to sort by")
        return (None if name == "hs_object_id" else name), descending

    def _hits(
        self,
        kind: ObjectType,
        groups: list[list[dict[str, Any]]],
        query: str | None,
        name: str | None,
        *,
        descending: bool,
    ) -> _Hits:
        key = json.dumps([kind.name, groups, query, name, descending], sort_keys=True, default=str)
        overlay = self._records.lag.overlay(kind.name)
        generation = self._records.lag.generation.get(kind.name, 0)
        known = self._cache.get(key)
        if known is not None and known.generation == generation:
            self._cache.move_to_end(key)
            return known
        test = self._compile(kind, groups, query)
        rows = self._records.rows(kind)
        # no pair is made for each row: so many containers would set the garbage collector to work on all records
        found: list[Fields] = [
            record.fields
            for number, record in zip(rows.ids, rows.records, strict=True)
            if number not in overlay and test(record.fields)
        ]
        ids = [int(fields["hs_object_id"]) for fields in found]
        for number, version in overlay.items():
            if version is not None and test(version):
                place = bisect_left(ids, number)
                ids.insert(place, number)
                found.insert(place, version)
        by_id = name is None and not descending
        hits = _Hits(generation, self._sorted(kind, found, name, descending=descending), ids if by_id else [])
        self._cache[key] = hits
        while len(self._cache) > CACHED:
            self._cache.popitem(last=False)
        return hits

    def _sorted(self, kind: ObjectType, found: list[Fields], name: str | None, *, descending: bool) -> list[Fields]:
        if name is None:
            return found[::-1] if descending else found
        key = comparable(self._records.books[kind.name].live[name])
        have = [fields for fields in found if fields.get(name) is not None]
        lack = [fields for fields in found if fields.get(name) is None]
        by = itemgetter(name) if key is str else lambda fields: key(fields[name])
        return sorted(have, key=by, reverse=descending) + lack

    def _compile(self, kind: ObjectType, groups: list[list[dict[str, Any]]], query: str | None) -> Test:
        compiled = [[self._one(kind, asked) for asked in group] for group in groups]
        tests: list[Test] = []
        if len(compiled) == 1:
            tests += compiled[0]
        elif compiled:
            tests.append(lambda fields: any(all(test(fields) for test in group) for group in compiled))
        if query:
            words, looked = query.lower().split(), kind.searched
            tests.append(
                lambda fields: all(any(word in (fields.get(name) or "").lower() for name in looked) for word in words)
            )
        if len(tests) == 1:
            return tests[0]
        if len(tests) == 2:
            one, two = tests
            return lambda fields: one(fields) and two(fields)
        return lambda fields: all(test(fields) for test in tests)

    def _one(self, kind: ObjectType, asked: Mapping[str, Any]) -> Test:
        name = str(asked.get("propertyName"))
        if name.startswith("associations."):
            return self._associated(kind, name.removeprefix("associations."), asked)
        prop = self._records.books[kind.name].live.get(name)
        if prop is None:
            raise bad_request(f"There is no property named '{name}' to filter {kind.name} by")
        return compile_filter(prop, asked)

    def _associated(self, kind: ObjectType, other: str, asked: Mapping[str, Any]) -> Test:
        target = self._records.kinds.find(other)
        if target.is_custom or asked.get("operator") not in ("EQ", "IN"):
            raise bad_request(f"Records cannot be filtered by associations.{other} with {asked.get('operator')}")
        values = asked.get("values") if asked["operator"] == "IN" else [asked.get("value")]
        linked: set[int] = set()
        for value in values or []:
            if not str(value).isdecimal():
                raise bad_request(f"associations.{other} takes a record id, got {value}")
            linked |= {number for number, _ in self._records.associations.of(target, int(str(value)), kind)}
        return lambda fields: int(fields["hs_object_id"]) in linked


def _lowest_id(groups: list[list[dict[str, Any]]]) -> tuple[int, list[list[dict[str, Any]]]]:
    """Takes `hs_object_id >= X` out of a lone group: the sweep by id then asks the same search on every page, which is remembered."""
    if len(groups) != 1:
        return 0, groups
    rest, lowest = [], 0
    for asked in groups[0]:
        operator, value = asked.get("operator"), str(asked.get("value", ""))
        if asked.get("propertyName") == "hs_object_id" and operator in ("GTE", "GT") and value.isdecimal():
            lowest = max(lowest, int(value) + (operator == "GT"))
        else:
            rest.append(asked)
    return lowest, [rest]


def _whole(body: Mapping[str, Any], name: str, default: int) -> int:
    value = body.get(name)
    if value is None or value == "":
        return default
    try:
        found = int(str(value))
    except ValueError:
        raise bad_request(f"{name} must be a whole number, got {value}") from None
    if found < 0:
        raise bad_request(f"{name} must not be negative, got {found}")
    return found
