"""Makes our properties in HubSpot, in a group of their own. What is there already stays as people have arranged it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from models.catalogue import CatalogueField, Kind
from sync.connector import ProvisionStep
from sync.errors import ObjectMissing
from sync.hubspot.extras import BATCH, chunks
from sync.hubspot.provision_advice import advice
from sync.hubspot.replies import Refused, UnknownObject
from sync.hubspot.transport import Transport

GROUP = "sakigake"
GROUP_LABEL = "Sakigake"
TYPES: Mapping[Kind, tuple[str, str]] = {
    Kind.CHOICE: ("enumeration", "select"),
    Kind.TEXT: ("string", "text"),
    Kind.INTEGER: ("number", "number"),
    Kind.NUMBER: ("number", "number"),
    Kind.PERCENT: ("number", "number"),
    Kind.DATE: ("date", "date"),
    Kind.FLAG: ("bool", "booleancheckbox"),
}
_FLAGS = (("true", "Yes", "はい"), ("false", "No", "いいえ"))


def api_name(field: CatalogueField, prefix: str) -> str:
    """HubSpot's property names are lower case."""
    return f"{prefix}_{field.name}".lower()


def property_of(field: CatalogueField, prefix: str, language: str) -> dict[str, Any]:
    """The property as HubSpot is asked to make it: labels in the workspace's language, the other one in the description."""
    kind, field_type = TYPES[field.kind]
    other = "en" if language == "ja" else "ja"
    made: dict[str, Any] = {
        "name": api_name(field, prefix),
        "label": field.label(language),
        "description": f"{field.help(language)} / {field.label(other)}: {field.help(other)}",
        "groupName": GROUP,
        "type": kind,
        "fieldType": field_type,
        "formField": False,
    }
    if field.unique:
        made["hasUniqueValue"] = True
    choices = _FLAGS if field.kind is Kind.FLAG else field.choices
    if choices:
        made["options"] = [
            {"value": value, "label": japanese if language == "ja" else english, "displayOrder": place, "hidden": False}
            for place, (value, english, japanese) in enumerate(choices)
        ]
    return made


class Provision:
    """One object's properties, compared with what HubSpot has."""

    def __init__(self, transport: Transport, object_name: str, *, dry_run: bool) -> None:
        self._transport = transport
        self._object = object_name
        self._dry = dry_run
        self._place = transport.paths.properties(object_name)

    def run(self, fields: Iterable[CatalogueField], *, prefix: str, language: str) -> list[ProvisionStep]:
        """A step for the group, one for each field, and what is left to people; a second run finds all present."""
        fields = list(fields)
        wanted = [property_of(f, prefix, language) for f in fields]
        present = self._present()
        steps = [self._group()]
        missing: list[dict[str, Any]] = []
        for made in wanted:
            held = present.get(made["name"])
            if held is None:
                missing.append(made)
            else:
                steps.append(self._compared(made, held))
        for some in chunks(missing, BATCH):
            steps += self._create(some)
        order = {f"property {made['name']}": place for place, made in enumerate(wanted)}
        return sorted(steps, key=lambda s: order.get(s.what, -1)) + advice(self._object, fields, language, GROUP_LABEL)

    def remove(self, fields: Iterable[CatalogueField], *, prefix: str) -> list[ProvisionStep]:
        """Archives our properties that stand in our group, and the group once it is empty. HubSpot keeps archived ones for 90 days."""
        present = self._present()
        names = [name for f in fields if (name := api_name(f, prefix)) in present]
        ours = [n for n in names if present[n].get("groupName") == GROUP and not present[n].get("hubspotDefined")]
        steps = [self._kept(name) for name in names if name not in ours]
        for some in chunks(ours, BATCH):
            body = {"inputs": [{"name": name} for name in some]}
            request = {"method": "POST", "path": f"{self._place}/batch/archive", "body": body}
            if not self._dry:
                self._transport.read("POST", f"{self._place}/batch/archive", kind="write", body=body)
            for i, name in enumerate(some):
                shown = request if self._dry and not i else None  # one request carries them all
                steps.append(ProvisionStep(self._object, f"property {name}", self._removed, request=shown))
        return [*steps, *self._remove_group({n for n, p in present.items() if p.get("groupName") == GROUP} - set(ours))]

    @property
    def _removed(self) -> str:
        return "would remove" if self._dry else "removed"

    def _kept(self, name: str) -> ProvisionStep:
        said = f"it does not stand in the group {GROUP}. Archive it in HubSpot, Settings > Properties, if you wish."
        return ProvisionStep(self._object, f"property {name}", "kept", said)

    def _remove_group(self, others: set[str]) -> list[ProvisionStep]:
        what, path = f"property group {GROUP}", f"{self._place}/groups/{GROUP}"
        if not self._has_group():
            return []
        if others:
            return [ProvisionStep(self._object, what, "kept", f"it still holds {', '.join(sorted(others)[:3])}.")]
        request = {"method": "DELETE", "path": path}
        if not self._dry:
            try:
                self._transport.read("DELETE", path, kind="write")
            except Refused as refused:
                if refused.status != 404:  # another run was quicker
                    raise
                return []
        return [ProvisionStep(self._object, what, self._removed, request=request if self._dry else None)]

    def _present(self) -> dict[str, Mapping[str, Any]]:
        try:
            rows = self._transport.read("GET", self._place, kind="describe").results("name")
        except (Refused, UnknownObject) as refused:
            raise ObjectMissing(
                f"HubSpot has no object {self._object!r} that this token may see, so no property can be made on it.",
                remedy="Correct write_back in the mapping.",
            ) from refused
        return {str(row["name"]): row for row in rows}

    def _has_group(self) -> bool:
        try:
            groups = self._transport.read("GET", f"{self._place}/groups", kind="describe").results()
        except Refused:
            return False
        return any(g.get("name") == GROUP for g in groups)

    def _group(self) -> ProvisionStep:
        what = f"property group {GROUP}"
        if self._has_group():
            return ProvisionStep(self._object, what, "present")
        body = {"name": GROUP, "label": GROUP_LABEL, "displayOrder": -1}
        request = {"method": "POST", "path": f"{self._place}/groups", "body": body}
        if self._dry:
            return ProvisionStep(self._object, what, "would create", request=request)
        try:
            self._transport.read("POST", f"{self._place}/groups", kind="write", body=body)
        except Refused as refused:
            if refused.status != 409:  # another run was quicker
                raise
            return ProvisionStep(self._object, what, "present")
        return ProvisionStep(self._object, what, "created")

    def _compared(self, made: Mapping[str, Any], held: Mapping[str, Any]) -> ProvisionStep:
        name, what = made["name"], f"property {made['name']}"
        read_only = bool((held.get("modificationMetadata") or {}).get("readOnlyValue"))
        if held.get("type") != made["type"] or read_only or held.get("calculated"):
            met = f"{held.get('type')}{', read-only' if read_only or held.get('calculated') else ''}"
            return ProvisionStep(
                self._object,
                what,
                "refused",
                f"HubSpot has a property {name} of type {met}; ours is {made['type']}. Rename or archive that one, or choose another prefix.",
            )
        if made.get("hasUniqueValue") and not held.get("hasUniqueValue"):
            return ProvisionStep(
                self._object,
                what,
                "refused",
                f"HubSpot's property {name} does not require unique values, which can only be set when it is made. Archive it, or choose another prefix.",
            )
        options = list(held.get("options") or ())
        values = {o.get("value") for o in options}
        lacking = [o for o in made.get("options", ()) if o["value"] not in values]
        if not lacking:
            return ProvisionStep(self._object, what, "present")
        body = {"options": [*options, *lacking]}
        request = {"method": "PATCH", "path": f"{self._place}/{name}", "body": body}
        labels = f"options {', '.join(str(o['value']) for o in lacking)} are missing"
        if self._dry:
            return ProvisionStep(self._object, what, "would create", labels, request)
        self._transport.read("PATCH", f"{self._place}/{name}", kind="write", body=body)
        return ProvisionStep(self._object, what, "created", labels, request)

    def _create(self, some: Sequence[dict[str, Any]]) -> list[ProvisionStep]:
        path = f"{self._place}/batch/create"
        if self._dry:
            request = {"method": "POST", "path": path, "body": {"inputs": list(some)}}
            # one request carries them all; it is shown once
            return [
                ProvisionStep(
                    self._object, f"property {made['name']}", "would create", request=None if place else request
                )
                for place, made in enumerate(some)
            ]
        # may be repeated: a property made by a lost call is reported as existing
        reply = self._transport.read("POST", path, kind="write", body={"inputs": list(some)})
        created = {str(row.get("name")) for row in reply.results()}
        errors: dict[str, str] = {}
        for error in reply.body.get("errors") or ():
            context = error.get("context") or {}
            code = str(error.get("subCategory") or error.get("category") or "no reason given")
            for name in (*(context.get("name") or ()), *(context.get("propertyName") or ())):
                errors[str(name)] = code
        steps = []
        for made in some:
            name = made["name"]
            if name in created:
                status, said = "created", ""
            elif errors.get(name) in ("OBJECT_ALREADY_EXISTS", "Properties.PROPERTY_WITH_NAME_EXISTS"):
                status, said = (
                    "present",
                    "it was there already, perhaps archived: restore it in HubSpot if it does not show",
                )
            else:
                status = "refused"
                said = f"HubSpot said: {errors.get(name, 'nothing about this property')}. Check the account's number of custom properties."
            steps.append(ProvisionStep(self._object, f"property {name}", status, said))
        return steps
