"""From the world's happenings to records, as people in this CRM would have typed them in on the day they are recorded."""

import zlib
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sandbox.clock import Clock
from sandbox.hubspot.associations import HUBSPOT, PARTNER_LABEL, USER
from sandbox.hubspot.catalog import MEETING_KINDS, TASK_KINDS
from sandbox.hubspot.object_types import ObjectType
from sandbox.hubspot.owners import ACTIVE
from sandbox.hubspot.records import Records
from sandbox.hubspot.wire import short_iso
from sandbox.store import Record
from sandbox.world import Company, World, WorldActivity, WorldDeal, WorldEntry, WorldEvent, WorldPartner

ZONE = ZoneInfo("Asia/Tokyo")
STAGES = {
    "listed": "1001",
    "requested": "1002",
    "agreed": "1003",
    "executed": "1004",
    "deal": "1005",
    "won": "1006",
    "lost": "1007",
}
RANK = {step: n for n, step in enumerate(STAGES)}
REASONS = ("no_need", "no_response", "competitor", "budget", "timing")
SCALES = {"small": (3, 50), "medium": (50, 300), "large": (300, 4000)}
FAMILY = ("山本", "中村", "小林", "加藤", "吉田", "山田", "佐々木", "山口", "松本", "井上", "木村", "林")
GIVEN = ("大輔", "陽子", "直樹", "恵", "拓也", "由美", "誠", "彩", "隆", "真由", "剛", "千尋")


def chance(text: str, upto: int) -> int:
    """A number below `upto` that depends only on the text: the same world makes the same records."""
    return zlib.crc32(text.encode()) % upto


class Populator:
    """Keeps what it must remember of a world to turn its next happening into records. `entries` is the object that entries stand in."""

    entries = "deals"

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock
        names = ("companies", "deals", "contacts", "meetings", "tasks", self.entries)
        self._kind = {name: records.kinds.find(name) for name in names}
        self._partners: dict[str, Record] = {}
        self._targets: dict[str, Record] = {}
        self._deals: dict[str, Record] = {}
        self._reached: dict[str, dict[str, date]] = {}
        self._current: dict[str, tuple[str, date]] = {}
        self._world: World | None = None
        self._entries: dict[str, WorldEntry] = {}
        self._by_id: dict[str, WorldEntry] = {}
        self._partner: dict[str, WorldPartner] = {}
        self._corrected: set[tuple[str, str, date]] = set()  # entry, step and day of a retraction
        self._amended: set[tuple[str, str, date]] = set()  # those of them with an assertion on the same day
        self._approached: set[str] = set()

    def populate(self, world: World) -> None:
        """Partners that joined, a few contacts, and everything recorded up to the world's as-of day."""
        self._learn(world)
        for partner in sorted(world.partners, key=lambda p: (p.joined_on, p.id)):
            if "hubspot" in partner.crms and partner.joined_on <= world.as_of:
                self._company_of(partner)
        for n, partner in enumerate([p for p in world.partners if "hubspot" in p.crms][:24:2]):
            self._contact(n, partner)
        for happening in world.happenings(date.min, world.as_of):
            self.apply(happening, world)

    def apply(self, happening: WorldEvent | WorldActivity | WorldDeal, world: World) -> None:
        """Turns one happening into records, if it belongs to this CRM."""
        self._learn(world)
        if isinstance(happening, WorldEvent):
            self._event(happening)
        elif isinstance(happening, WorldActivity):
            self._activity(happening)
        elif happening.crm == "hubspot":
            self._other_deal(happening)

    def _learn(self, world: World) -> None:
        if self._world is world:
            return
        self._world = world
        self._entries = {entry.external_id: entry for entry in world.entries}
        self._by_id = {entry.id: entry for entry in world.entries}
        self._partner = {partner.id: partner for partner in world.partners}
        self._corrected = {(e.external_id, e.step, e.recorded_on) for e in world.events if e.op == "retract"}
        keys = ((e.external_id, e.step, e.recorded_on) for e in world.events if e.op == "assert")
        self._amended = {key for key in keys if key in self._corrected}
        self._approached = {a.entry_id for a in world.activities if a.kind == "approach" and a.entry_id}

    def _stamp(self, day: date, text: str, after: Record | None = None) -> datetime:
        """A moment of a day's business hours; several happenings share a second. Never later than now, nor before the
        record's last change.
        """
        opening = datetime.combine(day, time(9), ZONE)
        at = opening + timedelta(seconds=chance(text, 8 * 360) * 10)
        now = self._clock.now()
        at = min(at, now)
        if after is not None and after.changes and at <= after.changes[-1].at:
            at = min(after.changes[-1].at + timedelta(seconds=1), now)
        return at

    def _create(self, name: str, values: Mapping[str, str | None], at: datetime) -> Record:
        owner = ACTIVE[chance(str(sorted(values.items(), key=str)), len(ACTIVE))]
        return self._records.create(self._kind[name], {**values, "hubspot_owner_id": owner}, at, lagging=False)

    def _update(self, name: str, record: Record, values: Mapping[str, str | None], at: datetime) -> None:
        record = self._records.find(self._kind[name], record.id) or record  # its survivor, had it been merged
        if record.deleted_at is None and not record.purged and record.merged_into is None:
            self._records.update(self._kind[name], record, values, at, lagging=False)

    def _link(self, source: str, record: Record, target: str, other: Record, *specs: tuple[str, int]) -> None:
        links, one, two = self._records.associations, self._kind[source], self._kind[target]
        here, there = (self._standing(one, record), self._standing(two, other))
        types = [links.type_of(one, two, *spec) for spec in specs]
        links.link(one, int(here.id), two, int(there.id), types)

    def _standing(self, kind: ObjectType, record: Record) -> Record:
        return self._records.find(kind, record.id) or record

    def _marks(self, company: Company) -> dict[str, str | None]:
        return {
            "name": company.name,
            "domain": company.domain or None,
            "website": f"https://www.{company.domain}" if company.domain else None,
            "phone": company.phone or None,
            "state": company.prefecture or None,
            "city": company.city or None,
            "corporate_number": company.corporate_number or None,
        }

    def _company_of(self, partner: WorldPartner) -> Record:
        known = self._partners.get(partner.id)
        if known is not None:
            return known
        low, high = SCALES.get(partner.scale, SCALES["small"])
        values = self._marks(partner.company_in("hubspot")) | {
            "numberofemployees": str(low + chance(f"employees {partner.id}", high - low)),
            "partner_flag": "true",
            "partner_industry": partner.industry,
            "partner_contract": partner.contract,
            "attack_list_willingness": partner.willingness,
            "partner_since": partner.joined_on.isoformat(),
        }
        made = self._create("companies", values, self._stamp(partner.joined_on, f"partner {partner.id}"))
        self._partners[partner.id] = made
        return made

    def _company(self, company: Company, at: datetime) -> Record:
        key = company.corporate_number or company.domain or company.name
        known = self._targets.get(key)
        if known is None:
            staff = str(5 + chance(f"employees {key}", 240))
            known = self._targets[key] = self._create(
                "companies", self._marks(company) | {"numberofemployees": staff}, at
            )
        return known

    def _contact(self, n: int, partner: WorldPartner) -> None:
        company = self._company_of(partner)
        values = {
            "lastname": FAMILY[n % len(FAMILY)],
            "firstname": GIVEN[n % len(GIVEN)],
            "email": f"contact{n + 1}@{partner.company.domain or 'partner.invalid'}",
            "company": partner.company_in("hubspot").name,
            "jobtitle": "代表取締役" if n % 3 == 0 else "営業部長",
        }
        made = self._create("contacts", values, self._stamp(partner.joined_on, f"contact {partner.id}"))
        self._link("contacts", made, "companies", company, (HUBSPOT, 1))

    def _entry(self, event: WorldEvent) -> WorldEntry | None:
        """The entry an event belongs to, where it stands in this CRM. Duplicates in the other CRM have an external id of their own."""
        known = self._entries.get(event.external_id)
        if known is not None:
            return known if known.crm == "hubspot" else None
        base = self._by_id.get(event.entry_id)
        if base is None:
            return None
        return base if (base.crm == "hubspot") != event.external_id.startswith("dup-") else None

    def _event(self, event: WorldEvent) -> None:
        entry = self._entry(event)
        if entry is None:
            return
        reached = self._reached.setdefault(event.external_id, {})
        deal = self._deals.get(event.external_id)
        if deal is None:
            if event.op == "retract":
                return
            deal = self._open(event, entry)
        at = self._stamp(event.recorded_on, f"event {event.id}", deal)
        key = (event.external_id, event.step, event.recorded_on)
        if event.op == "retract":
            if key in self._amended:  # the assertion of the same day sets the new date
                return
            values = self._taken_back(event, reached)
        else:
            values = self._asserted(event, reached, correction=key in self._corrected)
        if values:
            self._change_entry(deal, values, at)
        if event.op == "assert":
            self._beside(event, entry, deal, at)

    def _open(self, event: WorldEvent, entry: WorldEntry) -> Record:
        partner, target = self._partner[entry.partner_id], entry.target
        company = self._company_of(partner)
        at = self._stamp(event.recorded_on, f"event {event.id}")
        values = {
            "dealname": f"{target.name}（{partner.company_in('hubspot').name} ご紹介）",
            "pipeline": "partner",
            "dealstage": STAGES[event.step],
            "deal_source": "partner",
            "target_name": target.name,
            "target_domain": target.domain or None,
            "target_corporate_number": target.corporate_number or None,
            "target_phone": target.phone or None,
            "target_prefecture": target.prefecture or None,
            "target_city": target.city or None,
            "attempt": str(entry.attempt),
            "external_id": event.external_id,
            **self._with_stage(event),
        }
        if event.step != "won":
            values[f"{event.step}_on"] = event.occurred_on.isoformat()
        deal = self._deals[event.external_id] = self._make_entry(values, company, at)
        self._reached[event.external_id][event.step] = event.occurred_on
        self._current[event.external_id] = (event.step, event.occurred_on)
        return deal

    def _make_entry(self, values: Mapping[str, str | None], partner: Record, at: datetime) -> Record:
        """The entry's record, told in the words of a deal in the partner pipeline, and its link to the partner."""
        made = self._create("deals", values, at)
        self._link("deals", made, "companies", partner, (USER, PARTNER_LABEL))
        return made

    def _change_entry(self, record: Record, values: Mapping[str, str | None], at: datetime) -> None:
        self._update("deals", record, values, at)

    def _target(self, deal: Record, company: Record, at: datetime) -> None:
        """The customer to be, once it is a deal."""
        _ = at
        self._link("deals", deal, "companies", company, (HUBSPOT, 5))

    def _taken_back(self, event: WorldEvent, reached: dict[str, date]) -> dict[str, str | None]:
        """A step that never was: its date goes, and the deal returns to the step before."""
        reached.pop(event.step, None)
        values: dict[str, str | None] = {f"{event.step}_on": None} if event.step != "won" else {"closedate": None}
        if self._current.get(event.external_id, ("", date.min))[0] == event.step and reached:
            step = max(reached, key=lambda s: RANK[s])
            self._current[event.external_id] = (step, reached[step])
            values["dealstage"] = STAGES[step]
        return values

    def _asserted(self, event: WorldEvent, reached: dict[str, date], *, correction: bool) -> dict[str, str | None]:
        """The stage moves on, or back where the step happened after the one the deal stands in; what is typed in late changes
        only its date.
        """
        step, day = event.step, event.occurred_on
        values: dict[str, str | None] = {}
        if correction or step not in reached:
            reached[step] = day
            values = {"closedate" if step == "won" else f"{step}_on": day.isoformat()}
            if step == "won":
                values["closedate"] = short_iso(datetime.combine(day, time(12), ZONE))
        current, since = self._current[event.external_id]
        if current == step:
            self._current[event.external_id] = (step, day)
        elif not correction and (RANK[step] > RANK[current] or day > since):
            self._current[event.external_id] = (step, day)
            values["dealstage"] = STAGES[step]
            values |= self._with_stage(event)
        return values

    def _with_stage(self, event: WorldEvent) -> dict[str, str]:
        if event.step == "deal":
            closing = event.occurred_on + timedelta(days=45 + chance(f"close {event.external_id}", 60))
            amount = (3 + chance(f"amount {event.external_id}", 60)) * 100_000
            return {"amount": str(amount), "closedate": short_iso(datetime.combine(closing, time(12), ZONE))}
        if event.step == "lost":
            return {"loss_reason": REASONS[chance(f"loss {event.external_id}", len(REASONS))]}
        return {}

    def _beside(self, event: WorldEvent, entry: WorldEntry, deal: Record, at: datetime) -> None:
        """What else somebody types in on the occasion."""
        partner = self._partner[entry.partner_id]
        if event.step == "listed" and partner.submits_list:
            company = self._standing(self._kind["companies"], self._company_of(partner))
            handed_in = event.occurred_on.isoformat()
            if handed_in > (company.fields.get("attack_list_submitted_on") or ""):
                later = max(at, self._stamp(event.recorded_on, f"list {event.id}", company))
                self._update("companies", company, {"attack_list_submitted_on": handed_in}, later)
        first = (event.external_id, event.step, event.recorded_on) not in self._corrected
        if event.step == "executed" and first and entry.id not in self._approached:
            self._approach(event.id, event.occurred_on, deal, partner, at)
        if event.step == "deal" and first:
            self._target(deal, self._company(entry.target, at), at)

    def _approach(self, text: str, day: date, deal: Record, partner: WorldPartner, at: datetime) -> None:
        made = self._task("approach", text, day, at)
        self._link("tasks", made, self.entries, deal, self._approach_link())
        self._link("tasks", made, "companies", self._company_of(partner), (HUBSPOT, 192))

    def _approach_link(self) -> tuple[str, int]:
        return HUBSPOT, 216

    def _task(self, kind: str, text: str, day: date, at: datetime) -> Record:
        when = datetime.combine(day, time(9), ZONE) + timedelta(minutes=chance(f"when {text}", 32) * 15)
        values = {"hs_task_subject": TASK_KINDS[kind], "hs_task_status": "COMPLETED", "hs_timestamp": short_iso(when)}
        return self._create("tasks", values, at)

    def _activity(self, activity: WorldActivity) -> None:
        partner = self._partner[activity.partner_id]
        entry = self._by_id.get(activity.entry_id)
        home = activity.crm or (entry.crm if entry is not None else partner.crms[0])
        if home != "hubspot":
            return
        at = self._stamp(activity.occurred_on, f"activity {activity.id}")
        text = f"activity {activity.id}"
        if activity.kind == "approach" and entry is not None and entry.external_id in self._deals:
            self._approach(text, activity.occurred_on, self._deals[entry.external_id], partner, at)
            return
        if activity.kind in TASK_KINDS:
            made = self._task(activity.kind, text, activity.occurred_on, at)
            self._link("tasks", made, "companies", self._company_of(partner), (HUBSPOT, 192))
            return
        title, kind = MEETING_KINDS[activity.kind]
        start = datetime.combine(activity.occurred_on, time(9), ZONE) + timedelta(
            minutes=chance(f"when {text}", 32) * 15
        )
        values = {
            "hs_meeting_title": title,
            "hs_meeting_start_time": short_iso(start),
            "hs_meeting_end_time": short_iso(start + timedelta(hours=1)),
            "hs_timestamp": short_iso(start),
            "hs_activity_type": kind,
            "hs_meeting_outcome": "COMPLETED",
        }
        made = self._create("meetings", values, at)
        self._link("meetings", made, "companies", self._company_of(partner), (HUBSPOT, 188))

    def _other_deal(self, deal: WorldDeal) -> None:
        at = self._stamp(deal.created_on, f"deal {deal.id}")
        company = self._company(deal.company, at)
        closing = deal.created_on + timedelta(days=60)
        values = {
            "dealname": f"{deal.company.name} 新規",
            "pipeline": "default",
            "dealstage": "appointmentscheduled",
            "deal_source": deal.source,
            "amount": str((3 + chance(f"other {deal.id}", 60)) * 100_000),
            "closedate": short_iso(datetime.combine(closing, time(12), ZONE)),
        }
        made = self._create("deals", values, at)
        self._link("deals", made, "companies", company, (HUBSPOT, 5))
        stage = {True: "closedwon", False: "closedlost", None: "qualifiedtobuy"}[deal.won]
        later = min(at + timedelta(minutes=1 + chance(f"later {deal.id}", 20)), self._clock.now())
        self._update("deals", made, {"dealstage": stage}, later)
