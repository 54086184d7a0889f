"""The sandbox's HubSpot: what the world's happenings become, on the day they are recorded."""

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sandbox.clock import Clock
from sandbox.generate import generate_world
from sandbox.hubspot import HubspotCrm
from sandbox.hubspot.populate import STAGES
from sandbox.hubspot.wire import history
from sandbox.settings import SandboxSettings
from sandbox.store import Record
from sandbox.world import Company, World, WorldActivity, WorldDeal, WorldEntry, WorldEvent, WorldPartner

TOKYO = ZoneInfo("Asia/Tokyo")
TARGET = Company("株式会社紹介先", "target.invalid", "2222222222222", "06-1", "大阪府", "北区")
OWN = Company("株式会社パートナー", "partner.invalid", "1111111111111", "03-1", "東京都", "港区")
PARTNER = WorldPartner(
    "P1", "growth1", "consulting", "medium", "referral", "verbal_yes", True, date(2026, 1, 5), OWN, ("hubspot",)
)
ENTRY = WorldEntry("1", "P1", "hubspot", "hu-1", 1, "1", date(2026, 2, 2), TARGET)
AS_OF = date(2026, 6, 30)


def event(number: int, step: Any, occurred: date, recorded: date | None = None, **told: Any) -> WorldEvent:
    return WorldEvent(
        str(number),
        told.pop("entry_id", "1"),
        told.pop("external_id", "hu-1"),
        step,
        occurred,
        recorded or occurred,
        **told,
    )


def day(month: int, number: int) -> date:
    return date(2026, month, number)


@pytest.fixture
def lived() -> Callable[..., HubspotCrm]:
    """A portal after a few happenings."""

    def live(
        *events: WorldEvent, entries: tuple[WorldEntry, ...] = (ENTRY,), activities: Any = (), deals: Any = ()
    ) -> HubspotCrm:
        crm = HubspotCrm(Clock(datetime(2026, 6, 30, 19, tzinfo=TOKYO)), SandboxSettings())
        crm.populate(World(day(1, 1), AS_OF, [PARTNER], list(entries), list(events), list(activities), list(deals)))
        return crm

    return live


def the(crm: HubspotCrm, kind: str, /, **wanted: str) -> Record:
    [found] = [r for r in crm.store.live(kind) if all(r.fields.get(k) == v for k, v in wanted.items())]
    return found


def stages(crm: HubspotCrm, deal: Record) -> list[tuple[str, date]]:
    versions = history(crm.records.kinds.find("deals"), deal, "dealstage")[::-1]
    return [(v["value"], datetime.fromisoformat(v["timestamp"]).astimezone(TOKYO).date()) for v in versions]


def linked(crm: HubspotCrm, source: str, record: Record, target: str) -> dict[int, list[int]]:
    kinds = crm.records.kinds
    links = crm.records.associations.of(kinds.find(source), int(record.id), kinds.find(target))
    return {other: [t.type_id for t in types] for other, types in links}


def test_an_entrys_life_becomes_stages_dates_a_task_and_links(lived: Callable[..., HubspotCrm]) -> None:
    crm = lived(
        event(1, "listed", day(2, 2)),
        event(2, "requested", day(2, 10)),
        event(3, "agreed", day(2, 20)),
        event(4, "executed", day(3, 1), day(3, 4)),
        event(5, "deal", day(3, 10)),
        event(6, "won", day(4, 10)),
    )
    deal = the(crm, "deals", external_id="hu-1")
    days = [day(2, 2), day(2, 10), day(2, 20), day(3, 4), day(3, 10), day(4, 10)]
    assert stages(crm, deal) == list(zip(list(STAGES.values())[:6], days, strict=True))
    assert deal.fields["executed_on"] == "2026-03-01"  # when it happened; the history says when it was recorded
    assert deal.fields["target_corporate_number"] == TARGET.corporate_number
    partner, target = the(crm, "companies", name=OWN.name), the(crm, "companies", name=TARGET.name)
    assert linked(crm, "deals", deal, "companies") == {int(partner.id): [101, 341], int(target.id): [5, 341]}
    assert partner.fields["attack_list_submitted_on"] == "2026-02-02"
    assert partner.fields["days_since_attack_list"] == "148"
    task = the(crm, "tasks", hs_task_subject="アプローチ実施")
    assert linked(crm, "tasks", task, "deals") == {int(deal.id): [216]}
    assert linked(crm, "tasks", task, "companies") == {int(partner.id): [192]}


def test_a_step_back_moves_the_stage_and_keeps_the_dates(lived: Callable[..., HubspotCrm]) -> None:
    crm = lived(
        event(1, "listed", day(2, 2)),
        event(2, "requested", day(2, 10)),
        event(3, "agreed", day(2, 20)),
        event(4, "requested", day(2, 24)),
        event(5, "agreed", day(3, 1)),
    )
    deal = the(crm, "deals")
    assert [stage for stage, _ in stages(crm, deal)] == ["1001", "1002", "1003", "1002", "1003"]
    assert (deal.fields["requested_on"], deal.fields["agreed_on"]) == ("2026-02-10", "2026-02-20")


def test_a_step_typed_in_late_changes_only_its_date(lived: Callable[..., HubspotCrm]) -> None:
    crm = lived(
        event(1, "listed", day(2, 2)), event(3, "agreed", day(2, 20)), event(2, "requested", day(2, 10), day(2, 28))
    )
    deal = the(crm, "deals")
    assert [stage for stage, _ in stages(crm, deal)] == ["1001", "1003"]
    assert deal.fields["requested_on"] == "2026-02-10"


@pytest.mark.parametrize("retract_first", [True, False])
def test_a_corrected_date_is_edited_whichever_row_comes_first(
    lived: Callable[..., HubspotCrm], retract_first: bool
) -> None:
    numbers = (8, 9) if retract_first else (9, 8)
    crm = lived(
        event(1, "listed", day(2, 2)),
        event(2, "requested", day(2, 10)),
        event(3, "agreed", day(2, 20)),
        event(numbers[0], "requested", day(2, 10), day(3, 3), op="retract", supersedes="2"),
        event(numbers[1], "requested", day(2, 6), day(3, 3)),
    )
    deal = the(crm, "deals")
    assert deal.fields["requested_on"] == "2026-02-06"
    assert deal.fields["dealstage"] == "1003"
    assert [stage for stage, _ in stages(crm, deal)] == ["1001", "1002", "1003"]


def test_a_retraction_without_successor_clears_the_date_and_the_stage(lived: Callable[..., HubspotCrm]) -> None:
    crm = lived(
        event(1, "listed", day(2, 2)),
        event(2, "requested", day(2, 10)),
        event(3, "requested", day(2, 10), day(3, 3), op="retract", supersedes="2"),
    )
    deal = the(crm, "deals")
    assert (deal.fields["requested_on"], deal.fields["dealstage"]) == (None, "1001")


def test_a_duplicate_of_an_entry_elsewhere_is_a_deal_of_its_own(lived: Callable[..., HubspotCrm]) -> None:
    elsewhere = WorldEntry("7", "P1", "salesforce", "sa-7", 1, "7", day(2, 2), TARGET)
    crm = lived(
        event(1, "listed", day(2, 2), entry_id="7", external_id="sa-7"),
        event(2, "listed", day(2, 3), entry_id="7", external_id="dup-sa-7"),
        entries=(elsewhere,),
    )
    assert [r.fields["external_id"] for r in crm.store.live("deals")] == ["dup-sa-7"]


def test_activities_become_meetings_and_tasks_of_this_crm_only(lived: Callable[..., HubspotCrm]) -> None:
    crm = lived(
        activities=[
            WorldActivity("1", "P1", "regular_meeting", day(5, 1), crm="hubspot"),
            WorldActivity("2", "P1", "co_visit", day(5, 2)),
            WorldActivity("3", "P1", "touch", day(5, 3)),
            WorldActivity("4", "P1", "dinner", day(5, 4), crm="salesforce"),
        ]
    )
    partner = the(crm, "companies", partner_flag="true")
    assert {r.fields["hs_meeting_title"] for r in crm.store.live("meetings")} == {"定例ミーティング", "営業同行"}
    meeting = the(crm, "meetings", hs_meeting_title="営業同行")
    assert meeting.fields["hs_activity_type"] == "Co-visit"
    assert meeting.fields["hs_timestamp"] == meeting.fields["hs_meeting_start_time"]
    assert meeting.fields["hs_timestamp"].startswith("2026-05-02T")
    assert linked(crm, "meetings", meeting, "companies") == {int(partner.id): [188]}
    the(crm, "tasks", hs_task_subject="事例共有")


def test_deals_of_other_channels_stand_in_the_sales_pipeline(lived: Callable[..., HubspotCrm]) -> None:
    crm = lived(
        deals=[
            WorldDeal("1", "hubspot", "web", day(5, 1), TARGET, won=True),
            WorldDeal("2", "salesforce", "web", day(5, 1), OWN, won=None),
        ]
    )
    deal = the(crm, "deals")
    assert (deal.fields["pipeline"], deal.fields["deal_source"], deal.fields["hs_is_closed_won"]) == (
        "default",
        "web",
        "true",
    )
    assert [stage for stage, _ in stages(crm, deal)] == ["appointmentscheduled", "closedwon"]


def test_the_future_arrives_as_it_is_applied_and_moves_stamps_forward(lived: Callable[..., HubspotCrm]) -> None:
    crm = lived(event(1, "listed", day(2, 2)))
    before = crm.clock.now()
    world = crm._populator._world
    assert world is not None
    coming = event(2, "requested", day(7, 2))
    world.events.append(coming)
    crm.clock.advance(7)
    crm.apply(coming, world)
    deal = the(crm, "deals")
    assert deal.fields["dealstage"] == "1002"
    assert before < deal.modified_at < crm.clock.now()


def test_the_whole_world_is_there_and_the_same_each_time() -> None:
    """Counts agree with the world, stamps lie in business hours, nothing is later than now."""
    settings = SandboxSettings(partners=30, months=9, entries=300, scenario="messy")
    world = generate_world(settings)
    made = []
    for _ in range(2):
        crm = HubspotCrm(
            Clock(datetime.combine(world.as_of, datetime.min.time(), TOKYO) + timedelta(hours=19)), settings
        )
        crm.populate(world)
        made.append(crm)
    truths = [
        [(r["id"], r["fields"]) for name in ("companies", "deals", "meetings", "tasks") for r in crm.store.ledger(name)]
        for crm in made
    ]
    assert truths[0] == truths[1]
    crm = made[0]
    partners = [r for r in crm.store.live("companies") if r.fields.get("partner_flag") == "true"]
    assert len(partners) == sum("hubspot" in p.crms and p.joined_on <= world.as_of for p in world.partners)
    listed = {e.external_id for e in world.events if e.step == "listed" and e.recorded_on <= world.as_of}
    here = {e.external_id for e in world.entries if e.crm == "hubspot"}
    entries = {r.fields["external_id"] for r in crm.store.live("deals") if r.fields["pipeline"] == "partner"}
    assert entries >= listed & here
    assert entries <= here
    assert len(Counter(r.modified_at for r in crm.store.live("deals"))) > 100
    stamps = [c.at for name in ("deals", "meetings") for r in crm.store.live(name) for c in r.changes]
    assert max(stamps) <= crm.clock.now()
    assert {at.astimezone(TOKYO).hour for at in stamps} <= set(range(9, 18))
