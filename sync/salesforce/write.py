"""One batch of new values, and what became of each record. What may have been applied is never sent again from here.

A collection takes 200 records, and five collections go in one composite call, each with an outcome of its own.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sync.errors import BadReply, RateLimited, Reauthenticate, RecordLocked, Retry, Stop, SyncError
from sync.salesforce.client import Client
from sync.salesforce.failures import NotSent, classify
from sync.salesforce.ids import is_id, long_id, same
from sync.writes import RecordWrite, WriteOutcome, WriteResult

COLLECTION = 200  # records in one
COLLECTIONS = 5  # in one composite call
BATCH = COLLECTION * COLLECTIONS
REQUEST_ID = "X-SFDC-Request-Id"

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
    "DUPLICATE_VALUE": "a unique field already has this value, or it is a member already",
    "CANNOT_UPDATE_CONVERTED_LEAD": "the Lead has been converted",
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
# every other record will be refused for them too, until a person gives the fields or the rights back
_OURS = {"INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_FIELD"}
_GONE = {"ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "NOT_FOUND"}


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
    about = f"write of {object_name}"
    parts = [writes[at : at + COLLECTION] for at in range(0, len(writes), COLLECTION)]
    bodies = [_collection(object_name, part) for part in parts]
    try:
        if len(parts) == 1:
            replies = client.change("PATCH", "composite/sobjects", bodies[0], about)
            return _results(writes, replies, about, client)
        found = client.change("POST", "composite", _composite(client, bodies), about)
    except (NotSent, RateLimited, RecordLocked) as e:
        return _all(writes, WriteOutcome.RETRY, e)
    except (Retry, BadReply) as e:
        return _all(writes, WriteOutcome.UNKNOWN, e)
    return _composed(client, parts, found, about)


def _collection(object_name: str, writes: Sequence[RecordWrite]) -> dict[str, Any]:
    return {
        "allOrNone": False,
        "records": [{"attributes": {"type": object_name}, "id": long_id(w.id), **w.values} for w in writes],
    }


def _composite(client: Client, parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    url = f"/services/data/v{client.version()}/composite/sobjects"
    asked = [{"method": "PATCH", "url": url, "referenceId": f"part{n}", "body": p} for n, p in enumerate(parts)]
    return {"allOrNone": False, "compositeRequest": asked}


def _composed(client: Client, parts: Sequence[Sequence[RecordWrite]], reply: Any, about: str) -> list[WriteResult]:
    """Each collection's answer by its name. One that was refused as a whole applied nothing: sent alone, it says why."""
    told = reply.get("compositeResponse") if isinstance(reply, Mapping) else None
    by_name = {str(p.get("referenceId")): p for p in told or () if isinstance(p, Mapping)}
    found: list[WriteResult] = []
    for n, writes in enumerate(parts):
        part = by_name.get(f"part{n}")
        if part is None or not isinstance(status := part.get("httpStatusCode"), int):
            found += _all(writes, WriteOutcome.UNKNOWN, BadReply(f"The {about} was answered in part only."))
        elif status < 300:
            found += _results(writes, part.get("body"), about, client)
        else:
            error = classify(status, part.get("body"), client.transport.headers, client.transport.now(), about)
            surely_not = isinstance(error, Stop | Reauthenticate | RateLimited | RecordLocked) and not isinstance(
                error, BadReply
            )
            found += _all(writes, WriteOutcome.RETRY if surely_not else WriteOutcome.UNKNOWN, error)
    return found


def _results(writes: Sequence[RecordWrite], replies: Any, about: str, client: Client) -> list[WriteResult]:
    if not isinstance(replies, list) or len(replies) != len(writes):
        error = BadReply(f"The {about} was answered for other records than were sent.")
        return _all(writes, WriteOutcome.UNKNOWN, error)
    request_id = client.transport.headers.get(REQUEST_ID)
    return [_result(w, reply, request_id) for w, reply in zip(writes, replies, strict=True)]


def _result(sent: RecordWrite, reply: Any, request_id: str | None) -> WriteResult:
    if isinstance(reply, Mapping) and reply.get("success") is True:
        if same(str(reply.get("id") or sent.id), sent.id):
            return WriteResult(sent.id, WriteOutcome.APPLIED, request_id=request_id)
        return WriteResult(sent.id, WriteOutcome.UNKNOWN, "the answer names another record")
    if not isinstance(reply, Mapping) or reply.get("success") is not False:
        return WriteResult(sent.id, WriteOutcome.UNKNOWN, "the answer does not say whether it was applied")
    errors = [e for e in reply.get("errors") or () if isinstance(e, Mapping)]
    codes = [str(e.get("statusCode") or e.get("errorCode") or "UNKNOWN_EXCEPTION") for e in errors] or [
        "UNKNOWN_EXCEPTION"
    ]
    fields = tuple(dict.fromkeys(str(f) for e in errors for f in e.get("fields") or ()))
    return judged(sent.id, codes, fields, request_id)


def judged(record_id: str, codes: Sequence[str], fields: tuple[str, ...], request_id: str | None = None) -> WriteResult:
    """What Salesforce's codes for one record mean."""
    cause = "; ".join(f"{(_PASSING | _FINAL).get(c, 'Salesforce refuses it')} ({c})" for c in dict.fromkeys(codes))
    outcome = WriteOutcome.RETRY if all(c in _PASSING for c in codes) else WriteOutcome.REFUSED
    refused = outcome is WriteOutcome.REFUSED
    return WriteResult(
        record_id,
        outcome,
        cause,
        fields,
        request_id,
        ours=refused and bool(_OURS.intersection(codes)),
        gone=refused and bool(_GONE.intersection(codes)),
    )


def _all(writes: Sequence[RecordWrite], outcome: WriteOutcome, error: SyncError) -> list[WriteResult]:
    return [WriteResult(w.id, outcome, error.message) for w in writes]
