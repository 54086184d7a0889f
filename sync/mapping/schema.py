"""The grammar as a JSON Schema that says as much as such a schema can: for editors that complete and check while a person types.

pydantic writes down what each part is; here stands what parts say of each other. What no schema can tell is listed in docs/mapping.md.
"""

from typing import Any
from zoneinfo import available_timezones

from models.vocabulary import ActivityKind, Milestone, Willingness

Schema = dict[str, Any]
_NO_FILES = {"localtime", "posixrules", "Factory"}  # names of zone data that depend on the machine, or are no zone


def completed(schema: Schema, imported: str) -> Schema:
    """The schema with all that holds between parts. `imported` is the object of imported lists."""
    parts: Schema = schema["$defs"]
    schema["properties"]["timezone"]["enum"] = sorted(available_timezones() - _NO_FILES)
    schema["properties"]["partner_types"]["propertyNames"] = {"not": {"const": "unclassified"}}
    _milestones(parts)
    _partners(parts)
    _entries(parts, imported)
    for name in ("Condition", "PartnerType"):
        parts[name]["anyOf"] = [_says(key) for key in parts[name]["properties"]]
    for of in parts["WriteBack"]["properties"].values():
        of["additionalProperties"] = False  # names that are no connection.Object
    schema["allOf"] = [*_types(), *_activities(), _lists_are_read(imported), _deals_have_a_day()]
    return schema


def _says(*keys: str) -> Schema:
    """All of the keys stand there, and none is left empty."""
    return {"required": list(keys), "properties": {key: {"not": {"type": "null"}} for key in keys}}


def _silent(key: str) -> Schema:
    """The key does not stand there, or is left empty."""
    return {"properties": {key: {"type": "null"}}}


def _milestones(parts: Schema) -> None:
    rule = parts["MilestoneRule"]
    rule["anyOf"] = [_says(source) for source in ("at", "enters", "activity")]
    others = {milestone.value: _silent("reason") for milestone in Milestone if milestone is not Milestone.LOST}
    parts["EntryRule"]["properties"]["milestones"]["allOf"] = [{"properties": others}]
    parts["Reference"]["oneOf"] = [_says("field"), _says("association")]


def _partners(parts: Schema) -> None:
    for mark, other in (("prefecture", "city"), ("city", "prefecture")):
        parts["MatchOn"].setdefault("allOf", []).append({"if": _says(mark), "then": _says(other)})
    by_name = {"properties": {"match_on": {"anyOf": [_says("phone"), _says("prefecture")]}}, "required": ["match_on"]}
    parts["PartnerRule"]["allOf"] = [{"if": by_name, "then": _says("name")}]
    words = {"properties": {"values": {"additionalProperties": {"enum": [word.value for word in Willingness]}}}}
    parts["Attributes"]["allOf"] = [{"properties": {"willingness": words}}]


def _entries(parts: Schema, imported: str) -> None:
    """What a rule that makes records has to say."""
    named = {**_says("target"), "properties": {"target": _says("name")}}
    for name in ("First", "Instead"):
        parts[name]["allOf"] = [named]
    plain: Schema = {"anyOf": [{"type": "string"}, _silent("then")]}
    between = {"properties": {"then": {"anyOf": [{"type": "string"}, {**_says("field"), "allOf": [_silent("then")]}]}}}
    through: Schema = {"type": "object", **_says("field", "then"), "allOf": [between]}
    chosen = {"anyOf": [{"required": ["among"], "properties": {"among": {"minProperties": 1}}}, _says("named")]}
    first = {"type": "object", "required": ["first"], "properties": {"first": {"minProperties": 1}}}
    made = _says("create")
    parts["EntryRule"]["allOf"] = [
        {"if": {"properties": {"from": {"const": imported}}, "required": ["from"]}, "then": _silent("create")},
        {"if": made, "then": {"properties": {"partner": {"anyOf": [plain, through]}}}},
        {"if": {**made, "allOf": [{"properties": {"create": chosen}}]}, "then": {"properties": {"partner": through}}},
        {"if": {**made, "allOf": [{"not": {"properties": {"create": first}}}]}, "then": named},
    ]


def _types() -> list[Schema]:
    """Types by size want sizes; what types go by some partner rule has to map."""
    found: list[Schema] = []
    for axis, attribute in (("size", "employees"), ("industry", "industry"), ("contract", "contract")):
        unused = {"properties": {"partner_types": {"additionalProperties": _silent(axis)}}}
        mapped = {"contains": {"required": ["attributes"], "properties": {"attributes": _says(attribute)}}}
        found.append({"anyOf": [unused, {"properties": {"partners": mapped}}]})
        if axis == "size":
            found.append(
                {"anyOf": [unused, {**_says("sizes"), "allOf": [{"properties": {"sizes": {"minProperties": 1}}}]}]}
            )
    return found


def _activities() -> list[Schema]:
    """A milestone by an activity wants a rule of that kind which names the entry."""
    found: list[Schema] = []
    for kind in ActivityKind:
        of_kind = {"properties": {"kind": {"const": kind.value}}, "required": ["kind"]}
        by_it = {"properties": {"activity": of_kind}, "required": ["activity"]}
        unused = {"items": {"properties": {"milestones": {"additionalProperties": {"not": by_it}}}}}
        ruled = {"contains": {"allOf": [of_kind, _says("entry")]}}
        there = {"required": ["activities"], "properties": {"activities": ruled}}
        found.append({"anyOf": [{"properties": {"entries": unused}}, there]})
    return found


def _lists_are_read(imported: str) -> Schema:
    """Where records are made of imported lists, a rule reads these."""
    reads = {"contains": {"properties": {"from": {"const": imported}}, "required": ["from"]}}
    return {"anyOf": [{"properties": {"entries": {"items": _silent("create")}}}, {"properties": {"entries": reads}}]}


def _deals_have_a_day() -> Schema:
    """Without `created`, each rule names the field of the day."""
    return {
        "anyOf": [
            {"required": ["created"], "properties": {"created": {"minProperties": 1}}},
            {"properties": {"deals_all_channels": {"items": _says("at")}}},
        ]
    }
