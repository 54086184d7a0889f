"""The Salesforce half of the sandbox, put together."""

from typing import Any

from starlette.routing import BaseRoute

from sandbox.clock import Clock
from sandbox.salesforce import (
    bulk_rows,
    currencies,
    objects,
    objects_campaigns,
    objects_history,
    objects_people,
    persons,
    rights,
)
from sandbox.salesforce.api_bulk_ingest import BulkIngest
from sandbox.salesforce.api_bulk_query import BulkQueries
from sandbox.salesforce.api_collections import Collections
from sandbox.salesforce.api_composite import Composite
from sandbox.salesforce.api_metadata import Metadata
from sandbox.salesforce.api_query import Queries
from sandbox.salesforce.api_sobjects import Sobjects
from sandbox.salesforce.api_tooling import Tooling
from sandbox.salesforce.auth import Tokens
from sandbox.salesforce.components import Components
from sandbox.salesforce.limits import Usage
from sandbox.salesforce.manual import Manual
from sandbox.salesforce.org import Org
from sandbox.salesforce.populate import Populator
from sandbox.salesforce.server import Server
from sandbox.salesforce.writer import Writer
from sandbox.settings import SandboxSettings
from sandbox.store import Store
from sandbox.world import World, WorldActivity, WorldDeal, WorldEvent


class SalesforceCrm:
    """A Salesforce org: `routes` for clients, `populate`, `apply`, `manual` and `add_bulk_rows` for the sandbox around it."""

    def __init__(self, clock: Clock, settings: SandboxSettings) -> None:
        self._org = Org(clock, settings)
        self._define(self._org)
        self._reshape(self._org)
        self._writer = Writer(self._org)
        self._components = Components(self._org)
        self._tooling = Tooling(self._org, self._components)
        self._tooling.register()
        rights.settle_objects(self._org)
        self._populator = Populator(self._org, self._writer)
        self._manual = Manual(self._org, self._writer)
        self.tokens = Tokens(self._org)
        self.usage = Usage(settings.salesforce_daily_limit, enforced=settings.limits)

    @staticmethod
    def _define(org: Org) -> None:
        for obj in (
            objects.account(org.today),
            objects.entry(),
            objects_history.entry_history(org.store),
            objects_people.contact(),
            objects.event(org.today),
            objects_people.field_permissions(),
            objects_people.lead(),
            objects.opportunity(),
            objects_history.opportunity_field_history(org.store),
            objects_history.opportunity_history(org.store),
            objects_people.object_permissions(),
            objects_people.organization(),
            objects_people.permission_set(),
            objects_people.permission_set_assignment(),
            objects_people.record_type(),
            objects.task(org.today),
            objects_people.user(),
            objects_people.user_permission_access(),
        ):
            org.schema.add(obj)

    @staticmethod
    def _reshape(org: Org) -> None:
        """What an org has that keeps attack lists otherwise than in an object of its own."""
        shape = org.settings.salesforce_entries
        if shape != "custom_object":
            objects_campaigns.with_partner(org.schema.objects["Lead"])
            org.schema.add(objects_campaigns.lead_history(org.store))
        if shape == "campaign_members":
            org.schema.add(objects_campaigns.campaign())
            org.schema.add(objects_campaigns.campaign_member(org.store))
        if org.settings.salesforce_person_accounts:
            persons.switch_on(org)
        if org.settings.salesforce_currencies:
            currencies.switch_on(org, org.settings.salesforce_currencies)

    @property
    def store(self) -> Store:
        return self._org.store

    def populate(self, world: World) -> None:
        """Everything recorded up to the world's as-of day."""
        self._populator.populate(world)

    def apply(self, happening: WorldEvent | WorldActivity | WorldDeal, world: World) -> None:
        """One happening, on the day it is recorded."""
        self._populator.apply(happening, world)

    def routes(self) -> list[BaseRoute]:
        server = Server(self._org, self._writer, self.tokens, self.usage)
        sobjects = Sobjects(self._org, self._writer)
        server.add(Composite(self._writer, server.dispatch, self.usage.charge).routes())
        server.add(Collections(self._org, self._writer, sobjects).routes())
        server.add(self._tooling.routes())
        server.add(Queries(self._org).routes())
        server.add(BulkQueries(self._org, self.usage).routes())
        server.add(BulkIngest(self._org, self._writer).routes())
        server.add(sobjects.routes())
        metadata = Metadata(self._org, self._components, self._tooling, self.tokens, self.usage)
        return [*metadata.routes(), *server.routes()]

    def manual(self, action: str, body: dict[str, Any]) -> dict[str, Any]:
        """What a person does in the org's pages."""
        return self._manual.do(action, body)

    def add_bulk_rows(self, object_name: str, n: int) -> None:
        """Makes one object `n` rows large."""
        bulk_rows.add(self._org, object_name, n)
