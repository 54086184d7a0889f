"""Writes a batch of records and says of each one what became of it.

HubSpot answers 200 or 207 where it took the batch, and names the failed ones by id or by the trace id we gave them. A 400 means that
nothing was applied: where one record is at fault the batch is halved until that record stands alone.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sync.errors import Retry
from sync.hubspot.extras import BATCH
from sync.hubspot.replies import Refused, ReplyLost, problems_of
from sync.hubspot.transport import Reply, Transport
from sync.writes import RecordWrite, WriteOutcome, WriteResult

READ_ONLY = frozenset({"READ_ONLY_VALUE"})
GONE = frozenset({"OBJECT_NOT_FOUND"})
OURS = frozenset({"READ_ONLY_VALUE", "PROPERTY_DOESNT_EXIST"})  # of the property, whatever the record


def write_batch(transport: Transport, object_name: str, writes: Sequence[RecordWrite]) -> list[WriteResult]:
    """One result a record, in the order given. FieldMissing where a property is not there at all: nothing was applied then."""
    if len(writes) > BATCH:
        raise ValueError(f"HubSpot takes {BATCH} records a batch, got {len(writes)}; split it by batch_size")
    times = Counter(w.id for w in writes)
    once = [w for w in writes if times[w.id] == 1]
    results = _send(transport, object_name, once) if once else {}
    twice = "the batch names this record more than once; nothing was sent for it"
    return [
        results[w.id] if times[w.id] == 1 else WriteResult(w.id, WriteOutcome.REFUSED, twice, tuple(w.values))
        for w in writes
    ]


def _send(transport: Transport, object_name: str, writes: Sequence[RecordWrite]) -> dict[str, WriteResult]:
    body = {
        "inputs": [
            {
                "id": w.id,
                "objectWriteTraceId": w.id,
                "properties": {name: "" if value is None else value for name, value in w.values.items()},
            }
            for w in writes
        ]
    }
    try:
        reply = transport.write(transport.paths.objects(object_name, "batch", "update"), body)
    except ReplyLost as lost:
        return _all(writes, WriteOutcome.UNKNOWN, lost.message)
    except Retry as busy:
        return _all(writes, WriteOutcome.RETRY, busy.message)
    except Refused as refused:
        return _refused(transport, object_name, writes, refused)
    return _results(reply, writes)


def _refused(
    transport: Transport, object_name: str, writes: Sequence[RecordWrite], refused: Refused
) -> dict[str, WriteResult]:
    """Finds who is at fault, and sends the others again."""
    fault = {w.id for w in writes} & set(refused.ids)
    if READ_ONLY & set(refused.codes) and refused.fields:
        fault |= {w.id for w in writes if set(w.values) & set(refused.fields)}
    if len(writes) == 1 or len(fault) == len(writes):
        return _all_refused(writes, refused)
    if fault:
        bad = [w for w in writes if w.id in fault]
        good = [w for w in writes if w.id not in fault]
        return _all_refused(bad, refused) | _send(transport, object_name, good)
    middle = len(writes) // 2
    return _send(transport, object_name, writes[:middle]) | _send(transport, object_name, writes[middle:])


def _results(reply: Reply, writes: Sequence[RecordWrite]) -> dict[str, WriteResult]:
    applied = {str(row.get("id")) for row in reply.results("id")}
    request_id = reply.request_id
    refused: dict[str, WriteResult] = {}
    for error in reply.body.get("errors") or ():
        context = error.get("context") or {}
        named = [*(context.get("objectWriteTraceId") or ()), *(context.get("ids") or ()), *(context.get("id") or ())]
        for record_id in named:
            refused[str(record_id)] = replace(error_of(str(record_id), error), request_id=request_id)
    found: dict[str, WriteResult] = {}
    for w in writes:
        if w.id in refused:
            found[w.id] = refused[w.id]
        elif w.id in applied:
            found[w.id] = WriteResult(w.id, WriteOutcome.APPLIED, request_id=request_id)
        else:
            found[w.id] = WriteResult(
                w.id,
                WriteOutcome.UNKNOWN,
                f"HubSpot's reply ({reply.status}) does not name this record",
                tuple(w.values),
            )
    return found


def error_of(record_id: str, error: Mapping[str, Any]) -> WriteResult:
    """What an entry of a batch's errors says of one record: the cause by its codes, since HubSpot's sentence may repeat the value."""
    problems = problems_of({"errors": error.get("errors") or [], "message": error.get("message", "")})
    named = (error.get("context") or {}).get("propertyName")
    fields = tuple(
        dict.fromkeys(
            [
                *(f for _, names in problems for f in names),
                *(str(n) for n in (named if isinstance(named, list) else ())),
            ]
        )
    )
    words = [error.get("category"), error.get("subCategory"), error.get("code"), *(code for code, _ in problems)]
    codes = dict.fromkeys(str(w) for w in words if w)
    cause = f"HubSpot refused it: {', '.join(codes) or 'no reason given'}"
    return WriteResult(
        record_id,
        WriteOutcome.REFUSED,
        cause,
        fields,
        ours=bool(OURS.intersection(codes)),
        gone=bool(GONE.intersection(codes)),
    )


def _all_refused(writes: Sequence[RecordWrite], refused: Refused) -> dict[str, WriteResult]:
    found = _all(writes, WriteOutcome.REFUSED, refused.message, refused.fields)
    ours = bool(OURS.intersection(refused.codes))
    return {i: replace(r, ours=ours) for i, r in found.items()}


def _all(
    writes: Sequence[RecordWrite], outcome: WriteOutcome, cause: str, fields: tuple[str, ...] = ()
) -> dict[str, WriteResult]:
    return {w.id: WriteResult(w.id, outcome, cause, fields or tuple(w.values)) for w in writes}
