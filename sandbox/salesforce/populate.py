"""From the world's happenings to records, as reps would have typed them in on the day they are recorded."""

from datetime import date, datetime, time, timedelta
from typing import Any

from sandbox.salesforce import stamps
from sandbox.salesforce.desk import ZONE, Desk, chance
from sandbox.salesforce.objects import LOSS_REASONS
from sandbox.salesforce.org import Org
from sandbox.salesforce.shapes import shape_of
from sandbox.salesforce.writer import Writer
from sandbox.store import Record
from sandbox.world import World, WorldActivity, WorldDeal, WorldEntry, WorldEvent, WorldPartner

STATUS = {
    "listed": "Listed",
    "requested": "Requested",
    "agreed": "Agreed",
    "executed": "Executed",
    "deal": "Deal",
    "lost": "Declined",
}
DATE_FIELD = {
    "listed": "ListedOn__c",
    "requested": "RequestedOn__c",
    "agreed": "AgreedOn__c",
    "executed": "ExecutedOn__c",
    "lost": "DeclinedOn__c",
}
RANK = {step: n for n, step in enumerate(("listed", "requested", "agreed", "executed", "deal", "won", "lost"))}
SUBJECT = {
    "regular_meeting": ("Event", "定例ミーティング"),
    "co_visit": ("Event", "営業同行"),
    "study_session": ("Event", "勉強会"),
    "dinner": ("Event", "会食"),
    "webinar": ("Event", "ウェビナー"),
    "touch": ("Task", "事例共有"),
    "approach": ("Task", "アプローチ実施"),
}
SOURCE = {"web": "Web", "inside_sales": "Inside Sales", "event": "Event", "outbound": "Outbound"}


class Populator:
    """Keeps what it must remember of a world to turn its next happening into records."""

    def __init__(self, org: Org, writer: Writer) -> None:
        self._org = org
        self._writer = writer
        self._desk = Desk(org, writer)
        self._shape = shape_of(org.settings.salesforce_entries, self._desk, org)
        self._world: World | None = None
        self._partners: dict[str, WorldPartner] = {}
        self._entries: dict[str, WorldEntry] = {}
        self._corrected: set[tuple[str, str, date]] = set()
        self._asserted_on: set[tuple[str, str, date]] = set()
        self._approached: set[str] = set()
        self._records: dict[str, Record] = {}  # by entry id
        self._deals: dict[str, Record] = {}  # by entry id
        self._reached: dict[str, dict[str, date]] = {}
        self._dated_by: dict[tuple[str, str], str] = {}  # entry and step: the event whose date the field shows
        self._at_step: dict[str, tuple[str, date]] = {}
        self._tasks: dict[str, Record] = {}  # by event id

    def populate(self, world: World) -> None:
        self._learn(world)
        self._desk.people(world)
        for n, partner in enumerate(p for p in world.partners if "salesforce" in p.crms):
            if partner.joined_on <= world.as_of:
                account = self._desk.account_of(partner)
                if n % 4 == 0:
                    self._desk.contact(n, partner, account)
        for happening in world.happenings(date.min, world.as_of):
            self.apply(happening, world)
        if self._org.settings.scenario == "empty":
            return
        self._desk.leads(world)
        if self._org.settings.salesforce_person_accounts:
            self._desk.persons(world)

    def apply(self, happening: WorldEvent | WorldActivity | WorldDeal, world: World) -> None:
        """Turns one happening into records, if it belongs to this CRM."""
        self._learn(world)
        if isinstance(happening, WorldEvent):
            self._event(happening)
        elif isinstance(happening, WorldActivity):
            self._activity(happening)
        elif happening.crm == "salesforce":
            self._other_deal(happening)
        self._writer.begin()

    def _learn(self, world: World) -> None:
        if self._world is world:
            return
        self._world = world
        self._partners = {p.id: p for p in world.partners}
        self._entries = {e.id: e for e in world.entries if e.crm == "salesforce"}
        self._corrected = {(e.entry_id, e.step, e.recorded_on) for e in world.events if e.op == "retract"}
        self._asserted_on = {(e.entry_id, e.step, e.recorded_on) for e in world.events if e.op == "assert"}
        self._approached = {a.entry_id for a in world.activities if a.kind == "approach" and a.entry_id}

    # entries

    def _event(self, event: WorldEvent) -> None:
        entry = self._entries.get(event.entry_id)
        if entry is None:
            return
        if event.op == "retract":
            self._retract(event)
            return
        key = (event.entry_id, event.step, event.recorded_on)
        record = self._records.get(entry.id)
        if record is None:
            self._open(event, entry)
        elif key in self._corrected:
            self._correct(event, record)
        else:
            self._reach(event, record)
        if key not in self._corrected:
            self._beside(event, entry, self._records[entry.id])

    def _open(self, event: WorldEvent, entry: WorldEntry) -> None:
        """The entry's record, made at the first event recorded; rows of one handed-in list share their second."""
        target = entry.target
        partner = self._desk.account_of(self._partners[entry.partner_id])
        text = f"list {entry.partner_id}" if event.step == "listed" else f"event {event.id}"
        at = self._desk.stamp(event.recorded_on, text)
        values = {
            "Partner__c": partner.id,
            "TargetName__c": target.name,
            "TargetWebsite__c": f"https://{target.domain}" if target.domain else None,
            "TargetCorporateNumber__c": target.corporate_number,
            "TargetPhone__c": target.phone,
            "TargetPrefecture__c": target.prefecture,
            "TargetCity__c": target.city,
            "Status__c": STATUS.get(event.step, "Deal"),
            "Attempt__c": float(entry.attempt),
            "ExternalId__c": entry.external_id,
        }
        if event.step in DATE_FIELD:
            values[DATE_FIELD[event.step]] = event.occurred_on.isoformat()
        if event.step == "lost":
            values["LossReason__c"] = LOSS_REASONS[chance(f"loss {entry.id}", len(LOSS_REASONS))][0]
        self._records[entry.id] = self._shape.open(values, at, entry.id)
        self._reached[entry.id] = {event.step: event.occurred_on}
        self._dated_by[entry.id, event.step] = event.id
        self._at_step[entry.id] = (event.step, event.occurred_on)

    def _reach(self, event: WorldEvent, record: Record) -> None:
        """The status moves on, or back where the step happened after the one the entry stands in; what is recorded late
        only fills its date.
        """
        step, day = event.step, event.occurred_on
        values: dict[str, Any] = {}
        if step not in self._reached[event.entry_id]:
            self._reached[event.entry_id][step] = day
            self._dated_by[event.entry_id, step] = event.id
            if step in DATE_FIELD:
                values[DATE_FIELD[step]] = day.isoformat()
        current, since = self._at_step[event.entry_id]
        if step == current:
            self._at_step[event.entry_id] = (step, max(day, since))
        elif RANK[step] > RANK[current] or day > since:
            self._at_step[event.entry_id] = (step, day)
            values["Status__c"] = STATUS.get(step, "Deal")
            if step == "lost":
                values["LossReason__c"] = LOSS_REASONS[chance(f"loss {event.entry_id}", len(LOSS_REASONS))][0]
        if values and values != {"Status__c": record.fields.get("Status__c")}:
            self._shape.update(record, values, self._desk.stamp(event.recorded_on, f"event {event.id}", record))

    def _retract(self, event: WorldEvent) -> None:
        """Half of a correction waits for the other half; a step that never was loses its date, and the status returns."""
        record = self._records.get(event.entry_id)
        if record is None or (event.entry_id, event.step, event.recorded_on) in self._asserted_on:
            return
        if self._dated_by.get((event.entry_id, event.step)) != event.supersedes:
            return
        reached = self._reached[event.entry_id]
        reached.pop(event.step, None)
        values: dict[str, Any] = {DATE_FIELD[event.step]: None} if event.step in DATE_FIELD else {}
        if self._at_step[event.entry_id][0] == event.step and reached:
            step = max(reached, key=lambda s: (reached[s], RANK[s]))
            self._at_step[event.entry_id] = (step, reached[step])
            values["Status__c"] = STATUS.get(step, "Deal")
        if values:
            self._shape.update(record, values, self._desk.stamp(event.recorded_on, f"event {event.id}", record))

    def _correct(self, event: WorldEvent, record: Record) -> None:
        """The date field is edited, where it shows the event that was wrong; an Opportunity's CreatedDate cannot be."""
        assert self._world is not None
        wrong = next(
            e.supersedes
            for e in self._world.events
            if e.op == "retract"
            and (e.entry_id, e.step, e.recorded_on) == (event.entry_id, event.step, event.recorded_on)
        )
        at = self._desk.stamp(event.recorded_on, f"event {event.id}", record)
        if wrong in self._tasks:
            task = self._tasks[event.id] = self._tasks.pop(wrong)
            self._desk.update(task, {"ActivityDate": event.occurred_on.isoformat()}, at)
        if self._dated_by.get((event.entry_id, event.step), wrong) != wrong:
            return
        self._reached[event.entry_id][event.step] = event.occurred_on
        self._dated_by[event.entry_id, event.step] = event.id
        if event.step in DATE_FIELD:
            self._shape.update(record, {DATE_FIELD[event.step]: event.occurred_on.isoformat()}, at)

    def _beside(self, event: WorldEvent, entry: WorldEntry, record: Record) -> None:
        """What else is typed in on the occasion."""
        partner = self._partners[entry.partner_id]
        match event.step:
            case "listed" if partner.submits_list:
                account, handed_in = self._desk.account_of(partner), event.occurred_on.isoformat()
                if handed_in > (account.fields.get("AttackListSubmittedOn__c") or ""):
                    at = self._desk.stamp(event.recorded_on, f"list {partner.id}", account)
                    self._desk.update(account, {"AttackListSubmittedOn__c": handed_in}, at)
            case "executed" if entry.id not in self._approached:
                if about := self._shape.about(record):
                    day = event.occurred_on
                    self._tasks[event.id] = self._log("approach", event.id, about, day, event.recorded_on)
            case "deal" if entry.id not in self._deals:
                self._deal(event, entry, record)
            case "won" | "lost" if entry.id in self._deals:
                self._close(self._deals[entry.id], event)

    def _deal(self, event: WorldEvent, entry: WorldEntry, record: Record) -> None:
        at = self._desk.stamp(event.recorded_on, f"deal {event.id}")
        account, partner = self._desk.company(entry.target, at), self._desk.account_of(self._partners[entry.partner_id])
        values = self._opportunity(entry.target.name, entry.id, event.occurred_on) | {
            "StageName": "Prospecting",
            "LeadSource": "Partner",
            "AccountId": account.id,
            "PartnerAccount__c": partner.id,
        }
        deal = self._deals[entry.id] = self._desk.create("Opportunity", values, at, entry.id)
        self._born_on(deal, event.occurred_on)
        self._shape.update(
            record, {"Opportunity__c": deal.id}, self._desk.stamp(event.recorded_on, f"deal {event.id}", record)
        )

    def _opportunity(self, name: str, key: str, created: date) -> dict[str, Any]:
        closing = created + timedelta(days=45 + chance(f"close {key}", 60))
        amount = float((3 + chance(f"amount {key}", 60)) * 100_000)
        return {"Name": f"{name} 新規導入", "Amount": amount, "CloseDate": closing.isoformat()}

    def _born_on(self, deal: Record, day: date) -> None:
        """CreatedDate says when it happened, as an import with audit fields set can; SystemModstamp when it was recorded."""
        at = stamps.floor(datetime.combine(day, time(10), ZONE) + timedelta(minutes=chance(deal.id, 420)))
        deal.created_at = min(at, deal.modified_at)
        self._org.touch("Opportunity")

    def _close(self, deal: Record, event: WorldEvent) -> None:
        won = event.step == "won"
        at = self._desk.stamp(event.recorded_on, f"event {event.id}", deal)
        self._desk.update(
            deal, {"StageName": "Closed Won" if won else "Closed Lost", "CloseDate": event.occurred_on.isoformat()}, at
        )
        account = self._org.store.get("Account", deal.fields.get("AccountId") or "")
        if won and account is not None and account.fields.get("Type") == "Prospect":
            self._desk.update(
                account, {"Type": "Customer"}, self._desk.stamp(event.recorded_on, f"event {event.id}", account)
            )

    # the rest

    def _other_deal(self, deal: WorldDeal) -> None:
        at = self._desk.stamp(deal.created_on, f"other {deal.id}")
        stage = {True: "Closed Won", False: "Closed Lost", None: "Qualification"}[deal.won]
        key = f"other {deal.id}"
        values = self._opportunity(deal.company.name, key, deal.created_on) | {
            "StageName": stage,
            "LeadSource": SOURCE[deal.source],
            "AccountId": self._desk.company(deal.company, at).id,
        }
        self._desk.create("Opportunity", values, at, key)

    def _activity(self, activity: WorldActivity) -> None:
        partner = self._partners.get(activity.partner_id)
        if partner is None or (activity.crm or partner.crms[0]) != "salesforce":
            return
        about: dict[str, Any] | None = {"WhatId": self._desk.account_of(partner).id}
        if activity.kind == "approach" and activity.entry_id:
            entry = self._records.get(activity.entry_id)
            about = self._shape.about(entry) if entry is not None else None
        if about is None:
            return
        self._log(activity.kind, f"activity {activity.id}", about, activity.occurred_on, activity.occurred_on)

    def _log(self, kind: str, text: str, about: dict[str, Any], day: date, recorded: date) -> Record:
        object_name, subject = SUBJECT[kind]
        values: dict[str, Any] = {"Subject": subject, **about, "ActivityDate": day.isoformat()}
        if object_name == "Task":
            values["Status"] = "Completed"
        else:
            start = stamps.floor(datetime.combine(day, time(10), ZONE) + timedelta(minutes=30 * chance(text, 14)))
            minutes = 120 if kind in ("co_visit", "dinner") else 60
            values |= {
                "StartDateTime": stamps.rest(start),
                "ActivityDateTime": stamps.rest(start),
                "EndDateTime": stamps.rest(start + timedelta(minutes=minutes)),
                "DurationInMinutes": minutes,
            }
        return self._desk.create(object_name, values, self._desk.stamp(recorded, text), text)
