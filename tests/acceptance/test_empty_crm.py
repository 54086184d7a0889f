"""Two CRMs that somebody has just set up: every command says that nothing is there yet, and a list makes the first records."""

import csv
from collections.abc import Iterator

import pytest

from tests.acceptance.conftest import MakeDesk
from tests.acceptance.desk import Desk, Sandbox, sandbox_process

COMMANDS = {  # command -> what it says of nothing
    "mapping coverage": "Nothing there yet: salesforce.Account, hubspot.companies, salesforce.AttackListEntry__c, hubspot.deals hold no record",
    "status": "-: not counted yet. The first sweep holds the mirror against the CRM: `sakigake reconcile`, or the schedule.",
    "indicators --language en": "No entry has gone the whole way to a deal yet, so nothing can be expected.",
    "targets --deals 5 --language en": "There is no partner to share it out to.",
    "leading --language en": "not one whole week of data yet",
    "activation --language en": "Partner-sourced share: no deal of any channel in a year",
}
MAKING = {
    "language: ja": "language: en",
    "    ignored: {Status__c": "    create: {set: {Status__c: Listed}}\n    ignored: {Status__c",
    "    partner: {association: companies, label: partner}\n": "    partner: {association: companies, label: partner}\n"
    '    create: {set: {dealname: {row: name}, pipeline: partner, dealstage: "1001"}}\n',
}


@pytest.fixture
def empty() -> Iterator[Sandbox]:
    with sandbox_process("--scenario", "empty", "--no-limits") as sandbox:
        yield sandbox


def test_an_empty_crm_is_told_as_empty_and_a_list_makes_its_first_records(empty: Sandbox, make_desk: MakeDesk) -> None:
    desk = make_desk(empty)
    assert "salesforce-custom-object for salesforce, hubspot-deals for hubspot" in looked_into(desk)
    desk.sakigake("run", "--only", "pull")
    mapping = desk.folder / "mapping.yaml"
    text = mapping.read_text("utf-8")
    for old, new in MAKING.items():
        assert old in text
        text = text.replace(old, new, 1)
    mapping.write_text(text, "utf-8")
    assert "fits the CRMs" in desk.sakigake("mapping", "check").stdout
    activated = desk.sakigake("mapping", "activate", "--reason", "lists become records").stdout
    assert "Events: none is gained, lost or moved.\nPartners: 0 → 0 (0 new, 0 gone)" in activated
    desk.sakigake("provision")
    ran = desk.sakigake("run").stdout
    assert "No record is a partner by the mapping;" in ran
    assert "Nothing to write: every field in the CRMs is as it should be." in ran
    for command, said in COMMANDS.items():
        assert said in desk.sakigake(*command.split()).stdout, command

    account = empty.act(
        action="create", crm="salesforce", object="Account", fields={"Name": "青葉商会", "Type": "Channel Partner / Reseller"}
    )  # fmt: skip
    empty.act(action="create", crm="hubspot", object="companies", fields={"name": "若葉商会", "partner_flag": "true"})
    empty.search_catches_up()
    assert "0 entries of 2 partners" in desk.sakigake("run").stdout
    with (desk.folder / "list.csv").open("w", encoding="utf-8", newline="") as file:
        rows = [["Prospect Company", "Website", "Registration Date", "Partner"]]
        rows += [["さくら商店", "sakura.example", "10/01/2026", f"salesforce.Account/{account['id']}"]]
        rows += [["もみじ商店", "momiji.example", "10/02/2026", "若葉商会"]]
        csv.writer(file).writerows(rows)
    assert "2 records made." in desk.sakigake("import-list", "list.csv", "--dates", "mdy").stdout
    empty.search_catches_up()
    assert "2 entries of 2 partners" in desk.sakigake("run").stdout
    covered = desk.sakigake("mapping", "coverage").stdout
    assert "Every value is mapped, every record has its partner, and no date contradicts another." in covered
    listed = {r["fields"].get("ListedOn__c") or r["fields"].get("listed_on") for r in empty.ledger()["records"]}
    assert {"2026-10-01", "2026-10-02"} <= listed


def looked_into(desk: Desk) -> str:
    """What `init --propose` says where nothing but the shape tells; the mapping is kept as it is."""
    desk.sakigake("db", "upgrade")
    return desk.sakigake("init", "--propose").stdout
