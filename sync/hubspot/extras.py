"""What records carry beside their values: histories of properties, links to other records, former ids after a merge."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sync.errors import BadReply
from sync.hubspot.transport import Transport
from sync.hubspot.values import moment
from sync.records import AssociationRow, AssociationSet, CrmRecord, HistoryRow

BATCH = 100  # records a batch read takes
HISTORY_BATCH = 50  # and with histories
LINK_BATCH = 1000  # records whose links one call reads
MERGED_IDS = "hs_merged_object_ids"
NO_LINKS = "crm.associations.NO_ASSOCIATIONS_FOUND"

T = TypeVar("T")


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def history_of(row: Mapping[str, Any], fields: Sequence[str]) -> list[HistoryRow]:
    """The changes of these properties, oldest first. HubSpot keeps a limited number: the oldest one's old value is unknown."""
    found: list[HistoryRow] = []
    told = row.get("propertiesWithHistory") or {}
    record_id = str(row["id"])
    for name in fields:
        entries = []
        for entry in told.get(name) or ():
            at = moment(entry.get("timestamp"))
            if at is None:
                raise BadReply(
                    f"HubSpot sent a history entry of {name} without a time, on record {record_id}.",
                    remedy="Nothing of that page was taken.",
                )
            value = entry.get("value")
            entries.append((at, None if value in (None, "") else str(value)))
        entries.reverse()  # newest first on the wire; reversed, a stable sort keeps ties in their true order
        entries.sort(key=lambda e: e[0])
        old: str | None = None
        for at, value in entries:
            mark = "\x1f".join((record_id, name, at.isoformat(), "" if value is None else f"={value}"))
            change_id = hashlib.sha256(mark.encode("utf-8", "surrogatepass")).hexdigest()[:32]
            found.append(HistoryRow(record_id, name, change_id, old, value, at))
            old = value
    return found


def read_histories(
    transport: Transport, object_name: str, ids: Sequence[str], fields: Sequence[str]
) -> list[HistoryRow]:
    """Histories of records already at hand, 50 a call. A record that vanished meanwhile has none."""
    found: list[HistoryRow] = []
    for some in chunks(ids, HISTORY_BATCH):
        body = {"inputs": [{"id": i} for i in some], "properties": [], "propertiesWithHistory": list(fields)}
        for row in transport.read("POST", transport.paths.objects(object_name, "batch", "read"), body=body).results(
            "id"
        ):
            found += history_of(row, fields)
    return found


def read_properties(
    transport: Transport, object_name: str, ids: Sequence[str], fields: Sequence[str]
) -> dict[str, Mapping[str, Any]]:
    """Properties that did not fit the list call's address, by record id, 100 a call."""
    found: dict[str, Mapping[str, Any]] = {}
    for some in chunks(ids, BATCH):
        body = {"inputs": [{"id": i} for i in some], "properties": list(fields), "propertiesWithHistory": []}
        for row in transport.read("POST", transport.paths.objects(object_name, "batch", "read"), body=body).results(
            "id"
        ):
            found[str(row["id"])] = row.get("properties") or {}
    return found


def read_links(transport: Transport, from_object: str, to_object: str, ids: Sequence[str]) -> list[AssociationSet]:
    """All links of these records to one kind of object, 1,000 records a call. Having none is normal, and replaces what was known."""
    return [_link_batch(transport, from_object, to_object, some) for some in chunks(ids, LINK_BATCH)]


def _link_batch(transport: Transport, from_object: str, to_object: str, ids: Sequence[str]) -> AssociationSet:
    rows: list[AssociationRow] = []
    unsure: set[str] = set()
    inputs: list[dict[str, str]] = [{"id": i} for i in ids]
    asked: set[tuple[str, str]] = set()
    while inputs:
        reply = transport.read("POST", transport.paths.associations(from_object, to_object), body={"inputs": inputs})
        inputs = []
        for row in reply.results():
            from_id = str((row.get("from") or {}).get("id"))
            for to in row.get("to") or ():
                rows += [
                    AssociationRow(from_id, str(to["toObjectId"]), str(t["typeId"]), str(t["category"]), t.get("label"))
                    for t in to.get("associationTypes") or ()
                ]
            after = ((row.get("paging") or {}).get("next") or {}).get("after")
            if after is not None:
                if (from_id, str(after)) in asked:
                    raise BadReply(
                        f"HubSpot's links of record {from_id} to {to_object} come round in a circle.",
                        remedy="Nothing of that page was taken; the next run tries again.",
                    )
                asked.add((from_id, str(after)))
                inputs.append({"id": from_id, "after": str(after)})
        unsure |= _failed(reply.body, to_object)
    sure = tuple(i for i in ids if i not in unsure)
    return AssociationSet(to_object, sure, tuple(dict.fromkeys(r for r in rows if r.from_id not in unsure)))


def _failed(body: Mapping[str, Any], to_object: str) -> set[str]:
    """Records whose links are not known after all. 'None found' is an answer; anything else is not."""
    failed: set[str] = set()
    for error in body.get("errors") or ():
        if error.get("subCategory") == NO_LINKS:
            continue
        ids = (error.get("context") or {}).get("fromObjectId") or ()
        if not ids:
            raise BadReply(
                f"HubSpot could not read some links to {to_object} and did not say whose ({error.get('category')}).",
                remedy="Nothing of that page was taken; the next run tries again.",
            )
        failed |= {str(i) for i in ids}
    return failed


def merged_ids(properties: Mapping[str, Any]) -> list[str]:
    """Former ids that now lead to this record."""
    told = properties.get(MERGED_IDS)
    return [part for part in str(told).split(";") if part.strip()] if told else []


def tombstones(records: Sequence[CrmRecord], former: Mapping[str, Sequence[str]]) -> list[CrmRecord]:
    """A deleted record for each former id, pointing at its survivor: such ids vanish without being archived."""
    return [
        CrmRecord(old, record.version, {}, deleted=True, merged_into=record.id)
        for record in records
        for old in former.get(record.id, ())
        if old != record.id
    ]
