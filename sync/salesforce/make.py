"""Makes records, 200 a call, each with a value of a unique field; finds them by it; takes them away.

`create` and not `upsert` by the external id: an upsert that comes late writes over what people have changed meanwhile. The unique field
makes the second create of one record fail, whatever the order in which the two arrive, and then the record is looked up.
"""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from sync.errors import BadReply, ObjectMissing, PermissionMissing, RateLimited, RecordLocked, Retry, Stop, SyncError
from sync.record_maker import Made, NewRecord
from sync.salesforce import describe, soql
from sync.salesforce.client import Client
from sync.salesforce.failures import NotSent
from sync.salesforce.ids import chunks, long_id
from sync.salesforce.rows import key as id_of
from sync.salesforce.runs import pages_of
from sync.salesforce.write import COLLECTION, REQUEST_ID, judged
from sync.writes import WriteOutcome, WriteResult

FOUND = 200  # keys that one query asks for
PEOPLE = frozenset({"Contact", "Lead"})  # an activity is with them (WhoId), and about everything else (WhatId)
ACTIVITIES = ("Event", "Task")


class RecordMaking:
    """Records of one organisation."""

    batch_size = COLLECTION

    def __init__(self, client: Client) -> None:
        self._client = client
        self._fit: set[tuple[str, str]] = set()

    def make(self, object_name: str, key_field: str, records: Sequence[NewRecord]) -> list[Made]:
        """ValueError for more than a batch; Stop where the whole request is refused for good."""
        if len(records) > COLLECTION:
            raise ValueError(f"one call makes at most {COLLECTION} records, got {len(records)}")
        if any(r.links for r in records):
            raise ValueError("records of Salesforce are linked by fields")
        about = f"making of {object_name}"
        body = {
            "allOrNone": False,
            "records": [{"attributes": {"type": object_name}, **r.values, key_field: r.key} for r in records],
        }
        try:
            replies = self._client.change("POST", "composite/sobjects", body, about)
        except (NotSent, RateLimited, RecordLocked) as e:
            return _all(records, WriteOutcome.RETRY, e)
        except (Retry, BadReply) as e:
            return _all(records, WriteOutcome.UNKNOWN, e)
        if not isinstance(replies, list) or len(replies) != len(records):
            error = BadReply(f"The {about} was answered for other records than were sent.")
            return _all(records, WriteOutcome.UNKNOWN, error)
        request_id = self._client.transport.headers.get(REQUEST_ID)
        return [_made(object_name, r, reply, request_id) for r, reply in zip(records, replies, strict=True)]

    def found(self, object_name: str, key_field: str, keys: Sequence[str]) -> dict[str, str]:
        self._require(object_name, key_field)
        about = f"records of {object_name} that lists made"
        there: dict[str, str] = {}
        for some in chunks(dict.fromkeys(keys), FOUND):
            query = f"SELECT Id, {key_field} FROM {object_name} WHERE {key_field} IN {soql.id_list(some)}"  # noqa: S608
            for rows, _, _ in pages_of(self._client, self._client.query(query, about), about):
                there |= {str(row[key_field]): id_of(row["Id"], object_name) for row in rows}
        wanted = {k.casefold(): k for k in keys}  # a unique field that ignores case gives back what was written
        return {wanted[k.casefold()]: v for k, v in there.items() if k.casefold() in wanted}

    def needed(
        self, object_name: str, ids: Sequence[str], by: Sequence[tuple[str, str]], without: Sequence[str]
    ) -> set[str]:
        """Activities too: the CRM would delete them with what they are about."""
        named: set[str] = set()
        left_out = set(without)
        for other, field in (*by, *((kind, "WhoId" if object_name in PEOPLE else "WhatId") for kind in ACTIVITIES)):
            about = f"records of {other} that name {object_name}"
            with contextlib.suppress(ObjectMissing):  # an org without activities, or none that our user may see
                for some in chunks(dict.fromkeys(ids), FOUND):
                    query = f"SELECT Id, {field} FROM {other} WHERE {field} IN {soql.id_list(some)}"  # noqa: S608
                    for rows, _, _ in pages_of(self._client, self._client.query(query, about), about):
                        named |= {id_of(r[field], object_name) for r in rows if id_of(r["Id"], other) not in left_out}
        return named

    def remove(self, object_name: str, ids: Sequence[str]) -> list[WriteResult]:
        results: list[WriteResult] = []
        for some in chunks(dict.fromkeys(ids), COLLECTION):
            results += self._remove(object_name, list(some))
        return results

    def _remove(self, object_name: str, ids: list[str]) -> list[WriteResult]:
        about = f"removal of {object_name}"
        path = f"composite/sobjects?ids={','.join(long_id(i) for i in ids)}&allOrNone=false"
        try:
            replies = self._client.change("DELETE", path, None, about)
        except (NotSent, RateLimited, RecordLocked) as e:
            return [WriteResult(i, WriteOutcome.RETRY, e.message) for i in ids]
        except (Retry, BadReply) as e:
            return [WriteResult(i, WriteOutcome.UNKNOWN, e.message) for i in ids]
        if not isinstance(replies, list) or len(replies) != len(ids):
            return [WriteResult(i, WriteOutcome.UNKNOWN, f"The {about} was answered in part only.") for i in ids]
        return [_removed(i, reply) for i, reply in zip(ids, replies, strict=True)]

    def _require(self, object_name: str, key_field: str) -> None:
        """Asked once: that the field is there, and is what keeps a record from being made twice."""
        if (object_name, key_field) in self._fit:
            return
        raw = describe.fetch(self._client, object_name)
        field = next((f for f in raw["fields"] if f["name"] == key_field), None)
        remedy = "Make it with: sakigake provision"
        if field is None:
            raise PermissionMissing(
                f"{object_name} has no field {key_field} that our user can see, by which a record is not made twice.",
                remedy=remedy,
            )
        if not field.get("unique"):
            raise Stop(
                f"The field {key_field} of {object_name} is not unique, so a lost answer could make a record twice.",
                remedy="Set it to unique and external id in Setup > Object Manager, or choose another `prefix`.",
            )
        if not field.get("createable"):
            raise PermissionMissing(f"Our user may not fill the field {key_field} of {object_name}.", remedy=remedy)
        if not raw.get("createable", True):
            raise PermissionMissing(
                f"Our user may not make records of {object_name}.",
                remedy="Grant the integration user Create on the object, or take `create` out of the mapping.",
            )
        self._fit.add((object_name, key_field))


def _made(object_name: str, sent: NewRecord, reply: Any, request_id: str | None) -> Made:
    if isinstance(reply, Mapping) and reply.get("success") is True and reply.get("id"):
        return Made(sent.key, WriteOutcome.APPLIED, id_of(reply["id"], object_name), request_id=request_id)
    if not isinstance(reply, Mapping) or reply.get("success") is not False:
        return Made(sent.key, WriteOutcome.UNKNOWN, cause="the answer does not say whether it was made")
    codes, fields = _errors(reply)
    told = judged(sent.key, codes, fields, request_id)
    where = f": {', '.join(fields)}" if fields else ""
    return Made(sent.key, told.outcome, None, f"{told.cause}{where}", fields, request_id, ours=told.ours)


def _removed(record_id: str, reply: Any) -> WriteResult:
    if isinstance(reply, Mapping) and reply.get("success") is True:
        return WriteResult(record_id, WriteOutcome.APPLIED)
    if not isinstance(reply, Mapping) or reply.get("success") is not False:
        return WriteResult(record_id, WriteOutcome.UNKNOWN, "the answer does not say whether it was taken away")
    codes, fields = _errors(reply)
    return judged(record_id, codes, fields)


def _errors(reply: Mapping[str, Any]) -> tuple[list[str], tuple[str, ...]]:
    errors = [e for e in reply.get("errors") or () if isinstance(e, Mapping)]
    codes = [str(e.get("statusCode") or e.get("errorCode") or "UNKNOWN_EXCEPTION") for e in errors]
    return codes or ["UNKNOWN_EXCEPTION"], tuple(dict.fromkeys(str(f) for e in errors for f in e.get("fields") or ()))


def _all(records: Sequence[NewRecord], outcome: WriteOutcome, error: SyncError) -> list[Made]:
    return [Made(r.key, outcome, cause=error.message) for r in records]
