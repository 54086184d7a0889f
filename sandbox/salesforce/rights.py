"""Who may see which field: permission sets, their field permissions, and whom they are assigned to."""

from typing import Any

from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.org import Org
from sandbox.store import Record

OBJECTS = frozenset({"PermissionSet", "PermissionSetAssignment", "FieldPermissions"})


def check_create(org: Org, object_name: str, values: dict[str, Any]) -> None:
    match object_name:
        case "PermissionSet":
            taken = next((r for r in org.store.live("PermissionSet") if r.fields["Name"] == values["Name"]), None)
            if taken is not None:
                message = f"The permission set name {values['Name']} is already in use: {taken.id}"
                raise ApiError(400, "DUPLICATE_DEVELOPER_NAME", message, ["Name"])
        case "PermissionSetAssignment":
            pair = (values["AssigneeId"], values["PermissionSetId"])
            if any((r.fields["AssigneeId"], r.fields["PermissionSetId"]) == pair for r in org.store.live(object_name)):
                message = (
                    f"Duplicate PermissionSetAssignment.  Assignee: {pair[0][:15]}; Permission Set: {pair[1][:15]}"
                )
                raise ApiError(400, "DUPLICATE_VALUE", message, ["AssigneeId", "PermissionSetId"])
        case "FieldPermissions":
            _check_field(org, values)
            key = (values["ParentId"], values["Field"])
            if any((r.fields["ParentId"], r.fields["Field"]) == key for r in org.store.live(object_name)):
                message = "duplicate value found: <unknown> duplicates value on record with id: <unknown>"
                raise ApiError(400, "DUPLICATE_VALUE", message, [])


def _check_field(org: Org, values: dict[str, Any]) -> None:
    object_name, _, field_name = str(values["Field"]).partition(".")
    obj = org.schema.objects.get(object_name)
    field = obj.fields.get(field_name) if obj else None
    if field is None or values["SobjectType"] != object_name or not field.custom:
        message = f"Field Name: bad value for restricted picklist field: {values['Field']}"
        raise ApiError(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, ["Field"])
    if values.get("PermissionsEdit") and not values.get("PermissionsRead"):
        message = "Permission Edit Field requires permission Read Field"
        raise ApiError(400, "FIELD_INTEGRITY_EXCEPTION", message, ["PermissionsEdit"])


def after_write(org: Org, record: Record) -> None:
    """Taking away the right to read deletes the row; a permission set's end takes its rows along."""
    store = org.store
    if record.object == "FieldPermissions" and not record.fields.get("PermissionsRead"):
        store.purge(record)
    if record.object == "PermissionSet" and record.purged:
        for name, field in (("FieldPermissions", "ParentId"), ("PermissionSetAssignment", "PermissionSetId")):
            for r in list(store.live(name)):
                if r.fields[field] == record.id:
                    store.purge(r)
            org.touch(name)
    grant(org)


def grant(org: Org) -> None:
    """Works out anew what the integration user may read and edit."""
    sets = {
        r.fields["PermissionSetId"]
        for r in org.store.live("PermissionSetAssignment")
        if r.fields["AssigneeId"] == org.user_id
    }
    rows = [r for r in org.store.live("FieldPermissions") if r.fields["ParentId"] in sets]
    readable = {r.fields["Field"] for r in rows if r.fields.get("PermissionsRead")}
    editable = {r.fields["Field"] for r in rows if r.fields.get("PermissionsEdit")}
    if (readable, editable) != (org.schema.readable, org.schema.editable):
        org.schema.readable, org.schema.editable = readable, editable
        org.schema.change(org.now())
