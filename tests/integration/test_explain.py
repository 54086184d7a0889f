"""Lineage: every field leads back to the records, their very values, the run and the page; and says on a past day what it said then."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs.axes import parse_moment
from jobs.errors import ConfigError, NotFound
from jobs.explaining.document import explain
from jobs.pipeline import run_cycle
from jobs.wiring import Workspace
from models.catalogue import CATALOGUE
from models.formulas import FORMULAS, FORMULAS_JA
from models.vocabulary import RecordRef
from sync.events import decisions
from sync.events.decisions import Decided
from sync.mapping.loading import load_mapping
from tests.fake_crm import FakeCrm, TickingCrm
from tests.one_object import fields, workspace_of

MAPPING = """
timezone: Asia/Tokyo
language: en
partners:
  - from: fake.Thing
    where: {Kind: partner}
    name: Name
    attributes: {industry: Industry, willingness: Answer}
partner_types:
  growth: {industry: [consulting]}
entries:
  - from: fake.Thing
    where: {Kind: entry}
    partner: Partner
    target: {name: Name}
    milestones:
      listed: {at: ListedOn}
      requested: {at: AskedOn}
      deal: {at: DealOn}
      lost: {at: LostOn}
activities:
  - {from: fake.Thing, where: {Kind: meeting}, kind: regular_meeting, partner: Partner, at: HeldOn}
  - {from: fake.Thing, where: {Kind: call}, kind: touch, entry: Partner, at: HeldOn}
write_back:
  partner: {fake.Thing: default}
  entry: {fake.Thing: default}
"""
GUARDS = {
    "first_plan": "deliver", "proof": '"off"', "freshness": "99d", "records_changed": 1, "tiers_moved": 1, "emptied": 1
}  # fmt: skip
TEXTS = ("Kind", "Name", "Industry", "Partner", "Answer")
DAYS = ("ListedOn", "AskedOn", "DealOn", "LostOn", "HeldOn")
START = datetime(2026, 10, 1, 3, tzinfo=UTC)


@pytest.fixture
def crm() -> FakeCrm:
    made = TickingCrm(fields=fields(TEXTS, DAYS), now=START)
    made.put("p", Kind="partner", Name="先駆", Industry="consulting", Answer="unknown")
    for n in range(4):
        made.put(f"e{n}", Kind="entry", Partner="p", Name=f"店{n}", ListedOn=f"2026-09-0{n + 1}")
    made.put("e0", AskedOn="2026-09-10")
    return made


@pytest.fixture
def workspace(engine: Engine, crm: FakeCrm, tmp_path: Path) -> Workspace:
    return workspace_of(engine, crm, MAPPING, folder=tmp_path, home=tmp_path, **GUARDS)


def told(workspace: Workspace, record: str, field: str | None = None, **when: Any) -> dict[str, Any]:
    ref = RecordRef.parse(f"fake.Thing/{record}")
    return explain(workspace.engine, "main", workspace.settings, workspace.rules, ref, field, **when)


def test_every_catalogue_field_has_a_formula() -> None:
    assert {f.name for f in CATALOGUE} - set(FORMULAS) == set()
    assert set(FORMULAS) == set(FORMULAS_JA)
    assert [re.findall(r"\{\w+\}", said) for said in FORMULAS.values()] == [
        re.findall(r"\{\w+\}", FORMULAS_JA[name]) for name in FORMULAS
    ]


def test_a_count_leads_to_formula_rule_version_events_records_values_run_and_page(
    workspace: Workspace, crm: FakeCrm
) -> None:
    run = run_cycle(workspace).run
    found = told(workspace, "p", "listed_90d")
    (field,) = found["fields"]
    assert (field["value"], field["run"], field["mapping_hash"]) == (4, run, workspace.rules.hash)
    assert "`listed`" in field["formula"]
    assert [(c["target"], c["day"]) for c in field["counted"]] == [(f"店{n}", f"2026-09-0{n + 1}") for n in range(4)]
    assert "falls by 1 on 2026-11-30" in field["what_would_change"]
    (japanese,) = told(workspace, "p", "listed_90d", language="ja")["fields"]
    assert "`listed`へ到達した" in japanese["formula"]
    assert "2026-11-30に1減る" in japanese["what_would_change"]
    assert "entries[0].milestones.listed" in field["what_would_change"]

    assert found["rules"] == [
        {
            "rule": "entries[0].milestones.listed", "mapping_hash": workspace.rules.hash,
            "line": MAPPING.splitlines().index("      listed: {at: ListedOn}") + 1, "says": "listed: {at: ListedOn}",
        }
    ]  # fmt: skip
    behind = {c["event"] for c in field["counted"]}
    counted = [e for e in found["events"] if e["counted"]]
    assert behind == {e["event_id"] for e in counted}
    assert {e["source"] for e in counted} == {f"fake.Thing/e{n}" for n in range(4)}
    assert all(e["stands"] and e["source_change_id"] == "ListedOn" for e in counted)

    records = {r["record"]: r for r in found["records"]}
    assert set(records) == {"fake.Thing/p", *(f"fake.Thing/e{n}" for n in range(4))}
    assert records["fake.Thing/p"]["values"] == {
        "Answer": "unknown",
        "Industry": "consulting",
        "Kind": "partner",
        "Name": "先駆",
    }
    assert records["fake.Thing/e3"]["values"]["ListedOn"] == "2026-09-04"
    assert all(r["run"] == run for r in records.values())
    assert {r["page"] for r in records.values()} == {1, 2}, "five records came in pages of three"
    assert {(w["field"], w["old"], w["new"], w["status"]) for w in found["writes"]} == {
        ("listed_90d", None, 4, "confirmed")
    }


@pytest.mark.parametrize("spelling", ["tier", "Sakigake_Tier__c", "sakigake_tier"])
def test_a_field_may_be_named_as_the_crm_names_it(workspace: Workspace, spelling: str) -> None:
    run_cycle(workspace)
    (field,) = told(workspace, "p", spelling)["fields"]
    assert field["field"] == "tier"
    assert field["inputs"]["rule"] == "list_b"
    assert field["what_would_change"] == field["inputs"]["what_would_change"]
    assert len(field["counted"]) == field["inputs"]["valid"] == 4


def test_every_field_of_ours_in_the_crm_can_be_explained(workspace: Workspace, crm: FakeCrm) -> None:
    run_cycle(workspace)
    written = {(record, name) for record, values in crm.applied for name in values}
    assert {name.removeprefix("sakigake_") for _, name in written} >= {"tier", "milestone", "listed_90d"}
    for record, name in sorted(written):
        (field,) = told(workspace, record, name)["fields"]
        assert field["value"] == crm.records[record].values[name]
        assert field["formula"]
        assert field["what_would_change"] != "a change of what it is computed from"


def test_a_number_of_a_whole_type_leads_to_every_attempt_of_its_partners_and_how_it_ended(
    workspace: Workspace, crm: FakeCrm
) -> None:
    crm.put("q", Kind="partner", Name="別", Industry="consulting", Answer="unknown")
    crm.put("r", Kind="partner", Name="他", Industry="bakery", Answer="unknown")
    crm.put("won", Kind="entry", Partner="q", Name="成", ListedOn="2026-06-01", DealOn="2026-07-01")
    crm.put("lost", Kind="entry", Partner="q", Name="敗", ListedOn="2026-06-02", LostOn="2026-06-09")
    crm.put("old", Kind="entry", Partner="q", Name="古", ListedOn="2025-09-01", DealOn="2025-10-01")
    crm.put(
        "late", Kind="entry", Partner="q", Name="遅", ListedOn="2026-01-01", DealOn="2026-09-01"
    )  # beyond the horizon
    crm.put("other", Kind="entry", Partner="r", Name="異", ListedOn="2026-06-03", DealOn="2026-07-03")
    run = run_cycle(workspace).run
    found = told(workspace, "p", "cvr_listed_to_deal")
    (field,) = found["fields"]
    # fewer than 30 in the year: the window has grown until it holds what there is
    ends = {c["target"]: (c["day"], c["end"], c["ended_on"]) for c in field["counted"]}
    assert ends == {f"店{n}": (f"2026-09-0{n + 1}", None, None) for n in range(4)} | {
        "成": ("2026-06-01", "deal", "2026-07-01"),
        "敗": ("2026-06-02", "lost", "2026-06-09"),
        "古": ("2025-09-01", "deal", "2025-10-01"),
        "遅": ("2026-01-01", None, None),
    }
    assert len(ends) == field["inputs"]["n"]
    behind = {e["event_id"]: e for e in found["events"] if e["counted"]}
    (won,) = [c for c in field["counted"] if c["target"] == "成"]
    assert [behind[won[k]]["milestone"] for k in ("event", "end_event")] == ["listed", "deal"]
    records = {r["record"]: r for r in found["records"]}
    assert records["fake.Thing/won"]["values"]["DealOn"] == "2026-07-01"
    assert records["fake.Thing/won"]["run"] == run
    assert "fake.Thing/other" not in records
    assert {r["rule"] for r in found["rules"]} == {f"entries[0].milestones.{m}" for m in ("listed", "deal", "lost")}

    (field,) = told(workspace, "p", "lead_time_days")["fields"]
    assert {c["target"] for c in field["counted"]} <= {"成", "古"}
    assert len(field["counted"]) == field["inputs"]["n"]


def test_what_rests_on_a_meeting_leads_to_its_record(workspace: Workspace, crm: FakeCrm) -> None:
    crm.put("p", Answer="verbal_yes")
    crm.put("m1", Kind="meeting", Partner="p", Name="八月", HeldOn="2026-08-03")
    crm.put("m2", Kind="meeting", Partner="p", Name="九月", HeldOn="2026-09-07")
    run = run_cycle(workspace).run
    found = told(workspace, "p", "next_regular_meeting_due")
    (meeting,) = found["activities"]
    assert (meeting["kind"], meeting["source"], meeting["occurred_on"]) == (
        "regular_meeting",
        "fake.Thing/m2",
        "2026-09-07",
    )
    assert found["fields"][0]["inputs"]["last"] == "2026-09-07"
    (rule,) = found["rules"]
    assert rule["rule"] == "activities[0]"
    assert "kind: regular_meeting" in rule["says"]
    (record,) = [r for r in found["records"] if r["record"] == "fake.Thing/m2"]
    assert (record["values"]["HeldOn"], record["values"]["Partner"], record["run"]) == ("2026-09-07", "p", run)


def test_what_is_expected_and_what_waits_leads_to_the_entries_under_way_and_the_last_call(
    workspace: Workspace, crm: FakeCrm
) -> None:
    crm.put("done", Kind="entry", Partner="p", Name="済", ListedOn="2026-08-01", DealOn="2026-08-20")
    crm.put("old", Kind="entry", Partner="p", Name="古", ListedOn="2026-03-01")
    crm.put("c1", Kind="call", Partner="old", Name="電話", HeldOn="2026-03-20")
    crm.put("c2", Kind="call", Partner="old", Name="電話", HeldOn="2026-03-10")
    run_cycle(workspace)
    open_ones = {"店0", "店1", "店2", "店3", "古"}
    for name in ("expected_deals_30d", "expected_deals_90d", "deals_target_month"):
        (field,) = told(workspace, "p", name)["fields"]
        assert {c["target"] for c in field["counted"]} == open_ones, name
    found = told(workspace, "p", "stalled_entries")
    (field,) = found["fields"]
    assert len(field["counted"]) == field["value"] >= 1
    assert [a["source"] for a in found["activities"]] == ["fake.Thing/c1"], (
        "the newest about an entry that stands still"
    )
    assert told(workspace, "old", "stalled")["activities"] == found["activities"]
    (step,) = told(workspace, "p", "next_step")["fields"]
    assert len(step["counted"]) == step["inputs"]["entries"] >= 1
    day = date(2026, 5, 1)  # when the old one stood still and the others were not there yet
    crm.put("old", AskedOn="2026-09-20")
    crm.now += timedelta(days=1)
    run_cycle(workspace)
    for name in ("stalled_entries", "next_step"):
        (field,) = told(workspace, "p", name, as_of=day, known_at=parse_moment("now", workspace.zone))["fields"]
        assert [c["target"] for c in field["counted"]] == ["古"], name


def test_an_entry_s_milestone_leads_to_the_change_that_made_it(workspace: Workspace, crm: FakeCrm) -> None:
    run_cycle(workspace)
    found = told(workspace, "e0", "milestone")
    (field,) = found["fields"]
    (counted,) = field["counted"]
    (event,) = [e for e in found["events"] if e["event_id"] == counted["event"]]
    assert (field["value"], event["milestone"], event["occurred_on"]) == ("requested", "requested", "2026-09-10")
    assert "agreed" in field["what_would_change"]
    assert {e["entry_id"] for e in found["events"]} == {found["id"]}


def shown_in(crm: FakeCrm, record: str) -> dict[str, Any]:
    """What a rep reads in the CRM."""
    values = crm.records[record].values
    return {k.removeprefix("sakigake_"): v for k, v in values.items() if k.startswith("sakigake_")}


def test_a_past_day_says_what_the_crm_showed_then_with_the_values_of_then(workspace: Workspace, crm: FakeCrm) -> None:
    """Late entries, corrected dates, new answers and deletions come in between; each day keeps its own truth."""
    days: dict[date, tuple[dict[str, Any], dict[str, Any], str]] = {}
    answers = {}
    for n in range(6):
        today = crm.now.astimezone(workspace.zone).date()
        if n == 1:
            crm.put("p", Answer="verbal_yes")
            crm.put("late", Kind="entry", Partner="p", Name="遅", ListedOn="2026-08-20")  # long ago, told today
        if n == 2:
            crm.put("e0", AskedOn="2026-08-30")  # a corrected date
        if n == 3:
            crm.put("e1", deleted=True)
        if n == 4:
            crm.put("p", Answer="refused")
        report = run_cycle(workspace)
        days[today] = shown_in(crm, "p"), shown_in(crm, "e0"), report.run
        answers[today] = crm.records["p"].values["Answer"]
        crm.now += timedelta(days=1)
    assert len({str(d[:2]) for d in days.values()}) >= 4, "the days differ"
    for day, (partner, entry, run) in days.items():
        for record, held in (("p", partner), ("e0", entry)):
            found = told(workspace, record, as_of=day)
            assert found["when"] | {"known_at": ""} == found["when"] | {
                "known_at": "",
                "how": "exact",
                "run": run,
                "as_of": str(day),
            }
            said = {f["field"]: f["value"] for f in found["fields"]}
            assert {k: said[k] for k in held} == held
        (counted,) = told(workspace, "p", "listed_90d", as_of=day)["fields"]
        assert len(counted["counted"]) == counted["value"]
        assert all(c["event"] for c in counted["counted"]), "also of a day that moved to that of the next milestone"
        rate = told(workspace, "p", "cvr_listed_to_deal", as_of=day)["fields"][0]
        assert len(rate["counted"]) == rate["inputs"]["n"]
        assert all(c["event"] for c in rate["counted"])
        (itself,) = [r for r in told(workspace, "p", "tier", as_of=day)["records"] if r["record"] == "fake.Thing/p"]
        assert itself["values"]["Answer"] == answers[day]
        assert itself["exact"]
    first = min(days)
    asked = told(workspace, "e0", "milestone_since", as_of=first)
    assert asked["fields"][0]["value"] == "2026-09-10", "as it was known then"
    (record,) = [r for r in asked["records"] if r["record"] == "fake.Thing/e0"]
    assert (record["values"]["AskedOn"], record["now"]["AskedOn"]) == ("2026-09-10", "2026-08-30")
    assert record["run"] == days[first][2]
    assert told(workspace, "e0", "milestone_since")["fields"][0]["value"] == "2026-08-30"
    with pytest.raises(NotFound, match=r"neither a partner nor an entry .* as of 2026-10-01"):
        told(workspace, "late", "milestone", as_of=first)
    gone = told(workspace, "e1", "milestone", as_of=first)
    assert gone["fields"][0]["value"] == "listed", "what was deleted since is explained as it was"
    assert told(workspace, "e1")["records"][0]["deleted"]


def test_which_records_are_one_and_who_said_so_is_told_as_it_was_on_the_day(workspace: Workspace, crm: FakeCrm) -> None:
    crm.put("twin", Kind="partner", Name="先駆け", Industry="consulting", Answer="verbal_yes")
    days = []
    said = Decided(
        "decision-1", "partner", "same", *(RecordRef.parse(f"fake.Thing/{i}") for i in ("p", "twin")), None, "yamada",
        "asked them", START, {},
    )  # fmt: skip
    undone = replace(said, decision_id="decision-2", verdict="undo", undoes="decision-1", who="sato", reason="no")
    for word in (None, said, undone):
        if word is not None:
            with workspace.connect() as conn:
                decisions.add(conn, "main", word)
        days.append(crm.now.astimezone(workspace.zone).date())
        run_cycle(workspace)
        crm.now += timedelta(days=1)
    alone = [{"record": "fake.Thing/p", "matched_by": "itself"}]
    both = [{"record": f"fake.Thing/{i}", "matched_by": "decision"} for i in ("p", "twin")]
    assert [told(workspace, "p", as_of=day)["partner_records"] for day in days] == [alone, both, alone]
    assert told(workspace, "p")["partner_records"] == alone
    found = told(workspace, "twin", "tier", as_of=days[1])
    assert {r["record"] for r in found["records"]} >= {"fake.Thing/p", "fake.Thing/twin"}
    (decision,) = found["decisions"]
    assert (decision["who"], decision["reason"], decision["stands"]) == ("yamada", "asked them", False)
    assert decision["undone_by"] == "decision-2"


def test_another_knowledge_of_the_same_day_is_computed_again_and_said_so(workspace: Workspace, crm: FakeCrm) -> None:
    run_cycle(workspace)
    crm.now += timedelta(days=3)
    crm.put("late", Kind="entry", Partner="p", Name="遅", ListedOn="2026-09-20")
    run_cycle(workspace)
    first = START.astimezone(workspace.zone).date()
    then = told(workspace, "p", "listed_90d", as_of=first)
    revised = told(workspace, "p", "listed_90d", as_of=first, known_at=crm.now + timedelta(hours=1))
    assert (then["when"]["how"], then["fields"][0]["value"]) == ("exact", 4)
    assert (revised["when"]["how"], revised["fields"][0]["value"]) == ("recomputed", 5)
    assert len(revised["fields"][0]["counted"]) == 5


def test_before_the_first_run_the_crm_s_own_stamps_tell(workspace: Workspace, crm: FakeCrm) -> None:
    run_cycle(workspace)
    day = START.astimezone(workspace.zone).date() - timedelta(days=20)
    found = told(workspace, "p", as_of=day)
    assert found["when"]["how"] == "reconstructed"
    assert found["when"]["run"] is None
    assert all(e["known_at"] <= found["when"]["known_at"] for e in found["events"])
    assert found["writes"] == []


def test_what_cannot_be_explained_is_refused_with_one_sentence(workspace: Workspace) -> None:
    with pytest.raises(NotFound, match="Nothing has been computed"):
        told(workspace, "p")
    run_cycle(workspace)
    with pytest.raises(NotFound, match="neither a partner nor an entry"):
        told(workspace, "nobody")
    with pytest.raises(NotFound, match=r"is an entry, which has no field tier; it has milestone"):
        told(workspace, "e0", "tier")
    with pytest.raises(NotFound, match="There is no field 'colour'"):
        told(workspace, "p", "colour")
    with pytest.raises(ConfigError, match=r"--known-at is 'soon', expected a day such as"):
        parse_moment("soon", workspace.zone)
    assert parse_moment("2026-05-31", workspace.zone).astimezone(UTC) == datetime(
        2026, 5, 31, 14, 59, 59, 999999, tzinfo=UTC
    )


def test_rows_whose_target_is_taken_are_named_with_the_records_that_take_them_as_of_then_too(
    workspace: Workspace, crm: FakeCrm
) -> None:
    """One target is held by another partner, one buys already; a loss elsewhere makes a row count again, through its partner alone."""
    rules = MAPPING.replace("target: {name: Name}", "target: {name: Name, domain: Industry}") + (
        "customers:\n  - {from: fake.Thing, where: {Kind: customer}, name: Name, match_on: {domain: Industry}}\n"
    )
    place = replace(workspace, rules=load_mapping(rules))
    crm.put("q", Kind="partner", Name="別", Industry="consulting", Answer="unknown")
    for name in "abdghijk":  # so many others that two partners are a small part
        crm.put(name, Kind="partner", Name=f"他{name}", Industry="consulting", Answer="unknown")
        crm.put(f"{name}0", Kind="entry", Partner=name, Name=f"{name}0", ListedOn="2026-09-01")
    crm.put("e1", Industry="one.example")
    crm.put("e2", Industry="two.example")
    crm.put("f", Kind="entry", Partner="q", Name="店", Industry="one.example", ListedOn="2026-08-20")
    crm.put("c", Kind="customer", Name="店2", Industry="two.example")
    run_cycle(place)
    found = told(place, "p", "attack_list_count")["fields"][0]
    assert (found["value"], {c["record"] for c in found["counted"]}) == (2, {"fake.Thing/e0", "fake.Thing/e3"})
    assert [(row["record"], row["why"], row["by"]) for row in sorted(found["left_out"], key=lambda r: r["record"])] == [
        ("fake.Thing/e1", "open_elsewhere", ["fake.Thing/f"]),
        ("fake.Thing/e2", "existing_customer", ["fake.Thing/c"]),
    ]
    known = crm.now
    crm.put("f", LostOn="2026-10-01")
    crm.put("c", Kind="customer no more")
    crm.now += timedelta(minutes=5)
    report = run_cycle(place)
    assert report.mapped["looked_at"] is not None
    assert report.computed["looked_at"] == 2
    now = told(place, "p", "attack_list_count")["fields"][0]
    assert (now["value"], now["left_out"]) == (4, [])
    then = told(place, "p", "attack_list_count", known_at=known)["fields"][0]
    assert (then["value"], {row["why"] for row in then["left_out"]}) == (2, {"open_elsewhere", "existing_customer"})
