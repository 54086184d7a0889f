"""Records of every peculiar kind reach the mirror, by REST and by bulk job alike."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs.wiring import connect_with
from sandbox.server import running
from sandbox.settings import SandboxSettings
from sync.connector import ReadSpec
from tests.contract.connector_suite import newest, plain, read_all
from tests.contract.salesforce_org import Org
from tests.contract.test_salesforce_bulk import World
from tests.salesforce_org import SYSTEM, a_field, account, describe_of, org, page
from tests.scripted_http import Answer, Asked

SETTINGS = SandboxSettings(partners=6, months=4, entries=40, salesforce_bulk_step_s=0.0)
WAYS = pytest.mark.parametrize("threshold", [None, 1], ids=["by REST", "by a bulk job"])


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(SETTINGS) as address:
        yield address


@pytest.fixture
def world(url: str, engine: Engine) -> World:
    return World(url, connect_with(engine))


@WAYS
def test_activities_that_were_archived_long_ago_are_read(world: World, threshold: int | None):
    long_ago = (world.user.now().date() - timedelta(days=900)).isoformat()
    values = {"Subject": "昔の訪問", "ActivityDate": long_ago, "Status": "Completed"}
    first = world.user.create("Task", values)
    spec = ReadSpec("Task", ("Subject", "ActivityDate", "IsArchived"))
    world.pull(spec, bulk_threshold=threshold)
    later = world.user.create("Task", values)
    world.pull(spec, bulk_threshold=threshold)
    held = world.held(spec)
    assert held[first] == held[later] == (False, "昔の訪問", date.fromisoformat(long_ago), True)
    world.assert_mirrored(ReadSpec("Task", ("Subject",)))


@WAYS
def test_a_lead_s_conversion_leads_to_its_account_and_deal(world: World, threshold: int | None):
    lead = world.user.create("Lead", {"LastName": "山田", "Company": "株式会社山田"})
    spec = ReadSpec("Lead", ("Status", "IsConverted", "ConvertedAccountId", "ConvertedOpportunityId", "ConvertedDate"))
    world.pull(spec, bulk_threshold=threshold)
    assert world.held(spec)[lead][2:4] == (False, None)
    partner = world.user.create("Account", {"Name": "株式会社山田"})
    deal = min(i for i, r in world.user.records("Opportunity").items() if not r["deleted"])
    converted = {
        "Status": "Closed - Converted", "IsConverted": True, "ConvertedAccountId": partner,
        "ConvertedOpportunityId": deal, "ConvertedDate": "2026-10-30",
    }  # fmt: skip
    world.user.edit("Lead", lead, converted)
    world.pull(spec, bulk_threshold=threshold)
    assert world.held(spec)[lead] == (False, "Closed - Converted", True, partner, deal, date(2026, 10, 30))


@WAYS
def test_merges_deletions_and_their_undoing_come_through(world: World, threshold: int | None):
    spec = ReadSpec("Account", ("Name",))
    winner, loser, gone = (world.user.create("Account", {"Name": n}) for n in ("winner", "loser", "gone"))
    world.pull(spec, bulk_threshold=threshold)
    world.user.merge("Account", winner, loser)
    world.user.delete("Account", gone)
    world.pull(spec, bulk_threshold=threshold)
    assert marks(world, loser) == (True, winner, "loser")
    assert marks(world, gone) == (True, None, "gone")
    world.user.undelete("Account", gone)
    world.pull(spec, bulk_threshold=threshold)
    assert marks(world, gone) == (False, None, "gone")
    world.assert_mirrored(spec)


def marks(world: World, record_id: str) -> tuple[Any, ...]:
    with world.connect() as conn:
        row = conn.execute(
            "select _deleted, _merged_into, name from salesforce.account where id = %s", (record_id,)
        ).fetchone()
    assert row is not None
    return tuple(row)


def test_person_accounts_currencies_and_many_choices_pass_as_they_are():
    fields = ("IsPersonAccount", "PersonEmail", "Region__pc", "CurrencyIsoCode", "Tags__c", "RecordTypeId")
    kinds = ("boolean", "email", "picklist", "picklist", "multipicklist", "reference")
    described = describe_of("Account", *SYSTEM, *(a_field(n, k) for n, k in zip(fields, kinds, strict=True)))
    values = (True, "a@b.invalid", "関東", "USD", "A;B;C", "012000000000001AAA")
    row = account(1, **dict(zip(fields, values, strict=True)))

    def answer(asked: Asked) -> Answer:
        return described if asked.path.endswith("/describe") else page([row])

    with org(answer) as place:
        got = newest(read_all(place.connector(), ReadSpec("Account", fields)))
    assert tuple(got[row["Id"]].values[n] for n in fields) == values


HISTORIES = {
    "OpportunityHistory": ("OpportunityId", "StageName", "Amount", "CloseDate", "CreatedDate"),
    "OpportunityFieldHistory": ("OpportunityId", "Field", "OldValue", "NewValue", "DataType", "CreatedDate"),
    "AttackListEntry__History": ("ParentId", "Field", "OldValue", "NewValue", "DataType", "CreatedDate"),
}


@WAYS
@pytest.mark.parametrize("name", list(HISTORIES))
def test_the_objects_of_history_may_be_mirrored_themselves_by_when_their_rows_were_made(
    world: World, name: str, threshold: int | None
):
    """`mirror: {OpportunityHistory: all}`: snapshots with their amounts and days, changes with old value, new value and type."""
    spec = ReadSpec(name, HISTORIES[name])
    world.pull(spec, bulk_threshold=threshold)
    deal = min(i for i, r in world.user.records("Opportunity").items() if not r["deleted"])
    entry = min(i for i, r in world.user.records("AttackListEntry__c").items() if not r["deleted"])
    world.user.edit("Opportunity", deal, {"StageName": "Negotiation/Review", "Amount": 1234})
    world.user.edit("AttackListEntry__c", entry, {"Status__c": "Agreed"})
    world.user._call("POST", "advance", {"days": 0.01})
    world.pull(spec, bulk_threshold=threshold)
    rows = Org(world.url).query(f"SELECT Id, {', '.join(spec.fields)} FROM {name}", "queryAll")
    held = world.held(spec)
    assert held.keys() == {r["Id"] for r in rows}
    for row in rows:
        for field, value in zip(spec.fields, held[row["Id"]][1:], strict=True):
            if field != "CreatedDate":
                assert plain(value) == plain(row[field]), (name, field)
    kinds = world.cursor(spec)["facts"]
    assert kinds["stamp"] in ("SystemModstamp", "CreatedDate")


def test_a_short_id_is_the_long_one_s_record_and_case_tells_two_apart():
    described = describe_of("Account", *SYSTEM, a_field("Name"))
    ids = ("001AA0000000001", "001aa0000000001")
    rows = [account(1) | {"Id": i} for i in ids]

    def answer(asked: Asked) -> Answer:
        return described if asked.path.endswith("/describe") else page(rows)

    with org(answer) as place:
        got = newest(read_all(place.connector(), ReadSpec("Account", ("Name",))))
    assert len(got) == 2
    assert {i[:15] for i in got} == set(ids)
    assert all(len(i) == 18 for i in got)
