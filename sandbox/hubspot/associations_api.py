"""Associations v4 and dated: by the thousand, by record, and their labels. Ids are numbers here, whatever the specification says."""

import base64
from typing import Any

from starlette.routing import Route

from sandbox.clock import Clock
from sandbox.hubspot.api import Api, Call, Reply
from sandbox.hubspot.associations import HUBSPOT, LinkType
from sandbox.hubspot.batch_api import batch_body, inputs_of
from sandbox.hubspot.errors import HubspotError, bad_request, require
from sandbox.hubspot.object_types import ObjectType
from sandbox.hubspot.records import Records

READ_LIMIT, CREATE_LIMIT, ARCHIVE_LIMIT, PAGE_LIMIT = 1000, 2000, 100, 500
Pair = tuple[ObjectType, ObjectType]


class AssociationsApi:
    def __init__(self, api: Api, clock: Clock, records: Records) -> None:
        self._api = api
        self._clock = clock
        self._records = records
        self._links = records.associations

    def routes(self) -> list[Route]:
        api, pair = self._api, "/{source}/{target}"
        one = "/{source}/{source_id}/associations/{target}"
        default = "/{source}/{source_id}/associations/default/{target}/{target_id}"
        return [
            *api.routes("POST", "associations", f"{pair}/batch/read", self._read),
            *api.routes("POST", "associations", f"{pair}/batch/create", self._create),
            *api.routes("POST", "associations", f"{pair}/batch/associate/default", self._create_default),
            *api.routes("POST", "associations", f"{pair}/batch/archive", self._archive),
            *api.routes("POST", "associations", f"{pair}/batch/labels/archive", self._unlabel),
            *api.routes("GET", "associations", f"{pair}/labels", self._labels),
            *api.routes("POST", "associations", f"{pair}/labels", self._add_label),
            *api.routes("DELETE", "associations", f"{pair}/labels/{{number}}", self._remove_label),
            *api.routes("PUT", "linked", default, self._put_default),
            *api.routes("GET", "linked", one, self._list),
            *api.routes("PUT", "linked", f"{one}/{{target_id}}", self._put),
            *api.routes("DELETE", "linked", f"{one}/{{target_id}}", self._delete),
        ]

    def _pair(self, call: Call, right: str = "read") -> Pair:
        kinds = self._records.kinds
        pair = kinds.find(call.path("source")), kinds.find(call.path("target"))
        for kind in pair:
            call.principal.need(f"crm.objects.{kind.scope}.{right}")
        return pair

    def _reply(self, call: Call, results: list[Any], errors: list[dict[str, Any]], good: int = 200) -> Reply:
        return Reply(207 if errors else good, batch_body(self._clock, call.now, results, errors))

    def _read(self, call: Call) -> Reply:
        source, target = self._pair(call)
        results, errors = [], []
        for item in inputs_of(call, READ_LIMIT):
            require(item, "id")
            record_id = str(item["id"])
            links = self._found(source, record_id, target)
            if not links:
                errors.append(_no_links(source, record_id, target))
                continue
            page, following = _page(links, _cursor(item.get("after")), PAGE_LIMIT)
            found: dict[str, Any] = {"from": {"id": record_id}, "to": [_linked(*link) for link in page]}
            if following is not None:
                after = _written(target, following)
                found["paging"] = {"next": {"after": after, "link": f"?after={after}"}}
            results.append(found)
        return self._reply(call, results, errors)

    def _found(self, source: ObjectType, record_id: str, target: ObjectType) -> list[tuple[int, list[LinkType]]]:
        """The links to live records. The old id of a merged record has none."""
        record = self._records.store.get(source.name, record_id)
        if record is None or record.deleted_at is not None or not record_id.isdecimal():
            return []
        links = self._links.of(source, int(record_id), target)
        return [link for link in links if self._records.find(target, link[0]) is not None]

    def _list(self, call: Call) -> Reply:
        source, target = self._pair(call)
        record_id = call.path("source_id")
        limit = call.number("limit", PAGE_LIMIT, most=PAGE_LIMIT)
        page, following = _page(self._found(source, record_id, target), _cursor(call.text("after")), limit)
        reply: dict[str, Any] = {"results": [_linked(*link) for link in page]}
        if following is not None:
            after = _written(target, following)
            reply["paging"] = {"next": {"after": after, "link": call.link(after)}}
        return Reply(body=reply)

    def _create(self, call: Call) -> Reply:
        source, target = self._pair(call, "write")
        results, errors = [], []
        for item in inputs_of(call, CREATE_LIMIT):
            require(item, "from", "to", "types")
            try:
                ids = self._both(source, item["from"].get("id"), target, item["to"].get("id"))
                results.append(self._link(source, ids, target, item["types"]))
            except HubspotError as refused:
                errors.append(refused.row({}) if refused.extra else _plain(refused))
        return self._reply(call, results, errors, 200 if call.dated else 201)

    def _link(self, source: ObjectType, ids: tuple[int, int], target: ObjectType, types: Any) -> dict[str, Any]:
        wanted = []
        for spec in types:
            require(spec, "associationCategory", "associationTypeId")
            category, number = str(spec["associationCategory"]), int(spec["associationTypeId"])
            wanted.append(self._links.type_of(source, target, category, number))
        linked = self._links.link(source, ids[0], target, ids[1], wanted)
        return {
            "fromObjectTypeId": source.type_id,
            "fromObjectId": ids[0],
            "toObjectTypeId": target.type_id,
            "toObjectId": ids[1],
            "labels": [kind.label for kind in linked if kind.label is not None],
        }

    def _both(self, source: ObjectType, source_id: Any, target: ObjectType, target_id: Any) -> tuple[int, int]:
        found = []
        for kind, record_id in ((source, source_id), (target, target_id)):
            if not str(record_id).isdecimal():
                raise bad_request(
                    f"{record_id} is not a valid ID",
                    subCategory="crm.associations.INVALID_IDENTIFIER",
                    context={"id": [str(record_id)]},
                )
            record = self._records.find(kind, record_id)
            if record is None:
                raise bad_request(f"{kind.constant}={record_id} is not valid")
            found.append(int(record.id))
        if source is target and found[0] == found[1]:
            raise bad_request(f"Object {found[0]} cannot be associated to itself ({found[1]})")
        return found[0], found[1]

    def _create_default(self, call: Call) -> Reply:
        source, target = self._pair(call, "write")
        results, errors = [], []
        for item in inputs_of(call, CREATE_LIMIT):
            require(item, "from", "to")
            try:
                ids = self._both(source, item["from"].get("id"), target, item["to"].get("id"))
                results += self._defaults(source, ids, target)
            except HubspotError as refused:
                errors.append(refused.row({}) if refused.extra else _plain(refused))
        return self._reply(call, results, errors)

    def _defaults(self, source: ObjectType, ids: tuple[int, int], target: ObjectType) -> list[dict[str, Any]]:
        plain = self._links.unlabelled(source, target)
        self._links.link(source, ids[0], target, ids[1], [plain])
        return [
            {
                "from": {"id": str(one)},
                "to": {"id": str(two)},
                "associationSpec": {"associationCategory": plain.category, "associationTypeId": number},
            }
            for one, two, number in ((ids[0], ids[1], plain.type_id), (ids[1], ids[0], plain.inverse))
        ]

    def _put_default(self, call: Call) -> Reply:
        source, target = self._pair(call, "write")
        ids = self._both(source, call.path("source_id"), target, call.path("target_id"))
        return self._reply(call, self._defaults(source, ids, target), [])

    def _put(self, call: Call) -> Reply:
        source, target = self._pair(call, "write")
        ids = self._both(source, call.path("source_id"), target, call.path("target_id"))
        return Reply(201, self._link(source, ids, target, call.body.get("_list") or []))

    def _delete(self, call: Call) -> Reply:
        source, target = self._pair(call, "write")
        ids = call.path("source_id"), call.path("target_id")
        if all(text.isdecimal() for text in ids):
            self._links.unlink(source, int(ids[0]), target, int(ids[1]))
        return Reply(204)

    def _archive(self, call: Call) -> Reply:
        source, target = self._pair(call, "write")
        for item in inputs_of(call, ARCHIVE_LIMIT):
            require(item, "from", "to")
            for other in item["to"]:  # unknown ids are ignored
                if str(item["from"].get("id")).isdecimal() and str(other.get("id")).isdecimal():
                    self._links.unlink(source, int(item["from"]["id"]), target, int(other["id"]))
        return self._reply(call, [], []) if call.dated else Reply(204)

    def _unlabel(self, call: Call) -> Reply:
        source, target = self._pair(call, "write")
        for item in inputs_of(call, ARCHIVE_LIMIT):
            require(item, "from", "to", "types")
            kinds = [
                self._links.type_of(source, target, str(t["associationCategory"]), int(t["associationTypeId"]))
                for t in item["types"]
            ]
            self._links.unlabel(source, int(item["from"]["id"]), target, int(item["to"]["id"]), kinds)
        return self._reply(call, [], []) if call.dated else Reply(204)

    def _labels(self, call: Call) -> Reply:
        source, target = self._pair(call)
        self._links.unlabelled(source, target)
        kinds = sorted(self._links.types(source, target).values(), key=lambda k: (k.category != HUBSPOT, k.type_id))
        return Reply(body={"results": [kind.wire() for kind in kinds]})

    def _add_label(self, call: Call) -> Reply:
        source, target = self._pair(call, "write")
        require(call.body, "label", "name")
        if any(kind.label == call.body["label"] for kind in self._links.types(source, target).values()):
            raise HubspotError(409, f"Association label '{call.body['label']}' already exists", "OBJECT_ALREADY_EXISTS")
        made = self._links.add_label(source, target, str(call.body["label"]), call.body.get("inverseLabel"))
        return Reply(body={"results": [kind.wire() for kind in made]})

    def _remove_label(self, call: Call) -> Reply:
        source, target = self._pair(call, "write")
        self._links.remove_label(source, target, int(call.path("number")))
        return Reply(204)


def _linked(other: int, types: list[LinkType]) -> dict[str, Any]:
    return {"toObjectId": other, "associationTypes": [kind.wire() for kind in types]}


def _no_links(source: ObjectType, record_id: str, target: ObjectType) -> dict[str, Any]:
    """The normal answer for a record without links, and the same for one that does not exist."""
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {target.singular} is associated with {source.singular} {record_id}.",
        "context": {
            "fromObjectId": [record_id],
            "fromObjectType": [source.singular],
            "toObjectType": [target.singular],
        },
    }


def _plain(refused: HubspotError) -> dict[str, Any]:
    return {"status": "error", "category": refused.category, "message": refused.message}


def _page(
    links: list[tuple[int, list[LinkType]]], after: int, limit: int
) -> tuple[list[tuple[int, list[LinkType]]], int | None]:
    rest = [link for link in links if link[0] >= after]
    return rest[:limit], rest[limit][0] if len(rest) > limit else None


def _written(target: ObjectType, following: int) -> str:
    return base64.b64encode(f"{target.type_id}-{following}".encode()).decode()


def _cursor(text: Any) -> int:
    if not text:
        return 0
    try:
        return int(base64.b64decode(str(text)).decode().rsplit("-", 1)[1])
    except (ValueError, IndexError):
        raise bad_request(f"after must be a cursor from an earlier page, got {text}") from None
