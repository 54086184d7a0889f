"""Values as they stand in HubSpot this moment, and where records went that are no longer there."""

from collections.abc import Mapping, Sequence

from sync.hubspot.extras import BATCH, MERGED_IDS, chunks, merged_ids
from sync.hubspot.replies import Refused
from sync.hubspot.transport import Transport
from sync.records import LiveRecord
from sync.writes import Value


def read_live(
    transport: Transport, object_name: str, ids: Sequence[str], fields: Sequence[str]
) -> dict[str, LiveRecord]:
    """One entry for every id. 100 records a call, and one call more for each record that is not there: an old id may lead to its survivor."""
    found: dict[str, LiveRecord] = {}
    unique = list(dict.fromkeys(ids))
    for some in chunks(unique, BATCH):
        body = {
            "inputs": [{"id": i} for i in some],
            "properties": [*dict.fromkeys((*fields, MERGED_IDS))],
            "propertiesWithHistory": [],
        }
        asked = set(some)
        for row in transport.read("POST", transport.paths.objects(object_name, "batch", "read"), body=body).results(
            "id"
        ):
            record_id, properties = str(row["id"]), row.get("properties") or {}
            if record_id in asked and not row.get("archived"):
                found[record_id] = LiveRecord(
                    record_id, _values(properties, fields), absorbed=tuple(merged_ids(properties))
                )
            for old in merged_ids(properties):
                if old in asked and old != record_id:
                    found[old] = LiveRecord(old, missing=True, merged_into=record_id)
    for record_id in unique:
        if record_id not in found:
            found[record_id] = _absent(transport, object_name, record_id)
    return found


def _values(properties: Mapping[str, Value], fields: Sequence[str]) -> dict[str, Value]:
    return {name: properties.get(name) for name in fields}


def _absent(transport: Transport, object_name: str, record_id: str) -> LiveRecord:
    """What became of a record that the batch did not return: gone, or merged into another one, which answers to its id."""
    try:
        row = transport.read(
            "GET", transport.paths.objects(object_name, record_id), query=[("properties", MERGED_IDS)]
        ).body
    except Refused as refused:
        if refused.status in (400, 404):
            return LiveRecord(record_id, missing=True)
        raise
    survivor = str(row.get("id"))
    return LiveRecord(record_id, missing=True, merged_into=None if survivor == record_id else survivor)
