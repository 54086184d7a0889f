"""Both CRMs grown from one world: what happened is what their records say, whenever the clock was jumped."""

import asyncio
import dataclasses
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

import sandbox.state
from sandbox.control import control_routes
from sandbox.faults import EFFECTS
from sandbox.generate import generate_world
from sandbox.server import running
from sandbox.settings import SandboxSettings
from sandbox.state import Sandbox
from sandbox.world import World

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sandbox.md"
SMALL = SandboxSettings(partners=20, months=8, entries=250)
DATES = {  # of each step, in Salesforce and in HubSpot
    "listed": ("ListedOn__c", "listed_on"),
    "requested": ("RequestedOn__c", "requested_on"),
    "agreed": ("AgreedOn__c", "agreed_on"),
    "executed": ("ExecutedOn__c", "executed_on"),
    "lost": ("DeclinedOn__c", "lost_on"),
}


def rows(sandbox: Sandbox, crm: str, name: str) -> list[dict[str, Any]]:
    store = sandbox.salesforce.store if crm == "salesforce" else sandbox.hubspot.store
    return [r.fields for r in store.live(name)]


def entries(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """Fields of each entry's record by external id, without what only says who made it and when."""
    found = {r["ExternalId__c"]: r for r in rows(sandbox, "salesforce", "AttackListEntry__c") if r.get("ExternalId__c")}
    found |= {r["external_id"]: r for r in rows(sandbox, "hubspot", "deals") if r.get("external_id")}
    made = {"Name", "OwnerId", "Partner__c", "Opportunity__c", "hubspot_owner_id"}
    return {x: {k: v for k, v in r.items() if k not in made and not k.startswith("hs_")} for x, r in found.items()}


def lived(world: World, as_of: date, monkeypatch: pytest.MonkeyPatch, days: int = 0) -> Sandbox:
    """A sandbox of this world whose clock starts on `as_of` and then jumps."""
    monkeypatch.setattr(sandbox.state, "make_world", lambda _: dataclasses.replace(world, as_of=as_of))
    made = Sandbox(SMALL)
    asyncio.run(made.advance(days))
    return made


@pytest.fixture(scope="module")
def whole() -> Sandbox:
    return Sandbox(SandboxSettings())


class TestRecordsOfTheDefaultWorld:
    def test_every_partner_stands_where_the_world_says(self, whole: Sandbox):
        accounts = [a for a in rows(whole, "salesforce", "Account") if a["Type"] == "Channel Partner / Reseller"]
        companies = [c for c in rows(whole, "hubspot", "companies") if c.get("partner_flag") == "true"]
        assert (len(accounts), len(companies)) == (70, 45)
        numbers = {a["CorporateNumber__c"] for a in accounts if a.get("CorporateNumber__c")}
        domains = {a["Website"].removeprefix("https://").removeprefix("www.") for a in accounts}
        same_number = {c["domain"] for c in companies if c.get("corporate_number") in numbers}
        same_domain = {c["domain"] for c in companies if c["domain"] in domains}
        assert len(same_domain) == 15
        assert same_number < same_domain

    def test_every_step_has_its_date_and_nothing_of_the_future_is_there(self, whole: Sandbox):
        world, found = whole.world, entries(whole)
        wanted: dict[str, dict[str, str]] = defaultdict(dict)
        for e in world.events:
            if e.recorded_on <= world.as_of:
                wanted[e.external_id][e.step] = e.occurred_on.isoformat()
        assert found.keys() == wanted.keys()
        for external, fields in found.items():
            mine = 0 if external.startswith("sa-") else 1
            dates = {step: fields[names[mine]] for step, names in DATES.items() if fields.get(names[mine])}
            assert dates == {step: day for step, day in wanted[external].items() if step in DATES}

    def test_partners_source_44_percent_of_the_last_years_deals(self, whole: Sandbox):
        year = (whole.world.as_of - timedelta(days=365)).isoformat()
        own = others = 0
        for r in whole.salesforce.store.live("Opportunity"):
            if r.created_at.date().isoformat() > year:
                own, others = (
                    own + (r.fields["LeadSource"] == "Partner"),
                    others + (r.fields["LeadSource"] != "Partner"),
                )
        for r in whole.hubspot.store.live("deals"):
            if r.fields["pipeline"] == "default":
                others += r.created_at.date().isoformat() > year
            else:
                own += (r.fields.get("deal_on") or "") > year
        assert own / (own + others) == pytest.approx(0.44, abs=0.01)

    def test_an_activity_is_logged_in_one_crm_only(self, whole: Sandbox):
        logged = [r["Subject"] for r in [*rows(whole, "salesforce", "Event"), *rows(whole, "salesforce", "Task")]]
        logged += [r["hs_meeting_title"] for r in rows(whole, "hubspot", "meetings")]
        logged += [r["hs_task_subject"] for r in rows(whole, "hubspot", "tasks")]
        world = whole.world
        executed = sum(e.step == "executed" and e.recorded_on <= world.as_of for e in world.events)
        assert logged.count("アプローチ実施") == executed
        assert len(logged) - executed == sum(a.occurred_on <= world.as_of for a in world.activities)

    def test_nothing_bears_a_stamp_of_the_future(self, whole: Sandbox):
        now = whole.clock.now()
        for crm in (whole.salesforce, whole.hubspot):
            for name in list(crm.store.objects):
                assert all(r.created_at <= r.modified_at <= now for r in crm.store.live(name)), name


class TestTime:
    def test_a_jumped_messy_world_ends_as_one_that_started_later(self, monkeypatch: pytest.MonkeyPatch):
        world = generate_world(dataclasses.replace(SMALL, scenario="messy"))
        jumped = lived(world, world.as_of - timedelta(days=100), monkeypatch, 160)
        later = lived(world, world.as_of + timedelta(days=60), monkeypatch)
        assert jumped.lived_until == later.lived_until
        assert entries(jumped) == entries(later)

    def test_one_long_jump_is_many_short_ones(self, monkeypatch: pytest.MonkeyPatch):
        world = generate_world(SMALL)
        long = lived(world, world.as_of, monkeypatch, 30)
        short = lived(world, world.as_of, monkeypatch)
        for _ in range(30):
            asyncio.run(short.advance(1))
        assert entries(short) == entries(long)

    def test_begun_anew_it_is_the_same_to_the_id(self, monkeypatch: pytest.MonkeyPatch):
        world = generate_world(SMALL)
        made = lived(world, world.as_of, monkeypatch)
        before = [list(made.crm(c).store.ledger()) for c in ("salesforce", "hubspot")]
        made.begin()
        assert [list(made.crm(c).store.ledger()) for c in ("salesforce", "hubspot")] == before


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(SMALL) as base:
        yield base


def login(url: str) -> dict[str, str]:
    form = {"grant_type": "client_credentials", "client_id": "sakigake-sandbox", "client_secret": "sandbox-secret"}
    reply = requests.post(f"{url}/services/oauth2/token", data=form, timeout=10)
    return {"Authorization": f"Bearer {reply.json()['access_token']}"}


class TestOverHttp:
    def test_writes_to_both_crms_stand_in_one_ledger_in_order(self, url: str):
        def user(**told: Any) -> str:
            reply = requests.post(f"{url}/_sandbox/records", json={"action": "create", **told}, timeout=10)
            assert reply.status_code == 200, reply.text
            return str(reply.json()["id"])

        account = user(crm="salesforce", object="Account", fields={"Name": "株式会社手入力", "Type": "Prospect"})
        company = user(crm="hubspot", object="companies", fields={"name": "株式会社手入力", "domain": "hand.example"})
        headers = login(url)
        one = f"{url}/services/data/v62.0/sobjects/Account/{account}"
        two = f"{url}/crm/v3/objects/companies/{company}"
        bearer = {"Authorization": "Bearer sandbox-token"}
        assert requests.patch(one, json={"Phone": "03-0000-0001"}, headers=headers, timeout=10).status_code == 204
        assert requests.patch(two, json={"properties": {"phone": "03-0000-0002"}}, headers=bearer, timeout=10).ok
        assert requests.patch(one, json={"Phone": "03-0000-0003"}, headers=headers, timeout=10).status_code == 204
        writes = requests.get(f"{url}/_sandbox/ledger", timeout=10).json()["writes"]
        assert [(w["crm"], w["id"]) for w in writes] == [
            ("salesforce", account),
            ("hubspot", company),
            ("salesforce", account),
        ]
        assert writes[2]["fields"]["Phone"] == "03-0000-0003"
        assert all(w["request_id"] for w in writes)

    def test_an_expired_token_is_cured_by_a_new_login(self, url: str):
        headers, limits = login(url), f"{url}/services/data/v62.0/limits"
        assert requests.get(limits, headers=headers, timeout=10).status_code == 200
        script = {"match": {"crm": "salesforce"}, "effect": {"kind": "expired_token"}}
        requests.post(f"{url}/_sandbox/faults", json=script, timeout=10)
        assert [requests.get(limits, headers=headers, timeout=10).status_code for _ in range(2)] == [401, 401]
        assert requests.get(limits, headers=login(url), timeout=10).status_code == 200


class TestDocumentation:
    def test_its_python_snippets_run_as_they_stand(self, url: str, capsys: pytest.CaptureFixture[str]):
        """simple-salesforce and hubspot-api-client, without changes other than the address."""
        blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
        clients = [b for b in blocks if "127.0.0.1:8765" in b]
        assert len(clients) == 2
        for block in clients:
            exec(compile(block.replace("http://127.0.0.1:8765", url), str(PAGE), "exec"), {})
        printed = capsys.readouterr().out
        assert "AttackListEntry__c" in printed
        assert "dealstage" in printed

    def test_every_control_call_every_effect_and_every_credential_is_described(self, whole: Sandbox):
        text = PAGE.read_text(encoding="utf-8")
        for route in control_routes(whole):
            method = next(m for m in route.methods or () if m != "HEAD")
            assert f"`{method} /_sandbox{route.path}" in text
        for kind, keys in EFFECTS.items():
            lines = [row for row in text.splitlines() if row.startswith(f"| `{kind}` |")]
            assert any(all(f"`{key}`" in line for key in keys) for line in lines), kind
        settings = SandboxSettings()
        for field in dataclasses.fields(settings):
            value = getattr(settings, field.name)
            if isinstance(value, str) and field.name.startswith(("salesforce", "hubspot")):
                assert f"`{value}`" in text, field.name
