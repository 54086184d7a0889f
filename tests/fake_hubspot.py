"""A few pages of HubSpot in memory, for faults that the sandbox does not play: rows with stamps, listed and searched as the real one does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sync.hubspot.values import milliseconds
from tests.scripted_http import Answer, Asked

NO_LINKS = "crm.associations.NO_ASSOCIATIONS_FOUND"


@dataclass
class Row:
    """One record. `seen_from`: before that instant the search index does not show it."""

    id: int
    stamp: datetime
    properties: dict[str, Any] = field(default_factory=dict)
    archived_at: datetime | None = None
    history: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    links: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    seen_from: datetime | None = None

    def __post_init__(self) -> None:
        self.at = int(milliseconds(self.stamp))


def iso(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z"


class FakeHubspot:
    """Answers list, search and batch reads of one object; `now` is its clock."""

    def __init__(self, now: datetime, stamp: str = "hs_lastmodifieddate", prefix: str = "/crm/objects/2026-09") -> None:
        self.now = now
        self.stamp = stamp
        self.prefix = prefix
        self.rows: dict[int, Row] = {}
        self.searches = 0
        self.known: tuple[str, ...] = ()  # properties it describes

    def put(self, row: Row) -> None:
        self.rows[row.id] = row

    def __call__(self, asked: Asked) -> Answer:
        date = self.now.strftime("%a, %d %b %Y %H:%M:%S GMT")
        return Answer(self._body(asked), date=date)

    def _body(self, asked: Asked) -> dict[str, Any]:
        parts = asked.path.strip("/").split("/")
        if asked.path.startswith("/account-info"):
            return {"portalId": 12345678, "timeZone": "Asia/Tokyo"}
        if "/properties/" in asked.path:
            return {"results": [{"name": n, "type": "string", "label": n} for n in self.known]}
        if "/pipelines/" in asked.path:
            return {"results": []}
        if "/associations/" in asked.path:
            return self._links(parts, asked.body)
        if asked.path.endswith("/search"):
            self.searches += 1
            return self._search(asked.body)
        if asked.path.endswith("/batch/read"):
            return self._batch(asked.body)
        return self._list(asked.query)

    def _list(self, query: Mapping[str, str]) -> dict[str, Any]:
        archived = query.get("archived", "").lower() == "true"
        history = [n for n in query.get("propertiesWithHistory", "").split(",") if n]
        limit = int(query.get("limit", "10"))
        assert limit <= (50 if history else 100)
        after = int(query.get("after", "0"))
        found = sorted(r.id for r in self.rows.values() if (r.archived_at is not None) == archived and r.id >= after)
        page = found[:limit]
        body: dict[str, Any] = {
            "results": [self._wire(self.rows[i], query.get("properties", "").split(","), history) for i in page]
        }
        if len(found) > limit:
            body["paging"] = {"next": {"after": str(page[-1] + 1), "link": "https://elsewhere.invalid/"}}
        return body

    def _search(self, body: Mapping[str, Any]) -> dict[str, Any]:
        low = high = last = 0
        for f in body["filterGroups"][0]["filters"]:
            if f["propertyName"] == self.stamp:
                low, high = (int(f["value"]), high) if f["operator"] == "GTE" else (low, int(f["value"]))
            else:
                assert f["propertyName"] == "hs_object_id"
                last = int(f["value"]) - (f["operator"] == "GTE")
        assert body["limit"] <= 200
        found = sorted(
            r.id
            for r in self.rows.values()
            if r.archived_at is None
            and low <= r.at <= high
            and r.id > last
            and (r.seen_from is None or r.seen_from <= self.now)
        )
        order = body["sorts"][0]
        if order["propertyName"] == self.stamp:
            assert order["direction"] == "DESCENDING"
            found.sort(key=lambda i: self.rows[i].at, reverse=True)
        page = found[: min(body["limit"], 10_000)]
        return {"total": len(found), "results": [self._wire(self.rows[i], body["properties"], []) for i in page]}

    def _batch(self, body: Mapping[str, Any]) -> dict[str, Any]:
        history = body.get("propertiesWithHistory") or []
        assert len(body["inputs"]) <= (50 if history else 100)
        ids = [int(i["id"]) for i in body["inputs"]]
        found = [self.rows[i] for i in reversed(ids) if i in self.rows]
        return {"status": "COMPLETE", "results": [self._wire(r, body["properties"], history) for r in found]}

    def _links(self, parts: list[str], body: Mapping[str, Any]) -> dict[str, Any]:
        to_object = parts[-3]
        assert len(body["inputs"]) <= 1000
        results, errors = [], []
        for asked in body["inputs"]:
            row = self.rows.get(int(asked["id"]))
            held = row.links.get(to_object, []) if row else []
            if held:
                results.append({"from": {"id": asked["id"]}, "to": held})
            else:
                errors.append(
                    {"status": "error", "category": "OBJECT_NOT_FOUND", "subCategory": NO_LINKS, "message": "-"}
                )
        return {"status": "COMPLETE", "results": results, "errors": errors, "numErrors": len(errors)}

    def _wire(self, row: Row, properties: list[str], history: list[str]) -> dict[str, Any]:
        held = {"hs_object_id": str(row.id), self.stamp: iso(row.stamp), **row.properties}
        wire: dict[str, Any] = {
            "id": str(row.id),
            "properties": {n: held[n] for n in ("hs_object_id", self.stamp, *properties) if n in held},
            "createdAt": iso(row.stamp),
            "updatedAt": iso(row.stamp),
            "archived": row.archived_at is not None,
        }
        if row.archived_at is not None:
            wire["archivedAt"] = iso(row.archived_at)
        if history:
            wire["propertiesWithHistory"] = {n: row.history.get(n, []) for n in history}
        return wire
