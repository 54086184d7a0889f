"""What a client may write: the checks of an insert or update, with the errors of a real org."""

from typing import Any

from sandbox.refusals import NEW
from sandbox.salesforce import ids, members, persons, rights
from sandbox.salesforce.errors import ApiError, deleted, no_such_column
from sandbox.salesforce.fields import is_deleted
from sandbox.salesforce.objects import STAGES
from sandbox.salesforce.org import Org
from sandbox.salesforce.schema import Field, Object
from sandbox.salesforce.values import accept
from sandbox.store import Record

Values = dict[str, Any]


def stage_probability(stage: Any) -> float | None:
    known = STAGES.get(stage or "")
    return known[0] if known else None


def for_create(org: Org, obj: Object, sent: Values) -> Values:
    """The stored form of what was sent for a new record; ApiError where a real org refuses it."""
    if refusal := org.store.refusals.met(obj.name, NEW):
        raise ApiError(400, refusal.code, refusal.message, [])
    if any(k.lower() == "id" for k in sent):
        raise ApiError(400, "INVALID_FIELD", "cannot specify Id in an insert call", ["Id"])
    values = _accepted(org, obj, sent, creating=True)
    known = persons.named(values) if obj.name == "Account" else values
    missing = [f.name for f in obj.fields.values() if _required(f) and known.get(f.name) is None]
    if missing:
        message = f"Required fields are missing: [{', '.join(missing)}]"
        raise ApiError(400, "REQUIRED_FIELD_MISSING", message, missing)
    if obj.name in rights.OBJECTS:
        rights.check_create(org, obj.name, values)
    if obj.name == "CampaignMember":
        values = members.checked(org, values)
    _check_unique(org, obj, values, None)
    return values


def for_update(org: Org, obj: Object, record: Record, sent: Values) -> Values:
    if refusal := org.store.refusals.met(obj.name, record.id):
        raise ApiError(400, refusal.code, refusal.message, [])
    if obj.name == "Lead" and record.fields.get("IsConverted"):
        raise ApiError(400, "CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", [])
    values = _accepted(org, obj, sent, creating=False)
    emptied = [
        n for n, v in values.items() if v is None and not obj.fields[n].nillable and obj.fields[n].type != "boolean"
    ]
    if emptied:
        message = f"Required fields are missing: [{', '.join(emptied)}]"
        raise ApiError(400, "REQUIRED_FIELD_MISSING", message, emptied)
    _check_unique(org, obj, values, record)
    return values


def _required(f: Field) -> bool:
    return not f.nillable and not f.defaulted and f.createable and f.type != "boolean"


def _accepted(org: Org, obj: Object, sent: Values, *, creating: bool) -> Values:
    values: Values = {}
    barred: list[str] = []
    for name, value in sent.items():
        if name == "attributes":
            continue
        f = org.schema.visible(obj, name)
        if f is None:
            raise no_such_column(name, obj.name)
        if not (f.createable if creating else f.updateable) or not org.schema.may_edit(obj, f):
            barred.append(f.name)
            continue
        stored = accept(f, value, org.schema)
        if f.type == "reference" and stored is not None:
            _check_target(org, f, stored)
        values[f.name] = stored
    if barred:
        message = (
            f"Unable to create/update fields: {', '.join(barred)}. Please check the security settings of this field"
            " and verify that it is read/write for your profile or permission set."
        )
        raise ApiError(400, "INVALID_FIELD_FOR_INSERT_UPDATE", message, barred)
    return values


def _check_target(org: Org, f: Field, record_id: str) -> None:
    target = org.parent(f.refers_to, record_id)
    if target is None:
        raise ApiError(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])
    if is_deleted(target):
        raise ApiError(400, "ENTITY_IS_DELETED", "entity is deleted", [])


def _check_unique(org: Org, obj: Object, values: Values, record: Record | None) -> None:
    for name, value in values.items():
        if value is None or not obj.fields[name].unique:
            continue
        for other in org.store.live(obj.name):
            if other is not record and other.fields.get(name) == value:
                message = f"duplicate value found: {name} duplicates value on record with id: {other.id[:15]}"
                raise ApiError(400, "DUPLICATE_VALUE", message, [])


def existing(org: Org, obj: Object, record_id: Any) -> Record:
    """The live record that an update or delete names."""
    whole = ids.full(record_id) if isinstance(record_id, str) else None
    if whole is None:
        raise ApiError(400, "MALFORMED_ID", f"malformed id {record_id}", [])
    if whole[:3] != obj.prefix:
        raise ApiError(400, "MALFORMED_ID", f"{obj.label} ID: id value of incorrect type: {record_id}", ["Id"])
    r = org.store.get(obj.name, whole)
    if r is None or r.purged:
        raise ApiError(404, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])
    if is_deleted(r):
        raise deleted()
    return r
