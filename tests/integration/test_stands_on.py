"""What results stand on besides facts: the code, the settings, the seed, and how far what was read had been read."""

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from indicators.entry_forecast import CLOSED
from jobs import asked, overrides, then
from jobs import settings as settings_of
from jobs.explaining.document import explain
from jobs.indicator_documents import asked_document, stored_document
from jobs.pipeline import run_cycle
from jobs.steps import again, compute, entry_rows
from jobs.steps import map as map_step
from jobs.wiring import Workspace
from models.vocabulary import RecordRef, Step, Tier
from tests.fake_crm import TickingCrm
from tests.numbers_world import AS_OF, NOW, steady_facts, workspace_on
from tests.one_object import config, workspace_of
from tests.one_object import fields as described

MAPPING = """
timezone: Asia/Tokyo
language: en
partners:
  - {from: fake.Thing, where: {Kind: partner}, name: Name, attributes: {industry: Industry}}
partner_types:
  growth: {industry: [consulting]}
entries:
  - from: fake.Thing
    where: {Kind: entry}
    partner: Partner
    milestones:
      listed: {at: ListedOn}
      deal: {at: DealOn}
write_back:
  partner: {fake.Thing: default}
  entry: {fake.Thing: default}
"""
GUARDS = {
    "first_plan": "deliver", "proof": '"off"', "freshness": "99d", "records_changed": 1, "tiers_moved": 1, "emptied": 1
}  # fmt: skip
OTHER = "0.1.0+another"


@pytest.fixture
def crm() -> TickingCrm:
    days = ("ListedOn", "DealOn")
    made = TickingCrm(
        fields=described(("Kind", "Name", "Industry", "Partner"), days), now=datetime(2026, 10, 1, 3, tzinfo=UTC)
    )
    made.put("p", Kind="partner", Name="先駆", Industry="consulting")
    for n in range(4):
        made.put(f"e{n}", Kind="entry", Partner="p", Name=f"店{n}", ListedOn=f"2026-09-0{n + 1}")
    return made


@pytest.fixture
def workspace(engine: Engine, crm: TickingCrm, tmp_path: Path) -> Workspace:
    return workspace_of(engine, crm, MAPPING, folder=tmp_path, home=tmp_path, **GUARDS)


def assuming(workspace: Workspace, said: str) -> Workspace:
    """The same one whose sakigake.yaml says something else."""
    given = settings_of.read(config(**GUARDS).replace("    guards:", f"    {said}\n    guards:"))
    return replace(workspace, settings=given.workspaces["main"])


def formulas(workspace: Workspace, **when: Any) -> dict[str, str]:
    ref = RecordRef.parse("fake.Thing/p")
    found = explain(workspace.engine, "main", workspace.settings, workspace.rules, ref, **when)
    return {f["field"]: f["formula"] for f in found["fields"]}


def upgrade(patch: pytest.MonkeyPatch) -> None:
    """Another code: it says its own version, of each chance of a deal one percent more, and that every entry is stalled."""
    for module in (asked, again, compute, entry_rows):
        patch.setattr(module, "CODE_VERSION", OTHER)
    patch.setattr(map_step, "MAPPING_CODE", OTHER)
    before = entry_rows._expected

    def expected(row: tuple[Any, ...], *given: Any) -> tuple[Any, ...]:
        chance, *rest = before(row, *given)
        *_, state, _, _, _ = row
        return (chance + 1 if state == CLOSED else chance, *rest)

    patch.setattr(entry_rows, "_expected", expected)
    patch.setitem(entry_rows.NAMED, "probability", lambda percent: percent + 1.0)
    patch.setattr(entry_rows, "_stalled", lambda *_: (True, {"why": "other code says so", "status": "stalled"}))


def test_results_are_computed_anew_where_only_the_code_changed(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody touched a fact, so that all that is kept for going on from there would say that nothing changed."""

    def chances() -> dict[str, float]:
        with workspace.connect() as conn:
            rows = conn.execute(
                "select subject_id, value from sakigake.field_result where field = 'deal_probability' and value <> 'null'"
            )
            return dict(rows.fetchall())

    with workspace_on(engine, tmp_path) as workspace:
        with workspace.connect() as conn:
            steady_facts(entries=200).store(conn)
        key = compute.compute(workspace, "run-1", AS_OF, None, "1")["input"]
        before = chances()
        assert "skipped" in compute.compute(workspace, "run-2", AS_OF, key, "1")
        upgrade(monkeypatch)
        made = compute.compute(workspace, "run-3", AS_OF, key, "1")
        assert (made["looked_at"], made["input"]["code"]) == (None, OTHER)
        assert len(before) > 100
        assert chances() == {entry: chance + 1 for entry, chance in before.items()}
        assert stored_document(engine, "main")["code_version"] == OTHER


def test_a_run_after_an_upgrade_maps_and_computes_everything_and_writes_what_differs(
    workspace: Workspace, crm: TickingCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_cycle(workspace)
    quiet = run_cycle(workspace)
    assert "skipped" in quiet.mapped
    assert "skipped" in quiet.computed
    assert not crm.records["e0"].values["sakigake_stalled"]
    upgrade(monkeypatch)
    done = run_cycle(workspace)
    assert done.mapped["looked_at"] is None
    assert done.mapped["asserted"] == done.mapped["retracted"] == {}, (
        "the same rules say the same, whatever code reads them"
    )
    assert (done.computed["looked_at"], done.computed["values_changed"]) == (None, 4)
    assert done.written == {"fake": 4}
    assert crm.records["e0"].values["sakigake_stalled"]
    assert "skipped" in run_cycle(workspace).computed


def test_a_past_day_is_told_by_what_was_assumed_on_it(workspace: Workspace, crm: TickingCrm) -> None:
    run_cycle(workspace)
    yesterday = crm.now.astimezone(workspace.zone).date()
    crm.now += timedelta(days=1)
    changed = assuming(workspace, "assumptions: {list_valid: 27, horizon: 200, smallest_effect: 0.5}")
    tried = formulas(changed)
    assert "within 180 days" in tried["tier"], "nothing was computed by what the file says now"
    run_cycle(changed)

    today, before = formulas(changed), formulas(changed, as_of=yesterday)
    assert "within 27 days" in today["tier"]
    assert "within 27 days" in today["attack_list_count"]
    assert "within 200 days" in today["cvr_listed_to_deal"]
    assert not [text for text in today.values() if "180" in text or "{" in text]
    assert "within 180 days" in before["tier"]
    assert "within 180 days" in before["cvr_listed_to_deal"]
    assert not [text for text in before.values() if "200 days" in text or "27 days" in text]
    with workspace.connect() as conn:
        kept = conn.execute("select said -> 'assumptions' ->> 'horizon' from sakigake.settings_said order by 1")
        assert [horizon for (horizon,) in kept] == ["180", "200"]


def test_reports_of_a_past_day_assume_what_was_assumed_then_and_those_of_now_what_is_assumed_now(
    workspace: Workspace, crm: TickingCrm
) -> None:
    run_cycle(workspace)
    yesterday = crm.now.astimezone(workspace.zone).date()
    crm.now += timedelta(days=1)
    changed = assuming(workspace, "assumptions: {within: [7]}")
    run_cycle(changed)

    def asked_for(*axes: str | None) -> dict[str, Any]:
        with workspace.engine.connect() as conn:
            return asked_document(conn, "main", changed.settings, changed.rules, *axes, None, None)

    then_said = asked_for(str(yesterday), None)
    revised, newest = asked_for(str(yesterday), "now"), asked_for(None, None)
    for found, windows in ((then_said, [30, 60]), (revised, [7]), (newest, [7])):
        assert found["assumptions"]["within"] == windows
        assert [w["days"] for w in found["conversion"]["all"]["listed>deal"]["within"]] == windows
    assert then_said["settings"] != revised["settings"]
    assert stored_document(workspace.engine, "main") | {"run": None} == newest


def test_a_result_says_its_seed_and_how_far_what_it_read_had_been_read(workspace: Workspace, crm: TickingCrm) -> None:
    """The watermark moves with each mapping, also where nothing changed; a computation keeps the one that it stood on."""
    run_cycle(workspace)
    found = stored_document(workspace.engine, "main")
    assert found["seed"] == found["mapping"] == workspace.rules.hash
    with workspace.connect() as conn:
        covered = conn.execute("select covered_until from sakigake.mirror_object").fetchone()
    assert covered is not None
    assert {k: datetime.fromisoformat(v) for k, v in found["input_watermark"].items()} == {"fake.Thing": covered[0]}
    crm.now += timedelta(hours=1)
    run_cycle(workspace, steps=[Step.PULL])
    crm.put("e0", DealOn="2026-09-20")
    crm.now += timedelta(days=1)
    run_cycle(workspace, steps=[Step.COMPUTE])
    assert stored_document(workspace.engine, "main")["input_watermark"] == found["input_watermark"], "not mapped yet"
    run_cycle(workspace)
    later = stored_document(workspace.engine, "main")["input_watermark"]["fake.Thing"]
    assert datetime.fromisoformat(later) > covered[0]
    with workspace.connect() as conn:
        seen = conn.execute(
            "select run_id, seed, input_watermark, assumptions, entries from sakigake.bi_computation order by computed_at desc limit 1"
        ).fetchone()
    assert seen is not None
    assert json.dumps(seen[2]) == json.dumps({"fake.Thing": later})
    assert (seen[1], seen[3]["horizon"], seen[4]) == (workspace.rules.hash, 180, 4)


def test_settings_that_were_not_kept_or_are_not_taken_any_more_are_todays(workspace: Workspace) -> None:
    today = workspace.settings
    with workspace.connect() as conn:
        kept = then.keep_settings(
            conn, "main", assuming(workspace, "team: 3").settings, datetime(2026, 1, 1, tzinfo=UTC)
        )
        conn.execute(
            """insert into sakigake.settings_said values ('main', 'other', '{"assumptions": {"gone": 1}, "team": 5}', now()),
            ('main', 'part', '{"team": 5}', now())"""
        )
        assert then.settings_of(conn, "main", kept, today).team == 3
        assert then.settings_of(conn, "main", "part", today) == today.model_copy(update={"team": 5})
        for unknown in ("other", "nowhere", None):
            assert then.settings_of(conn, "main", unknown, today) == today


def test_a_tier_set_or_ended_a_moment_ahead_of_the_crms_clock_is_known_to_the_next_computation(
    engine: Engine, tmp_path: Path
) -> None:
    """Each command reads that clock anew, to the second: left out now, it would be left out until something else changed."""
    with workspace_on(engine, tmp_path) as workspace:
        with workspace.connect() as conn:
            steady_facts(entries=100).store(conn)
        key = None

        def tier() -> str:
            nonlocal key
            key = compute.compute(workspace, f"run-{uuid.uuid4()}", AS_OF, key, "1")["input"]
            with workspace.connect() as conn:
                row = conn.execute(
                    "select value #>> '{}' from sakigake.field_result where field = 'tier' and subject_id = %s",
                    (partner,),
                ).fetchone()
            return str(row and row[0])

        with workspace.connect() as conn:
            (partner,) = conn.execute("select min(partner_id) from sakigake.partner").fetchone() or ("",)
        before = tier()
        other = Tier.D if before != "D" else Tier.A
        said = {"today": AS_OF, "reason": "年度末", "by": "sato", "at": NOW}
        with workspace.connect() as conn:
            until, ahead = AS_OF + timedelta(days=9), NOW + timedelta(seconds=1)
            overrides.set_tier(conn, "main", partner, other, until=until, known_at=ahead, **said)
        assert tier() == other.value
        with workspace.connect() as conn:
            overrides.end_tier(conn, "main", partner, known_at=NOW + timedelta(seconds=2), **said)
        assert tier() == before
