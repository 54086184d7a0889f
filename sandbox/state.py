"""Everything that is true in the sandbox: one world, two CRMs that grew from it, one clock, faults."""

import asyncio
import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from starlette.routing import BaseRoute, Router

from sandbox.calls import Calls, crm_of
from sandbox.clock import Clock
from sandbox.faults import Faults
from sandbox.gen_folder import read_world
from sandbox.generate import generate_world
from sandbox.middleware import Border, Receive, Scope, Send
from sandbox.settings import SandboxSettings
from sandbox.store import Store
from sandbox.world import Crm, World, WorldActivity, WorldDeal, WorldEvent

ZONE = ZoneInfo("Asia/Tokyo")
CLOSING_TIME = time(18)  # what is recorded on a day bears a stamp before this
STARTS_AT = time(19)  # so that everything of the as-of day is past
_CRMS: tuple[Crm, ...] = ("salesforce", "hubspot")
Happening = WorldEvent | WorldActivity | WorldDeal


class CrmHalf(Protocol):
    """One vendor's side: its records, its wire format. All its handlers run on one event loop."""

    @property
    def store(self) -> Store: ...
    def populate(self, world: World) -> None: ...
    def apply(self, happening: Happening, world: World) -> None: ...
    def routes(self) -> Sequence[BaseRoute]: ...
    def manual(self, action: str, body: dict[str, Any]) -> dict[str, Any]: ...
    def add_bulk_rows(self, object_name: str, n: int) -> None: ...


Halves = Callable[[Clock, SandboxSettings], tuple[CrmHalf, CrmHalf]]


def both_vendors(clock: Clock, settings: SandboxSettings) -> tuple[CrmHalf, CrmHalf]:
    """Salesforce and HubSpot, still empty."""
    from sandbox.hubspot import HubspotCrm
    from sandbox.salesforce import SalesforceCrm

    return SalesforceCrm(clock, settings), HubspotCrm(clock, settings)


@dataclass
class Sandbox:
    """Everything that is true in the sandbox right now."""

    settings: SandboxSettings
    halves: Halves = both_vendors
    calls: Calls = field(default_factory=Calls)
    faults: Faults = field(default_factory=Faults)
    clock: Clock = field(init=False)
    world: World = field(init=False)
    salesforce: CrmHalf = field(init=False)
    hubspot: CrmHalf = field(init=False)
    lived_until: date = field(init=False)  # the last day whose happenings are in the CRMs
    border: Border = field(init=False)

    def __post_init__(self) -> None:
        self.border = Border(self._vendors, self.calls, self.faults)
        self.begin()

    def begin(self) -> None:
        """Makes the world as it began: no writes, no faults, no calls counted."""
        gc.disable()  # a world is many objects and no garbage: collecting would only walk them over and over
        try:
            self._begin()
        finally:
            gc.enable()

    def _begin(self) -> None:
        self.faults.clear()
        self.calls.reset()
        self.border.release()
        self.world = make_world(self.settings)
        self.lived_until = self.world.as_of
        self.clock = Clock(datetime.combine(self.world.as_of, STARTS_AT, ZONE))
        self.salesforce, self.hubspot = self.halves(self.clock, self.settings)
        for crm in (self.salesforce, self.hubspot):
            crm.populate(self.world)
        for name, count in self.settings.rows.items():
            crm_name, object_name = _owner(name)
            self.crm(crm_name).add_bulk_rows(object_name, count)
        self._routers = {name: Router(list(self.crm(name).routes())) for name in _CRMS}

    def crm(self, name: Crm) -> CrmHalf:
        return self.salesforce if name == "salesforce" else self.hubspot

    async def advance(self, days: float) -> int:
        """Lets the world live on; returns how many things happened. Only whole working days past 18:00 count as lived."""
        now = self.clock.advance(days).astimezone(ZONE)
        until = now.date() if now.time() >= CLOSING_TIME else now.date() - timedelta(days=1)
        happened = 0
        for happening in self.world.happenings(self.lived_until, until):
            self.salesforce.apply(happening, self.world)
            self.hubspot.apply(happening, self.world)
            happened += 1
            if happened % 500 == 0:
                await asyncio.sleep(0)  # a long leap must not silence /_sandbox/health
        self.lived_until = max(self.lived_until, until)
        return happened

    async def _vendors(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._routers[crm_of(scope["path"])](scope, receive, send)


def make_world(settings: SandboxSettings) -> World:
    """The folder's world where one is named, otherwise a generated one."""
    if settings.world_dir is not None:
        return read_world(settings.world_dir, as_of=settings.as_of)
    return generate_world(settings)


def _owner(name: str) -> tuple[Crm, str]:
    """`salesforce.Account`, `hubspot.deals`, or bare: Salesforce's API names begin with a capital letter."""
    crm, dot, object_name = name.partition(".")
    if dot and crm in ("salesforce", "hubspot"):
        return ("salesforce" if crm == "salesforce" else "hubspot"), object_name
    return ("salesforce" if name[:1].isupper() else "hubspot"), name
