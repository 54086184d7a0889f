"""Rows of a partner's list become members of the partner's Campaign: of a Lead that is there, or of a new one that is made first.

The oracle is the sandbox's ledger. Every test has companies of its own in one organisation.
"""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs import database as db
from jobs.errors import ConfigError
from jobs.list_import import Imported, import_list
from jobs.mapping_versions import activate
from jobs.pipeline import run_cycle
from jobs.presets import write_preset
from jobs.progress import NoProgress
from jobs.settings import load
from jobs.steps import approve
from jobs.steps.provision import provision
from jobs.steps.undo import undo_run
from jobs.wiring import open_workspace
from models.vocabulary import Step
from sandbox.server import running
from sandbox.settings import SandboxSettings
from sync.mapping.names import name_key
from sync.writeback.making import _Making
from tests.acceptance.conftest import scratch
from tests.acceptance.desk import Sandbox
from tests.acceptance.truth import connected

WORLD = SandboxSettings(
    partners=20, months=4, entries=80, future_days=0, salesforce_entries="campaign_members", salesforce_bulk_step_s=0.0, limits=False
)  # fmt: skip
KEY = "Sakigake_List_Row__c"
MAKES = {"crm": "salesforce", "method": "POST", "path": r"/composite/sobjects$"}


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Campaigns:
    """An organisation whose partners have Campaigns, and the workspace that reads it."""

    sandbox: Sandbox
    folder: Path
    url: str
    engine: Engine
    partners: list[str] = field(default_factory=list)  # with one Campaign each

    def opened(self) -> Any:
        return open_workspace(load(self.folder / "sakigake.yaml"), self.folder, self.engine)

    def cycle(self) -> None:
        with self.opened() as ready:
            run_cycle(ready, steps=(Step.PULL, Step.MAP))

    def take_in(self, names: list[str], partner: str, **more: Any) -> Imported:
        path = self.folder / "list.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([["会社名", "電話番号"], *([n, phone(n)] for n in names)])
        return self.take_in_file(path, partner, **more)

    def take_in_file(self, path: Path, partner: str, **more: Any) -> Imported:
        given = {"listed_on": None, "sheet": None, "who": "RevOps", "dry_run": False, **more}
        with self.opened() as ready:
            return import_list(ready, path, partner=partner, **given)

    def undo(self, run: str | None, **more: Any) -> dict[str, Any]:
        with self.opened() as ready:
            return undo_run(ready, str(run), "the wrong file", NoProgress(), **more)

    def act(self, action: str, object_name: str, **more: Any) -> str:
        return str(self.sandbox.act(action=action, crm="salesforce", object=object_name, **more)["id"])

    def lead(self, name: str, **more: Any) -> str:
        fields = {"Company": name, "LastName": "山田", "Phone": phone(name), **more}
        return self.act("create", "Lead", fields=fields)

    def standing(self, object_name: str, **held: Any) -> list[dict[str, Any]]:
        return [
            r for r in self.sandbox.ledger()["records"]
            if (r["crm"], r["object"], r["deleted"]) == ("salesforce", object_name, False)
            and all(r["fields"].get(k) == v for k, v in held.items())
        ]  # fmt: skip

    def members(self, lead: str) -> list[dict[str, Any]]:
        return self.standing("CampaignMember", LeadId=lead)

    def campaign(self, partner: str) -> str:
        (one,) = self.standing("Campaign", Partner__c=partner.partition("/")[2])
        return str(one["id"])

    def one(self, query: str, *given: Any) -> Any:
        with connected(self.url) as conn:
            row = conn.execute(query, given).fetchone()
        return row[0] if row else None


def phone(name: str) -> str:
    """One of its own for each company, however it is written."""
    key = name_key(name)
    return f"03-{sum(ord(c) * 7**i for i, c in enumerate(key)) % 8000 + 2000}-{len(key):04d}"


@pytest.fixture(scope="module")
def office(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: str, database_template: str
) -> Iterator[Campaigns]:
    folder = tmp_path_factory.mktemp("members")
    with running(WORLD) as url, scratch(postgres_server, database_template) as address:
        write_preset("salesforce-campaign", folder, sandbox_url=url)
        mapping, settings = folder / "mapping.yaml", folder / "sakigake.yaml"
        mapping.write_text(mapping.read_text("utf-8").replace("    # create: ", "    create: "), "utf-8")
        settings.write_text(settings.read_text("utf-8").replace("first_plan: hold", "first_plan: deliver"), "utf-8")
        engine = db.engine(address)
        made = Campaigns(Sandbox(url, os.getpid()), folder, address, engine)
        with made.opened() as ready:
            provision(ready.settings, ready.rules, ready.connectors, dry_run=False)
            with ready.connect() as conn:
                activate(conn, ready.name, ready.rules, who="RevOps", reason="members", preview=None)
        made.cycle()
        named = {r["fields"]["Partner__c"] for r in made.standing("Campaign")}
        made.partners = [f"salesforce.Account/{i}" for i in sorted(named)]
        yield made
        engine.dispose()


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
    assert office.undo(second.run)["delivered"]["confirmed"] == 1
    assert office.undo(first.run)["delivered"] == {"confirmed": 1, "failed": 0, "dropped": 0}
    assert office.standing("Lead", Company="弥生商店") == []


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
            assert [(c["object"], c["row"] is None) for c in shown] == [
                ("salesforce.Lead", True), ("salesforce.CampaignMember", False)
            ]  # fmt: skip
            done = approve.apply_plan(ready, str(found.creates.plan), "the list of March", NoProgress())
        assert done["delivered"] == {"confirmed": 2, "failed": 0, "dropped": 0}
    finally:
        settings.write_text(text, "utf-8")


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
