"""Property definitions, their groups, and pipelines, over HTTP."""

from starlette.routing import Route

from sandbox.clock import Clock
from sandbox.hubspot.access import USER_ID
from sandbox.hubspot.api import Api, Call, Reply
from sandbox.hubspot.batch_api import BATCH_LIMIT, batch_body, inputs_of
from sandbox.hubspot.catalog import GROUPS, stage_properties
from sandbox.hubspot.errors import HubspotError, bad_request, not_found, require
from sandbox.hubspot.object_types import ObjectType
from sandbox.hubspot.properties import Group, PropertyBook
from sandbox.hubspot.records import Records
from sandbox.hubspot.wire import iso


class PropertiesApi:
    def __init__(self, api: Api, clock: Clock, records: Records) -> None:
        self._api = api
        self._clock = clock
        self._records = records

    def routes(self) -> list[Route]:
        api, one = self._api, "/{kind}/{name}"
        return [
            *api.routes("POST", "properties", "/{kind}/batch/create", self._batch_create),
            *api.routes("POST", "properties", "/{kind}/batch/read", self._batch_read),
            *api.routes("POST", "properties", "/{kind}/batch/archive", self._batch_archive),
            *api.routes("GET", "properties", "/{kind}/groups", self._groups),
            *api.routes("POST", "properties", "/{kind}/groups", self._add_group),
            *api.routes("GET", "properties", "/{kind}/groups/{group}", self._group),
            *api.routes("PATCH", "properties", "/{kind}/groups/{group}", self._change_group),
            *api.routes("DELETE", "properties", "/{kind}/groups/{group}", self._drop_group),
            *api.routes("GET", "properties", "/{kind}", self._list),
            *api.routes("POST", "properties", "/{kind}", self._create),
            *api.routes("GET", "properties", one, self._get),
            *api.routes("PATCH", "properties", one, self._update),
            *api.routes("DELETE", "properties", one, self._archive),
        ]

    def _book(self, call: Call, right: str = "read") -> tuple[ObjectType, PropertyBook]:
        kind = self._records.kinds.find(call.path("kind"))
        call.principal.need(f"crm.schemas.{kind.scope}.{right}")
        return kind, self._records.books[kind.name]

    def _list(self, call: Call) -> Reply:
        _, book = self._book(call)
        found = (book.archived if call.flag("archived") else book.live).values()
        return Reply(body={"results": [prop.wire() for prop in found]})

    def _get(self, call: Call) -> Reply:
        _, book = self._book(call)
        return Reply(body=book.get(call.path("name"), archived=call.flag("archived")).wire())

    def _create(self, call: Call) -> Reply:
        kind, book = self._book(call, "write")
        prop = book.create(call.body, iso(call.now), str(USER_ID))
        self._records.lag.touched(kind.name)
        return Reply(201, prop.wire())

    def _update(self, call: Call) -> Reply:
        _, book = self._book(call, "write")
        return Reply(body=book.update(call.path("name"), call.body, iso(call.now)).wire())

    def _archive(self, call: Call) -> Reply:
        _, book = self._book(call, "write")
        book.archive(call.path("name"), iso(call.now))
        return Reply(204)

    def _batch_create(self, call: Call) -> Reply:
        _, book = self._book(call, "write")
        results, errors = [], []
        for item in inputs_of(call, BATCH_LIMIT):
            try:
                results.append(book.create(item, iso(call.now), str(USER_ID)).wire())
            except HubspotError as refused:
                if refused.status != 409:
                    raise
                errors.append(refused.row({}))
        body = batch_body(self._clock, call.now, results, errors)
        return Reply(207 if errors else (200 if call.dated else 201), body)

    def _batch_read(self, call: Call) -> Reply:
        _, book = self._book(call)
        archived, results, errors = bool(call.body.get("archived")), [], []
        for item in inputs_of(call, BATCH_LIMIT):
            require(item, "name")
            try:
                results.append(book.get(str(item["name"]), archived=archived).wire())
            except HubspotError as refused:
                errors.append(refused.row({}))
        return Reply(207 if errors else 200, batch_body(self._clock, call.now, results, errors))

    def _batch_archive(self, call: Call) -> Reply:
        _, book = self._book(call, "write")
        for item in inputs_of(call, BATCH_LIMIT):
            book.archive(str(item.get("name")), iso(call.now))
        return Reply(204)

    def _groups(self, call: Call) -> Reply:
        _, book = self._book(call)
        return Reply(body={"results": [group.wire() for group in book.groups.values()]})

    def _one_group(self, call: Call, right: str = "read") -> tuple[PropertyBook, Group]:
        _, book = self._book(call, right)
        group = book.groups.get(call.path("group"))
        if group is None:
            raise not_found(
                f"No property group with name '{call.path('group')}' exists", groupName=[call.path("group")]
            )
        return book, group

    def _group(self, call: Call) -> Reply:
        return Reply(body=self._one_group(call)[1].wire())

    def _add_group(self, call: Call) -> Reply:
        _, book = self._book(call, "write")
        require(call.body, "name", "label")
        name = str(call.body["name"]).lower()
        if name in book.groups:
            raise HubspotError(
                409,
                f"A property group named '{name}' already exists.",
                "OBJECT_ALREADY_EXISTS",
                subCategory="Properties.GROUP_WITH_NAME_EXISTS",
                context={"name": [name]},
            )
        group = book.groups[name] = Group(name, str(call.body["label"]), int(call.body.get("displayOrder", -1)))
        return Reply(201, group.wire())

    def _change_group(self, call: Call) -> Reply:
        _, group = self._one_group(call, "write")
        group.label = str(call.body.get("label", group.label))
        group.display_order = int(call.body.get("displayOrder", group.display_order))
        return Reply(body=group.wire())

    def _drop_group(self, call: Call) -> Reply:
        book, group = self._one_group(call, "write")
        if any(prop.group == group.name for prop in book.live.values()):
            raise bad_request(f"Property group '{group.name}' still holds properties and cannot be archived")
        del book.groups[group.name]
        return Reply(204)


class PipelinesApi:
    def __init__(self, api: Api, records: Records) -> None:
        self._api = api
        self._records = records
        self._pipelines = records.pipelines

    def routes(self) -> list[Route]:
        api, one, stages = self._api, "/{kind}/{pipeline}", "/{kind}/{pipeline}/stages"
        stage = f"{stages}/{{stage}}"
        return [
            *api.routes("GET", "pipelines", "/{kind}", self._list),
            *api.routes("POST", "pipelines", "/{kind}", self._create),
            *api.routes("GET", "pipelines", one, self._get),
            *api.routes("PATCH", "pipelines", one, self._update),
            *api.routes("DELETE", "pipelines", one, self._delete),
            *api.routes("GET", "pipelines", f"{one}/audit", self._audit),
            *api.routes("GET", "pipelines", stages, self._stages),
            *api.routes("POST", "pipelines", stages, self._add_stage),
            *api.routes("GET", "pipelines", stage, self._stage),
            *api.routes("PATCH", "pipelines", stage, self._change_stage),
            *api.routes("DELETE", "pipelines", stage, self._drop_stage),
            *api.routes("GET", "pipelines", f"{stage}/audit", self._audit),
        ]

    def _kind(self, call: Call, right: str = "read") -> ObjectType:
        kind = self._records.kinds.find(call.path("kind"))
        call.principal.need(f"crm.{'objects' if right == 'read' else 'schemas'}.{kind.scope}.{right}")
        return kind

    def _list(self, call: Call) -> Reply:
        found = sorted(self._pipelines.of(self._kind(call).name).values(), key=lambda p: p.display_order)
        return Reply(body={"results": [pipeline.wire() for pipeline in found]})

    def _get(self, call: Call) -> Reply:
        return Reply(body=self._pipelines.get(self._kind(call).name, call.path("pipeline")).wire())

    def _create(self, call: Call) -> Reply:
        kind = self._kind(call, "write")
        pipeline = self._pipelines.add(kind.name, call.body, iso(call.now))
        self._define(kind, [(stage.id, stage.label) for stage in pipeline.stages])
        return Reply(201, pipeline.wire())

    def _define(self, kind: ObjectType, stages: list[tuple[str, str]]) -> None:
        """Every new stage of a deal brings its own properties."""
        if kind.name == "deals":
            for stage_id, label in stages:
                for prop in stage_properties(stage_id, label, GROUPS[kind.name]):
                    self._records.books[kind.name].live[prop.name] = prop

    def _update(self, call: Call) -> Reply:
        pipeline = self._pipelines.get(self._kind(call, "write").name, call.path("pipeline"))
        pipeline.label = str(call.body.get("label", pipeline.label))
        pipeline.display_order = int(call.body.get("displayOrder", pipeline.display_order))
        pipeline.updated_at = iso(call.now)
        return Reply(body=pipeline.wire())

    def _delete(self, call: Call) -> Reply:
        kind = self._kind(call, "write")
        pipeline = self._pipelines.get(kind.name, call.path("pipeline"))
        held = sum(record.fields.get("pipeline") == pipeline.id for record in self._records.rows(kind))
        if held:
            raise bad_request(f"Pipeline {pipeline.id} still holds {held} records and cannot be deleted")
        del self._pipelines.of(kind.name)[pipeline.id]
        return Reply(204)

    def _stages(self, call: Call) -> Reply:
        pipeline = self._pipelines.get(self._kind(call).name, call.path("pipeline"))
        return Reply(body={"results": [stage.wire() for stage in pipeline.stages]})

    def _stage(self, call: Call) -> Reply:
        pipeline = self._pipelines.get(self._kind(call).name, call.path("pipeline"))
        return Reply(body=pipeline.stage(call.path("stage")).wire())

    def _add_stage(self, call: Call) -> Reply:
        kind = self._kind(call, "write")
        pipeline = self._pipelines.get(kind.name, call.path("pipeline"))
        stage = self._pipelines.add_stage(kind.name, pipeline, call.body, iso(call.now))
        self._define(kind, [(stage.id, stage.label)])
        return Reply(201, stage.wire())

    def _change_stage(self, call: Call) -> Reply:
        pipeline = self._pipelines.get(self._kind(call, "write").name, call.path("pipeline"))
        stage = pipeline.stage(call.path("stage"))
        stage.label = str(call.body.get("label", stage.label))
        stage.display_order = int(call.body.get("displayOrder", stage.display_order))
        stage.metadata |= {str(k): str(v) for k, v in (call.body.get("metadata") or {}).items()}
        stage.updated_at = iso(call.now)
        return Reply(body=stage.wire())

    def _drop_stage(self, call: Call) -> Reply:
        kind = self._kind(call, "write")
        pipeline = self._pipelines.get(kind.name, call.path("pipeline"))
        stage = pipeline.stage(call.path("stage"))
        held = sum(record.fields.get("dealstage") == stage.id for record in self._records.rows(kind))
        if held:
            raise bad_request(f"Stage {stage.id} still holds {held} records and cannot be deleted")
        pipeline.stages.remove(stage)
        return Reply(204)

    def _audit(self, call: Call) -> Reply:
        self._pipelines.get(self._kind(call).name, call.path("pipeline"))
        return Reply(body={"results": []})
