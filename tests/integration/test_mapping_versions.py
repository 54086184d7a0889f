"""Versions of the mapping: what nobody activated is refused, a run keeps its own, a preview stores nothing and says what will be."""

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs import scheduler
from jobs.errors import ConfigError, MappingWaits, NotFound
from jobs.mapping.versions import activate, active, current, history, put_in_place, standing, without_names
from jobs.pipeline import run_cycle
from jobs.preview.diff import preview
from jobs.wiring import Workspace
from models.vocabulary import Step
from sync.chain import links
from sync.mapping.loading import load_mapping
from tests.fake_crm import FakeCrm, TickingCrm
from tests.one_object import MAPPING, TEXTS, fields, workspace_of

OTHER = MAPPING.replace("deal: {at: DealOn}", "deal: {at: MetOn}")
DAYS = ("ListedOn", "DealOn", "MetOn")


@pytest.fixture
def crm() -> FakeCrm:
    made = TickingCrm(fields=fields(TEXTS, DAYS))
    made.put("p", Kind="partner", Name="先駆", Industry="consulting")
    for n in range(12):
        made.put(f"e{n}", Kind="entry", Partner="p", ListedOn="2026-09-01", DealOn="2026-09-20" if n < 5 else None,
                 MetOn="2026-09-25" if n < 3 else None)  # fmt: skip
    return made


@pytest.fixture
def workspace(engine: Engine, crm: FakeCrm, tmp_path: Path) -> Workspace:
    return workspace_of(engine, crm, folder=tmp_path, home=tmp_path, first_plan="hold", first_mapping="hold")


def say(workspace: Workspace, text: str) -> Workspace:
    """The file says something else now, by whatever hand."""
    (workspace.folder / "mapping.yaml").write_text(text, "utf-8")
    return current(workspace)


def approve(workspace: Workspace, text: str = MAPPING, **given: Any) -> Any:
    with workspace.connect() as conn:
        return activate(conn, "main", load_mapping(text), who="aoi", reason="looked", preview=None, **given)


def one(workspace: Workspace, query: str) -> Any:
    with workspace.connect() as conn:
        row = conn.execute(query).fetchone()
    return row[0] if row else None


def test_before_any_version_is_in_force_only_reading_is_let_through(workspace: Workspace) -> None:
    with pytest.raises(MappingWaits, match=r"No version .* sakigake mapping activate") as refused:
        run_cycle(workspace)
    assert refused.value.exit_code == 2
    assert one(workspace, "select count(*) from sakigake.mirror_object") == 0, "refused before anything was read"
    run_cycle(workspace, steps=[Step.PULL])
    approve(workspace)
    run_cycle(workspace)
    assert one(workspace, "select count(*) from sakigake.event") == 17


def test_a_changed_file_is_refused_until_it_is_activated_and_told_in_the_status(workspace: Workspace) -> None:
    approve(workspace)
    run_cycle(workspace)
    changed = say(workspace, OTHER)
    assert changed.rules.hash != workspace.rules.hash
    for steps in (tuple(Step), (Step.PULL,), (Step.PLAN,), (Step.DELIVER,)):
        with pytest.raises(MappingWaits, match="version in force"):
            run_cycle(changed, steps=steps)
    with workspace.connect() as conn:
        told = standing(conn, "main", workspace.settings, workspace.folder)
        cause = conn.execute("select status, cause from sakigake.run order by started_at desc limit 1").fetchone()
    assert (told["active"], told["file"], told["waits"]) == (workspace.rules.hash, changed.rules.hash, True)
    assert cause is not None
    assert cause[0] == "failed"
    assert "sakigake mapping activate" in cause[1]
    approve(workspace, OTHER)
    assert run_cycle(changed).mapped["retracted"] == {"deal": 5}
    with pytest.raises(MappingWaits):
        run_cycle(workspace)  # nor does a process go on by the version that was replaced


def test_a_faulty_version_is_told_its_faults_and_never_comes_into_force_by_itself(workspace: Workspace) -> None:
    guards = workspace.settings.guards.model_copy(update={"first_mapping": "activate"})
    sandbox = replace(workspace, settings=workspace.settings.model_copy(update={"guards": guards}))
    with pytest.raises(ConfigError, match=r"mapping\.yaml:13: Thing has no field 'MatOn'.*MetOn"):
        run_cycle(say(sandbox, MAPPING.replace("DealOn", "MatOn")))
    with workspace.connect() as conn:
        assert history(conn, "main") == []


def test_a_file_that_waits_is_held_against_the_crms_once_and_not_at_each_turn(
    workspace: Workspace, crm: FakeCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve(workspace)
    changed = say(workspace, OTHER)
    asked: list[str] = []
    describe = crm.describe
    monkeypatch.setattr(crm, "describe", lambda name: asked.append(name) or describe(name))
    for _ in range(3):
        with pytest.raises(MappingWaits):
            run_cycle(changed)
    assert asked == ["Thing"]


def test_a_service_takes_up_what_was_activated_and_refuses_what_was_not_without_a_restart(workspace: Workspace) -> None:
    approve(workspace)
    met: list[str] = []

    def turn(text: str) -> None:
        (workspace.folder / "mapping.yaml").write_text(text, "utf-8")

        def job(ready: Workspace, *_: Any) -> None:
            try:
                run_cycle(ready)
                met.append(ready.rules.hash)
            except MappingWaits:
                met.append("refused")

        scheduler._anew(job, workspace, threading.Event(), threading.Lock())

    turn(MAPPING)
    turn(OTHER)
    turn("partners: [")  # a faulty file stops its turn, and not the schedule
    approve(workspace, OTHER)
    turn(OTHER)
    assert met == [workspace.rules.hash, "refused", load_mapping(OTHER).hash]


def test_comments_and_layout_are_no_other_version(workspace: Workspace) -> None:
    approve(workspace)
    same = say(workspace, "# reviewed\n" + MAPPING.replace("partner_types:", "\npartner_types:   # ours"))
    run_cycle(same)
    with pytest.raises(ConfigError, match="in force already"):
        approve(workspace, same.rules.text)


def test_the_first_version_may_come_into_force_by_itself_and_no_later_one(workspace: Workspace) -> None:
    guards = workspace.settings.guards.model_copy(update={"first_mapping": "activate"})
    sandbox = replace(workspace, settings=workspace.settings.model_copy(update={"guards": guards}))
    run_cycle(sandbox)
    with sandbox.connect() as conn:
        (first,) = history(conn, "main")
    assert (first.who, first.previous_hash, first.preview) == ("sakigake", None, None)
    with pytest.raises(MappingWaits):
        run_cycle(say(sandbox, OTHER))


def test_a_run_keeps_the_version_it_began_with(workspace: Workspace, crm: FakeCrm) -> None:
    approve(workspace)

    class Meddling:
        """While pages are read, somebody edits the file and activates what it says."""

        done = False

        def __getattr__(self, name: str) -> Any:
            return getattr(crm, name)

        def pages(self, *given: Any) -> Any:
            for page in crm.pages(*given):
                if not self.done:
                    self.done = True
                    say(workspace, OTHER)
                    approve(workspace, OTHER)
                yield page

    report = run_cycle(replace(workspace, connectors={"fake": Meddling()}))
    assert (
        one(workspace, f"select mapping_hash from sakigake.run where run_id = '{report.run}'") == workspace.rules.hash
    )
    assert one(workspace, "select array_agg(distinct mapping_hash) from sakigake.event") == [workspace.rules.hash]
    assert one(workspace, "select array_agg(distinct mapping_hash) from sakigake.computation") == [workspace.rules.hash]
    following = run_cycle(current(workspace))
    assert following.mapped["retracted"] == {"deal": 5}
    assert (
        one(workspace, "select mapping_hash from sakigake.run order by started_at desc limit 1")
        == load_mapping(OTHER).hash
    )


def test_an_activation_keeps_who_when_why_diff_and_preview_and_is_a_link_of_the_trail(workspace: Workspace) -> None:
    approve(workspace)
    run_cycle(workspace)
    document = preview(workspace.engine, "main", workspace.settings, load_mapping(OTHER))
    with workspace.connect() as conn:
        activate(conn, "main", load_mapping(OTHER), who="ren", reason="met counts", preview=document)
        newest, first = history(conn, "main")
        trail = list(links(conn, "main"))
    assert (newest.who, newest.reason, newest.previous_hash) == ("ren", "met counts", first.mapping_hash)
    assert newest.preview == json.loads(json.dumps(without_names(document)))
    assert "先駆" not in json.dumps(newest.preview, ensure_ascii=False), "names of partners may be names of persons"
    assert "-      deal: {at: DealOn}\n+      deal: {at: MetOn}" in newest.diff
    assert [(link.kind, link.who, link.subject) for link in trail if link.kind == "activation"] == [
        ("activation", "aoi", first.mapping_hash), ("activation", "ren", newest.mapping_hash),
    ]  # fmt: skip
    assert trail[-1].says()["preview"] == document["preview"]


def test_a_preview_needs_a_mirror(workspace: Workspace) -> None:
    with pytest.raises(NotFound, match="run --only pull"):
        preview(workspace.engine, "main", workspace.settings, workspace.rules)


def everything(workspace: Workspace) -> dict[str, Any]:
    """All rows of all our tables, and how often each was ever written."""
    with workspace.connect() as conn:
        conn.execute("select pg_stat_force_next_flush()")
        names = [r[0] for r in conn.execute("select tablename from pg_tables where schemaname = 'sakigake' order by 1")]
        return {n: conn.execute(f"select xmin::text, t::text from sakigake.{n} t order by 2").fetchall() for n in names}


def test_a_preview_stores_nothing_and_is_the_same_for_the_same_records(workspace: Workspace) -> None:
    approve(workspace)
    run_cycle(workspace)
    before = everything(workspace)
    document = preview(workspace.engine, "main", workspace.settings, load_mapping(OTHER))
    assert everything(workspace) == before
    assert preview(workspace.engine, "main", workspace.settings, load_mapping(OTHER)) == document


def test_what_nobody_pulled_yet_is_named_with_the_rules_that_read_it(workspace: Workspace) -> None:
    approve(workspace)
    run_cycle(workspace)
    document = preview(workspace.engine, "main", workspace.settings, load_mapping(OTHER))
    assert document["missing"] == [
        {"what": "field", "place": "fake.Thing.MetOn", "rules": ["entries[0].milestones.deal"]}
    ]
    assert (document["events"]["lost"], document["events"]["gained"]) == (5, 0), "it reads as empty"


def all_fields(workspace: Workspace) -> Workspace:
    """The workspace mirrors fields before a rule reads them."""
    connections = {n: c.model_copy(update={"fields": "all"}) for n, c in workspace.settings.connections.items()}
    return replace(workspace, settings=workspace.settings.model_copy(update={"connections": connections}))


def test_a_preview_says_what_the_next_run_will_do(workspace: Workspace) -> None:
    everywhere = all_fields(workspace)
    approve(everywhere, OTHER)
    run_cycle(say(everywhere, OTHER))
    ahead = preview(everywhere.engine, "main", everywhere.settings, load_mapping(MAPPING))
    assert ahead["missing"] == []
    (rule,) = [r for r in ahead["events"]["by_rule"] if r["rule"] == "entries[0].milestones.deal"]
    told = {k: rule[k] for k in ("before", "after", "gained", "lost", "moved", "retold")}
    assert told == {"before": 3, "after": 5, "gained": 2, "lost": 0, "moved": 3, "retold": 0}
    moved = [e for e in rule["examples"] if e["kind"] == "moved"]
    assert moved[0] | {"kind": ""} == {
        "kind": "", "source": "fake.Thing/e0", "milestone": "deal", "before": "2026-09-25", "after": "2026-09-20",
    }  # fmt: skip
    approve(everywhere)
    report = run_cycle(say(everywhere, MAPPING))
    assert report.mapped["asserted"] == {"deal": 5}
    assert report.mapped["retracted"] == {"deal": 3}
    with everywhere.connect() as conn:
        row = conn.execute("select indicators from sakigake.computation order by computed_at desc limit 1").fetchone()
    assert row is not None
    after = {(r["type"], r["step"]): r["after"] for r in ahead["conversion"]}
    for kind, steps in row[0]["conversion"].items():
        for step, found in steps.items():
            assert after[kind, step] == {"rate": found["rate"], "n": found["n"]}
    assert {t: n["after"] for t, n in ahead["tiers"].items()} == row[0]["tiers"]
    now = preview(everywhere.engine, "main", everywhere.settings, load_mapping(MAPPING))
    assert now["events"]["gained"] == now["events"]["lost"] == now["events"]["moved"] == 0


def test_a_preview_does_not_mix_what_moved_in_the_mirror_with_what_the_mapping_moves(
    workspace: Workspace, crm: FakeCrm
) -> None:
    """Records that changed since the last map step would otherwise read as the new version's doing."""
    approve(workspace)
    run_cycle(workspace)
    crm.put("e0", Kind="entry", Partner="p", ListedOn="2026-09-03", DealOn="2026-09-20")
    run_cycle(workspace, steps=[Step.PULL])
    document = preview(workspace.engine, "main", workspace.settings, workspace.rules)
    assert (document["events"]["gained"], document["events"]["lost"], document["events"]["moved"]) == (0, 0, 0)


def test_tiers_and_fields_that_would_change_are_named(workspace: Workspace) -> None:
    approve(workspace)
    run_cycle(workspace)
    fewer = MAPPING.replace("where: {Kind: entry}", "where: {Kind: entry, MetOn: {empty: false}}")
    approve(workspace, fewer)
    run_cycle(say(workspace, fewer))
    document = preview(workspace.engine, "main", workspace.settings, load_mapping(MAPPING))
    (change,) = document["tier_changes"]
    assert (change["name"], change["record"]) == ("先駆", "fake.Thing/p")
    assert change["before"] != change["after"]
    assert change["why"].startswith(f"{change['after']}: ")
    assert document["fields"]["by_field"] == {"listed_90d": 1, "tier": 1}


def test_a_version_from_another_file_replaces_the_own_one_unless_that_holds_something_unseen(
    workspace: Workspace,
) -> None:
    made = approve(workspace)
    given = (workspace.settings, workspace.folder, made.mapping_hash)
    path = put_in_place(OTHER, *given, load_mapping(OTHER).hash)
    assert path is not None
    assert path.read_text("utf-8") == OTHER
    assert put_in_place(OTHER, *given, load_mapping(OTHER).hash) is None
    with pytest.raises(ConfigError, match="never activated"):
        put_in_place(MAPPING.replace("growth", "core"), *given, "f" * 64)
    assert path.read_text("utf-8") == OTHER


def test_two_activations_at_once_come_one_after_the_other(workspace: Workspace) -> None:
    with workspace.connect() as first, workspace.connect() as second:
        with first.transaction():
            activate(first, "main", load_mapping(MAPPING), who="aoi", reason="", preview=None)
            second.execute("set lock_timeout = '200ms'")
            with pytest.raises(Exception, match="lock"):
                activate(second, "main", load_mapping(OTHER), who="ren", reason="", preview=None)
        second.execute("set lock_timeout = '10s'")
        assert activate(second, "main", load_mapping(OTHER), who="ren", reason="", preview=None).seq == 2
        now = active(first, "main")
    assert now is not None
    assert now.who == "ren"
