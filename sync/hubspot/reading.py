"""One object's reading: what is asked for, and how rows of the wire become records and pages."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any
from urllib.parse import quote

from sync.connector import KnownVersions
from sync.described import ObjectDescription
from sync.errors import FieldMissing
from sync.hubspot.extras import (
    MERGED_IDS,
    history_of,
    merged_ids,
    read_histories,
    read_links,
    read_properties,
    tombstones,
)
from sync.hubspot.transport import Transport
from sync.hubspot.values import moment, version_of
from sync.records import AssociationSet, CrmRecord, HistoryRow, ReadSpec
from sync.writes import Value

PAGE = 1000  # records of one page: what one call for links takes
URI_ROOM = 15_000  # characters of properties in an address; HubSpot refuses above about 16,200


def stamp_of(object_name: str) -> str:
    """The property that every change moves. On contacts `hs_lastmodifieddate` exists, and finds nothing."""
    return "lastmodifieddate" if object_name in ("contacts", "contact", "0-1") else "hs_lastmodifieddate"


def fit(fields: Sequence[str], room: int = URI_ROOM) -> tuple[list[str], list[str]]:
    """(those that fit an address, the rest), in order."""
    used = 0
    for place, name in enumerate(fields):
        used += len(quote(name, safe="")) + 3  # a comma is %2C there
        if used > room:
            return list(fields[:place]), list(fields[place:])
    return list(fields), []


def picker(names: Sequence[str]) -> Callable[[Mapping[str, Value]], tuple[Value, ...]]:
    """What takes these values out of a mapping, in order; KeyError where one is not there. Far quicker than asking for each."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)


def in_one_way(values: dict[str, Value], instants: AbstractSet[str]) -> dict[str, Value]:
    """The same values, in which instants that stand there as epoch milliseconds, as some writers leave them, are ISO 8601 now."""
    for name in instants:
        told = values.get(name)
        # all but the few in question end in Z: asked of every value of every record, this has to be quick
        if isinstance(told, str) and told[-1:] != "Z" and told.lstrip("-").isdigit():
            values[name] = instant.isoformat() if (instant := moment(told)) else told
    return values


@dataclass
class Gathered:
    """Rows of a few calls, on their way to one page."""

    records: list[CrmRecord] = field(default_factory=list)
    history: list[HistoryRow] = field(default_factory=list)
    links: list[AssociationSet] = field(default_factory=list)


class Reading:
    """One object of one connection, with the mapping's wishes."""

    def __init__(
        self, transport: Transport, spec: ReadSpec, known: KnownVersions, describe: Callable[[str], ObjectDescription]
    ) -> None:
        self.transport = transport
        self._describe = describe
        self._checked = False
        self.spec = spec
        self.known = known
        self.stamp = stamp_of(spec.object)
        self.wanted = tuple(dict.fromkeys(spec.fields))
        self._pick = picker(self.wanted)
        self.asked = list(dict.fromkeys((self.stamp, MERGED_IDS, *self.wanted)))

    def record(self, row: Mapping[str, Any], *, deleted: bool = False) -> CrmRecord:
        """Only what was asked for. A property that HubSpot left out is left out here too, and not made null."""
        properties = row.get("properties") or {}
        try:
            values = dict(zip(self.wanted, self._pick(properties), strict=True))
        except KeyError:
            values = {name: properties[name] for name in self.wanted if name in properties}
        return CrmRecord(
            str(row["id"]),
            version_of(row, self.stamp),
            in_one_way(values, self.spec.instants),
            deleted=deleted or bool(row.get("archived")),
        )

    def gather(
        self,
        rows: Sequence[Mapping[str, Any]],
        *,
        inline_history: bool = False,
        overflow: Sequence[str] = (),
        archived: bool = False,
    ) -> Gathered:
        """Records with their histories and links.

        Those beside the values are read only where the mirror does not hold this very version: most of a re-read overlap it does.
        """
        out = Gathered([self.record(row, deleted=archived) for row in rows])
        ids = [r.id for r in out.records]
        if overflow and not archived:
            wanted = frozenset(self.wanted)
            more = read_properties(self.transport, self.spec.object, ids, overflow)
            out.records = [
                CrmRecord(r.id, r.version, {**r.values, **{n: v for n, v in more.get(r.id, {}).items() if n in wanted}})
                for r in out.records
            ]
        self._check(out.records)
        if inline_history:
            for row in rows if self.spec.history else ():
                out.history += history_of(row, self.spec.history)
            fresh = ids
        else:
            held = self.known(self.spec.object, ids) if ids else {}
            fresh = [r.id for r in out.records if held.get(r.id) != r.version]
            if self.spec.history and fresh and not archived:
                out.history = read_histories(self.transport, self.spec.object, fresh, self.spec.history)
        if not archived and fresh:
            for to_object in self.spec.associations:
                out.links += read_links(self.transport, self.spec.object, to_object, fresh)
        survivors = {
            str(r["id"]): merged_ids(r["properties"]) for r in rows if (r.get("properties") or {}).get(MERGED_IDS)
        }
        if survivors:
            chosen = survivors.keys() & set(fresh)
            out.records += tombstones([r for r in out.records if r.id in chosen], survivors)
        return out

    def _check(self, records: Sequence[CrmRecord]) -> None:
        """HubSpot leaves out in silence what it does not know: a property that no record carries is looked up, once a reading."""
        if self._checked or not records:
            return
        self._checked = True
        carried = {name for record in records for name in record.values}
        absent = [name for name in self.wanted if name not in carried]
        if not absent:
            return
        known = [f.name for f in self._describe(self.spec.object).fields]
        for name in absent:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
                raise FieldMissing(
                    f"HubSpot's {self.spec.object} have no property {name!r} that this token may see"
                    + (f"; the nearest are {', '.join(near)}." if near else "."),
                    remedy="Correct the mapping, restore the property in HubSpot, or give the token the right to see it.",
                    code="PROPERTY_DOESNT_EXIST",
                )
