"""What happens in the world stands in the org afterwards: records, dates, history, as reps would have typed them in."""

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sandbox.clock import Clock
from sandbox.companies import company
from sandbox.generate import generate_world
from sandbox.salesforce import SalesforceCrm
from sandbox.settings import SandboxSettings
from sandbox.store import Record
from sandbox.world import World, WorldActivity, WorldDeal, WorldEntry, WorldEvent, WorldPartner

TOKYO = ZoneInfo("Asia/Tokyo")
START = date(2026, 1, 1)
PARTNER = WorldPartner(
    "P1",
    "growth1",
    "consulting",
    "medium",
    "referral",
    "verbal_yes",
    True,
    date(2025, 5, 1),
    company("partner", 1, industry="consulting"),
    ("salesforce",),
)
ENTRY = WorldEntry("7", "P1", "salesforce", "sa-7", 1, "7", date(2026, 2, 2), company("target", 7))


def event(number: int, step: Any, day: int, *, recorded: int | None = None, **more: Any) -> WorldEvent:
    on, at = date(2026, 2, day), date(2026, 2, recorded if recorded is not None else day)
    return WorldEvent(str(number), "7", "sa-7", step, on, at, **more)


def org_of(*events: Any, activities: Any = (), deals: Any = (), as_of: date = date(2026, 2, 28)) -> SalesforceCrm:
    world = World(START, as_of, [PARTNER], [ENTRY], list(events), list(activities), list(deals))
    crm = SalesforceCrm(Clock(datetime.combine(as_of, time(19), TOKYO)), SandboxSettings())
    crm.populate(world)
    return crm


def only(crm: SalesforceCrm, name: str) -> Record:
    (record,) = crm.store.live(name)
    return record


def moves(record: Record, field: str = "Status__c") -> list[Any]:
    return [c.new for c in sorted(record.changes, key=lambda c: (c.at, c.seq)) if c.field == field]


class TestAnEntry:
    def test_goes_from_listed_to_deal_with_dates_a_task_and_an_opportunity(self):
        crm = org_of(
            *(
                event(n, s, 2 + 3 * n)
                for n, s in enumerate(("listed", "requested", "agreed", "executed", "deal", "won"))
            )
        )
        entry = only(crm, "AttackListEntry__c")
        dates = ("ListedOn__c", "RequestedOn__c", "AgreedOn__c", "ExecutedOn__c")
        assert [entry.fields[f] for f in dates] == ["2026-02-02", "2026-02-05", "2026-02-08", "2026-02-11"]
        assert moves(entry) == ["Listed", "Requested", "Agreed", "Executed", "Deal"]
        task = only(crm, "Task")
        assert (task.fields["Subject"], task.fields["WhatId"], task.fields["ActivityDate"]) == (
            "アプローチ実施",
            entry.id,
            "2026-02-11",
        )
        deal = only(crm, "Opportunity")
        assert entry.fields["Opportunity__c"] == deal.id
        assert (deal.fields["LeadSource"], deal.fields["StageName"]) == ("Partner", "Closed Won")
        customer = crm.store.get("Account", deal.fields["AccountId"])
        assert customer is not None
        assert (customer.fields["Name"], customer.fields["Type"]) == (ENTRY.target.name, "Customer")
        partner = crm.store.get("Account", entry.fields["Partner__c"])
        assert partner is not None
        assert deal.fields["PartnerAccount__c"] == partner.id
        assert partner.fields["AttackListSubmittedOn__c"] == "2026-02-02"
        assert partner.fields["CorporateNumber__c"] == PARTNER.company.corporate_number

    def test_a_loss_has_its_date_and_its_reason(self):
        entry = only(org_of(event(0, "listed", 2), event(1, "lost", 9)), "AttackListEntry__c")
        assert (entry.fields["Status__c"], entry.fields["DeclinedOn__c"]) == ("Declined", "2026-02-09")
        assert entry.fields["LossReason__c"]

    def test_a_step_back_moves_the_status_and_no_date(self):
        steps = [("listed", 2), ("requested", 4), ("agreed", 6), ("requested", 8), ("agreed", 11)]
        entry = only(org_of(*(event(n, s, d) for n, (s, d) in enumerate(steps))), "AttackListEntry__c")
        assert moves(entry) == ["Listed", "Requested", "Agreed", "Requested", "Agreed"]
        assert (entry.fields["RequestedOn__c"], entry.fields["AgreedOn__c"]) == ("2026-02-04", "2026-02-06")

    def test_a_step_typed_in_late_fills_its_date_and_leaves_the_status(self):
        entry = only(
            org_of(event(0, "listed", 2), event(1, "agreed", 9), event(2, "requested", 5, recorded=20)),
            "AttackListEntry__c",
        )
        assert entry.fields["RequestedOn__c"] == "2026-02-05"
        assert moves(entry) == ["Listed", "Agreed"]
        (typed_in,) = (c for c in entry.changes if c.field == "RequestedOn__c")
        assert typed_in.at.astimezone(TOKYO).date() == date(
            2026, 2, 20
        )  # what happened and what was known are two days

    def test_an_entry_whose_listing_is_typed_in_last_exists_from_its_first_step(self):
        entry = only(org_of(event(0, "requested", 5), event(1, "listed", 2, recorded=25)), "AttackListEntry__c")
        assert (entry.fields["ListedOn__c"], entry.fields["Status__c"]) == ("2026-02-02", "Requested")

    def test_a_correction_edits_the_date_and_the_task(self):
        crm = org_of(
            event(0, "listed", 2),
            event(1, "executed", 9),
            event(2, "executed", 9, recorded=20, op="retract", supersedes="1"),
            event(3, "executed", 6, recorded=20),
        )
        entry = only(crm, "AttackListEntry__c")
        assert entry.fields["ExecutedOn__c"] == "2026-02-06"
        assert moves(entry, "ExecutedOn__c") == ["2026-02-09", "2026-02-06"]
        assert moves(entry) == ["Listed", "Executed"]
        assert only(crm, "Task").fields["ActivityDate"] == "2026-02-06"

    def test_a_step_taken_back_for_good_loses_its_date_and_the_status_returns(self):
        entry = only(
            org_of(
                event(0, "listed", 2),
                event(1, "requested", 5),
                event(2, "requested", 5, recorded=9, op="retract", supersedes="1"),
            ),
            "AttackListEntry__c",
        )
        assert entry.fields["RequestedOn__c"] is None
        assert moves(entry) == ["Listed", "Requested", "Listed"]

    def test_an_opportunity_was_created_when_it_happened_and_modified_when_it_was_recorded(self):
        deal = only(org_of(event(0, "listed", 2), event(1, "deal", 9, recorded=20)), "Opportunity")
        assert deal.created_at.astimezone(TOKYO).date() == date(2026, 2, 9)
        assert deal.modified_at.astimezone(TOKYO).date() == date(2026, 2, 20)

    def test_another_channels_deal_and_activities_stand_beside(self):
        crm = org_of(
            activities=[WorldActivity("1", "P1", "co_visit", date(2026, 2, 3)), WorldActivity("2", "P1", "touch", date(2026, 2, 4))],
            deals=[WorldDeal("1", "salesforce", "inside_sales", date(2026, 2, 5), company("other", 1), None),
                   WorldDeal("2", "hubspot", "web", date(2026, 2, 5), company("other", 2), True)],
        )  # fmt: skip
        assert (only(crm, "Event").fields["Subject"], only(crm, "Task").fields["Subject"]) == ("営業同行", "事例共有")
        assert only(crm, "Opportunity").fields["LeadSource"] == "Inside Sales"
        assert "PartnerAccount__c" not in only(crm, "Opportunity").fields


@pytest.fixture(scope="module")
def worlds() -> dict[str, tuple[World, SalesforceCrm]]:
    made = {}
    for scenario in ("clean", "messy"):
        settings = SandboxSettings(partners=30, months=12, entries=500, scenario=scenario, future_days=30)
        world = generate_world(settings)
        crm = SalesforceCrm(Clock(datetime.combine(world.as_of, time(19), TOKYO)), settings)
        crm.populate(world)
        made[scenario] = (world, crm)
    return made


@pytest.mark.parametrize("scenario", ["clean", "messy"])
class TestAGeneratedWorld:
    @pytest.fixture
    def pair(self, worlds: dict[str, tuple[World, SalesforceCrm]], scenario: str) -> tuple[World, SalesforceCrm]:
        return worlds[scenario]

    def test_each_entry_stands_once_with_the_dates_of_the_truth(self, pair: tuple[World, SalesforceCrm]):
        """First assertion of each step, unless a later correction took its place."""
        world, crm = pair
        mine = {e.id: e for e in world.entries if e.crm == "salesforce"}
        seen: dict[str, dict[str, WorldEvent]] = defaultdict(dict)
        corrected = {e.supersedes for e in world.events if e.op == "retract" and e.recorded_on <= world.as_of}
        happened = sorted(
            (e for e in world.events if e.recorded_on <= world.as_of and e.entry_id in mine),
            key=lambda e: (e.recorded_on, int(e.id)),
        )
        for e in happened:
            if e.op == "assert" and (e.step not in seen[e.entry_id] or seen[e.entry_id][e.step].id in corrected):
                seen[e.entry_id][e.step] = e
        records = {r.fields["ExternalId__c"]: r for r in crm.store.live("AttackListEntry__c")}
        assert set(records) == {mine[i].external_id for i in seen}
        fields = {
            "listed": "ListedOn__c",
            "requested": "RequestedOn__c",
            "agreed": "AgreedOn__c",
            "executed": "ExecutedOn__c",
            "lost": "DeclinedOn__c",
        }
        for entry_id, steps in seen.items():
            r = records[mine[entry_id].external_id]
            for step, field in fields.items():
                expected = steps[step].occurred_on.isoformat() if step in steps else None
                assert r.fields.get(field) == expected, (entry_id, step)
            assert ("Opportunity__c" in r.fields) == ("deal" in steps)

    def test_stamps_lie_in_office_hours_and_many_share_a_second(self, pair: tuple[World, SalesforceCrm]):
        _, crm = pair
        stamps = Counter(r.modified_at for r in crm.store.live("AttackListEntry__c"))
        assert sum(n - 1 for n in stamps.values()) > 5  # records that share their second with another
        for at in stamps:
            assert at.microsecond == 0
            assert time(9) <= at.astimezone(TOKYO).time() <= time(18, 1)
            assert at <= crm._org.now()

    def test_a_record_changes_in_the_order_of_its_stamps(self, pair: tuple[World, SalesforceCrm]):
        _, crm = pair
        for name in ("AttackListEntry__c", "Opportunity", "Account"):
            for r in crm.store.live(name):
                assert [c.at for c in r.changes] == sorted(c.at for c in r.changes)
                assert r.modified_at == r.changes[-1].at

    def test_living_on_day_by_day_ends_where_one_leap_ends(self, pair: tuple[World, SalesforceCrm], scenario: str):
        world, _ = pair
        settings = SandboxSettings(partners=30, months=12, entries=500, scenario=scenario, future_days=30)  # type: ignore[arg-type]

        def lived(leaps: list[int]) -> dict[str, Any]:
            crm = SalesforceCrm(Clock(datetime.combine(world.as_of, time(19), TOKYO)), settings)
            crm.populate(world)
            day = world.as_of
            for leap in leaps:
                crm._org.clock.advance(leap)
                for happening in world.happenings(day, day + timedelta(days=leap)):
                    crm.apply(happening, world)
                day += timedelta(days=leap)
            return {
                r.id: (r.modified_at, r.fields)
                for name in ("AttackListEntry__c", "Opportunity", "Account", "Task", "Event")
                for r in crm.store.live(name)
            }

        assert lived([20]) == lived([1] * 20)

    def test_the_same_world_makes_the_same_org(self, pair: tuple[World, SalesforceCrm]):
        world, crm = pair
        other = SalesforceCrm(Clock(datetime.combine(world.as_of, time(19), TOKYO)), SandboxSettings())
        other.populate(world)
        assert [r["fields"] for r in other.store.ledger("AttackListEntry__c")] == [
            r["fields"] for r in crm.store.ledger("AttackListEntry__c")
        ]


def test_a_partner_in_both_crms_is_spelled_here_as_here():
    both = replace(PARTNER, crms=("hubspot", "salesforce"), elsewhere=company("partner", 99, industry="consulting"))
    world = World(START, date(2026, 2, 28), [both], [], [], [WorldActivity("1", "P1", "dinner", date(2026, 2, 3))], [])
    crm = SalesforceCrm(Clock(datetime(2026, 2, 28, 10, tzinfo=UTC)), SandboxSettings())
    crm.populate(world)
    assert only(crm, "Account").fields["Name"] == company("partner", 99, industry="consulting").name
    assert list(crm.store.live("Event")) == []  # its home is the other CRM: there the dinner is logged


def test_one_object_can_be_made_large():
    crm = org_of(event(0, "listed", 2))
    crm.add_bulk_rows("AttackListEntry__c", 5000)
    rows = list(crm.store.live("AttackListEntry__c"))
    assert len(rows) == 5000
    assert len({r.id for r in rows}) == 5000
    assert all(r.modified_at <= crm._org.now() for r in rows)
    with pytest.raises(ValueError, match="AttackListEntry__History"):
        crm.add_bulk_rows("AttackListEntry__History", 5)
