# ruff: noqa: F811 (fixtures are imported)
"""What is mapped from changes alone is what a mapping of everything would say, whatever people did in the two CRMs."""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from indicators.inputs import day_number
from indicators.paths import canonical_paths
from indicators.row_validity import spells
from jobs.mapping.versions import activate
from jobs.pipeline import run_cycle
from jobs.steps.inputs import read_inputs
from jobs.steps.map import map_facts
from jobs.wiring import Workspace
from models.vocabulary import Step
from sync.events import touched
from sync.mapping.loading import load_mapping
from tests.acceptance.in_process import FACTS, Company, Skipping
from tests.acceptance.in_process_fixtures import company, loaded_database, world  # noqa: F401
from tests.acceptance.test_faults_records import ACCOUNT, COMPANY, DEAL, ENTRY, User
from tests.acceptance.truth import connected

STAGES = ["Listed", "Requested", "Agreed", "Executed", "Deal", "Declined"]
LOG = "select * from sakigake.event order by event_id"
STANDING = """
    select fact_id, entry_id, partner_id, milestone, occurred_on from sakigake.event e where op = 'assert' and not exists (
        select from sakigake.event r where r.supersedes = e.event_id) order by 1"""


class Desk:
    """Both CRMs and our database, with something to do at random."""

    def __init__(self, company: Company, seed: int) -> None:
        self.company, self.chance = company, random.Random(seed)
        self.sf, self.hs = User(company, "salesforce"), User(company, "hubspot")
        self.gone: list[tuple[User, str, str]] = []

    def one(self, user: User, kind: str, where: Callable[[dict], bool] = lambda _: True) -> str:
        records = self.company.sandbox.control("GET", f"ledger?crm={user.crm}&object={kind}")["records"]
        live = sorted(r["id"] for r in records if not (r["deleted"] or r["merged_into"]) and where(r["fields"]))
        return self.chance.choice(live)

    def partner(self) -> str:
        return self.one(self.sf, ACCOUNT, lambda f: f.get("Type") == "Channel Partner / Reseller")

    def partner_company(self) -> str:
        return self.one(self.hs, COMPANY, lambda f: str(f.get("partner_flag")).lower() == "true")

    def something(self) -> None:
        act = self.chance.choice(
            [self.stage, self.stage, self.target, self.list_of_another, self.delete, self.restore, self.approach, self.deal_stage,
             self.deal_target, self.opportunity, self.no_partner, self.number, self.flag, self.join, self.new_entry, self.merge, self.customer, self.rival, self.rival]
        )  # fmt: skip
        with suppress(IndexError):  # there may be nothing left to do it to
            act()

    def stage(self) -> None:
        self.sf("edit", ENTRY, self.one(self.sf, ENTRY), fields={"Status__c": self.chance.choice(STAGES)})

    def target(self) -> None:
        other = self.one(self.hs, DEAL, lambda f: bool(f.get("target_domain")))
        fields = self.company.sandbox.control("GET", f"ledger?crm=hubspot&object={DEAL}")["records"]
        domain = next(r["fields"]["target_domain"] for r in fields if r["id"] == other)
        self.sf("edit", ENTRY, self.one(self.sf, ENTRY), fields={"TargetWebsite__c": f"https://{domain}"})

    def deal_target(self) -> None:
        self.hs("edit", DEAL, self.one(self.hs, DEAL), fields={"target_domain": None, "target_corporate_number": None})

    def list_of_another(self) -> None:
        self.sf("edit", ENTRY, self.one(self.sf, ENTRY), fields={"Partner__c": self.partner()})

    def delete(self) -> None:
        user, kind = self.chance.choice(
            [(self.sf, ENTRY), (self.hs, DEAL), (self.sf, "Task"), (self.hs, "tasks"), (self.sf, "Event")]
        )
        record = self.one(user, kind)
        user("delete", kind, record)
        if user is self.sf:
            self.gone.append((user, kind, record))

    def restore(self) -> None:
        if self.gone:
            user, kind, record = self.gone.pop()
            user("undelete", kind, record)

    def approach(self) -> None:
        fields = {"Subject": "アプローチ実施", "WhatId": self.one(self.sf, ENTRY), "ActivityDate": "2026-10-20"}
        self.sf.create("Task", **fields)

    def deal_stage(self) -> None:
        stage = self.chance.choice(["1001", "1002", "1003", "1004", "1005", "1007"])
        self.hs(
            "edit", DEAL, self.one(self.hs, DEAL, lambda f: f.get("pipeline") == "partner"), fields={"dealstage": stage}
        )

    def opportunity(self) -> None:
        entry = self.one(self.sf, ENTRY)
        self.sf("edit", ENTRY, entry, fields={"Opportunity__c": self.one(self.sf, "Opportunity")})
        day = f"2026-0{self.chance.randint(1, 9)}-01"
        fields = {"StageName": "Closed Won", "CloseDate": day}
        self.sf("edit", "Opportunity", self.one(self.sf, "Opportunity"), fields=fields)

    def no_partner(self) -> None:
        kind = self.chance.choice(["Customer", "Channel Partner / Reseller"])
        self.sf(
            "edit", ACCOUNT, self.chance.choice([self.partner(), self.one(self.sf, ACCOUNT)]), fields={"Type": kind}
        )

    def customer(self) -> None:
        """A company begins to buy, or buys no more: of some there is an entry."""
        kind = self.chance.choice(["Customer", "Prospect"])
        account = self.one(self.sf, ACCOUNT, lambda f: f.get("Type") in ("Customer", "Prospect"))
        entry = self.fields("salesforce", ENTRY, self.one(self.sf, ENTRY, lambda f: bool(f.get("TargetWebsite__c"))))
        marks = {"Website": entry["TargetWebsite__c"], "CorporateNumber__c": entry["TargetCorporateNumber__c"]}
        self.sf("edit", ACCOUNT, account, fields={"Type": kind, **marks})

    def rival(self) -> None:
        """Two entries are for one company, perhaps on two lists; or one of them was."""
        kept = ("TargetWebsite__c", "TargetCorporateNumber__c")
        one = self.fields("salesforce", ENTRY, self.one(self.sf, ENTRY))
        self.sf("edit", ENTRY, self.one(self.sf, ENTRY), fields={name: one[name] for name in kept})

    def fields(self, crm: str, kind: str, record: str) -> dict[str, Any]:
        records = self.company.sandbox.control("GET", f"ledger?crm={crm}&object={kind}")["records"]
        return next(r["fields"] for r in records if r["id"] == record)

    def flag(self) -> None:
        self.hs(
            "edit", COMPANY, self.one(self.hs, COMPANY), fields={"partner_flag": self.chance.choice(["true", "false"])}
        )

    def number(self) -> None:
        self.sf("edit", ACCOUNT, self.partner(), fields={"CorporateNumber__c": None, "Website": None})

    def join(self) -> None:
        name = self.chance.choice(["青葉厨房", "㈱青葉厨房"])
        self.sf("edit", ACCOUNT, self.partner(), fields={"Name": name, "Phone": "03-0123-4567"})
        self.hs("edit", COMPANY, self.partner_company(), fields={"name": name, "phone": "03-0123-4567"})

    def new_entry(self) -> None:
        self.sf.create(
            ENTRY, Partner__c=self.partner(), Status__c="Listed", ListedOn__c="2026-10-10", TargetName__c="青空食堂"
        )

    def merge(self) -> None:
        one, other = self.partner(), self.partner()
        if one != other:
            self.sf("merge", ACCOUNT, one, merge_id=other)


CUSTOMERS = """
customers:
  - {from: salesforce.Account, where: {Type: Customer}, name: Name, match_on: {domain: Website, corporate_number: CorporateNumber__c}}
  - {from: salesforce.Opportunity, where: {StageName: Closed Won}, linked: AccountId, since: CloseDate, name: Name, match_on: {domain: Website}}
"""
KEPT = (
    "select entry_id, partner_id, target_number from sakigake.entry where removed_at is null order by 1",
    "select connection, object, record_id, stands, number, stated from sakigake.customer_mark where known_until is null order by 1, 2, 3, 4, 5, 6",
)
AS_OF = date(2026, 12, 31)


def rows_off(workspace: Workspace) -> dict[str, set[Any]]:
    """Partner -> spells in which its rows do not count, told from everything that is known."""
    with workspace.engine.begin() as conn:
        events, entries, partners = read_inputs(conn, workspace.name, AS_OF, datetime.max.replace(tzinfo=UTC))
    off = spells(canonical_paths(events, entries, partners, day_number(AS_OF)), entries)
    found: dict[str, set[Any]] = {partner: set() for partner in partners.ids}
    for entry, *spell in zip(*(c.tolist() for c in (off.entry, off.start, off.end, off.why)), strict=True):
        found[partners.ids[int(entries.partner[entry])]].add((entries.ids[entry], *spell))
    return found


@pytest.mark.parametrize("seed", [1, 4, 7])
def test_increments_say_what_everything_says(company: Company, seed: int) -> None:
    desk = Desk(company, seed)
    few = moves = 0
    with (
        company._opened({"salesforce": Skipping(), "hubspot": Skipping()}) as opened,
        connected(company.url) as conn,
    ):
        workspace = replace(opened, rules=load_mapping(opened.rules.text + CUSTOMERS))
        with workspace.connect() as raw:
            activate(raw, workspace.name, workspace.rules, who="somebody", reason="customers", preview=None)
        run_cycle(workspace, steps=FACTS)
        off = rows_off(workspace)
        for _ in range(8):
            for _ in range(desk.chance.randint(1, 4)):
                desk.something()
            company.sandbox.advance(1 / 24)
            mapped = run_cycle(workspace, steps=FACTS).mapped
            with workspace.connect() as raw:
                noted = touched.partners(raw, workspace.name)
                touched.done(raw, workspace.name)
            before_off, off = off, rows_off(workspace)
            moved = {p for p in off.keys() | before_off.keys() if off.get(p) != before_off.get(p)}
            assert noted is None or moved <= noted
            moves += noted is not None and bool(moved)
            kept = [conn.execute(query).fetchall() for query in KEPT]
            few += mapped.get("looked_at") is not None
            standing, log = conn.execute(STANDING).fetchall(), conn.execute(LOG).fetchall()
            with workspace.connect() as raw:
                before = raw.execute(
                    "select counts -> 'input' from sakigake.run_step where step = %s order by started_at desc limit 1",
                    (Step.MAP,),
                ).fetchone()
            again = map_facts(workspace, "again", before and before[0], whole=True)
            assert (again["asserted"], again["retracted"], again["changed"]) == ({}, {}, 0)
            assert [conn.execute(query).fetchall() for query in KEPT] == kept
            assert (conn.execute(STANDING).fetchall(), conn.execute(LOG).fetchall()) == (standing, log)
            if "issues" in mapped:
                for name in ("partners", "entries", "activities", "standing", "issues"):
                    assert mapped[name] == again[name], name
    assert few >= 5
    assert moves


def test_the_first_run_of_another_version_maps_everything_and_rewrites_no_event_that_did_not_change(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {"partner": "select partner_id, submitted_on from sakigake.partner order by 1", "log": LOG}
    with (
        company._opened({"salesforce": Skipping(), "hubspot": Skipping()}) as workspace,
        connected(company.url) as conn,
    ):
        run_cycle(workspace, steps=FACTS)
        run_cycle(workspace, steps=FACTS)
        assert "skipped" in run_cycle(workspace, steps=FACTS).mapped
        held = {name: conn.execute(query).fetchall() for name, query in facts.items()}
        # as a version left it that read the day of the newest list otherwise
        conn.execute("update sakigake.partner set submitted_on = '2020-01-01' where submitted_on is not null")
        monkeypatch.setattr("jobs.steps.map.MAPPING_CODE", "a later version")
        mapped = run_cycle(workspace, steps=FACTS).mapped
        assert mapped["looked_at"] is None
        assert mapped["changed"] > 0
        assert (mapped["asserted"], mapped["retracted"]) == ({}, {})
        assert {name: conn.execute(query).fetchall() for name, query in facts.items()} == held
        assert "skipped" in run_cycle(workspace, steps=FACTS).mapped
