"""Short ways to write down a field of each type, with the flags a real describe gives it."""

from sandbox.salesforce import ids
from sandbox.salesforce.schema import Field, Read
from sandbox.store import Record

ADMIN_ID = ids.mint("005", 1)
INTEGRATION_ID = ids.mint("005", 2)
PEOPLE = "user"  # the store's word for a write that came from no API client


def text(name: str, label: str, length: int = 255, **more: object) -> Field:
    return _field(name, "string", label, length=length, **more)


def picklist(name: str, label: str, values: tuple[tuple[str, str], ...], **more: object) -> Field:
    settled = {"length": 255, **more}
    return _field(name, "picklist", label, values=values, **settled)


def number(name: str, label: str, precision: int = 18, scale: int = 0, **more: object) -> Field:
    return _field(name, "double", label, precision=precision, scale=scale, **more)


def day(name: str, label: str, **more: object) -> Field:
    return _field(name, "date", label, **more)


def lookup(name: str, label: str, to: str | tuple[str, ...], relationship: str, **more: object) -> Field:
    refers = (to,) if isinstance(to, str) else to
    return _field(name, "reference", label, length=18, refers_to=refers, relationship=relationship, **more)


def computed(name: str, kind: str, label: str, read: Read, **more: object) -> Field:
    """A field that no one can write."""
    settled = {"createable": False, "updateable": False, **more}
    return _field(name, kind, label, computed=read, **settled)


def _field(name: str, kind: str, label: str, **more: object) -> Field:
    return Field(name, kind, label, custom=name.endswith("__c"), **more)  # type: ignore[arg-type]


def author(of: str) -> str:
    """The user id behind the store's note of who wrote."""
    return ADMIN_ID if of == PEOPLE else of


def is_deleted(r: Record) -> bool:
    return r.deleted_at is not None or r.merged_into is not None


def identity(label: str) -> Field:
    return computed(
        "Id", "id", f"{label} ID", lambda r: r.id, length=18, nillable=False, defaulted=True, id_lookup=True
    )


def deletion() -> Field:
    return computed("IsDeleted", "boolean", "Deleted", is_deleted, nillable=False, defaulted=True)


def audit(*, created_only: bool = False) -> list[Field]:
    """Who and when. History rows have only the creation half, and no SystemModstamp."""
    fixed = {"nillable": False, "defaulted": True}
    fields = [
        computed("CreatedDate", "datetime", "Created Date", lambda r: r.created_at, **fixed),
        _by("CreatedById", "Created By ID", "CreatedBy", lambda r: author(r.created_by)),
    ]
    if not created_only:
        fields += [
            computed("LastModifiedDate", "datetime", "Last Modified Date", lambda r: r.modified_at, **fixed),
            _by("LastModifiedById", "Last Modified By ID", "LastModifiedBy", lambda r: author(r.modified_by)),
            computed("SystemModstamp", "datetime", "System Modstamp", lambda r: r.modified_at, **fixed),
        ]
    return fields


def _by(name: str, label: str, relationship: str, read: Read) -> Field:
    return computed(
        name, "reference", label, read, length=18, nillable=False, defaulted=True, refers_to=("User",),
        relationship=relationship,
    )  # fmt: skip


def owner() -> Field:
    return lookup("OwnerId", "Owner ID", "User", "Owner", nillable=False, defaulted=True)


def viewed() -> list[Field]:
    """Stamps of the caller's own looking, which an integration never has."""
    return [
        computed("LastViewedDate", "datetime", "Last Viewed Date", lambda _: None),
        computed("LastReferencedDate", "datetime", "Last Referenced Date", lambda _: None),
    ]
