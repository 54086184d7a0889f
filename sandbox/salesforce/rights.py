"""Who may see which field: permission sets, their field permissions, and whom they are assigned to."""

from typing import Any

from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.org import Org
from sandbox.store import Record

OBJECTS = frozenset({"PermissionSet", "PermissionSetAssignment", "FieldPermissions"})
PERMISSIONS = (
    "ApiEnabled", "AssignPermissionSets", "AuthorApex", "BulkApiHardDelete", "CustomizeApplication", "DataExport",
    "ManageDashboardsInPublicFolders", "ManageProfilesPermissionsets", "ManageSharing", "ManageUsers", "ModifyAllData",
    "ModifyMetadata", "PasswordNeverExpires", "ViewAllData", "ViewSetup",
)  # fmt: skip


def need(org: Org, *any_of: str) -> None:
    """403 unless the integration user has one of these system permissions."""
    held = org.settings.salesforce_permissions
    if held is not None and not set(any_of) & set(held):
        message = "You do not have the level of access necessary to perform the operation you requested"
        raise ApiError(403, "INSUFFICIENT_ACCESS", message)


def settle_objects(org: Org) -> None:
    """Takes from the integration user what the settings do not give it."""
    given = org.settings.salesforce_object_rights
    if given is None:
        return
    org.schema.edits_standard_fields = False
    for obj in org.schema.objects.values():
        if not obj.system and not obj.tooling and not obj.rows:
            letters = given.get(obj.name, "r")
            obj.createable, obj.updateable, obj.deletable = ("c" in letters, "e" in letters, "d" in letters)


def check_create(org: Org, object_name: str, values: dict[str, Any]) -> None:
    match object_name:
        case "PermissionSet":
            need(org, "ManageProfilesPermissionsets", "ModifyAllData")
            taken = next((r for r in org.store.live("PermissionSet") if r.fields["Name"] == values["Name"]), None)
            if taken is not None:
                message = f"The permission set name {values['Name']} is already in use: {taken.id}"
                raise ApiError(400, "DUPLICATE_DEVELOPER_NAME", message, ["Name"])
        case "PermissionSetAssignment":
            need(org, "AssignPermissionSets", "ManageUsers", "ModifyAllData")
            pair = (values["AssigneeId"], values["PermissionSetId"])
            if any((r.fields["AssigneeId"], r.fields["PermissionSetId"]) == pair for r in org.store.live(object_name)):
                message = (
                    f"Duplicate PermissionSetAssignment.  Assignee: {pair[0][:15]}; Permission Set: {pair[1][:15]}"
                )
                raise ApiError(400, "DUPLICATE_VALUE", message, ["AssigneeId", "PermissionSetId"])
        case "FieldPermissions":
            need(org, "ManageProfilesPermissionsets", "ModifyAllData")
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
