"""Lists that are not CRM objects and have no feed: owners, and the pipelines of an object. Few rows, read whole each time."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sync.errors import BadReply
from sync.hubspot.describe import list_kind
from sync.hubspot.listing import walk
from sync.hubspot.transport import Transport
from sync.hubspot.values import moment
from sync.records import CrmRecord, Cursor, Page, ReadSpec

OWNERS_PAGE = 100


def small_list(
    transport: Transport, spec: ReadSpec, cursor: Cursor | None, now: datetime, sweep_every: timedelta
) -> Iterator[Page]:
    """The whole list as one page a call; archived owners at first and on the sweep schedule."""
    kind, of = list_kind(spec.object) or ("", "")
    swept = moment((cursor or {}).get("swept"))
    sweeping = swept is None or now - swept >= sweep_every or bool((cursor or {}).get("sweep_due"))
    done = {"phase": "whole", "swept": (now if sweeping or swept is None else swept).isoformat()}
    rows: list[Mapping[str, Any]] = []
    if kind == "owners":
        for archived in ("false", "true") if sweeping else ("false",):
            query = [("limit", str(OWNERS_PAGE)), ("archived", archived)]
            for page in walk(transport, transport.paths.owners, query, None):
                rows += page.rows
    else:
        rows += transport.read("GET", transport.paths.pipelines(of)).results("id")
    records = tuple(_record(row, spec) for row in rows)
    yield Page(records, done, loaded=True, covered_until=now, expected=len(records))


def _record(row: Mapping[str, Any], spec: ReadSpec) -> CrmRecord:
    stamps = [moment(row.get("updatedAt")), *(moment(s.get("updatedAt")) for s in row.get("stages") or ())]
    known = [s for s in stamps if s is not None]
    if not known:
        raise BadReply(
            f"HubSpot sent {spec.object} {row.get('id')} without a stamp.", remedy="Nothing of that list was taken."
        )
    values = {name: row[name] for name in spec.fields if name in row}
    return CrmRecord(str(row["id"]), max(known), values, deleted=bool(row.get("archived")))
