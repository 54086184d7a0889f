"""Records one by one and by page: list, get, search, create, update, archive, merge, privacy deletion."""

from typing import Any

from starlette.routing import Route

from sandbox.hubspot.api import Api, Call, Reply
from sandbox.hubspot.errors import HubspotError, bad_request, require
from sandbox.hubspot.object_types import ObjectType
from sandbox.hubspot.records import Records
from sandbox.hubspot.search import Search
from sandbox.hubspot.wire import APP_ID, chosen_names, render_record, render_written
from sandbox.hubspot.writes import Writer, object_not_found
from sandbox.store import Record

PAGE_DEFAULT, PAGE_LIMIT, HISTORY_PAGE_LIMIT = 10, 100, 50
INLINE_LINKS = 100  # associations shown inside a record before they page
URL_LIMIT = 16_200  # characters, from which on the real service answers 414


class ObjectsApi:
    def __init__(self, api: Api, records: Records, search: Search, writer: Writer) -> None:
        self._api = api
        self._records = records
        self._search = search
        self._writer = writer

    def routes(self) -> list[Route]:
        api = self._api
        return [
            *api.routes("GET", "objects", "/{kind}", self._list),
            *api.routes("POST", "objects", "/{kind}", self._create),
            *api.routes("POST", "objects", "/{kind}/search", self._find, search=True),
            *api.routes("POST", "objects", "/{kind}/merge", self._merge),
            *api.routes("POST", "objects", "/{kind}/gdpr-delete", self._forget),
            *api.routes("GET", "objects", "/{kind}/{record_id}", self._get),
            *api.routes("PATCH", "objects", "/{kind}/{record_id}", self._update),
            *api.routes("DELETE", "objects", "/{kind}/{record_id}", self._archive),
        ]

    def kind(self, call: Call, right: str = "read") -> ObjectType:
        found = self._records.kinds.find(call.path("kind"))
        call.principal.need(f"crm.objects.{found.scope}.{right}")
        return found

    def _list(self, call: Call) -> Reply:
        kind = self.kind(call)
        _refuse_long_url(call)
        histories = self._histories(kind, call.names("propertiesWithHistory"))
        most = HISTORY_PAGE_LIMIT if call.text("propertiesWithHistory") else PAGE_LIMIT
        limit = call.number("limit", PAGE_DEFAULT, most=most)
        after = call.text("after") or "0"
        if not after.isdecimal():
            raise bad_request(f"after must be a cursor from an earlier page, got {after}")
        archived = call.flag("archived")
        rows = self._records.archived_rows(kind, call.now) if archived else self._records.rows(kind)
        start = int(after) if not rows.ids or int(after) <= rows.ids[-1] + 1 else 0  # a made-up cursor starts over
        page, more = rows.page(start, limit)
        names = chosen_names(kind, self._records.books[kind.name].live, call.names("properties"))
        targets = self._targets(call)
        results = [self._shown(kind, record, names, histories, targets) for record in page]
        reply: dict[str, Any] = {"results": results}
        if more:
            following = str(int(page[-1].id) + 1)
            reply["paging"] = {"next": {"after": following, "link": call.link(following)}}
        return Reply(body=reply)

    def _get(self, call: Call) -> Reply:
        kind = self.kind(call)
        _refuse_long_url(call)
        wanted, id_property, archived = call.path("record_id"), call.text("idProperty"), call.flag("archived")
        if id_property and id_property != "hs_object_id":
            record = self._writer.locate(kind, wanted, id_property)
        else:
            record = self._records.find(kind, wanted, archived=archived)
        if record is None:
            raise object_not_found(wanted)
        names = chosen_names(kind, self._records.books[kind.name].live, call.names("properties"))
        histories = self._histories(kind, call.names("propertiesWithHistory"))
        return Reply(body=self._shown(kind, record, names, histories, self._targets(call)))

    def _targets(self, call: Call) -> list[ObjectType]:
        return [self._records.kinds.find(name) for name in call.names("associations")]

    def _histories(self, kind: ObjectType, asked: list[str]) -> list[str]:
        return [name for name in dict.fromkeys(asked) if name in self._records.books[kind.name].live]

    def _shown(
        self, kind: ObjectType, record: Record, names: list[str], histories: list[str], targets: list[ObjectType]
    ) -> dict[str, Any]:
        found = render_record(kind, record, names, histories)
        linked = {}
        for target in targets:
            links = self._records.associations.of(kind, int(record.id), target)
            results = [{"id": str(other), "type": link.name} for other, types in links for link in types]
            if results:
                linked[target.name] = {"results": results[:INLINE_LINKS]}
        if linked:
            found["associations"] = linked
        return found

    def _find(self, call: Call) -> Reply:
        return Reply(body=self._search.answer(self.kind(call), call.body))

    def _create(self, call: Call) -> Reply:
        kind = self.kind(call, "write")
        require(call.body, "properties")
        change = self._writer.check(kind, call.body["properties"], None)
        if change.failed:
            raise change.failed
        change.links = self._writer.links(kind, call.body.get("associations") or [])
        record = self._writer.create(kind, change, call.now, call.correlation_id)
        return Reply(201, render_written(kind, record, change.values))

    def _update(self, call: Call) -> Reply:
        kind = self.kind(call, "write")
        require(call.body, "properties")
        record = self._writer.locate(kind, call.path("record_id"), call.text("idProperty"))
        if record is None:
            raise object_not_found(call.path("record_id"))
        change = self._writer.check(kind, call.body["properties"], record)
        if change.failed:
            raise change.failed
        self._writer.update(kind, change, call.now, call.correlation_id)
        return Reply(body=render_written(kind, record, change.values))

    def _archive(self, call: Call) -> Reply:
        kind = self.kind(call, "write")
        record = self._records.find(kind, call.path("record_id"))
        if record is not None:
            self._records.archive(kind, record, call.now, APP_ID)
            self._records.store.log_write(record, {"archived": True}, call.now, call.correlation_id)
        return Reply(204)

    def _merge(self, call: Call) -> Reply:
        kind = self.kind(call, "write")
        require(call.body, "primaryObjectId", "objectIdToMerge")
        ids = str(call.body["primaryObjectId"]), str(call.body["objectIdToMerge"])
        found = [self._records.find(kind, record_id) for record_id in ids]
        if found[0] is None or found[1] is None:
            raise object_not_found(ids[found[0] is not None])
        if found[0] is found[1]:
            raise bad_request(f"{kind.singular} {ids[0]} cannot be merged with itself")
        survivor = self._records.merge(kind, found[0], found[1], call.now, APP_ID)
        self._records.store.log_write(survivor, {"hs_merged_object_ids": ";".join(ids)}, call.now, call.correlation_id)
        return Reply(body=render_written(kind, survivor, self._records.books[kind.name].live))

    def _forget(self, call: Call) -> Reply:
        kind = self.kind(call, "write")
        require(call.body, "objectId")
        wanted, id_property = str(call.body["objectId"]), call.body.get("idProperty")
        record = self._writer.locate(kind, wanted, id_property) or self._records.find(kind, wanted, archived=True)
        if record is None:
            raise object_not_found(wanted)
        self._records.purge(kind, record)
        self._records.store.log_write(record, {"purged": True}, call.now, call.correlation_id)
        return Reply(204)


def _refuse_long_url(call: Call) -> None:
    if len(str(call.request.url)) > URL_LIMIT:
        raise HubspotError(414, "The request address is too long; read properties in portions or with batch/read")
