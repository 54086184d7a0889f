"""Makes records with their associations, 100 a call, each with a value of a unique property; finds them by it; archives them.

`create` and not `upsert`: an upsert takes no associations, so a record would stand there without its partner for a while, and one that
comes late writes over what people have changed meanwhile. The unique property makes the second create of one record fail (409), and then
the record is looked up. Reading by a unique property (`idProperty`) is exact at once; a search lags.
"""

from collections.abc import Sequence
from typing import Any

from sync.errors import ObjectMissing, PermissionMissing, Retry, Stop
from sync.hubspot.extras import BATCH, chunks
from sync.hubspot.replies import Refused, ReplyLost, UnknownObject
from sync.hubspot.transport import Reply, Transport
from sync.hubspot.write import error_of
from sync.record_maker import Link, Made, NewRecord
from sync.writes import Value, WriteOutcome, WriteResult

CONFLICT = frozenset({"CONFLICT", "OBJECT_ALREADY_EXISTS"})
Type = tuple[str, int]  # category and number of an association


class RecordMaking:
    """Records of one portal."""

    batch_size = BATCH

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._types: dict[tuple[str, str], dict[str | None, Type]] = {}
        self._fit: set[tuple[str, str]] = set()

    def make(self, object_name: str, key_field: str, records: Sequence[NewRecord]) -> list[Made]:
        """ValueError for more than a batch; Stop where an association's label is not there."""
        if len(records) > BATCH:
            raise ValueError(f"one call makes at most {BATCH} records, got {len(records)}")
        results = self._send(object_name, key_field, records) if records else {}
        return [results[r.key] for r in records]

    def found(self, object_name: str, key_field: str, keys: Sequence[str]) -> dict[str, str]:
        self._require(object_name, key_field)
        there: dict[str, str] = {}
        path = self._transport.paths.objects(object_name, "batch", "read")
        for some in chunks(list(dict.fromkeys(keys)), BATCH):
            body = {
                "idProperty": key_field,
                "inputs": [{"id": k} for k in some],
                "properties": [key_field],
                "propertiesWithHistory": [],
            }
            for row in self._transport.read("POST", path, body=body).results("id"):
                held = str((row.get("properties") or {}).get(key_field) or "")
                if held and not row.get("archived"):
                    there[held] = str(row["id"])
        wanted = {k.casefold(): k for k in keys}  # unique values ignore case
        return {wanted[k.casefold()]: v for k, v in there.items() if k.casefold() in wanted}

    def needed(
        self, object_name: str, ids: Sequence[str], by: Sequence[tuple[str, str]], without: Sequence[str]
    ) -> set[str]:
        """None: HubSpot's records are tied by associations, and no property names what would have to come first."""
        _ = object_name, ids, by, without
        return set()

    def remove(self, object_name: str, ids: Sequence[str]) -> list[WriteResult]:
        """Archives; HubSpot keeps them for 90 days. Ids that are not there are passed over in silence, as HubSpot does."""
        results: list[WriteResult] = []
        path = self._transport.paths.objects(object_name, "batch", "archive")
        for some in chunks(list(dict.fromkeys(ids)), BATCH):
            outcome, cause = WriteOutcome.APPLIED, ""
            try:
                self._transport.write(path, {"inputs": [{"id": i} for i in some]})
            except ReplyLost as lost:
                outcome, cause = WriteOutcome.UNKNOWN, lost.message
            except Retry as busy:
                outcome, cause = WriteOutcome.RETRY, busy.message
            except Refused as refused:
                outcome, cause = WriteOutcome.REFUSED, refused.message
            results += [WriteResult(i, outcome, cause) for i in some]
        return results

    def _require(self, object_name: str, key_field: str) -> None:
        """Asked once: that the property is there, and is what keeps a record from being made twice."""
        if (object_name, key_field) in self._fit:
            return
        try:
            held = self._transport.read(
                "GET", self._transport.paths.properties(object_name, key_field), kind="describe"
            ).body
        except (Refused, UnknownObject, ObjectMissing) as absent:
            raise PermissionMissing(
                f"HubSpot's {object_name} have no property {key_field}, by which a record is not made twice.",
                remedy="Make it with: sakigake provision",
            ) from absent
        if not held.get("hasUniqueValue"):
            raise Stop(
                f"The property {key_field} of {object_name} does not require unique values, so a lost answer could make a record twice.",
                remedy="HubSpot sets that only when a property is made: archive this one and run `sakigake provision`, or choose another `prefix`.",
            )
        self._fit.add((object_name, key_field))

    def _send(self, object_name: str, key_field: str, records: Sequence[NewRecord]) -> dict[str, Made]:
        inputs = [
            {
                "objectWriteTraceId": r.key,
                "properties": {**{n: _text(v) for n, v in r.values.items()}, key_field: r.key},
                "associations": [self._association(object_name, link) for link in r.links],
            }
            for r in records
        ]
        try:
            reply = self._transport.write(
                self._transport.paths.objects(object_name, "batch", "create"), {"inputs": inputs}
            )
        except ReplyLost as lost:
            return {r.key: Made(r.key, WriteOutcome.UNKNOWN, cause=lost.message) for r in records}
        except Retry as busy:
            return {r.key: Made(r.key, WriteOutcome.RETRY, cause=busy.message) for r in records}
        except Refused as refused:
            if len(records) == 1:
                only = records[0].key
                return {only: Made(only, WriteOutcome.REFUSED, None, _said(refused), refused.fields)}
            middle = len(records) // 2  # nothing was made: whoever is at fault will stand alone in the end
            return self._send(object_name, key_field, records[:middle]) | self._send(
                object_name, key_field, records[middle:]
            )
        return _results(reply, key_field, records)

    def _association(self, object_name: str, link: Link) -> dict[str, Any]:
        types = self._types_of(object_name, link.object)
        if link.label not in types:
            known = ", ".join(sorted(label for label in types if label)) or "none"
            raise Stop(
                f"HubSpot has no association label {link.label!r} from {object_name} to {link.object}; it has {known}.",
                remedy="Correct the label in the mapping, or make it in HubSpot, Settings > Objects > Associations.",
            )
        # with a label HubSpot sets the plain type too; said here, it does not depend on that
        chosen = dict.fromkeys(t for t in (types[link.label], types.get(None)) if t is not None)
        return {
            "to": {"id": link.id},
            "types": [{"associationCategory": category, "associationTypeId": number} for category, number in chosen],
        }

    def _types_of(self, from_object: str, to_object: str) -> dict[str | None, Type]:
        """Label -> type; the plain one under None. Of several plain ones the first that is HubSpot's own."""
        pair = from_object, to_object
        if pair not in self._types:
            rows = self._transport.read(
                "GET", self._transport.paths.association_labels(*pair), kind="describe"
            ).results("typeId")
            found: dict[str | None, Type] = {}
            for row in sorted(rows, key=lambda r: str(r.get("category")) != "HUBSPOT_DEFINED"):
                found.setdefault(row.get("label") or None, (str(row["category"]), int(row["typeId"])))
            self._types[pair] = found
        return self._types[pair]


def _results(reply: Reply, key_field: str, records: Sequence[NewRecord]) -> dict[str, Made]:
    request_id = reply.request_id
    made: dict[str, str] = {}
    for row in reply.results("id"):
        key = row.get("objectWriteTraceId") or (row.get("properties") or {}).get(key_field)
        if key:
            made[str(key)] = str(row["id"])
    refused: dict[str, Made] = {}
    for error in reply.body.get("errors") or ():
        for key in (error.get("context") or {}).get("objectWriteTraceId") or ():
            told = error_of(str(key), error)
            where = f" on {', '.join(told.fields)}" if told.fields else ""
            cause = f"{told.cause}{where}"
            refused[str(key)] = Made(str(key), WriteOutcome.REFUSED, None, cause, told.fields, request_id, told.ours)
    found: dict[str, Made] = {}
    for r in records:
        if r.key in refused:
            found[r.key] = refused[r.key]
        elif r.key in made:
            found[r.key] = Made(r.key, WriteOutcome.APPLIED, made[r.key], request_id=request_id)
        else:
            cause = f"HubSpot's reply ({reply.status}) does not name this record"
            found[r.key] = Made(r.key, WriteOutcome.UNKNOWN, cause=cause, request_id=request_id)
    return found


def _said(refused: Refused) -> str:
    if CONFLICT & {refused.code, *refused.codes}:
        return "HubSpot has a record with a value that must be unique"
    return refused.message


def _text(value: Value) -> str:
    """All of HubSpot's values are text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
