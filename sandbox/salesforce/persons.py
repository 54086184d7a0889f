"""Person accounts: an Account that is a person, and the Contact that is its other half. Only orgs that switched them on have them.

Both rows have ids and stamps of their own. What they share is edited on either and moves both; what is the Account's alone moves the Account.
"""

from typing import Any

from sandbox.salesforce import ids
from sandbox.salesforce.fields import computed, picklist, text
from sandbox.salesforce.org import Org
from sandbox.salesforce.schema import Field
from sandbox.store import Record

Values = dict[str, Any]
RECORD_TYPE = ids.mint("012", 3)
SHARED = {  # the Account's field, and the Contact's
    "LastName": "LastName",
    "FirstName": "FirstName",
    "PersonEmail": "Email",
    "PersonTitle": "Title",
    "Region__pc": "Region__c",
}
_REGIONS = tuple((v, v) for v in ("関東", "関西", "中部", "九州"))


def switch_on(org: Org) -> None:
    """Adds what an org with person accounts shows on Account, Contact and Lead."""
    account, contact, lead = (org.schema.objects[name] for name in ("Account", "Contact", "Lead"))
    account.record_types = (*account.record_types, (RECORD_TYPE, "PersonAccount"))
    of_account = [
        text("LastName", "Last Name", 80),
        text("FirstName", "First Name", 40),
        computed("IsPersonAccount", "boolean", "Is Person Account", is_person, nillable=False, defaulted=True),
        computed("PersonContactId", "reference", "Contact ID", lambda r: r.fields.get("PersonContactId"), length=18,
                 refers_to=("Contact",), relationship="PersonContact"),
        Field("PersonEmail", "email", "Email", length=80),
        text("PersonTitle", "Title", 128),
        picklist("Region__pc", "地域", _REGIONS),
    ]  # fmt: skip
    of_contact = [
        computed("IsPersonAccount", "boolean", "Is Person Account", lambda r: owner_of(org, r) is not None,
                 nillable=False, defaulted=True),
        picklist("Region__c", "地域", _REGIONS),
    ]  # fmt: skip
    of_account[-1].custom = True
    account.fields |= {f.name: f for f in of_account}
    contact.fields |= {f.name: f for f in of_contact}
    lead.fields["Company"].nillable = True  # a Lead without one becomes a person


def is_person(account: Record) -> bool:
    return account.fields.get("RecordTypeId") == RECORD_TYPE


def owner_of(org: Org, contact: Record) -> Record | None:
    """The person account whose other half this Contact is."""
    account = org.store.get("Account", contact.fields.get("AccountId") or "")
    return account if account is not None and account.fields.get("PersonContactId") == contact.id else None


def named(values: Values, before: Values | None = None) -> Values:
    """The Account's values with the name that its person has."""
    whole = {**(before or {}), **values}
    if whole.get("RecordTypeId") != RECORD_TYPE:
        return values
    return {**values, "Name": " ".join(x for x in (whole.get("LastName"), whole.get("FirstName")) if x) or None}


def other_half(org: Org, record: Record, values: Values) -> tuple[Record, Values] | None:
    """The row that shares some of these values, and what they are called there; None where there is none."""
    if record.object == "Account" and is_person(record):
        contact = org.store.get("Contact", record.fields.get("PersonContactId") or "")
        shared = {SHARED[n]: v for n, v in values.items() if n in SHARED}
        return (contact, shared) if contact is not None and shared else None
    if record.object == "Contact" and (account := owner_of(org, record)) is not None:
        back = {theirs: ours for ours, theirs in SHARED.items()}
        shared = {back[n]: v for n, v in values.items() if n in back}
        return (account, named(shared, account.fields)) if shared else None
    return None
