"""One batch of new values, and what became of each record. What may have been applied is never sent again from here."""

from collections.abc import Mapping, Sequence
from typing import Any

from sync.connector import RecordWrite, WriteOutcome, WriteResult
from sync.errors import BadReply, RateLimited, RecordLocked, Retry, SyncError
from sync.salesforce.client import Client
from sync.salesforce.failures import NotSent
from sync.salesforce.ids import is_id, long_id, same

BATCH = 200

# the record was refused for now: nothing of it was applied, and nothing is wrong with it
_PASSING = {
    "UNABLE_TO_LOCK_ROW": "somebody else holds the record for a moment",
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": "rolled back with the others",
    "PROCESSING_HALTED": "not reached, because another record failed",
    "SERVER_UNAVAILABLE": "Salesforce was busy",
    "LIMIT_EXCEEDED": "a limit of the organisation was reached",
    "REQUEST_LIMIT_EXCEEDED": "the organisation's API calls are used up",
    "TXN_SECURITY_METERING_ERROR": "Salesforce was busy",
    "UNKNOWN_EXCEPTION": "Salesforce failed inside",
    "QUERY_TIMEOUT": "an automation of the organisation ran too long",
}
_FINAL = {
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": "a validation rule of the organisation refuses it",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": "the picklist does not have this value; run `sakigake provision`",
    "INVALID_FIELD_FOR_INSERT_UPDATE": "the integration user may not edit the field; run `sakigake provision`",
    "INVALID_FIELD": "the field is not there or not visible; run `sakigake provision`",
    "INSUFFICIENT_ACCESS_OR_READONLY": "the integration user may not edit this record",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": "the integration user may not see a record this one belongs to",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": "a trigger of the organisation refuses it",
    "CANNOT_EXECUTE_FLOW_TRIGGER": "a flow of the organisation fails on it",
    "DUPLICATES_DETECTED": "a duplicate rule of the organisation refuses it",
    "DUPLICATE_VALUE": "a unique field already has this value",
    "STRING_TOO_LONG": "a text is longer than the field",
    "NUMBER_OUTSIDE_VALID_RANGE": "a number does not fit the field",
    "REQUIRED_FIELD_MISSING": "a required field of the record is empty",
    "INACTIVE_OWNER_OR_USER": "the record's owner is inactive",
    "ENTITY_IS_DELETED": "the record is deleted",
    "ENTITY_IS_LOCKED": "an approval process locks the record",
    "INVALID_CROSS_REFERENCE_KEY": "the record is not there",
    "MALFORMED_ID": "the id is not one of this object",
    "NOT_FOUND": "the record is not there",
}


def write(client: Client, object_name: str, writes: Sequence[RecordWrite]) -> list[WriteResult]:
    """One result a record, in order. ValueError for more than a batch; Stop where the whole request is refused for good."""
    if len(writes) > BATCH:
        raise ValueError(f"one call takes at most {BATCH} records, got {len(writes)}")
    bad = {w.id for w in writes if not is_id(w.id)}
    good = [w for w in writes if w.id not in bad]
    results = {i: WriteResult(i, WriteOutcome.REFUSED, f"{_FINAL['MALFORMED_ID']} (MALFORMED_ID)") for i in bad}
    if good:
        results |= {r.id: r for r in _send(client, object_name, good)}
    return [results[w.id] for w in writes]


def _send(client: Client, object_name: str, writes: Sequence[RecordWrite]) -> list[WriteResult]:
    body = {
        "allOrNone": False,
        "records": [{"attributes": {"type": object_name}, "id": long_id(w.id), **w.values} for w in writes],
    }
    about = f"write of {object_name}"
    try:
        replies = client.change("PATCH", "composite/sobjects", body, about)
    except (NotSent, RateLimited, RecordLocked) as e:
        return _all(writes, WriteOutcome.RETRY, e)
    except (Retry, BadReply) as e:
        return _all(writes, WriteOutcome.UNKNOWN, e)
    if not isinstance(replies, list) or len(replies) != len(writes):
        return _all(
            writes, WriteOutcome.UNKNOWN, BadReply(f"The {about} was answered for other records than were sent.")
        )
    return [_result(w, reply) for w, reply in zip(writes, replies, strict=True)]


def _result(sent: RecordWrite, reply: Any) -> WriteResult:
    if isinstance(reply, Mapping) and reply.get("success") is True:
        if same(str(reply.get("id") or sent.id), sent.id):
            return WriteResult(sent.id, WriteOutcome.APPLIED)
        return WriteResult(sent.id, WriteOutcome.UNKNOWN, "the answer names another record")
    if not isinstance(reply, Mapping) or reply.get("success") is not False:
        return WriteResult(sent.id, WriteOutcome.UNKNOWN, "the answer does not say whether it was applied")
    errors = [e for e in reply.get("errors") or () if isinstance(e, Mapping)]
    codes = [str(e.get("statusCode") or e.get("errorCode") or "UNKNOWN_EXCEPTION") for e in errors] or [
        "UNKNOWN_EXCEPTION"
    ]
    fields = tuple(dict.fromkeys(str(f) for e in errors for f in e.get("fields") or ()))
    cause = "; ".join(f"{(_PASSING | _FINAL).get(c, 'Salesforce refuses it')} ({c})" for c in dict.fromkeys(codes))
    outcome = WriteOutcome.RETRY if all(c in _PASSING for c in codes) else WriteOutcome.REFUSED
    return WriteResult(sent.id, outcome, cause, fields)


def _all(writes: Sequence[RecordWrite], outcome: WriteOutcome, error: SyncError) -> list[WriteResult]:
    return [WriteResult(w.id, outcome, error.message) for w in writes]
