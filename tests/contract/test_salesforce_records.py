"""Records of every peculiar kind reach the mirror, by REST and by bulk job alike."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from jobs.wiring import connect_with
from sandbox.server import running
from sandbox.settings import SandboxSettings
from sync.records import ReadSpec
from tests.contract.connector_suite import newest, plain, read_all
from tests.contract.salesforce_org import Org
from tests.contract.test_salesforce_bulk import World
from tests.salesforce_org import SYSTEM, a_field, account, describe_of, org, page
from tests.scripted_http import Answer, Asked

SETTINGS = SandboxSettings(
    partners=6, months=4, entries=40, salesforce_bulk_step_s=0.0, salesforce_person_accounts=True, salesforce_currencies=("JPY", "USD")
)  # fmt: skip
TOKYO = ZoneInfo("Asia/Tokyo")
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
def test_a_lead_s_conversion_leads_to_its_account_contact_and_deal(world: World, threshold: int | None):
    """As by the button in the org's pages: what it became stands on the Lead, and is mirrored like any record."""
    lead = world.user.create("Lead", {"LastName": "山田", "Company": "株式会社山田"})
    became = ("ConvertedAccountId", "ConvertedContactId", "ConvertedOpportunityId")
    spec = ReadSpec("Lead", ("Status", "IsConverted", "ConvertedDate", *became))
    world.pull(spec, bulk_threshold=threshold)
    assert world.held(spec)[lead] == (False, "Open - Not Contacted", False, None, None, None, None)
    world.user._act("convert", object="Lead", id=lead)
    world.pull(spec, bulk_threshold=threshold)
    *state, account, contact, deal = world.held(spec)[lead]
    assert state == [False, "Closed - Converted", True, world.user.now().astimezone(TOKYO).date()]
    for name, record, fields in (
        ("Account", account, {"Name": "株式会社山田"}),
        ("Contact", contact, {"LastName": "山田", "AccountId": account}),
        ("Opportunity", deal, {"AccountId": account}),
    ):
        held = ReadSpec(name, tuple(fields))
        world.pull(held, bulk_threshold=threshold)
        assert world.held(held)[record] == (False, *fields.values())


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


PERSON = ("Name", "IsPersonAccount", "LastName", "PersonEmail", "Region__pc", "PersonContactId", "RecordTypeId")
TWIN = ("LastName", "Email", "Region__c", "IsPersonAccount", "AccountId")


@WAYS
def test_a_person_account_is_two_rows_that_change_together(world: World, threshold: int | None):
    """The Account carries the person's fields, the Contact its own id and stamp: an edit of either shows in both."""
    kind = Org(world.url).query("SELECT Id FROM RecordType WHERE DeveloperName = 'PersonAccount'")[0]["Id"]
    person = world.user.create(
        "Account", {"LastName": "山田", "FirstName": "花子", "PersonEmail": "a@b.invalid", "RecordTypeId": kind}
    )
    account, contact = ReadSpec("Account", PERSON), ReadSpec("Contact", TWIN)

    def held() -> tuple[dict[str, Any], dict[str, Any]]:
        for spec in (account, contact):
            world.pull(spec, bulk_threshold=threshold)
            world.assert_mirrored(ReadSpec(spec.object, tuple(f for f in spec.fields if not f.startswith("IsPerson"))))
        whole = dict(zip(PERSON, world.held(account)[person][1:], strict=True))
        return whole, dict(zip(TWIN, world.held(contact)[whole["PersonContactId"]][1:], strict=True))

    whole, twin = held()
    assert (whole["Name"], whole["IsPersonAccount"], whole["RecordTypeId"]) == ("山田 花子", True, kind)
    assert twin == {
        "LastName": "山田",
        "Email": "a@b.invalid",
        "Region__c": None,
        "IsPersonAccount": True,
        "AccountId": person,
    }
    world.user.edit("Account", person, {"Region__pc": "関東"})
    world.user.edit("Contact", whole["PersonContactId"], {"Email": "c@d.invalid"})
    whole, twin = held()
    assert (whole["Region__pc"], twin["Region__c"]) == ("関東", "関東")
    assert (whole["PersonEmail"], twin["Email"]) == ("c@d.invalid", "c@d.invalid")
    companies = [r for r in world.held(account).values() if not r[0] and not r[2]]
    assert companies, "companies stand in the same table"
    assert {r[3:6] for r in companies} == {(None, None, None)}
    world.user.delete("Account", person)
    world.pull(account, bulk_threshold=threshold)
    world.pull(contact, bulk_threshold=threshold)
    assert (world.held(account)[person][0], world.held(contact)[whole["PersonContactId"]][0]) == (True, True)


@WAYS
def test_amounts_stay_in_their_record_s_currency_whatever_the_rates_do(world: World, threshold: int | None):
    spec, rates = (
        ReadSpec("Opportunity", ("Amount", "CurrencyIsoCode")),
        ReadSpec("DatedConversionRate", ("IsoCode", "ConversionRate", "StartDate")),
    )
    values = {"Name": "商談", "StageName": "Prospecting", "CloseDate": "2026-12-01"}
    dollars = world.user.create("Opportunity", values | {"Amount": 1234.5, "CurrencyIsoCode": "USD"})
    yen = world.user.create("Opportunity", values | {"Amount": 5_000_000})
    for one in (spec, rates):
        world.pull(one, bulk_threshold=threshold)
        world.assert_mirrored(one)
    assert world.held(spec)[dollars] == (False, Decimal("1234.5"), "USD")
    assert world.held(spec)[yen] == (False, Decimal(5_000_000), "JPY")
    rate = next(i for i, r in world.user.records(rates.object).items() if r["fields"]["IsoCode"] == "USD")
    world.user.edit(rates.object, rate, {"ConversionRate": 0.0099})
    assert world.pull(spec, bulk_threshold=threshold).changed == 0
    world.pull(rates, bulk_threshold=threshold)
    assert world.held(rates)[rate][2] == Decimal("0.0099")
    world.assert_mirrored(spec)


@WAYS
def test_many_choices_and_record_types_are_texts_that_people_can_ask_for(world: World, threshold: int | None):
    spec = ReadSpec("Account", ("Territories__c", "RecordTypeId"))
    one = world.user.create("Account", {"Name": "多地域", "Territories__c": "関東;中部;九州・沖縄"})
    world.pull(spec, bulk_threshold=threshold)
    world.assert_mirrored(spec)
    assert world.held(spec)[one] == (False, "関東;中部;九州・沖縄", None)
    with world.connect() as conn:
        found = conn.execute(
            "select id from salesforce.account where '中部' = any(string_to_array(territories__c, ';')) and not _deleted"
        ).fetchall()
        kinds = conn.execute("select distinct recordtypeid from salesforce.account where recordtypeid is not null")
        held = {k for (k,) in kinds}
    assert (one,) in found
    assert held <= {r["Id"] for r in Org(world.url).query("SELECT Id FROM RecordType")}
    assert len(held) >= 2


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
