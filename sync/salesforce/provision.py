"""Makes our fields in Salesforce, and the rights without which nobody would see them. A second time finds everything and changes nothing.

Two permission sets: `Sakigake_Fields` (read and edit, assigned to the integration user) and `Sakigake_Reader` (read, assigned to every active
user of the organisation's own: whoever may open an account may read what stands on it). A field is seen where both allow it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from models.catalogue import CatalogueField, Kind
from sync.connector import FieldDescription, ObjectDescription, ProvisionStep
from sync.errors import Stop
from sync.salesforce import soql
from sync.salesforce.client import Client
from sync.salesforce.failures import first_error
from sync.salesforce.runs import pages_of
from sync.salesforce.values import LONGEST_TEXT, api_name

EDITOR, READER = "Sakigake_Fields", "Sakigake_Reader"
_SETS = {
    EDITOR: {"Label": "Sakigake: fields", "Description": "Read and edit Sakigake's fields; for its integration user."},
    READER: {
        "Label": "Sakigake: reader",
        "Description": "Read Sakigake's fields; for everybody who works with partners.",
    },
}
_FITTING = {
    Kind.CHOICE: {"picklist"},
    Kind.TEXT: {"string", "textarea"},
    Kind.INTEGER: {"double", "int"},
    Kind.NUMBER: {"double"},
    Kind.PERCENT: {"percent"},
    Kind.DATE: {"date"},
    Kind.FLAG: {"boolean"},
}
_BATCH = 200


def metadata(field: CatalogueField, language: str) -> dict[str, Any]:
    """The field as the Tooling API makes it: labels in the workspace's language, the other one in the description."""
    other = "en" if language == "ja" else "ja"
    body: dict[str, Any] = {
        "label": field.label(language)[:40],
        "inlineHelpText": field.help(language)[:510],
        "description": f"{field.label(other)}: {field.help(other)}"[:1000],
        "required": False,
    }
    match field.kind:
        case Kind.CHOICE:
            values = [
                {"fullName": value, "label": ja if language == "ja" else en, "default": False}
                for value, en, ja in field.choices
            ]
            definition = {"sorted": False, "value": values}
            return body | {"type": "Picklist", "valueSet": {"restricted": True, "valueSetDefinition": definition}}
        case Kind.TEXT:
            return body | {"type": "Text", "length": LONGEST_TEXT}
        case Kind.INTEGER:
            return body | {"type": "Number", "precision": 18, "scale": 0}
        case Kind.NUMBER:
            return body | {"type": "Number", "precision": 18, "scale": field.digits}
        case Kind.PERCENT:
            return body | {"type": "Percent", "precision": 5 + field.digits, "scale": field.digits}
        case Kind.DATE:
            return body | {"type": "Date"}
        case Kind.FLAG:
            del body["required"]  # a checkbox always has a value
            return body | {"type": "Checkbox", "defaultValue": "false"}


def unfit(field: CatalogueField, there: FieldDescription) -> str | None:
    """Why the field that has our name cannot be ours; None where it can."""
    if there.crm_type not in _FITTING[field.kind]:
        return f"it is of type {there.crm_type}, and {' or '.join(sorted(_FITTING[field.kind]))} is needed"
    if there.calculated:
        return "it is a formula, which nobody can write"
    absent = [v for v, _, _ in field.choices if v not in {value for value, _ in there.options}]
    if absent:
        return f"its picklist lacks {', '.join(absent)}"
    return None


class Provision:
    """One object's fields and rights."""

    def __init__(
        self, client: Client, description: ObjectDescription, *, prefix: str, language: str, dry_run: bool
    ) -> None:
        self.client = client
        self.description = description
        self.object = description.name
        self.prefix = prefix
        self.language = language
        self.dry_run = dry_run
        self.base = f"/services/data/v{client.version()}"

    def run(self, fields: Iterable[CatalogueField]) -> list[ProvisionStep]:
        """What was, or would be, made: fields, permission sets, their assignment, rights on each field."""
        steps = [self._field(f) for f in fields]
        usable = [step.what.removeprefix("field ") for step in steps if step.status != "refused"]
        sets = self._permission_sets(steps)
        self._assignment(sets[EDITOR], steps)
        self._readers(sets[READER], steps)
        self._rights(sets, usable, steps)
        return steps

    def _field(self, field: CatalogueField) -> ProvisionStep:
        name = api_name(field, self.prefix)
        what = f"field {name}"
        there = self.description.field(name)
        if there is not None:
            why = unfit(field, there)
            if why is None:
                return ProvisionStep(self.object, what, "present")
            advice = f"{self.object}.{name} is there, but {why}. Mend or rename it in Setup > Object Manager, or choose another `prefix`."
            return ProvisionStep(self.object, what, "refused", advice)
        body = {"FullName": f"{self.object}.{name}", "Metadata": metadata(field, self.language)}
        return self._make(what, "tooling/sobjects/CustomField", body, already={"DUPLICATE_DEVELOPER_NAME"})

    def _permission_sets(self, steps: list[ProvisionStep]) -> dict[str, str | None]:
        ids = self._set_ids()
        for name, texts in _SETS.items():
            if name in ids:
                steps.append(ProvisionStep(self.object, f"permission set {name}", "present"))
                continue
            steps.append(self._make(f"permission set {name}", "sobjects/PermissionSet", {"Name": name, **texts}))
            ids[name] = None
        if None in ids.values() and not self.dry_run:
            ids |= self._set_ids()
        return ids

    def _set_ids(self) -> dict[str, str | None]:
        query = f"SELECT Id, Name FROM PermissionSet WHERE Name IN {soql.id_list(_SETS)}"  # noqa: S608
        return {row["Name"]: row["Id"] for row in self._rows(query, "query of PermissionSet")}

    def _assignment(self, editor: str | None, steps: list[ProvisionStep]) -> None:
        user = self.client.token.user
        what = f"{EDITOR} for the integration user"
        if editor is not None:
            rows = self._rows(
                f"SELECT Id FROM PermissionSetAssignment WHERE AssigneeId = {soql.quoted(user)}"  # noqa: S608
                f" AND PermissionSetId = {soql.quoted(editor)}",
                "query of PermissionSetAssignment",
            )
            if rows:
                steps.append(ProvisionStep(self.object, what, "present"))
                return
        body = {"AssigneeId": user, "PermissionSetId": editor or _pending(EDITOR)}
        steps.append(self._make(what, "sobjects/PermissionSetAssignment", body, already={"DUPLICATE_VALUE"}))

    def _readers(self, reader: str | None, steps: list[ProvisionStep]) -> None:
        """The reader set for every active user of the organisation's own, so that reps see the fields without anybody's doing."""
        users = [
            row["Id"]
            for row in self._rows(
                "SELECT Id FROM User WHERE IsActive = true AND UserType = 'Standard'", "query of User"
            )
        ]
        assigned: set[str] = set()
        if reader is not None:
            rows = self._rows(
                f"SELECT Id, AssigneeId FROM PermissionSetAssignment WHERE PermissionSetId = {soql.quoted(reader)}",  # noqa: S608
                "query of PermissionSetAssignment",
            )
            assigned = {row["AssigneeId"][:15] for row in rows}
        wanted: list[tuple[str, dict[str, Any]]] = []
        for user in sorted(users):
            what = f"{READER} for user {user}"
            if user[:15] == self.client.token.user[:15]:
                continue  # it has the other set
            if user[:15] in assigned:
                steps.append(ProvisionStep(self.object, what, "present"))
                continue
            body = {"AssigneeId": user, "PermissionSetId": reader or _pending(READER)}
            wanted.append((what, {"attributes": {"type": "PermissionSetAssignment"}, **body}))
        self._many("POST", wanted, steps)

    def _rights(self, sets: Mapping[str, str | None], names: list[str], steps: list[ProvisionStep]) -> None:
        """Read for both sets, edit for ours: made where there is none, widened where it is too little."""
        ids = [i for i in sets.values() if i is not None]
        granted: dict[tuple[str, str], dict[str, Any]] = {}
        if ids:
            rows = self._rows(
                "SELECT Id, ParentId, Field, PermissionsRead, PermissionsEdit FROM FieldPermissions"  # noqa: S608
                f" WHERE SobjectType = {soql.quoted(self.object)} AND ParentId IN {soql.id_list(ids)}",
                "query of FieldPermissions",
            )
            granted = {(row["ParentId"][:15], row["Field"]): row for row in rows}
        make: list[tuple[str, dict[str, Any]]] = []
        widen: list[tuple[str, dict[str, Any]]] = []
        for set_name, edit in ((EDITOR, True), (READER, False)):
            parent = sets[set_name]
            for name in names:
                what = f"{'edit' if edit else 'read'} permission for {name} in {set_name}"
                full = f"{self.object}.{name}"
                has = granted.get(((parent or "")[:15], full))
                rights = {"PermissionsRead": True, "PermissionsEdit": edit}
                if has is None:
                    body = {
                        "ParentId": parent or _pending(set_name),
                        "SobjectType": self.object,
                        "Field": full,
                        **rights,
                    }
                    make.append((what, {"attributes": {"type": "FieldPermissions"}, **body}))
                elif not has["PermissionsRead"] or (edit and not has["PermissionsEdit"]):
                    widen.append((what, {"attributes": {"type": "FieldPermissions"}, "id": has["Id"], **rights}))
                else:
                    steps.append(ProvisionStep(self.object, what, "present"))
        self._many("POST", make, steps)
        self._many("PATCH", widen, steps)

    def _many(self, method: str, wanted: list[tuple[str, dict[str, Any]]], steps: list[ProvisionStep]) -> None:
        for start in range(0, len(wanted), _BATCH):
            part = wanted[start : start + _BATCH]
            body = {"allOrNone": False, "records": [record for _, record in part]}
            request = {"method": method, "path": f"{self.base}/composite/sobjects", "body": body}
            if self.dry_run:
                # one request carries them all; it is shown once
                for i, (what, _) in enumerate(part):
                    steps.append(ProvisionStep(self.object, what, "would create", request=None if i else request))
                continue
            replies = self.client.change(method, "composite/sobjects", body, f"permissions on {self.object}")
            for (what, _), reply in zip(part, replies or [], strict=True):
                code = None if reply.get("success") else first_error(reply.get("errors"))[0]
                if reply.get("success"):
                    steps.append(ProvisionStep(self.object, what, "created"))
                elif code == "DUPLICATE_VALUE":
                    steps.append(ProvisionStep(self.object, what, "present"))
                else:
                    steps.append(ProvisionStep(self.object, what, "refused", _advice(code)))

    def _make(self, what: str, path: str, body: dict[str, Any], already: Iterable[str] = ()) -> ProvisionStep:
        if self.dry_run:
            request = {"method": "POST", "path": f"{self.base}/{path}", "body": body}
            return ProvisionStep(self.object, what, "would create", request=request)
        try:
            self.client.change("POST", path, body, what)
        except Stop as e:
            if e.code in set(already):
                return ProvisionStep(self.object, what, "present")
            if e.code is None or e.code == "REQUEST_LIMIT_EXCEEDED":
                raise
            return ProvisionStep(self.object, what, "refused", _advice(e.code))
        return ProvisionStep(self.object, what, "created")

    def _rows(self, query: str, about: str) -> list[dict[str, Any]]:
        first = self.client.query(query, about)
        return [row for rows, _, _ in pages_of(self.client, first, about) for row in rows]


def _pending(name: str) -> str:
    return f"(id of {name}, once it is made)"


def _advice(code: str | None) -> str:
    return (
        f"Salesforce refused it ({code}). The integration user needs Customize Application and Manage Profiles and Permission Sets for "
        "`sakigake provision`; they can be taken back afterwards. Or let an administrator make it from `sakigake provision --dry-run`."
    )
