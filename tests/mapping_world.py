"""A small world in two CRMs, as both would hold it, read by the sandbox's own mapping."""

from datetime import UTC, date, datetime
from importlib import resources
from typing import Any

from sync.mapping.grammar import Mapping
from sync.mapping.loading import load_mapping
from tests.fake_mirror import FakeMirror

ENTRY, OPPORTUNITY, DEAL = "salesforce.AttackListEntry__c", "salesforce.Opportunity", "hubspot.deals"
NUMBERS = (
    "7000012050002",
    "5010401067252",
    "1180301018771",
)  # of real offices, published: their check digits are right


def preset_text() -> str:
    return resources.files("jobs.presets").joinpath("sandbox.mapping.yaml").read_text("utf-8")


def preset() -> Mapping:
    return load_mapping(preset_text(), "mapping.yaml")


def jst(day: str, hour: int = 10) -> datetime:
    """A moment of a Japanese working day, as a mirror holds it: in UTC."""
    return datetime.fromisoformat(f"{day}T{hour:02}:00:00+09:00").astimezone(UTC)


def account(mirror: FakeMirror, record_id: str, **more: Any) -> None:
    values = {
        "Type": "Channel Partner / Reseller", "Name": f"Partner {record_id}", "Industry": "consulting",
        "NumberOfEmployees": 120, "PartnerContract__c": "referral", "AttackListWillingness__c": "verbal_yes",
    }  # fmt: skip
    mirror.put("salesforce.Account", record_id, **{**values, **more})


def company(mirror: FakeMirror, record_id: str, **more: Any) -> None:
    values = {"partner_flag": True, "name": f"Company {record_id}", "partner_industry": "consulting"}
    mirror.put("hubspot.companies", record_id, **{**values, **more})


def entry(mirror: FakeMirror, record_id: str, partner: str, status: str = "Listed", **more: Any) -> None:
    values = {
        "Partner__c": partner, "Status__c": status, "CreatedDate": jst("2026-01-05"), "ListedOn__c": date(2026, 1, 5),
        "TargetName__c": "株式会社 青空", "TargetWebsite__c": "https://WWW.Aozora.example/menu",
    }  # fmt: skip
    mirror.put(ENTRY, record_id, **{**values, **more})


def deal(mirror: FakeMirror, record_id: str, partner: str, stage: str = "1001", **more: Any) -> None:
    values = {"pipeline": "partner", "dealstage": stage, "createdate": jst("2026-01-05")}
    mirror.put(DEAL, record_id, **{**values, **more})
    mirror.link(DEAL, record_id, "companies", partner, "partner")


def small_world() -> FakeMirror:
    """Two partners (one of them in both CRMs), four entries, activities, and what is odd about each."""
    mirror = FakeMirror()
    account(mirror, "A1", CorporateNumber__c=NUMBERS[0], Website="https://one.example")
    account(mirror, "A2", Industry="restaurant_services", NumberOfEmployees=None, Website="two.example")
    company(mirror, "501", corporate_number="７０００-０１２０５０００２", domain="elsewhere.example")
    mirror.put("salesforce.Account", "X1", Type="Customer", Name="a customer")
    entry(mirror, "E1", "A1", "Deal", RequestedOn__c=date(2026, 1, 9), Opportunity__c="O1")
    mirror.changed(ENTRY, "E1", "Status__c", jst("2026-01-10"), "Listed", "Requested", "h1")
    mirror.changed(ENTRY, "E1", "Status__c", jst("2026-01-12"), "Requested", "Agreed", "h2")
    mirror.changed(ENTRY, "E1", "Status__c", jst("2026-01-20"), "Agreed", "Deal", "h3")
    mirror.put(OPPORTUNITY, "O1", CreatedDate=jst("2026-01-20"), StageName="Closed Won", LeadSource="Partner")
    mirror.changed(OPPORTUNITY, "O1", "StageName", jst("2026-03-01"), "Prospecting", "Closed Won", "o1")
    entry(mirror, "E2", "A2", "Declined", DeclinedOn__c=date(2026, 2, 1), LossReason__c="budget")
    mirror.changed(ENTRY, "E2", "Status__c", jst("2026-02-02"), "Listed", "Declined", "h4")
    deal(mirror, "701", "501", "1002", listed_on=date(2026, 1, 6))
    mirror.changed(DEAL, "701", "dealstage", jst("2026-01-06"), None, "1001", "d1")
    mirror.changed(DEAL, "701", "dealstage", jst("2026-01-08"), "1001", "1002", "d2")
    mirror.put(
        "salesforce.Task",
        "T1",
        Subject="アプローチ実施",
        WhatId="E1",
        ActivityDate=date(2026, 1, 15),
        CreatedDate=jst("2026-01-15"),
    )
    mirror.put("salesforce.Event", "V1", Subject="定例ミーティング", WhatId="A1", ActivityDate=date(2026, 1, 7))
    mirror.put(
        "hubspot.meetings",
        "M1",
        hs_meeting_title="営業同行",
        hs_meeting_start_time=datetime(2026, 1, 7, 16, 0, tzinfo=UTC),
    )
    mirror.link("hubspot.meetings", "M1", "companies", "501")
    return mirror
