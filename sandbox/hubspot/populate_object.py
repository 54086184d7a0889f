"""A portal that keeps attack lists in a custom object: its entries lead to deals of the usual pipeline."""

from collections.abc import Mapping
from datetime import datetime

from sandbox.clock import Clock
from sandbox.hubspot.associations import HUBSPOT
from sandbox.hubspot.populate import Populator
from sandbox.hubspot.records import Records
from sandbox.store import Record

STATUS = {
    "1001": "listed",
    "1002": "requested",
    "1003": "agreed",
    "1004": "executed",
    "1005": "deal",
    "1006": "deal",
    "1007": "lost",
}
_DEAL_STAGE = {"1005": "qualifiedtobuy", "1006": "closedwon", "1007": "closedlost"}
_KEPT = ("target_", "listed_on", "requested_on", "agreed_on", "executed_on", "lost_on", "loss_reason", "external_id")


class ObjectPopulator(Populator):
    """The same world; an entry is a record of `attack_list_entry`, and becomes a deal when there is one."""

    entries = "attack_list_entry"

    def __init__(self, records: Records, clock: Clock) -> None:
        super().__init__(records, clock)
        self._real: dict[str, Record] = {}  # the deal that an entry became, by the entry's id

    def _make_entry(self, values: Mapping[str, str | None], partner: Record, at: datetime) -> Record:
        made = self._create(self.entries, {**self._said(values), "entry_name": str(values["dealname"])}, at)
        self._link(self.entries, made, "companies", partner, self._plain(self.entries, "companies"))
        return made

    def _change_entry(self, record: Record, values: Mapping[str, str | None], at: datetime) -> None:
        if said := self._said(values):
            self._update(self.entries, record, said, at)
        deal = self._real.get(record.id)
        stage = _DEAL_STAGE.get(str(values.get("dealstage")))
        if deal is not None and stage is not None:
            self._update("deals", deal, {"dealstage": stage}, at)

    def _target(self, deal: Record, company: Record, at: datetime) -> None:
        entry = deal
        values = {
            "dealname": entry.fields.get("entry_name"),
            "pipeline": "default",
            "dealstage": "qualifiedtobuy",
            "deal_source": "partner",
        }
        made = self._real[entry.id] = self._create("deals", values, at)
        self._link("deals", made, "companies", company, (HUBSPOT, 5))
        self._link(self.entries, entry, "deals", made, self._plain(self.entries, "deals"))

    def _approach_link(self) -> tuple[str, int]:
        return self._plain("tasks", self.entries)

    def _plain(self, source: str, target: str) -> tuple[str, int]:
        return self._records.associations.unlabelled(self._kind[source], self._kind[target]).spec

    def _said(self, values: Mapping[str, str | None]) -> dict[str, str | None]:
        said = {name: value for name, value in values.items() if name.startswith(_KEPT)}
        if "dealstage" in values:
            said["entry_status"] = STATUS[str(values["dealstage"])]
        return said
