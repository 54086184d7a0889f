"""Property definitions: what an object's fields are called, what they take, and who may write them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.hubspot.errors import HubspotError, bad_request, not_found, require

TYPES: dict[str, tuple[str, ...]] = {  # type: the field types that can show it
    "bool": ("booleancheckbox", "calculation_equation", "checkbox", "radio", "select"),
    "date": ("date", "calculation_equation"),
    "datetime": ("date", "calculation_equation"),
    "enumeration": ("select", "radio", "checkbox", "booleancheckbox", "calculation_equation"),
    "number": ("number", "calculation_equation"),
    "phone_number": ("phonenumber",),
    "string": ("text", "textarea", "html", "phonenumber", "file", "calculation_equation"),
}
PER_OBJECT_LIMIT = 1000
UNIQUE_LIMIT = 10


@dataclass(slots=True)
class Property:
    name: str
    label: str
    type: str
    field_type: str
    group: str
    description: str = ""
    options: list[dict[str, Any]] = field(default_factory=list)
    display_order: int = -1
    calculated: bool = False
    external_options: bool = False
    unique: bool = False
    hidden: bool = False
    hubspot_defined: bool = False
    read_only: bool = False
    form_field: bool = False
    formula: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    archived_at: str | None = None
    created_by: str | None = None

    def wire(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": self.field_type,
            "description": self.description,
            "groupName": self.group,
            "options": self.options,
            "displayOrder": self.display_order,
            "calculated": self.calculated,
            "externalOptions": self.external_options,
            "hasUniqueValue": self.unique,
            "hidden": self.hidden,
            "modificationMetadata": {
                "archivable": not self.hubspot_defined,
                "readOnlyDefinition": self.hubspot_defined,
                "readOnlyValue": self.read_only,
            },
            "formField": self.form_field,
            "dataSensitivity": "non_sensitive",
        }
        if self.created_at is not None:
            found |= {"createdAt": self.created_at, "updatedAt": self.updated_at}
        if self.hubspot_defined:
            found["hubspotDefined"] = True
        if self.created_by is not None:
            found |= {"createdUserId": self.created_by, "updatedUserId": self.created_by}
        if self.formula is not None:
            found["calculationFormula"] = self.formula
        if self.archived_at is not None:
            found |= {"archived": True, "archivedAt": self.archived_at}
        elif self.created_by is not None:
            found["archived"] = False
        return found


@dataclass(slots=True)
class Group:
    name: str
    label: str
    display_order: int = -1

    def wire(self) -> dict[str, Any]:
        return {"name": self.name, "label": self.label, "displayOrder": self.display_order, "archived": False}


class PropertyBook:
    """The properties and groups of one object. `live` is what records may hold."""

    def __init__(self, groups: Iterable[Group], properties: Iterable[Property]) -> None:
        self.groups = {group.name: group for group in groups}
        self.live = {prop.name: prop for prop in properties}
        self.archived: dict[str, Property] = {}

    @property
    def custom(self) -> list[Property]:
        return [prop for prop in self.live.values() if not prop.hubspot_defined]

    def create(self, body: Mapping[str, Any], now: str, by: str) -> Property:
        """Defines a property as an API client asks for it; 400 or 409 with HubSpot's reasons."""
        require(body, "name", "label", "type", "fieldType", "groupName")
        name = str(body["name"]).lower()
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,99}", name):
            raise bad_request(
                f"Invalid property name '{name}': it must start with a letter and hold only lowercase letters, numbers and underscores"
            )
        if name in self.live:
            raise HubspotError(
                409,
                f"A property named '{name}' already exists.",
                "OBJECT_ALREADY_EXISTS",
                subCategory="Properties.PROPERTY_WITH_NAME_EXISTS",
                context={"name": [name]},
            )
        if body["groupName"] not in self.groups:
            raise bad_request(
                f"Property group '{body['groupName']}' does not exist", context={"groupName": [body["groupName"]]}
            )
        if len(self.custom) >= PER_OBJECT_LIMIT:
            raise bad_request(f"The limit of {PER_OBJECT_LIMIT} custom properties for this object has been reached")
        if body.get("hasUniqueValue") and sum(p.unique for p in self.custom) >= UNIQUE_LIMIT:
            raise bad_request(f"The limit of {UNIQUE_LIMIT} unique properties for this object has been reached")
        prop = Property(
            name=name,
            label=str(body["label"]),
            type=str(body["type"]),
            field_type=str(body["fieldType"]),
            group=str(body["groupName"]),
            description=str(body.get("description") or ""),
            options=_options(body.get("options")),
            display_order=int(body.get("displayOrder", -1)),
            calculated=body["fieldType"] == "calculation_equation",
            unique=bool(body.get("hasUniqueValue", False)),
            hidden=bool(body.get("hidden", False)),
            read_only=body["fieldType"] == "calculation_equation",
            form_field=bool(body.get("formField", False)),
            formula=body.get("calculationFormula"),
            created_at=now,
            updated_at=now,
            created_by=by,
        )
        _check_types(prop)
        self.archived.pop(name, None)
        self.live[name] = prop
        return prop

    def update(self, name: str, body: Mapping[str, Any], now: str) -> Property:
        """Changes a definition; options are replaced as a whole."""
        prop = self.get(name)
        if prop.hubspot_defined and set(body) - {"options", "displayOrder"}:
            raise bad_request(f"Property '{name}' is defined by HubSpot; its definition cannot be changed")
        if "groupName" in body and body["groupName"] not in self.groups:
            raise bad_request(
                f"Property group '{body['groupName']}' does not exist", context={"groupName": [body["groupName"]]}
            )
        changed = Property(**{slot: getattr(prop, slot) for slot in Property.__slots__})
        for key, slot in _CHANGEABLE.items():
            if key in body:
                setattr(changed, slot, _options(body[key]) if key == "options" else body[key])
        _check_types(changed)
        changed.updated_at = now
        self.live[prop.name] = changed
        return changed

    def get(self, name: str, *, archived: bool = False) -> Property:
        prop = (self.archived if archived else self.live).get(name.lower())
        if prop is None:
            raise not_found(f"No property with name '{name}' exists", propertyName=[name])
        return prop

    def archive(self, name: str, now: str) -> None:
        """Takes a custom property away; values stay with the records but are no longer shown. Unknown names are ignored."""
        prop = self.live.get(name)
        if prop is None:
            return
        if prop.hubspot_defined:
            raise bad_request(f"Property '{name}' is defined by HubSpot and cannot be archived")
        prop.archived_at = now
        self.archived[name] = self.live.pop(name)


_CHANGEABLE = {
    "label": "label",
    "description": "description",
    "groupName": "group",
    "options": "options",
    "type": "type",
    "fieldType": "field_type",
    "formField": "form_field",
    "hidden": "hidden",
    "displayOrder": "display_order",
    "calculationFormula": "formula",
}


def _options(given: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for position, option in enumerate(given or []):
        require(option, "label", "value")
        found.append(
            {
                "label": str(option["label"]),
                "value": str(option["value"]),
                "description": str(option.get("description") or ""),
                "displayOrder": int(option.get("displayOrder", position)),
                "hidden": bool(option.get("hidden", False)),
            }
        )
    values = [option["value"] for option in found]
    if len(set(values)) != len(values):
        raise bad_request(f"Option values must be unique, got {values}")
    return found


def _check_types(prop: Property) -> None:
    if prop.type not in TYPES:
        raise bad_request(f"Property type '{prop.type}' is invalid; allowed: {sorted(TYPES)}")
    if prop.field_type not in TYPES[prop.type]:
        raise bad_request(
            f"Field type '{prop.field_type}' is invalid for a property of type '{prop.type}'; allowed: {list(TYPES[prop.type])}"
        )
    if prop.type == "bool" and not prop.calculated and {o["value"] for o in prop.options} != {"true", "false"}:
        raise bad_request("Boolean properties must have exactly two options, with the values 'true' and 'false'")
    if prop.type not in ("bool", "enumeration") and prop.options:
        raise bad_request(f"A property of type '{prop.type}' cannot have options")
