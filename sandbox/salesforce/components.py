"""What only the Metadata API shows: page layouts, list views, translations. Each with the rules that a real org holds it to."""

import copy
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.org import Org
from sandbox.salesforce.schema import Object
from sandbox.salesforce.soap import NIL, TYPE, local, tag, text

TYPES = ("Layout", "ListView", "CustomObjectTranslation")
_STANDARD_COLUMNS = {
    "Account": {"ACCOUNT.NAME", "ACCOUNT.TYPE", "ACCOUNT.PHONE1", "CORE.USERS.ALIAS"},
    "Opportunity": {"OPPORTUNITY.NAME", "OPPORTUNITY.STAGE_NAME", "OPPORTUNITY.AMOUNT", "OPPORTUNITY.CLOSE_DATE"},
}
_CUSTOM_COLUMNS = {"NAME", "CREATED_DATE", "LAST_UPDATE", "OWNER.ALIAS"}
_OPERATIONS = {
    "equals", "notEqual", "lessThan", "greaterThan", "lessOrEqual", "greaterOrEqual", "contains", "notContain", "startsWith",
    "includes", "excludes", "within",
}  # fmt: skip


def _missing(kind: str, name: str) -> ApiError:
    return ApiError(400, "INVALID_CROSS_REFERENCE_KEY", f"In field: fullName - no {kind} named {name} found")


def _integrity(message: str) -> ApiError:
    return ApiError(400, "FIELD_INTEGRITY_EXCEPTION", message)


class Components:
    """The components of one org by type and full name, as elements."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._held: dict[str, dict[str, ET.Element]] = {kind: {} for kind in TYPES}
        for obj in org.schema.objects.values():
            if not obj.system and not obj.rows and not obj.tooling:
                for name in (f"{obj.label} Layout", *(["Partner %28Sales%29 Layout"] if obj.name == "Account" else [])):
                    self._put("Layout", f"{obj.name}-{name}", _layout(obj))
        every = ET.Element("records")
        for name, value in (("columns", "ACCOUNT.NAME"), ("filterScope", "Everything"), ("label", "All Accounts")):
            ET.SubElement(every, tag(name)).text = value
        self._put("ListView", "Account.AllAccounts", every)

    def _put(self, kind: str, name: str, element: ET.Element) -> None:
        kept = copy.deepcopy(element)
        kept.attrib.clear()
        for old in kept.findall(tag("fullName")):
            kept.remove(old)
        full = ET.Element(tag("fullName"))
        full.text = name
        kept.insert(0, full)
        self._held[kind][name] = kept

    def names(self, kind: str) -> Iterator[str]:
        self._check_kind(kind)
        return iter(self._held[kind])

    def read(self, kind: str, name: str) -> ET.Element:
        """The component as a record of the reply; nil where there is none."""
        self._check_kind(kind)
        found = self._held[kind].get(name)
        if found is None and kind == "CustomObjectTranslation" and self._translatable(name) is None:
            found = ET.Element("records")
            ET.SubElement(found, tag("fullName")).text = name
        made = ET.Element(tag("records"), {TYPE: kind} if found is not None else {NIL: "true"})
        made.extend(copy.deepcopy(list(found)) if found is not None else [])
        return made

    def exists(self, kind: str, name: str) -> bool:
        return name in self._held[kind] or (
            kind == "CustomObjectTranslation" and self._translatable(name) is None
        )  # every object has one in each active language

    def save(self, kind: str, name: str, element: ET.Element) -> None:
        """Stores a component that follows the rules; ApiError names the first that it breaks."""
        self._check_kind(kind)
        match kind:
            case "Layout":
                self._check_layout(name, element)
            case "ListView":
                self._check_view(name, element)
            case _:
                if (why := self._translatable(name)) is not None:
                    raise why
                self._check_translation(name, element)
        self._put(kind, name, element)
        if kind == "CustomObjectTranslation":
            self._speak(name, element)

    def delete(self, kind: str, name: str) -> None:
        self._check_kind(kind)
        if kind != "ListView":
            raise ApiError(400, "CANNOT_DELETE_ENTITY", f"{kind} {name} cannot be deleted")
        if name not in self._held[kind]:
            raise _missing(kind, name)
        del self._held[kind][name]

    def field_gone(self, obj: Object, field: str) -> None:
        """What a deleted field takes along: its place on layouts, its column in list views, its translation."""
        for name, layout in self._held["Layout"].items():
            if name.partition("-")[0] == obj.name:
                for column in layout.iter(tag("layoutColumns")):
                    for item in [i for i in column.findall(tag("layoutItems")) if text(i, "field") == field]:
                        column.remove(item)
        for name, view in self._held["ListView"].items():
            if name.partition(".")[0] == obj.name:
                for part in [p for p in view if p.text == field or text(p, "field") == field]:
                    view.remove(part)
        for name, told in self._held["CustomObjectTranslation"].items():
            if name.rpartition("-")[0] == obj.name:
                for one in [f for f in told.findall(tag("fields")) if text(f, "name") == field]:
                    told.remove(one)
        for words in self._org.schema.translations.values():
            words.pop(f"{obj.name}.{field}", None)

    def _check_kind(self, kind: str) -> None:
        if kind not in TYPES or (kind == TYPES[2] and not self._org.settings.salesforce_translation_workbench):
            raise ApiError(500, "INVALID_TYPE", f"This type of metadata is not available for this organization: {kind}")

    def _object(self, name: str) -> Object:
        obj = self._org.schema.objects.get(name)
        if obj is None:
            raise _missing("CustomObject", name)
        return obj

    def _check_layout(self, name: str, layout: ET.Element) -> None:
        obj = self._object(name.partition("-")[0])
        seen: set[str] = set()
        for section in layout.findall(tag("layoutSections")):
            if not text(section, "style"):
                raise ApiError(400, "REQUIRED_FIELD_MISSING", "Required field is missing: style")
            for item in section.iter(tag("layoutItems")):
                field = text(item, "field")
                if field is None:
                    continue
                if obj.find(field) is None:
                    raise _missing("CustomField", f"{obj.name}.{field}")
                if field in seen:
                    raise _integrity(f"Field:{field} is a duplicate on the layout")
                seen.add(field)
        required = [f.name for f in obj.fields.values() if f.custom and not f.nillable and f.type != "boolean"]
        lost = [f for f in required if f not in seen]
        if lost:
            raise _integrity(f"Layout must contain an item for required layout field: {lost[0]}")

    def _check_view(self, name: str, view: ET.Element) -> None:
        obj = self._object(name.partition(".")[0])
        label = text(view, "label") or ""
        if not label or not text(view, "filterScope"):
            raise ApiError(400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [label, filterScope]")
        if len(label) > 40:
            raise ApiError(400, "STRING_TOO_LONG", f"View Name: data value too large: {label} (max length=40)")
        for other, held in self._held["ListView"].items():
            if other != name and other.partition(".")[0] == obj.name and text(held, "label") == label:
                message = f"This list view unique name or label is already in use on {obj.label}: {label}"
                raise ApiError(400, "DUPLICATE_DEVELOPER_NAME", message)
        known = _CUSTOM_COLUMNS if obj.custom else _STANDARD_COLUMNS.get(obj.name, set())
        for column in view.findall(tag("columns")):
            if column.text not in known and not self._seen(obj, column.text or ""):
                raise _integrity(f"Could not resolve list view column: {column.text}")
        for one in view.findall(tag("filters")):
            field = text(one, "field") or ""
            if field not in known and not self._seen(obj, field):
                raise _integrity(f"Could not resolve list view column: {field}")
            if text(one, "operation") not in _OPERATIONS:
                raise _integrity(f"'{text(one, 'operation')}' is not a valid value for the enum 'FilterOperation'")

    def _seen(self, obj: Object, name: str) -> bool:
        """A view may only use what its maker may read: field-level security counts here too."""
        return name.endswith("__c") and self._org.schema.visible(obj, name) is not None

    def _translatable(self, name: str) -> ApiError | None:
        """Why there is no such translation; None where there is."""
        object_name, _, language = name.rpartition("-")
        settings = self._org.settings
        if object_name not in self._org.schema.objects:
            return _missing("CustomObject", object_name)
        if language == settings.salesforce_language or language not in settings.salesforce_languages:
            return ApiError(
                400, "INVALID_CROSS_REFERENCE_KEY", f"In field: language - no Language named {language} found"
            )
        return None

    def _check_translation(self, name: str, told: ET.Element) -> None:
        obj = self._object(name.rpartition("-")[0])
        for one in told.findall(tag("fields")):
            field = obj.find(text(one, "name") or "")
            if field is None or not field.custom:
                raise _missing("CustomField", f"{obj.name}.{text(one, 'name')}")
            if len(text(one, "label") or "") > 40:
                raise ApiError(400, "STRING_TOO_LONG", "Label: data value too large (max length=40)")
            values = {label for _, label in field.values}
            for value in one.findall(tag("picklistValues")):
                if text(value, "masterLabel") not in values:
                    raise _missing("PicklistValue", text(value, "masterLabel") or "")

    def _speak(self, name: str, told: ET.Element) -> None:
        object_name, _, language = name.rpartition("-")
        words = self._org.schema.translations.setdefault(language, {})
        for one in told.findall(tag("fields")):
            values = {
                text(v, "masterLabel") or "": text(v, "translation") or "" for v in one.findall(tag("picklistValues"))
            }
            words[f"{object_name}.{text(one, 'name')}"] = (text(one, "label"), text(one, "help"), values)
        self._org.schema.change(self._org.now())


def _layout(obj: Object) -> ET.Element:
    """As Setup makes one: the object's own fields, then who and when."""
    made = ET.Element("records")
    stored = [f for f in obj.fields.values() if f.createable and not f.computed and not f.compound]
    for label, names, behavior in (
        ("Information", [f.name for f in stored], "Edit"),
        ("System Information", ["CreatedById", "LastModifiedById"], "Readonly"),
    ):
        section = ET.SubElement(made, tag("layoutSections"))
        for name in ("customLabel", "detailHeading", "editHeading"):
            ET.SubElement(section, tag(name)).text = str(name != "customLabel").lower()
        ET.SubElement(section, tag("label")).text = label
        columns = [ET.SubElement(section, tag("layoutColumns")) for _ in range(2)]
        for place, field in enumerate(n for n in names if n in obj.fields):
            item = ET.SubElement(columns[place % 2], tag("layoutItems"))
            ET.SubElement(item, tag("behavior")).text = behavior
            ET.SubElement(item, tag("field")).text = field
        ET.SubElement(section, tag("style")).text = "TwoColumnsTopToBottom"
    ET.SubElement(made, tag("showEmailCheckbox")).text = "false"
    return made


def named(element: ET.Element) -> str:
    """The component that an element of a request names; ApiError where it names none."""
    name = text(element, "fullName")
    if not name:
        raise ApiError(400, "REQUIRED_FIELD_MISSING", f"Required field is missing: fullName of {local(element)}")
    return name
