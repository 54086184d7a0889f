"""How HubSpot writes times and records: every property value is a string or null."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.hubspot.object_types import ObjectType
from sandbox.store import Record

PORTAL_ID = 24680135
APP_ID = "3030303"  # the private app or service key that API writes are credited to
EPOCH = "1970-01-01T00:00:00Z"
HISTORY_DEPTH = 20  # versions HubSpot keeps of one property


def iso(at: datetime) -> str:
    """A system stamp: UTC with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def short_iso(at: datetime) -> str:
    """A date-time that somebody entered: without milliseconds where they are zero."""
    text = iso(at)
    return text[:-5] + "Z" if text.endswith(".000Z") else text


def milliseconds(at: datetime) -> datetime:
    """The precision HubSpot keeps."""
    return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)


def record_url(kind: ObjectType, record_id: str) -> str:
    return f"https://app.hubspot.com/contacts/{PORTAL_ID}/record/{kind.type_id}/{record_id}"


def chosen_names(kind: ObjectType, known: Mapping[str, Any], asked: Iterable[str] | None) -> list[str]:
    """The properties a reply shows: those asked for that exist, or the object's defaults, and always its id and stamps."""
    wanted = set(asked or ()) or set(kind.defaults)
    return sorted({name for name in wanted if name in known} | {"hs_object_id", kind.created, kind.modified})


def render(kind: ObjectType, fields: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """One record as every endpoint shows it."""
    record_id = fields["hs_object_id"]
    return {
        "id": record_id,
        "properties": {name: fields.get(name) for name in names},
        "createdAt": fields[kind.created],
        "updatedAt": fields[kind.modified],
        "archived": False,
        "url": record_url(kind, record_id),
    }


def render_record(
    kind: ObjectType, record: Record, names: Iterable[str], histories: Iterable[str] = ()
) -> dict[str, Any]:
    """`render`, with the archive mark and the histories asked for."""
    found = render(kind, record.fields, names)
    if record.deleted_at is not None:
        found["archived"] = True
        found["archivedAt"] = iso(record.deleted_at)
    wanted = list(histories)
    if wanted:
        found["propertiesWithHistory"] = {name: history(kind, record, name) for name in wanted}
    return found


def render_written(kind: ObjectType, record: Record, changed: Iterable[str]) -> dict[str, Any]:
    """What a write answers: the values written and those HubSpot set by itself, without the unset ones."""
    names = (
        set(changed) | {n for n in record.fields if n.startswith("hs_")} | {"hs_object_id", kind.created, kind.modified}
    )
    found = render_record(kind, record, sorted(names))
    found["properties"] = {name: value for name, value in found["properties"].items() if value is not None}
    return found


def history(kind: ObjectType, record: Record, name: str) -> list[dict[str, Any]]:
    """The versions of one property, newest first, at most twenty."""
    found: list[dict[str, Any]] = []
    for change in reversed(record.changes):
        if change.field == name:
            found.append(_version("" if change.new is None else change.new, change.at, change.by))
            if len(found) == HISTORY_DEPTH:
                break
    value = record.fields.get(name)
    if not found and value is not None:
        at = record.modified_at if name == kind.modified else record.created_at
        found.append(_version(value, at, "calculated" if name == kind.modified else record.created_by))
    return found


def _version(value: Any, at: datetime, by: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"value": value, "timestamp": iso(at)}
    if by == "calculated":
        return entry | {"sourceType": "CALCULATED", "sourceId": "CalculatedPropertyComputer"}
    if by == "merge":
        return entry | {"sourceType": "MERGE_OBJECTS", "sourceId": "MergeObjects"}
    if by == "user":
        return entry | {"sourceType": "CRM_UI", "sourceId": "userId:5150001", "updatedByUserId": 5150001}
    return entry | {"sourceType": "INTEGRATION", "sourceId": by}
