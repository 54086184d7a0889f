"""Everything that lives, by id and version, and single records whole: what the sweep compares and repairs with.

The list calls read the records themselves, so they are the truth; the count is the search index's, which lags behind.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sync.described import ObjectDescription
from sync.hubspot.describe import list_kind
from sync.hubspot.extras import BATCH, chunks, read_links
from sync.hubspot.listing import LIST_PAGE, walk
from sync.hubspot.live import read_live
from sync.hubspot.reading import PAGE, Reading, stamp_of
from sync.hubspot.replies import Refused
from sync.hubspot.small import small_list
from sync.hubspot.transport import Transport
from sync.hubspot.values import version_of
from sync.records import AssociationSet, CrmRecord, Identity, Page, ReadSpec

Row = Mapping[str, Any]
_LONGEST_ID = 19  # digits of a 64-bit number


class Sweep:
    """What is asked beside the feeds of changes."""

    def __init__(self, transport: Transport, now: datetime, describe: Callable[[str], ObjectDescription]) -> None:
        self._transport = transport
        self._now = now
        self._describe = describe

    def identities(self, object_name: str) -> Iterator[Sequence[Identity]]:
        """Live records by id, 100 a call: lists are a keyset by nature, so nothing shifts while they are read."""
        if list_kind(object_name) is not None:
            page = self._small(ReadSpec(object_name, ()))
            yield [Identity(r.id, r.version) for r in page.records if not r.deleted]
            return
        stamp = stamp_of(object_name)
        query = [("limit", str(LIST_PAGE)), ("properties", stamp), ("archived", "false")]
        for listed in walk(self._transport, self._transport.paths.objects(object_name), query, None):
            yield [Identity(str(row["id"]), version_of(row, stamp)) for row in listed.rows]

    def count(self, object_name: str) -> int | None:
        """What search counts; None for lists, and for objects that cannot be searched."""
        if list_kind(object_name) is not None:
            return None
        path = self._transport.paths.objects(object_name, "search")
        body = {"filterGroups": [], "properties": [], "limit": 1}
        try:
            total = self._transport.read("POST", path, body=body, search=True).body.get("total")
        except Refused:
            return None
        return None if total is None else int(total)

    def links(self, spec: ReadSpec, ids: Sequence[str]) -> list[AssociationSet]:
        """1,000 records a call and kind of object."""
        return [s for to in spec.associations for s in read_links(self._transport, spec.object, to, ids)]

    def fetch(self, spec: ReadSpec, ids: Sequence[str]) -> Iterator[Page]:
        """A page a thousand ids. What is neither live nor archived nor merged has been erased for good."""
        unique = list(dict.fromkeys(ids))
        if list_kind(spec.object) is not None:
            page = self._small(spec)
            found = {r.id for r in page.records}
            yield Page(page.records, {}, gone=tuple(i for i in unique if i not in found))
            return
        strangers = tuple(i for i in unique if not _is_id(i))
        if strangers:
            yield Page((), {}, gone=strangers)
        for some in chunks([i for i in unique if _is_id(i)], PAGE):
            yield self._page(spec, some)

    def _page(self, spec: ReadSpec, ids: Sequence[str]) -> Page:
        reading = Reading(self._transport, spec, _NothingHeld(), self._describe)
        live = self._rows(reading, ids)
        archived = self._rows(reading, [i for i in ids if i not in live], archived=True)
        absent = [i for i in ids if i not in live and i not in archived]
        went = read_live(self._transport, spec.object, absent, ()) if absent else {}
        led = {old: found.merged_into for old, found in went.items() if found.merged_into}
        live |= self._rows(reading, [i for i in dict.fromkeys(led.values()) if i and i not in live])
        got = reading.gather(list(live.values()))
        buried = reading.gather(list(archived.values()), archived=True)
        records = {r.id: r for r in (*buried.records, *got.records)}
        for old, survivor in led.items():
            if old not in records and survivor in records:  # an old merge, which the survivor does not list
                records[old] = CrmRecord(old, records[survivor].version, {}, deleted=True, merged_into=survivor)
        forgotten = tuple(i for i in absent if i not in records and went[i].missing)
        return Page(tuple(records.values()), {}, tuple(got.history), tuple(got.links), forgotten=forgotten)

    def _rows(self, reading: Reading, ids: Sequence[str], *, archived: bool = False) -> dict[str, Row]:
        """Rows by id, 100 a call. The id of a merged record brings its survivor."""
        path = self._transport.paths.objects(reading.spec.object, "batch", "read")
        found: dict[str, Row] = {}
        for some in chunks(ids, BATCH):
            body = {"inputs": [{"id": i} for i in some], "properties": reading.asked, "propertiesWithHistory": []}
            query = [("archived", "true")] if archived else []
            rows = self._transport.read("POST", path, query=query, body=body).results("id")
            found |= {str(row["id"]): row for row in rows if archived or not row.get("archived")}
        return found

    def _small(self, spec: ReadSpec) -> Page:
        (page,) = small_list(self._transport, spec, None, self._now, timedelta(0))
        return page


class _NothingHeld:
    """A mirror that holds nothing: histories and links of all records are read."""

    def __call__(self, object_name: str, ids: Sequence[str]) -> Mapping[str, datetime]:
        _ = (object_name, ids)
        return {}

    def count(self, object_name: str, low: datetime, high: datetime) -> int:
        _ = (object_name, low, high)
        return 0


def _is_id(text: str) -> bool:
    return text.isdigit() and len(text) <= _LONGEST_ID
