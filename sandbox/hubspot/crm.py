"""The HubSpot half of the sandbox, put together."""

from datetime import date, datetime
from typing import Any

from starlette.routing import BaseRoute

from sandbox.clock import Clock
from sandbox.hubspot import bulk_rows, catalog
from sandbox.hubspot.access import Access
from sandbox.hubspot.account_api import AccountApi
from sandbox.hubspot.api import Api
from sandbox.hubspot.associations import Associations
from sandbox.hubspot.associations_api import AssociationsApi
from sandbox.hubspot.batch_api import BatchApi
from sandbox.hubspot.definitions_api import PipelinesApi, PropertiesApi
from sandbox.hubspot.errors import HubspotError
from sandbox.hubspot.manual import Manual
from sandbox.hubspot.object_types import ObjectTypes
from sandbox.hubspot.objects_api import ObjectsApi
from sandbox.hubspot.owners import OwnerApi
from sandbox.hubspot.pipelines import Pipelines
from sandbox.hubspot.populate import ZONE, Populator
from sandbox.hubspot.populate_object import ObjectPopulator
from sandbox.hubspot.properties import PropertyBook
from sandbox.hubspot.quota import Quota
from sandbox.hubspot.records import Records
from sandbox.hubspot.schemas_api import ATTACK_LIST, ATTACK_LIST_IN_USE, Schemas, SchemasApi
from sandbox.hubspot.search import Search
from sandbox.hubspot.visibility import SearchLag
from sandbox.hubspot.writes import Writer
from sandbox.settings import SandboxSettings
from sandbox.store import Store
from sandbox.world import World, WorldActivity, WorldDeal, WorldEvent


class HubspotCrm:
    """A HubSpot portal: `routes` for clients, `populate`, `apply`, `manual` and `add_bulk_rows` for the sandbox around it."""

    def __init__(self, clock: Clock, settings: SandboxSettings) -> None:
        self.clock = clock
        self.settings = settings
        kinds, pipelines = ObjectTypes(), Pipelines()
        stages = [(s.id, s.label) for p in pipelines.of("deals").values() for s in p.stages]
        books: dict[str, PropertyBook] = {kind.name: catalog.book(kind, stages) for kind in kinds.all}
        self.store = Store("hubspot", lambda name, serial: mint(kinds, name, serial))
        self.records = Records(
            self.store,
            kinds,
            books,
            pipelines,
            Associations(kinds),
            SearchLag(settings.hubspot_search_lag_s, clock.passed),
        )
        self._schemas = Schemas(self.records, books)
        in_use = settings.hubspot_entries == "custom_object"
        self._schemas.create(ATTACK_LIST_IN_USE if in_use else ATTACK_LIST, "2025-04-01T01:30:00.512Z")
        self._access = Access(settings)
        self._quota = Quota(settings, clock, ZONE)
        self._writer = Writer(self.records)
        self._populator = (ObjectPopulator if in_use else Populator)(self.records, clock)
        self._manual = Manual(self.records, self._writer, clock)
        self._counted: date | None = None

    def populate(self, world: World) -> None:
        """Everything recorded up to the world's as-of day."""
        self._populator.populate(world)
        self.refresh_calculated(self.clock.now())

    def apply(self, happening: WorldEvent | WorldActivity | WorldDeal, world: World) -> None:
        """One happening, on the day it is recorded. Search sees it at once: the clock has jumped past the lag."""
        self._populator.apply(happening, world)
        self._counted = None

    def routes(self) -> list[BaseRoute]:
        api = Api(self.clock, self._access, self._quota)
        api.before = self.refresh_calculated
        return [
            *BatchApi(api, self.clock, self.records, self._writer).routes(),
            *ObjectsApi(api, self.records, Search(self.records), self._writer).routes(),
            *AssociationsApi(api, self.clock, self.records).routes(),
            *PropertiesApi(api, self.clock, self.records).routes(),
            *PipelinesApi(api, self.records).routes(),
            *OwnerApi(api).routes(),
            *SchemasApi(api, self.records, self._schemas).routes(),
            *AccountApi(api, self._access, self._quota, self.clock, ZONE, self.records, self.settings).routes(),
        ]

    def manual(self, action: str, body: dict[str, Any]) -> dict[str, Any]:
        """Does what a person would in the CRM's pages; ValueError says what is wrong with the request."""
        return self._manual.do(action, body)

    def add_bulk_rows(self, object_name: str, n: int) -> None:
        """Makes one object `n` rows large; ValueError for a name that is none of the portal's objects."""
        try:
            kind = self.records.kinds.find(object_name)
        except HubspotError:
            raise ValueError(
                f"{object_name} is not an object that can be made large; name companies, contacts, tasks or the like"
            ) from None
        bulk_rows.fill(self.records, kind, n, self.clock.now())

    def expire_tokens(self) -> None:
        """Ends every OAuth access token now, as the fault `expired token` does."""
        self._access.expire_all()

    def refresh_calculated(self, now: datetime) -> None:
        """Brings calculated properties up to date, once a day of the account; no stamp moves."""
        today = now.astimezone(ZONE).date()
        if today == self._counted:
            return
        self._counted = today
        kind = self.records.kinds.find("companies")
        for record in self.records.rows(kind):
            handed_in = record.fields.get("attack_list_submitted_on")
            days = None if handed_in is None else str((today - date.fromisoformat(handed_in)).days)
            if days != record.fields.get("days_since_attack_list"):
                self.records.set_calculated(kind, record, {"days_since_attack_list": days}, now)


def mint(kinds: ObjectTypes, object_name: str, serial: int) -> str:
    """The id of an object's nth record: ascending, with gaps."""
    start, step = kinds.find(object_name).serials
    return str(start + (serial - 1) * step + (0 if step > 20 else (serial * serial) % 3))
