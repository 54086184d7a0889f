"""Rights granted to the integration user against rights that a mapping needs: system permissions, objects, fields, and who else may edit.

An object that our user may not read is absent from the list of all objects, a field from its object's description.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sync.connector import Rights
from sync.errors import ObjectMissing, PermissionMissing
from sync.records import ReadSpec
from sync.salesforce import soql
from sync.salesforce.client import Client
from sync.salesforce.provision_rights import EDITOR, Calls

ACCESS = "UserPermissionAccess"
_NEEDED = {"ApiEnabled": "API Enabled"}
_MAKING = {
    "AssignPermissionSets": "Assign Permission Sets",
    "CustomizeApplication": "Customize Application",
    "ManageProfilesPermissionsets": "Manage Profiles and Permission Sets",
    "ModifyMetadata": "Modify Metadata Through Metadata API Functions",
    "ViewSetup": "View Setup and Configuration",
}
_POWERFUL = {
    "AuthorApex": "Author Apex",
    "BulkApiHardDelete": "Bulk API Hard Delete",
    "DataExport": "Weekly Data Export",
    "ManageSharing": "Manage Sharing",
    "ManageUsers": "Manage Users",
    "ModifyAllData": "Modify All Data",
    "ViewAllData": "View All Data",
}
"""System permissions that reach beyond what any mapping needs, as Setup calls them. Others open no records."""
_BUSINESS = frozenset(
    {
        "Account", "Asset", "Campaign", "CampaignMember", "Case", "Contact", "Contract", "Event", "Lead", "Opportunity",
        "OpportunityLineItem", "Order", "Product2", "Quote", "Solution", "Task",
    }
)  # fmt: skip
_VERBS = (("createable", "create"), ("updateable", "edit"), ("deletable", "delete"))


def compared(
    client: Client,
    reads: Mapping[str, ReadSpec],
    writes: Mapping[str, Sequence[str]],
    makes: Mapping[str, Sequence[str]],
) -> Rights:
    """The difference, by the names of Setup and the API names of objects and fields. `makes`: what new records are given, by object."""
    missing, excess, making, unknown = _system(client)
    rows = client.get("sobjects/", "list of objects", kind="describe").get("sobjects", [])
    listed = {row["name"]: row for row in rows if isinstance(row, Mapping)}
    missing += _objects_missing(listed, reads, writes)
    missing += [f"create {name}" for name in makes if name in listed and not listed[name].get("createable")]
    excess += _objects_beyond(listed, reads, writes, makes)
    for name, ours in writes.items():
        given = {*ours, *makes.get(name, ())}
        if name in listed:
            raw = client.get(f"sobjects/{name}/describe", f"description of {name}", kind="describe")
            fields = {f["name"]: f for f in raw["fields"]}
            missing += [f"edit {name}.{f}" for f in ours if f in fields and not fields[f].get("updateable")]
            missing += [
                f"fill {name}.{f}" for f in makes.get(name, ()) if f in fields and not fields[f].get("createable")
            ]
            beyond = [
                n for n, f in fields.items() if f.get("updateable") and f.get("permissionable") and n not in given
            ]
            if beyond:
                excess.append(f"edit {name}.{{{', '.join(sorted(beyond))}}}")
    others = [o for name, ours in writes.items() for o in _others(client, name, ours)]
    return Rights(tuple(missing), tuple(excess), tuple(making), tuple(others), unknown)


def _system(client: Client) -> tuple[list[str], list[str], list[str], str]:
    """(missing, excess, needed by provisioning alone, why nothing is known) of the system permissions."""
    known = {**_NEEDED, **_MAKING, **_POWERFUL}
    try:
        raw = client.get(f"sobjects/{ACCESS}/describe", f"description of {ACCESS}", kind="describe")
        there = {f["name"].removeprefix("Permissions") for f in raw["fields"]}
        asked = [n for n in known if n in there]  # editions differ in what permissions there are
        columns = ", ".join(f"Permissions{n}" for n in asked)
        page = client.query(f"SELECT Id, {columns} FROM {ACCESS} LIMIT 1", f"query of {ACCESS}")  # noqa: S608
    except (ObjectMissing, PermissionMissing):
        return [], [], [], "Salesforce does not tell this user its system permissions; compare them in Setup."
    row: Mapping[str, Any] = page["records"][0] if page["records"] else {}
    held = {n for n in asked if row.get(f"Permissions{n}")}
    return (
        [_NEEDED[n] for n in _NEEDED if n in asked and n not in held],
        [_POWERFUL[n] for n in _POWERFUL if n in held],
        [_MAKING[n] for n in _MAKING if n in held],
        "",
    )


def _objects_missing(
    listed: Mapping[str, Any], reads: Mapping[str, ReadSpec], writes: Mapping[str, Sequence[str]]
) -> list[str]:
    found = [f"read {name}" for name in dict.fromkeys((*reads, *writes)) if name not in listed]
    return found + [f"edit {name}" for name in writes if name in listed and not listed[name].get("updateable")]


def _objects_beyond(
    listed: Mapping[str, Any],
    reads: Mapping[str, ReadSpec],
    writes: Mapping[str, Sequence[str]],
    makes: Mapping[str, Sequence[str]],
) -> Iterator[str]:
    """Objects of the business only: much of the list is Salesforce's own machinery, which every user may touch."""
    for name, row in sorted(listed.items()):
        if name not in _BUSINESS and not name.endswith("__c"):
            continue
        allowed = {"edit"} if name in writes else set()
        allowed |= {"create", "edit", "delete"} if name in makes else set()  # delete: what we made may be undone
        verbs = [verb for flag, verb in _VERBS if row.get(flag) and verb not in allowed]
        if name not in reads and name not in writes and row.get("queryable"):
            verbs.insert(0, "read")
        if verbs:
            yield f"{', '.join(verbs)} {name}"


def _others(client: Client, name: str, ours: Sequence[str]) -> Iterator[str]:
    """Permission sets and profiles besides ours that let people edit our fields."""
    full = [f"{name}.{field}" for field in ours]
    rows = Calls(client, name, dry_run=True).rows(
        "SELECT Id, Field, Parent.Name, Parent.Label FROM FieldPermissions"  # noqa: S608
        f" WHERE SobjectType = {soql.quoted(name)} AND PermissionsEdit = true AND Field IN {soql.id_list(full)}",
        "query of FieldPermissions",
    )
    by_set: dict[str, list[str]] = {}
    for row in rows:
        if row["Parent"]["Name"] != EDITOR:
            by_set.setdefault(row["Parent"]["Label"] or row["Parent"]["Name"], []).append(row["Field"])
    for label, fields in sorted(by_set.items()):
        yield f"{label}: {', '.join(sorted(fields))}"
