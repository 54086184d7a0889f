"""The objects around the business: people, the organization itself, and who may see what."""

from typing import Any

from sandbox.salesforce.fields import audit, computed, day, deletion, identity, lookup, owner, picklist, text, viewed
from sandbox.salesforce.objects import INDUSTRIES, SOURCES, make, plain
from sandbox.salesforce.rights import PERMISSIONS
from sandbox.salesforce.schema import Field, Object
from sandbox.store import Record


def _full_name(r: Record) -> str:
    return " ".join(x for x in (r.fields.get("LastName"), r.fields.get("FirstName")) if x)


def _person(length: int = 121) -> list[Field]:
    return [
        text("LastName", "Last Name", 80, nillable=False, compound="Name"),
        text("FirstName", "First Name", 40, compound="Name"),
        computed("Name", "string", "Full Name", _full_name, length=length, nillable=False, name_field=True),
    ]


def flag(name: str, label: str, **more: Any) -> Field:
    return Field(name, "boolean", label, nillable=False, defaulted=True, **more)


def contact() -> Object:
    return make("Contact", "Contact", "Contacts", "003", [
        identity("Contact"), deletion(),
        computed("MasterRecordId", "reference", "Master Record ID", lambda r: r.merged_into, length=18,
                 refers_to=("Contact",), relationship="MasterRecord"),
        lookup("AccountId", "Account ID", "Account", "Account", children="Contacts", cascades=True),
        *_person(),
        Field("Phone", "phone", "Business Phone", length=40),
        Field("Email", "email", "Email", length=80, id_lookup=True),
        text("Title", "Title", 128),
        text("Department", "Department", 80),
        Field("Description", "textarea", "Contact Description", length=32000),
        owner(), *audit(), *viewed(),
    ], mergeable=True)  # fmt: skip


def lead() -> Object:
    return make("Lead", "Lead", "Leads", "00Q", [
        identity("Lead"), deletion(), *_person(),
        text("Company", "Company", nillable=False), text("Title", "Title", 128),
        Field("Email", "email", "Email", length=80, id_lookup=True),
        Field("Phone", "phone", "Phone", length=40),
        picklist("LeadSource", "Lead Source", SOURCES),
        picklist("Status", "Status", plain("Open - Not Contacted", "Working - Contacted", "Closed - Converted"),
                 nillable=False, defaulted=True, default="Open - Not Contacted"),
        picklist("Industry", "Industry", INDUSTRIES),
        flag("IsConverted", "Converted", updateable=False),
        day("ConvertedDate", "Converted Date", createable=False, updateable=False),
        *(lookup(f"Converted{to}Id", f"Converted {to} ID", to, f"Converted{to}", createable=False, updateable=False)
          for to in ("Account", "Contact", "Opportunity")),
        owner(), *audit(), *viewed(),
    ], mergeable=True)  # fmt: skip


def user() -> Object:
    return make("User", "User", "Users", "005", [
        identity("User"),
        text("Username", "Username", 80, nillable=False, id_lookup=True),
        *_person(),
        Field("Email", "email", "Email", length=128, nillable=False),
        text("Alias", "Alias", 8, nillable=False),
        flag("IsActive", "Active"),
        picklist("UserType", "User Type", plain("Standard", "PowerPartner"), createable=False, updateable=False),
        picklist("TimeZoneSidKey", "Time Zone", plain("Asia/Tokyo", "America/Los_Angeles"), nillable=False),
        picklist("LanguageLocaleKey", "Language", plain("ja", "en_US"), nillable=False),
        *audit(),
    ], createable=False, deletable=False, system=True)  # fmt: skip


def organization() -> Object:
    return make("Organization", "Organization", "Organizations", "00D", [
        identity("Organization"),
        text("Name", "Name", 80, nillable=False, name_field=True),
        text("Country", "Country", 80),
        picklist("TimeZoneSidKey", "Time Zone", plain("Asia/Tokyo"), nillable=False),
        picklist("LanguageLocaleKey", "Language", plain("ja", "en_US"), nillable=False),
        picklist("OrganizationType", "Edition", plain("Enterprise Edition", "Developer Edition"), nillable=False),
        text("InstanceName", "Instance Name", 5),
        flag("IsSandbox", "Is Sandbox"),
        *audit(),
    ], createable=False, updateable=False, deletable=False, system=True)  # fmt: skip


def record_type() -> Object:
    return make("RecordType", "Record Type", "Record Types", "012", [
        identity("Record Type"),
        text("Name", "Name", 80, nillable=False, name_field=True),
        text("DeveloperName", "Record Type Name", 80, nillable=False),
        picklist("SobjectType", "SObject Type Name", plain("Account"), nillable=False),
        flag("IsActive", "Active"),
        *audit(),
    ], createable=False, updateable=False, deletable=False, system=True)  # fmt: skip


def permission_set() -> Object:
    return make("PermissionSet", "Permission Set", "Permission Sets", "0PS", [
        identity("Permission Set"),
        text("Name", "Permission Set Name", 80, nillable=False, name_field=True),
        text("Label", "Permission Set Label", 80, nillable=False),
        text("Description", "Description", 255),
        flag("IsOwnedByProfile", "Owned By Profile", createable=False, updateable=False),
        *audit(),
    ], system=True)  # fmt: skip


def user_permission_access() -> Object:
    """The system permissions of whoever asks: one row."""
    return make("UserPermissionAccess", "User Permission Access", "User Permission Access", "000", [
        identity("User Permission Access"),
        *(flag(f"Permissions{name}", name, createable=False, updateable=False) for name in PERMISSIONS),
    ], createable=False, updateable=False, deletable=False, shows_prefix=False, system=True)  # fmt: skip


def object_permissions() -> Object:
    return make("ObjectPermissions", "Object Permissions", "Object Permissions", "110", [
        identity("Object Permissions"),
        lookup("ParentId", "Parent ID", "PermissionSet", "Parent", nillable=False, updateable=False,
               children="ObjectPerms"),
        text("SobjectType", "Sobject Type Name", 40, nillable=False, updateable=False),
        *(flag(f"Permissions{name}", name)
          for name in ("Create", "Read", "Edit", "Delete", "ViewAllRecords", "ModifyAllRecords")),
        computed("SystemModstamp", "datetime", "System Modstamp", lambda r: r.modified_at, nillable=False,
                 defaulted=True),
    ], system=True)  # fmt: skip


def permission_set_assignment() -> Object:
    return make("PermissionSetAssignment", "Permission Set Assignment", "Permission Set Assignments", "0Pa", [
        identity("PermissionSetAssignment"),
        lookup("PermissionSetId", "PermissionSet ID", "PermissionSet", "PermissionSet", nillable=False,
               updateable=False, children="Assignments"),
        lookup("AssigneeId", "Assignee ID", "User", "Assignee", nillable=False, updateable=False,
               children="PermissionSetAssignments"),
        computed("SystemModstamp", "datetime", "System Modstamp", lambda r: r.modified_at, nillable=False,
                 defaulted=True),
    ], updateable=False, system=True)  # fmt: skip


def field_permissions() -> Object:
    return make("FieldPermissions", "Field Permissions", "Field Permissions", "01k", [
        identity("Field Permissions"),
        lookup("ParentId", "Parent ID", "PermissionSet", "Parent", nillable=False, updateable=False,
               children="FieldPerms"),
        text("SobjectType", "Sobject Type Name", 40, nillable=False, updateable=False),
        text("Field", "Field Name", 160, nillable=False, updateable=False),
        flag("PermissionsEdit", "Edit Field"),
        flag("PermissionsRead", "Read Field"),
        computed("SystemModstamp", "datetime", "System Modstamp", lambda r: r.modified_at, nillable=False,
                 defaulted=True),
    ], system=True)  # fmt: skip
