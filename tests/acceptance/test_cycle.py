"""The whole product by its command, judged by the sandbox's own ledger and call counts, and by what stands in our tables.

One story in five chapters, each told once and looked at by several tests: set up, the first delivery, our own echo, a cycle in which
nothing happened, and a week later.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from models.catalogue import CATALOGUE
from tests.acceptance.desk import Desk, Sandbox
from tests.acceptance.documents import documented
from tests.acceptance.truth import (
    Ledger,
    connected,
    content_changes,
    field_differences,
    idle_writes,
    mapped_fields,
    mirror_differences,
    ours,
    repeated_writes,
    row_versions,
    strangers,
)


@dataclass(frozen=True)
class SetUp:
    """A folder, a database and two CRMs made ready, each document as it was printed."""

    desk: Desk
    sandbox: Sandbox
    written: dict[str, Any]
    upgraded: dict[str, Any]
    before: dict[str, Any]
    dry: dict[str, Any]
    after_dry: Ledger
    provisioned: dict[str, Any]
    again: dict[str, Any]
    doctor: dict[str, Any]
    before_any: Ledger
    after_first: Ledger
    ready: Ledger


@pytest.fixture(scope="module")
def set_up(module_desk: Desk, module_sandbox: Sandbox) -> SetUp:
    def ledger() -> Ledger:
        return Ledger.of(module_sandbox.ledger())

    desk = module_desk
    before_any = ledger()
    return SetUp(
        desk=desk,
        sandbox=module_sandbox,
        before_any=before_any,
        written=desk.document("init", "--preset", "sandbox", "--sandbox-url", module_sandbox.url, "--dir", "."),
        upgraded=desk.document("db", "upgrade"),
        before=desk.document("doctor"),
        dry=desk.document("provision", "--dry-run"),
        after_dry=ledger(),
        provisioned=desk.document("provision"),
        after_first=ledger(),
        again=desk.document("provision"),
        ready=ledger(),
        doctor=desk.document("doctor"),
    )


def test_init_writes_a_workspace_and_the_database_is_made_ready(set_up: SetUp) -> None:
    assert set(set_up.written) == documented("init")
    assert {Path(p).name for p in set_up.written["written"]} >= {"sakigake.yaml", "mapping.yaml"}
    assert set(set_up.upgraded) == documented("db upgrade")
    assert set_up.upgraded["before"] is None
    assert set_up.upgraded["now"]


def test_doctor_tells_what_is_missing_and_then_that_nothing_is(set_up: SetUp) -> None:
    assert set(set_up.doctor) == documented("doctor")
    fields = {(f["subject"], f["status"]) for f in set_up.before["findings"]}
    assert ("fields", "warn") in fields, "before provisioning our fields are missing"
    assert ("fields", "ok") in {(f["subject"], f["status"]) for f in set_up.doctor["findings"]}
    assert set_up.before["ok"]
    assert set_up.doctor["ok"]


def test_a_dry_run_shows_every_request_and_sends_none(set_up: SetUp) -> None:
    assert set_up.after_dry == set_up.before_any
    shown = json.dumps([s["request"] for s in set_up.dry["steps"] if s["status"] == "would create"]).lower()
    for field in CATALOGUE:
        assert f".{ours('salesforce', field.name)}" in shown
        assert f'"{ours("hubspot", field.name)}"' in shown


def test_provisioning_makes_every_field_of_ours_and_a_second_time_nothing(set_up: SetUp) -> None:
    assert {s["status"] for s in set_up.provisioned["steps"]} <= {"created", "present"}
    assert {s["status"] for s in set_up.again["steps"]} == {"present"}
    assert set_up.ready == set_up.after_first
    made = {s["what"].rsplit(" ", 1)[-1].rsplit(".", 1)[-1].lower() for s in set_up.provisioned["steps"]}
    for field in CATALOGUE:
        assert {ours("salesforce", field.name), ours("hubspot", field.name)} <= made, field.name


@dataclass(frozen=True)
class Delivered:
    """The first cycle, whose plan waited for a person, and what their word delivered."""

    run: dict[str, Any]
    held: Ledger
    plan: dict[str, Any]
    applied: dict[str, Any]
    status: dict[str, Any]
    ledger: Ledger
    mirror: list[str]
    fields: list[str]
    mirrored: Mapping[tuple[str, str], tuple[str, ...]]


@pytest.fixture(scope="module")
def delivered(set_up: SetUp) -> Delivered:
    desk, sandbox = set_up.desk, set_up.sandbox
    desk.set("first_plan: deliver", "first_plan: hold")
    run = desk.document("run", code=3)
    held = Ledger.of(sandbox.ledger())
    plan = desk.document("plan", run["plan"])
    applied = desk.document("apply", run["plan"], "--reason", "looked at all of it")
    ledger = Ledger.of(sandbox.ledger())
    with connected(str(desk.database_url)) as conn:
        mirrored = mapped_fields(desk.folder)
        return Delivered(
            run=run,
            held=held,
            plan=plan,
            applied=applied,
            status=desk.document("status"),
            ledger=ledger,
            mirror=mirror_differences(conn, ledger, mirrored),
            fields=field_differences(conn, ledger),
            mirrored=mirrored,
        )


def test_the_first_plan_waits_for_a_person_and_nothing_is_written(set_up: SetUp, delivered: Delivered) -> None:
    """Exit code 3 was seen by the fixture."""
    assert set(delivered.run) == documented("run")
    assert delivered.run["held"] is True
    assert delivered.run["plan"] in " ".join(delivered.run["held_because"])
    assert delivered.held.writes == set_up.ready.writes
    assert set(delivered.plan) == documented("plan")
    assert delivered.plan["held"] is True
    assert (
        sum(n for kinds in delivered.plan["counts"].values() for n in kinds.values())
        == len(delivered.plan["changes"])
        > 500
    )


def test_their_word_delivers_exactly_the_plan(delivered: Delivered) -> None:
    assert set(delivered.applied) == documented("apply")
    planned = {(c["record"], c["api_name"]) for c in delivered.plan["changes"] if not _alike(c["old"], c["new"])}
    sent = {
        (f"{w['crm']}.{w['object']}/{w['id']}", name)
        for w in delivered.ledger.written_since(delivered.held.last_seq)
        for name in w["fields"]
    }
    assert sent == planned
    assert sum(delivered.applied["written"].values()) == len(planned)
    assert delivered.applied["delivered"] == {"confirmed": len(planned), "failed": 0, "dropped": 0}


def test_the_status_tells_of_the_delivery_and_of_every_object(delivered: Delivered) -> None:
    status = delivered.status
    assert set(status) == documented("status")
    assert status["last_delivery"]["run"] == delivered.applied["run"]
    assert status["held_plans"] == []
    assert {f"{o['connection']}.{o['object']}" for o in status["objects"]} == set(delivered.run["pulled"])
    assert all(o["loaded"] and o["covered_until"] and o["parked"] == 0 for o in status["objects"])


def test_the_mirror_is_the_truth_after_the_first_load(delivered: Delivered) -> None:
    assert delivered.mirror == []
    rows = {label: counts["inserted"] for label, counts in delivered.run["pulled"].items()}
    truth = {
        f"{crm}.{name}": sum(place[:2] == (crm, name) for place in delivered.held.records)
        for crm, name in delivered.mirrored
    }
    assert rows == truth


def test_every_field_of_ours_holds_what_was_computed(delivered: Delivered) -> None:
    assert delivered.fields == []


def test_only_fields_of_ours_are_written_and_each_value_once(set_up: SetUp, delivered: Delivered) -> None:
    writes = delivered.ledger.written_since(set_up.ready.last_seq)
    assert strangers(writes) == set()
    assert idle_writes(set_up.ready, delivered.ledger) == []
    assert repeated_writes(writes) == []


def test_indicators_have_every_documented_key(set_up: SetUp, delivered: Delivered) -> None:
    found = set_up.desk.document("indicators")
    assert set(found) == documented("indicators")
    assert found["run"] == delivered.run["run"]
    assert sum(found["partners"].values()) == sum(found["tiers"].values()) == 100
    assert set(found["conversion"]) == set(found["lead_time"]) == {"growth1", "growth2", "legacy", "all"}
    for steps in found["conversion"].values():
        for step in steps.values():
            assert step["rate"] is None or 0 <= step["rate"] <= 1


def test_a_written_field_is_explained_down_to_records_that_exist(set_up: SetUp, delivered: Delivered) -> None:
    """From the tier on an Account to the events of its entries, and from each to the record it was read from."""
    ledger = delivered.ledger
    entries = [ledger.values(p)["Partner__c"] for p in ledger.records if p[1] == "AttackListEntry__c"]
    account = max(sorted(set(entries)), key=entries.count)
    written = ledger.values(("salesforce", "Account", account))["Sakigake_Tier__c"]
    found = set_up.desk.document("explain", f"salesforce.Account/{account}", "tier")

    assert set(found) == documented("explain")
    assert [(f["field"], f["value"]) for f in found["fields"]] == [("tier", written)]
    assert found["fields"][0]["inputs"]["why"]
    assert {w["new"] for w in found["writes"]} == {written}
    assert found["writes"][-1]["status"] == "confirmed"
    listed = [e for e in found["events"] if e["milestone"] == "listed"]
    assert len(listed) >= entries.count(account)
    as_of = date.fromisoformat(delivered.run["as_of"])
    for event in found["events"]:
        place, _, record_id = event["source"].partition("/")
        crm, _, name = place.partition(".")
        assert (crm, name, record_id) in ledger.records, event["source"]
        assert date.fromisoformat(event["occurred_on"]) <= as_of
        assert datetime.fromisoformat(event["known_at"]).tzinfo is not None
        assert event["rule"]


@dataclass(frozen=True)
class Echo:
    run: dict[str, Any]
    writes: int
    facts_before: Mapping[str, Any]
    facts_after: Mapping[str, Any]


@pytest.fixture(scope="module")
def echo(set_up: SetUp, delivered: Delivered) -> Echo:
    """The cycle in which nothing came but our own writes."""
    set_up.sandbox.search_catches_up()
    with connected(str(set_up.desk.database_url)) as conn:
        before = row_versions(conn)
        run = set_up.desk.document("run")
        after = row_versions(conn)
    ledger = Ledger.of(set_up.sandbox.ledger())
    return Echo(run, len(ledger.written_since(delivered.ledger.last_seq)), before, after)


def test_our_own_echo_lands_and_leads_to_nothing(echo: Echo) -> None:
    assert sum(c["touched"] for c in echo.run["pulled"].values()) > 300, "the stamps moved, and the mirror knows"
    assert sum(c["inserted"] + c["changed"] + c["deleted"] for c in echo.run["pulled"].values()) == 0
    assert echo.writes == 0
    assert "skipped" in echo.run["mapped"]
    assert "skipped" in echo.run["computed"]
    for table, rows in echo.facts_before.items():
        if table.startswith("sakigake."):
            assert echo.facts_after[table] == rows, table


@dataclass(frozen=True)
class Quiet:
    said: str
    calls: list[dict[str, Any]]
    writes: int
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@pytest.fixture(scope="module")
def quiet(set_up: SetUp, delivered: Delivered, echo: Echo) -> Quiet:
    """The cycle in which nothing happened, run as a person would."""
    assert echo.run
    set_up.sandbox.search_catches_up()
    with connected(str(set_up.desk.database_url)) as conn:
        before = row_versions(conn)
        set_up.sandbox.control("POST", "calls/reset")
        said = set_up.desk.sakigake("run").stdout
        calls = set_up.sandbox.calls()
        after = row_versions(conn)
    ledger = Ledger.of(set_up.sandbox.ledger())
    return Quiet(said, calls, len(ledger.written_since(delivered.ledger.last_seq)), before, after)


def test_a_quiet_cycle_writes_no_row_and_no_field(quiet: Quiet) -> None:
    assert quiet.writes == 0
    for table, rows in quiet.before.items():
        assert quiet.after[table] == rows, table


def test_a_quiet_cycle_makes_at_most_two_calls_an_object(delivered: Delivered, quiet: Quiet) -> None:
    for crm in ("salesforce", "hubspot"):
        objects = [name for c, name in delivered.mirrored if c == crm]
        made = [c for c in quiet.calls if c["crm"] == crm and "oauth" not in c["path"]]
        assert sum(c["count"] for c in made) <= 2 * len(objects), made
        for name in objects:
            assert sum(c["count"] for c in made if f"/{name}/" in c["path"]) <= 2, (name, made)


def test_a_quiet_cycle_says_that_there_was_nothing_to_do(quiet: Quiet) -> None:
    assert "nothing changed" in quiet.said
    assert "Nothing to write" in quiet.said


@dataclass(frozen=True)
class Week:
    before: Ledger
    after: Ledger
    run: dict[str, Any]
    mirror: list[str]
    fields: list[str]
    gone: tuple[str, str]


@pytest.fixture(scope="module")
def week(set_up: SetUp, delivered: Delivered, quiet: Quiet) -> Week:
    """Seven days on: the world has lived, and users have deleted, merged and renamed what it would not."""
    assert quiet.said
    sandbox, desk = set_up.sandbox, set_up.desk
    before = Ledger.of(sandbox.ledger())
    task = _one(before, "salesforce", "Task")
    meeting = _one(before, "hubspot", "meetings")
    sandbox.act(crm="salesforce", action="delete", object="Task", id=task)
    sandbox.act(crm="hubspot", action="delete", object="meetings", id=meeting)
    sandbox.act(
        crm="salesforce",
        action="edit",
        object="Account",
        id=_one(before, "salesforce", "Account", Type="Channel Partner / Reseller"),
        fields={"Name": "改名商事"},
    )
    customers = [
        p[2]
        for p, r in sorted(before.records.items())
        if p[:2] == ("salesforce", "Account") and r["fields"].get("Type") != "Channel Partner / Reseller"
    ]
    sandbox.act(crm="salesforce", action="merge", object="Account", id=customers[0], merge_id=customers[1])
    sandbox.advance(7)
    run = desk.document("run")
    after = Ledger.of(sandbox.ledger())
    with connected(str(desk.database_url)) as conn:
        return Week(
            before,
            after,
            run,
            mirror_differences(conn, after, delivered.mirrored),
            field_differences(conn, after),
            (task, meeting),
        )


def test_a_week_later_the_mirror_and_our_fields_are_the_truth_again(week: Week) -> None:
    assert week.mirror == []
    assert week.fields == []
    assert week.after.records["salesforce", "Task", week.gone[0]]["deleted"]
    assert week.after.records["hubspot", "meetings", week.gone[1]]["deleted"]


def test_a_week_later_only_what_changed_is_stored(delivered: Delivered, week: Week) -> None:
    expected = content_changes(week.before, week.after, delivered.mirrored)
    assert sum(expected.values()) > 20, "a week in which nothing happens shows nothing"
    stored = {k: c["inserted"] + c["changed"] + c["deleted"] for k, c in week.run["pulled"].items()}
    assert {k: n for k, n in stored.items() if n} == expected


def test_a_week_later_only_what_changed_is_read(set_up: SetUp, delivered: Delivered, week: Week) -> None:
    """Read again are what changed, and what the overlap before the watermark still holds: our own writes of the first day."""
    first_day = min(datetime.fromisoformat(w["at"]) for w in delivered.ledger.written_since(set_up.ready.last_seq))
    for label, counts in week.run["pulled"].items():
        crm, _, name = label.partition(".")
        moved = sum(
            place[:2] == (crm, name) and datetime.fromisoformat(record["modified_at"]) >= first_day
            for place, record in week.after.records.items()
        )
        assert counts["read"] <= moved + 2, label
    assert week.run["pulled"]["salesforce.Event"]["read"] < 200


def test_a_week_later_only_values_that_changed_are_written(week: Week) -> None:
    writes = week.after.written_since(week.before.last_seq)
    assert writes
    assert strangers(writes) == set()
    assert idle_writes(week.before, week.after) == []
    assert repeated_writes(writes) == []
    assert sum(len(w["fields"]) for w in writes) == sum(week.run["written"].values())


def _one(ledger: Ledger, crm: str, name: str, **fields: str) -> str:
    return next(
        place[2]
        for place, record in sorted(ledger.records.items())
        if place[:2] == (crm, name) and all(record["fields"].get(k) == v for k, v in fields.items())
    )


def _alike(old: Any, new: Any) -> bool:
    return bool(old == new)
