"""Rows of a partner's list become members of the partner's Campaign: of a Lead that is there, or of a new one that is made first.

The oracle is the sandbox's ledger. Every test has companies of its own in one organisation.
"""

# ruff: noqa: F811 (fixtures are imported)
from collections.abc import Iterator
from typing import Any

import pytest

from jobs.erasing import erase_record
from jobs.errors import ConfigError, PlanRefused
from jobs.list_import import ERASED, Imported
from jobs.progress import NoProgress
from jobs.steps import approve
from models.vocabulary import RecordRef
from sync.lists.date_order import DateOrder
from sync.writeback.making import _Making
from tests.acceptance.campaigns import Campaigns, office, phone  # noqa: F401

KEY = "Sakigake_List_Row__c"
MAKES = {"crm": "salesforce", "method": "POST", "path": r"/composite/sobjects$"}


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(autouse=True)
def undisturbed(office: Campaigns) -> Iterator[None]:
    yield
    office.sandbox.faults()


def delivered(found: Imported) -> dict[str, int]:
    assert found.creates is not None
    assert found.creates.delivered is not None
    return found.creates.delivered


def test_a_lead_that_is_there_is_taken_another_is_made_and_both_are_members_of_the_partners_campaign(
    office: Campaigns,
) -> None:
    partner = office.partners[0]
    there = office.lead("株式会社睦月")
    office.cycle()
    found = office.take_in(["（株）睦月", "如月商店"], partner)
    assert found.creates is not None
    assert found.creates.places == {"salesforce.CampaignMember": 2, "salesforce.Lead": 1}
    assert delivered(found) == {"confirmed": 3, "failed": 0, "dropped": 0}
    (new,) = office.standing("Lead", Company="如月商店")
    assert (new["fields"]["LastName"], new["fields"]["Phone"]) == ("如月商店", phone("如月商店"))
    for lead in (there, new["id"]):
        (member,) = office.members(lead)
        held = member["fields"]
        assert (held["CampaignId"], held["Status"]) == (office.campaign(partner), "Listed")
        assert held["ListedOn__c"]
    for _ in range(2):  # before it is read back, and after
        again = office.take_in(["（株）睦月", "如月商店"], partner)
        assert (again.run, again.creates and again.creates.places) == (None, {})
        office.cycle()
    records = "select count(*) from sakigake.entry_source s join sakigake.entry e using (workspace, entry_id) where e.removed_at is null and e.target ->> 'name' = %s"
    assert [office.one(records, n) for n in ("株式会社睦月", "如月商店")] == [2, 2]  # the row, and the member


def test_one_company_on_two_partners_lists_is_one_lead_and_goes_with_the_last_member_that_names_it(
    office: Campaigns,
) -> None:
    first = office.take_in(["弥生商店"], office.partners[1])
    second = office.take_in(["弥生商店"], office.partners[2])  # before anything is read back
    assert (delivered(first)["confirmed"], delivered(second)["confirmed"]) == (2, 1)
    (lead,) = office.standing("Lead", Company="弥生商店")
    assert len(office.members(lead["id"])) == 2
    done = office.undo(first.run)
    assert done["delivered"] == {"confirmed": 1, "failed": 0, "dropped": 1}
    assert [c["cause"] for c in done["cannot"]] == ["another record of the CRM, or an activity, names it"]
    assert len(office.members(lead["id"])) == 1
    assert office.undo(second.run)["delivered"] == {"confirmed": 2, "failed": 0, "dropped": 0}
    assert office.standing("Lead", Company="弥生商店") == []
    with pytest.raises(PlanRefused, match="no records left"):
        office.undo(first.run)


def test_undo_takes_the_member_and_the_lead_that_we_made_and_leaves_the_lead_that_was_there(office: Campaigns) -> None:
    there = office.lead("卯月商店")
    office.cycle()
    found = office.take_in(["卯月商店", "皐月商店", "水無月商店"], office.partners[3])
    (called,) = office.standing("Lead", Company="水無月商店")
    who = {"WhoId": called["id"], "Subject": "電話"}
    office.act("create", "Task", fields=who)  # a rep has called; the CRM would delete that with the Lead
    would = office.undo(found.run, dry_run=True)
    assert (len(would["removes"]), len(would["cannot"])) == (4, 1)
    done = office.undo(found.run)
    assert done["delivered"] == {"confirmed": 4, "failed": 0, "dropped": 1}
    kinds = [c["record"].partition("/")[0] for c in done["removes"]]
    assert kinds == ["salesforce.CampaignMember"] * 3 + ["salesforce.Lead"]
    assert office.standing("Lead", Company="皐月商店") == office.members(there) == []
    assert [r["id"] for r in office.standing("Lead", Company="卯月商店")] == [there]
    assert len(office.standing("Lead", Company="水無月商店")) == 1
    again = office.take_in(["卯月商店", "皐月商店", "水無月商店"], office.partners[3])  # right away, before any pull
    assert again.creates is not None
    assert again.creates.places == {"salesforce.CampaignMember": 3, "salesforce.Lead": 1}
    assert len(office.members(there)) == 1


def test_a_process_killed_between_the_two_leaves_what_the_next_import_ends(
    office: Campaigns, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, partner = ["文月商店", "葉月商店"], office.partners[4]
    real = _Making.batch

    def dies(self: _Making, batch: Any) -> None:
        if batch[0].object == "CampaignMember":
            raise Killed
        real(self, batch)

    monkeypatch.setattr(_Making, "batch", dies)
    with pytest.raises(Killed):
        office.take_in(names, partner)
    monkeypatch.undo()
    leads = [r["id"] for n in names for r in office.standing("Lead", Company=n)]
    assert (len(leads), [office.members(i) for i in leads]) == (2, [[], []])
    found = office.take_in(names, partner)
    assert found.creates is not None
    assert found.creates.places == {"salesforce.CampaignMember": 2}
    assert [len(office.members(i)) for i in leads] == [1, 1]
    assert sum(len(office.standing("Lead", Company=n)) for n in names) == 2
    assert (
        office.undo(found.run)["delivered"]["confirmed"] == 4
    )  # the Leads too, though the run that died had made them
    assert not [r for n in names for r in office.standing("Lead", Company=n)]


@pytest.mark.parametrize("skip", [0, 1])
def test_a_lost_answer_of_the_lead_or_of_the_member_makes_neither_twice(office: Campaigns, skip: int) -> None:
    name = f"長月{skip}商店"
    office.sandbox.faults({"match": MAKES, "effect": {"kind": "lost_reply"}, "times": 1, "skip": skip})
    assert delivered(office.take_in([name], office.partners[5])) == {"confirmed": 2, "failed": 0, "dropped": 0}
    (lead,) = office.standing("Lead", Company=name)
    assert len(office.members(lead["id"])) == 1


def test_a_lead_that_the_crm_refuses_leaves_its_member_unmade_and_the_row_says_why(office: Campaigns) -> None:
    office.sandbox.act(
        action="refuse", crm="salesforce", object="Lead", id="new", code="DUPLICATES_DETECTED", message="x", times=1
    )
    found = office.take_in(["神無月商店", "霜月商店"], office.partners[5])
    assert delivered(found) == {"confirmed": 2, "failed": 2, "dropped": 0}
    assert found.creates is not None
    ((row, why),) = found.creates.refused
    assert (row, why.partition(": ")[0]) == (2, "its Lead was not made")
    assert "a duplicate rule of the organisation refuses it" in why
    assert delivered(office.take_in(["神無月商店", "霜月商店"], office.partners[5]))["confirmed"] == 2


def test_a_member_that_stands_there_already_is_told_and_not_made_again(office: Campaigns) -> None:
    partner = office.partners[6]
    lead = office.lead("師走商店", Phone="")
    office.act("create", "CampaignMember", fields={"CampaignId": office.campaign(partner), "LeadId": lead, "Status": "Requested"})  # fmt: skip
    office.act("edit", "Lead", id=lead, fields={"Phone": phone("師走商店"), "City": "x"})
    office.cycle()
    found = office.take_in(["師走商店"], partner)
    assert found.judged[0].found.standing.value == "listed"
    assert len(office.members(lead)) == 1


def test_what_nobody_can_tell_is_said_row_by_row_and_waits_here(office: Campaigns) -> None:
    partner = office.partners[7]
    office.lead("株式会社紅梅", Phone="03-1234-5678")
    office.lead("紅梅（株）", Phone="03-1234-5678")
    office.cycle()
    path = office.folder / "twice.csv"
    path.write_text("会社名,電話番号\n株式会社紅梅,03-1234-5678\n白梅商店,03-1234-9999\n", "utf-8")
    found = office.take_in_file(path, partner)
    assert found.creates is not None
    ((row, why),) = found.creates.untold
    assert row == 2
    assert why.startswith("2 records of Lead are of this company, and nobody can tell which one is meant")
    assert found.creates.document()["untold"] == [{"row": 2, "reason": why}]
    assert len(office.standing("Lead", Company="白梅商店")) == 1
    other = {"Name": "もう一つ", "Partner__c": partner.partition("/")[2], "IsActive": True}
    more = office.act("create", "Campaign", fields=other)
    office.cycle()
    found = office.take_in(["黄梅商店"], partner)
    assert found.creates is not None
    assert [why.partition(";")[0] for _, why in found.creates.untold] == ["the partner has 2 records of Campaign"]
    for campaign in (more, *(r["id"] for r in office.standing("Campaign", Partner__c=partner.partition("/")[2]))):
        office.act("edit", "Campaign", id=campaign, fields={"IsActive": False})
    office.cycle()
    found = office.take_in(["黄梅商店"], partner)
    assert found.creates is not None
    assert "the partner has no Campaign that the mapping takes" in found.creates.untold[0][1]
    assert office.standing("Lead", Company="黄梅商店") == []  # no Lead without a Campaign for it
    office.act("edit", "Campaign", id=more, fields={"IsActive": True})
    office.cycle()
    assert delivered(office.take_in(["黄梅商店"], partner))["confirmed"] == 2


def test_a_plan_shows_both_records_and_is_made_when_a_person_says_so(office: Campaigns) -> None:
    settings = office.folder / "sakigake.yaml"
    text = settings.read_text("utf-8")
    settings.write_text(text.replace("first_plan: deliver", "first_plan: deliver\n      created: 1"), "utf-8")
    try:
        found = office.take_in(["山吹商店"], office.partners[0])
        again = office.take_in(["山吹商店"], office.partners[0])
        assert found.creates is not None
        assert again.creates is not None
        assert (again.run, again.creates.plan) == (None, found.creates.plan)
        assert office.standing("Lead", Company="山吹商店") == []
        with office.opened() as ready:
            shown = approve.plan_document(ready, str(found.creates.plan))["creates"]
            assert [(c["object"], c["row"] is None, c["after"]) for c in shown] == [
                ("salesforce.Lead", True, {}), ("salesforce.CampaignMember", False, {"LeadId": "Lead"})
            ]  # fmt: skip
            done = approve.apply_plan(ready, str(found.creates.plan), "the list of March", NoProgress())
        assert done["delivered"] == {"confirmed": 2, "failed": 0, "dropped": 0}
    finally:
        settings.write_text(text, "utf-8")


def test_erasing_the_lead_that_a_list_made_erases_its_row_and_what_every_plan_holds_of_it(office: Campaigns) -> None:
    name, partner = "花子個人商店", office.partners[0]
    office.take_in([name], partner)
    office.cycle()
    (lead,) = office.standing("Lead", Company=name)
    held = "select exists (select from {} t where to_jsonb(t)::text like %s)"
    tables = office.one(
        "select array_agg(format('%%I.%%I', schemaname, tablename)) from pg_tables where schemaname in ('sakigake', 'lists', 'salesforce')"
    )
    holding = lambda: {t for t in tables if office.one(held.format(t), f"%{name}%")}  # noqa: E731
    assert {"sakigake.creation", 'lists."row"', "salesforce.lead"} <= holding()
    with office.opened() as ready:
        done = erase_record(ready, RecordRef("salesforce", "Lead", lead["id"]), "her letter")
    assert len(done["rows"]) == 1
    left = holding()
    (member,) = office.members(lead["id"])
    with office.opened() as ready:
        erase_record(ready, RecordRef("salesforce", "CampaignMember", member["id"]), "her letter")
    assert left <= {
        "salesforce.campaignmember",
        "sakigake.entry",
        "sakigake.entry_source",
    }  # it says the company's name itself
    assert holding() == set()
    assert office.take_in([name], partner).bad[0].reason == ERASED


def test_a_mapping_that_reads_more_than_was_pulled_asks_for_a_pull_first(
    office: Campaigns, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jobs.steps import making_proposal

    real = making_proposal.needs

    def more(rules: Any) -> Any:
        found = real(rules)
        spec = found["salesforce"]["Lead"]
        wider = type(spec)("Lead", (*spec.fields, "Rating"))
        return {**found, "salesforce": {**found["salesforce"], "Lead": wider}}

    monkeypatch.setattr(making_proposal, "needs", more)
    with pytest.raises(ConfigError, match="salesforce's Lead is not mirrored as the mapping wants"):
        office.take_in(["桔梗商店"], office.partners[0])
    assert office.standing("Lead", Company="桔梗商店") == []


def test_a_contact_that_is_there_is_the_member_where_no_lead_is_and_of_several_the_one_whom_the_list_names(
    office: Campaigns,
) -> None:
    partner = office.partners[8]
    for name in ("藤袴商店", "女郎花商店"):
        account = office.act("create", "Account", fields={"Name": name, "Phone": phone(name)})
        for n in range(1 if name == "藤袴商店" else 2):
            person = {"AccountId": account, "LastName": f"田中{n}", "Email": f"tanaka{n}@{len(name)}.example"}
            office.act("create", "Contact", fields=person)
    lead = office.lead("撫子商店")
    account = office.act("create", "Account", fields={"Name": "撫子商店", "Phone": phone("撫子商店")})
    office.act("create", "Contact", fields={"AccountId": account, "LastName": "佐藤"})
    office.cycle()
    names = ["藤袴商店", "女郎花商店", "撫子商店"]
    found = office.take_in(names, partner)
    assert found.creates is not None
    assert found.creates.places == {"salesforce.CampaignMember": 2}
    assert [(row, why.partition(",")[0]) for row, why in found.creates.untold] == [
        (3, "2 records of Contact are of this company")
    ]
    (only,) = office.standing("Contact", LastName="田中0", Email="tanaka0@4.example")
    assert len(office.standing("CampaignMember", ContactId=only["id"])) == len(office.members(lead)) == 1
    path = office.folder / "contacts.csv"
    path.write_text(f"会社名,電話番号,Contact Email\n女郎花商店,{phone('女郎花商店')},TANAKA1@5.example\n", "utf-8")
    assert delivered(office.take_in_file(path, partner))["confirmed"] == 1
    (named,) = office.standing("Contact", Email="tanaka1@5.example")
    assert len(office.standing("CampaignMember", ContactId=named["id"])) == 1
    assert not [r for n in ("藤袴商店", "女郎花商店") for r in office.standing("Lead", Company=n)]
    for _ in range(2):  # before it is read back, and after
        again = office.take_in(names, partner)
        assert (again.run, again.creates and again.creates.places) == (None, {})
        office.cycle()


def test_a_new_lead_is_given_the_person_of_the_list_and_nothing_of_them_is_kept_beside_it(office: Campaigns) -> None:
    path = office.folder / "people.csv"
    rows = ["Prospect Company,Phone,Contact Name,Email,Job Title,Registration Date,Partner Account"]
    partner = office.partners[8]
    rows.append(f"葛商店,{phone('葛商店')},鈴木 花子 様,hanako@kuzu.example,店長,04/01/2026,{partner}")
    rows.append(f"桔梗屋,{phone('桔梗屋')},,,,04/02/2026,{partner}")
    path.write_text("\n".join(rows), "utf-8")
    assert [b.reason.partition(";")[0] for b in office.take_in_file(path, None).bad] == [
        "Registration Date: nobody can tell month and day apart"
    ] * 2
    assert delivered(office.take_in_file(path, None, dates=DateOrder.MDY))["confirmed"] == 4
    (lead,) = office.standing("Lead", Company="葛商店")
    held = {n: lead["fields"].get(n) for n in ("LastName", "FirstName", "Email", "Title")}
    assert held == {"LastName": "鈴木", "FirstName": "花子", "Email": "hanako@kuzu.example", "Title": "店長"}
    (member,) = office.members(lead["id"])
    assert member["fields"]["ListedOn__c"] == "2026-04-01"
    (other,) = office.standing("Lead", Company="桔梗屋")
    assert other["fields"]["LastName"] == "桔梗屋"  # Salesforce wants one, and the list names nobody
    assert office.one("select count(*) from lists.row r where to_jsonb(r)::text like '%%花子%%'") == 0


def test_the_campaign_that_a_person_chooses_takes_the_members_and_one_of_another_partner_none(
    office: Campaigns,
) -> None:
    partner, whose = office.partners[1], office.partners[1].partition("/")[2]
    autumn = office.act("create", "Campaign", fields={"Name": "秋の紹介", "Partner__c": whose, "IsActive": False})
    office.cycle()
    foreign = office.campaign(office.partners[0])
    for into in (foreign, "冬の紹介"):
        with pytest.raises(
            ConfigError, match=r"the partner has no Campaign of that id or name\. Nothing was taken in\."
        ):
            office.take_in(["萩商店"], partner, into=into)
    assert office.one("select count(*) from lists.row where name = '萩商店'") == 0
    for name, into in (("萩商店", "秋の紹介 "), ("薄商店", autumn[:15])):
        assert delivered(office.take_in([name], partner, into=into))["confirmed"] == 2
        (lead,) = office.standing("Lead", Company=name)
        assert [m["fields"]["CampaignId"] for m in office.members(lead["id"])] == [autumn]
