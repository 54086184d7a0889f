"""The smallest half a sandbox can have: one object, read and written over HTTP, so that the core is tested without vendors."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.clock import Clock
from sandbox.settings import SandboxSettings
from sandbox.state import CrmHalf, Happening
from sandbox.store import Store
from sandbox.world import World

ROOTS = {"salesforce": "/services/data/v62.0/things", "hubspot": "/crm/v3/objects/things"}


class TinyCrm:
    """Holds a count of what happened, and things with a name."""

    def __init__(self, crm: str, clock: Clock) -> None:
        self.crm, self.clock = crm, clock
        self.store = Store(crm, lambda object_name, n: f"{object_name}-{n}")
        self.happened: list[Happening] = []
        self.page = 0

    def populate(self, world: World) -> None:
        for partner in world.partners:
            if self.crm in partner.crms:
                self.store.create(
                    "things", {"name": partner.company.name, "since": partner.joined_on}, self.clock.now()
                )

    def apply(self, happening: Happening, world: World) -> None:
        self.happened.append(happening)

    def manual(self, action: str, body: dict[str, Any]) -> dict[str, Any]:
        if action != "create":
            raise ValueError(f"this tiny CRM cannot {action}")
        return {"id": self.store.create("things", body["fields"], self.clock.now()).id}

    def add_bulk_rows(self, object_name: str, n: int) -> None:
        for i in range(n):
            self.store.create(object_name, {"name": str(i)}, self.clock.now())

    def routes(self) -> Sequence[BaseRoute]:
        root = ROOTS[self.crm]

        async def pages(_: Request) -> Response:
            self.page += 1
            return JSONResponse(
                {"page": self.page, "records": list(range(200))}, headers={"Sforce-NumberOfRecords": "200"}
            )

        async def write(request: Request) -> Response:
            record = self.store.get("things", request.path_params["id"])
            assert record is not None
            fields = await request.json()
            self.store.update(record, fields, self.clock.now(), by="api")
            self.store.log_write(record, fields, self.clock.now(), "request-1")
            return Response(status_code=204)

        return [Route(root, pages), Route(root + "/{id}", write, methods=["PATCH"])]


def tiny_halves(clock: Clock, settings: SandboxSettings) -> tuple[CrmHalf, CrmHalf]:
    return TinyCrm("salesforce", clock), TinyCrm("hubspot", clock)
