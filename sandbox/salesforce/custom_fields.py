"""Custom fields between the Metadata object of the Tooling API and the schema."""

from typing import Any

from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.schema import Field, Schema

_TYPES = {
    "Text": "string",
    "Number": "double",
    "Currency": "currency",
    "Percent": "percent",
    "Checkbox": "boolean",
    "Date": "date",
    "DateTime": "datetime",
    "LongTextArea": "textarea",
    "TextArea": "textarea",
    "Picklist": "picklist",
    "MultiselectPicklist": "multipicklist",
    "Lookup": "reference",
    "Url": "url",
    "Email": "email",
    "Phone": "phone",
}
_LENGTHS = {
    "TextArea": 255,
    "Picklist": 255,
    "MultiselectPicklist": 4099,
    "Url": 255,
    "Email": 80,
    "Phone": 40,
    "Lookup": 18,
}


def _refuse(message: str, field: str) -> ApiError:
    return ApiError(400, "FIELD_INTEGRITY_EXCEPTION", message, [field])


def field_from(name: str, metadata: Any, schema: Schema) -> Field:
    """The field that a Metadata object describes; what a real org requires of each type is required here."""
    if not isinstance(metadata, dict):
        raise ApiError(400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Metadata]", ["Metadata"])
    kind = metadata.get("type")
    if kind not in _TYPES:
        raise _refuse(f"field type is not one of {', '.join(_TYPES)}: {kind}", "type")
    label = metadata.get("label")
    if not label:
        raise _refuse("Required fields are missing: [label]", "label")
    if len(label) > 40:
        raise ApiError(400, "STRING_TOO_LONG", f"Label: data value too large: {label} (max length=40)", ["MasterLabel"])
    if len(metadata.get("inlineHelpText") or "") > 510:
        raise ApiError(400, "STRING_TOO_LONG", "Help text: data value too large (max length=510)", ["InlineHelpText"])
    f = Field(name, _TYPES[kind], label, custom=True, needs_grant=True, length=_LENGTHS.get(kind, 0))
    if len(metadata.get("description") or "") > 1000:
        raise ApiError(400, "STRING_TOO_LONG", "Description: data value too large (max length=1000)", ["Description"])
    f.help_text, f.description = metadata.get("inlineHelpText"), metadata.get("description")
    f.external_id = f.id_lookup = bool(metadata.get("externalId"))
    f.unique = bool(metadata.get("unique"))
    if metadata.get("required"):
        f.nillable, f.needs_grant = False, False  # everyone sees a required field
    match kind:
        case "Text":
            f.length = _between(metadata, "length", 1, 255)
        case "Number" | "Currency" | "Percent":
            f.precision = _between(metadata, "precision", 1, 18)
            f.scale = _between(metadata, "scale", 0, f.precision)
        case "LongTextArea":
            f.length = _between(metadata, "length", 256, 131072)
            _between(metadata, "visibleLines", 2, 50)
            f.filterable = f.sortable = False
        case "Checkbox":
            if "required" in metadata:
                raise _refuse("Can not specify 'required' for a CustomField of type Checkbox", "required")
            if "defaultValue" not in metadata:
                raise _refuse("Must specify 'defaultValue' for a CustomField of type Checkbox", "defaultValue")
            f.nillable, f.defaulted = False, True
            f.default = str(metadata["defaultValue"]).lower() == "true"
        case "Picklist" | "MultiselectPicklist":
            f.values, f.restricted = _value_set(metadata)
        case "Lookup":
            target = str(metadata.get("referenceTo"))
            if target not in schema.objects or not metadata.get("relationshipName"):
                raise _refuse(
                    "Must specify 'referenceTo' and 'relationshipName' for a CustomField of type Lookup", "referenceTo"
                )
            f.refers_to, f.children = (target,), metadata["relationshipName"]
            f.relationship = name.removesuffix("__c") + "__r"
    return f


def _between(metadata: dict[str, Any], key: str, least: int, most: int) -> int:
    value = metadata.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise _refuse(f"Must specify '{key}' from {least} to {most}, got {value}", key)
    return value


def _value_set(metadata: dict[str, Any]) -> tuple[tuple[tuple[str, str], ...], bool]:
    values = metadata.get("valueSet") or {}
    listed = (values.get("valueSetDefinition") or {}).get("value")
    if not listed:
        raise _refuse("Must specify a value set for a CustomField of type Picklist", "valueSet")
    names = [(v.get("valueName") or v.get("fullName"), v.get("label")) for v in listed]
    return tuple((str(n), str(label or n)) for n, label in names), bool(values.get("restricted"))


def metadata_of(f: Field) -> dict[str, Any]:
    """The Metadata object of a field as the Tooling API shows it: every key, null where it does not apply."""
    kind = next((k for k, v in _TYPES.items() if v == f.type), "Text")
    if f.type == "textarea":
        kind = "LongTextArea" if f.long_text else "TextArea"
    listed = [{"valueName": v, "label": label, "default": v == f.default} for v, label in f.values]
    numeric = f.type in ("double", "currency", "percent")
    return {
        "type": kind,
        "label": f.label,
        "inlineHelpText": f.help_text,
        "description": f.description,
        "required": not f.nillable,
        "externalId": f.external_id,
        "unique": f.unique or None,
        "length": f.length if kind in ("Text", "LongTextArea") else None,
        "visibleLines": 3 if kind == "LongTextArea" else None,
        "precision": f.precision if numeric else None,
        "scale": f.scale if numeric else None,
        "defaultValue": str(bool(f.default)).lower() if f.type == "boolean" else None,
        "valueSet": {"restricted": f.restricted, "valueSetDefinition": {"sorted": False, "value": listed}}
        if listed
        else None,
        "referenceTo": f.refers_to[0] if f.refers_to else None,
        "relationshipName": f.children,
        "formula": f.formula,
        "trackHistory": False,
    }
