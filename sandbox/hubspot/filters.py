"""Search filters, compiled once into one quick test of a record's fields."""

import fnmatch
import re
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.hubspot.errors import bad_request
from sandbox.hubspot.properties import Property
from sandbox.hubspot.values import datetime_of

Fields = Mapping[str, Any]
Test = Callable[[Fields], bool]
Key = Callable[[Any], Any]

GROUPS_LIMIT, FILTERS_LIMIT, TOTAL_LIMIT = 5, 6, 18
STAMPS = {"createdate", "lastmodifieddate", "hs_createdate", "hs_lastmodifieddate"}  # always with milliseconds
_NEED_VALUE = {"LT", "LTE", "GT", "GTE", "EQ", "NEQ", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"}


def groups_of(body: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    """The filter groups of a request; a top-level `filters` counts as one group. 400 beyond HubSpot's limits."""
    groups = [list(group.get("filters") or []) for group in body.get("filterGroups") or []]
    if body.get("filters"):
        groups.append(list(body["filters"]))
    if len(groups) > GROUPS_LIMIT:
        raise bad_request(f"Too many filterGroups: {len(groups)}. The maximum is {GROUPS_LIMIT}")
    if any(len(group) > FILTERS_LIMIT for group in groups):
        raise bad_request(f"Too many filters in a filterGroup: {max(map(len, groups))}. The maximum is {FILTERS_LIMIT}")
    if sum(map(len, groups)) > TOTAL_LIMIT:
        raise bad_request(
            f"Too many filters: {sum(map(len, groups))}. The maximum over all filterGroups is {TOTAL_LIMIT}"
        )
    return groups


def comparable(prop: Property) -> Key:
    """How values of a property compare. Date-times become milliseconds' text, which sorts as time does."""
    if prop.type == "number":
        return float
    if prop.type == "datetime":
        return str if prop.name in STAMPS else full_stamp
    return str.lower if prop.type not in ("enumeration", "bool") else str


def full_stamp(text: str) -> str:
    """`2026-05-03T09:00:00Z` with its milliseconds, so that stamps compare as text."""
    return text if len(text) == 24 else f"{text[:19]}.000Z"


def compile_filter(prop: Property, asked: Mapping[str, Any]) -> Test:
    """A test for one filter; 400 for an operator or a value that HubSpot would refuse."""
    name, operator = prop.name, str(asked.get("operator", ""))
    if operator == "HAS_PROPERTY":
        return lambda fields: fields.get(name) is not None
    if operator == "NOT_HAS_PROPERTY":
        return lambda fields: fields.get(name) is None
    if operator in ("IN", "NOT_IN"):
        return _membership(prop, asked, negated=operator == "NOT_IN")
    if operator == "BETWEEN":
        low, high = _value(prop, asked.get("value")), _value(prop, asked.get("highValue"))
        key = comparable(prop)
        return lambda fields: (found := fields.get(name)) is not None and low <= key(found) <= high
    if operator not in _NEED_VALUE:
        raise bad_request(
            f"Invalid input JSON: '{operator}' is not an operator; use one of {sorted(_NEED_VALUE | {'IN', 'NOT_IN', 'BETWEEN', 'HAS_PROPERTY', 'NOT_HAS_PROPERTY'})}"
        )
    if operator in ("CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"):
        return _tokens(name, str(asked.get("value", "")), negated=operator == "NOT_CONTAINS_TOKEN")
    return _comparison(prop, operator, _value(prop, asked.get("value")))


def _comparison(prop: Property, operator: str, wanted: Any) -> Test:
    name, key = prop.name, comparable(prop)
    if key is str and operator == "GTE":  # spares the sweep by last-modified a call for every row
        return lambda fields: (found := fields.get(name)) is not None and found >= wanted
    if key is str and operator == "LTE":
        return lambda fields: (found := fields.get(name)) is not None and found <= wanted
    if operator == "EQ":
        if prop.field_type == "checkbox":
            return lambda fields: (found := fields.get(name)) is not None and wanted in found.split(";")
        return lambda fields: (found := fields.get(name)) is not None and key(found) == wanted
    if operator == "NEQ":  # as HubSpot: a record without a value does not match
        return lambda fields: (found := fields.get(name)) is not None and key(found) != wanted
    if operator == "GTE":
        return lambda fields: (found := fields.get(name)) is not None and key(found) >= wanted
    if operator == "GT":
        return lambda fields: (found := fields.get(name)) is not None and key(found) > wanted
    if operator == "LTE":
        return lambda fields: (found := fields.get(name)) is not None and key(found) <= wanted
    return lambda fields: (found := fields.get(name)) is not None and key(found) < wanted


def _membership(prop: Property, asked: Mapping[str, Any], *, negated: bool) -> Test:
    given = asked.get("values")
    if not isinstance(given, list) or not given:
        raise bad_request(f"Operator {asked.get('operator')} needs a list of values")
    name, key = prop.name, comparable(prop)
    # text is taken as it stands: a value in capitals matches nothing
    wanted = {str(value) if prop.type == "string" else _value(prop, value) for value in given}
    if prop.field_type == "checkbox":
        return lambda fields: (
            (found := fields.get(name)) is not None and (bool(wanted & set(found.split(";"))) != negated)
        )
    return lambda fields: (found := fields.get(name)) is not None and ((key(found) in wanted) != negated)


def _tokens(name: str, wanted: str, *, negated: bool) -> Test:
    patterns = [re.compile(fnmatch.translate(word.lower())) for word in wanted.split()]

    def test(fields: Fields) -> bool:
        found = fields.get(name)
        if found is None:
            return negated
        words = [found.lower(), *re.findall(r"\w+", found.lower()), *found.lower().split()]
        return all(any(pattern.match(word) for word in words) for pattern in patterns) != negated

    return test


def _value(prop: Property, given: Any) -> Any:
    if given is None:
        raise bad_request(f"A value is needed to filter by {prop.name}")
    text = str(given).lower() if isinstance(given, bool) else str(given)
    if prop.type == "number":
        try:
            return float(text)
        except ValueError:
            raise bad_request(f"Invalid value for the number property {prop.name}: {text}") from None
    if prop.type in ("datetime", "date"):
        at = datetime_of(text)
        if at is None:
            raise bad_request(f"Invalid value for the {prop.type} property {prop.name}: {text}")
        return at.isoformat(timespec="milliseconds")[:-6] + "Z" if prop.type == "datetime" else at.date().isoformat()
    return comparable(prop)(text)
