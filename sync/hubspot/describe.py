"""Objects as HubSpot describes them: properties with their types, stages by pipeline, and the lists that are not CRM objects."""

import difflib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sync.described import FieldDescription, FieldType, ObjectDescription, Pipeline
from sync.errors import ObjectMissing, PermissionMissing
from sync.hubspot.replies import Refused, UnknownObject
from sync.hubspot.transport import Transport

TYPES = {
    "number": FieldType.NUMBER,
    "bool": FieldType.BOOLEAN,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
}  # string, enumeration, phone_number, json, object_coordinates and what may come: text
CALCULATED = ("calculation_",)  # beginnings of field types whose values HubSpot computes
STANDARD = (
    "companies", "contacts", "deals", "tickets", "meetings", "tasks", "calls", "notes", "emails", "communications", "postal_mail",
    "line_items", "products", "quotes", "leads", "owners", "pipelines_deals", "pipelines_tickets",
)  # fmt: skip
STAGE_PROPERTIES = {"dealstage": "pipeline", "hs_pipeline_stage": "hs_pipeline"}  # and who says which pipeline
PIPELINE_PROPERTIES = frozenset({"pipeline", "hs_pipeline"})

_T, _D, _B, _I, _J = FieldType.TEXT, FieldType.DATETIME, FieldType.BOOLEAN, FieldType.INTEGER, FieldType.JSON
LISTS: Mapping[str, tuple[tuple[str, FieldType], ...]] = {
    "owners": (
        ("id", _T), ("email", _T), ("type", _T), ("firstName", _T), ("lastName", _T), ("userId", _I),
        ("userIdIncludingInactive", _I), ("createdAt", _D), ("updatedAt", _D), ("archived", _B), ("teams", _J),
    ),
    "pipelines": (
        ("id", _T), ("label", _T), ("displayOrder", _I), ("createdAt", _D), ("updatedAt", _D), ("archived", _B), ("stages", _J),
    ),
}  # fmt: skip
"""Read whole, since HubSpot gives no other way: who owns records, and (as pipelines_deals ...) which stages there are."""


def list_kind(object_name: str) -> tuple[str, str] | None:
    """(owners or pipelines, whose pipelines) where the name is one of the lists."""
    if object_name == "owners":
        return "owners", ""
    if object_name.startswith("pipelines_"):
        return "pipelines", object_name.removeprefix("pipelines_")
    return None


def describe(transport: Transport, object_name: str) -> ObjectDescription:
    """The object with every property that the token may see. ObjectMissing names the nearest."""
    listed = list_kind(object_name)
    if listed is not None:
        fields = tuple(FieldDescription(name, kind, name, kind.name.lower()) for name, kind in LISTS[listed[0]])
        return ObjectDescription(object_name, object_name, fields)
    try:
        rows = transport.read("GET", transport.paths.properties(object_name), kind="describe").results("name")
    except (UnknownObject, Refused) as refused:
        raise _missing(transport, object_name) from refused
    names = {str(row.get("name")) for row in rows}
    options: dict[str, tuple[tuple[str, str], ...]] = {}
    lines: tuple[Pipeline, ...] = ()
    if names & (STAGE_PROPERTIES.keys() | PIPELINE_PROPERTIES):
        held = pipelines(transport, object_name)
        options, lines = stage_options(held), pipelines_of(held)
    return ObjectDescription(
        object_name,
        object_name,
        tuple(
            replace(f, pipelines=lines, pipeline_field=STAGE_PROPERTIES[f.name]) if f.name in STAGE_PROPERTIES else f
            for f in (field_of(row, options) for row in rows)
        ),
        custom=object_name.startswith(("2-", "p_")) or object_name not in STANDARD,
        hidden="restore it among HubSpot's archived properties; those for sensitive data are not read",
    )


def custom_objects(transport: Transport) -> list[tuple[str, str]]:
    """(name, label) of each; none where the token may not see schemas."""
    try:
        rows = transport.read("GET", transport.paths.schemas, kind="describe").results()
    except (PermissionMissing, Refused, UnknownObject):
        return []
    return [
        (f"p_{row['name']}", str((row.get("labels") or {}).get("plural") or row["name"]))
        for row in rows
        if row.get("name")
    ]


def link_labels(transport: Transport, from_object: str, to_object: str) -> frozenset[str] | None:
    """The labels of associations between two objects; None where the token may not see them, or HubSpot knows no such pair."""
    try:
        rows = transport.read(
            "GET", transport.paths.association_labels(from_object, to_object), kind="describe"
        ).results()
    except (PermissionMissing, Refused, UnknownObject):
        return None
    return frozenset(str(row["label"]) for row in rows if row.get("label"))


def field_of(row: Mapping[str, Any], stages: Mapping[str, tuple[tuple[str, str], ...]]) -> FieldDescription:
    """One property. Whether it may be written is told by readOnlyValue, and by nothing else."""
    name = str(row["name"])
    field_type = str(row.get("fieldType") or "")
    read_only = bool((row.get("modificationMetadata") or {}).get("readOnlyValue", False))
    calculated = bool(row.get("calculated")) or field_type.startswith(CALCULATED)
    options = tuple(
        (str(o["value"]), str(o.get("label", o["value"]))) for o in row.get("options") or () if "value" in o
    )
    if not options:
        key = "stages" if name in STAGE_PROPERTIES else "pipelines" if name in PIPELINE_PROPERTIES else ""
        options = stages.get(key, ())
    told = row.get("referencedObjectType")
    return FieldDescription(
        name=name,
        type=TYPES.get(str(row.get("type")), FieldType.TEXT),
        label=str(row.get("label") or name),
        crm_type=f"{row.get('type')}/{field_type}" if field_type else str(row.get("type")),
        help=str(row.get("description") or ""),
        calculated=calculated,
        writable=not (read_only or calculated),
        creatable=not (read_only or calculated),
        unique=bool(row.get("hasUniqueValue")),
        custom=not row.get("hubspotDefined", False),
        references=(str(told).lower(),) if told else (),
        options=options,
    )


def pipelines(transport: Transport, object_name: str) -> list[Mapping[str, Any]]:
    """Every pipeline of the object; none where it has none."""
    try:
        return transport.read("GET", transport.paths.pipelines(object_name), kind="describe").results("id")
    except (Refused, UnknownObject):
        return []


def stage_options(rows: list[Mapping[str, Any]]) -> dict[str, tuple[tuple[str, str], ...]]:
    """Ids and labels of pipelines and of their stages, in the order of HubSpot's own page."""

    def place(row: Mapping[str, Any]) -> int:
        return int(row.get("displayOrder") or 0)

    ordered = sorted(rows, key=place)
    return {
        "pipelines": tuple((str(p["id"]), str(p["label"])) for p in ordered),
        "stages": tuple(
            (str(s["id"]), str(s["label"])) for p in ordered for s in sorted(p.get("stages") or (), key=place)
        ),
    }


def pipelines_of(rows: list[Mapping[str, Any]]) -> tuple[Pipeline, ...]:
    """Each pipeline with its stages, in the order of HubSpot's own page."""

    def place(row: Mapping[str, Any]) -> int:
        return int(row.get("displayOrder") or 0)

    return tuple(
        Pipeline(
            str(p["id"]),
            str(p["label"]),
            tuple((str(s["id"]), str(s["label"])) for s in sorted(p.get("stages") or (), key=place)),
        )
        for p in sorted(rows, key=place)
    )


def _missing(transport: Transport, object_name: str) -> ObjectMissing:
    known = list(STANDARD)
    try:
        for schema in transport.read("GET", transport.paths.schemas, kind="describe").results():
            known += [str(schema[k]) for k in ("name", "fullyQualifiedName", "objectTypeId") if schema.get(k)]
    except (PermissionMissing, Refused, UnknownObject):
        pass
    near = difflib.get_close_matches(object_name, known, n=3, cutoff=0.5)
    return ObjectMissing(
        f"HubSpot has no object {object_name!r} that this token may see.",
        remedy=f"Did you mean {' or '.join(near)}?" if near else f"It has {', '.join(known)}.",
        code="OBJECT_MISSING",
    )
