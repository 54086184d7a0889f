"""A change of the mapping from preview to proof, by the command alone; and the audit trail of it, checked away from the database."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from jobs.mapping.versions import without_names
from tests.acceptance.conftest import MakeDesk
from tests.acceptance.desk import Desk, Sandbox
from tests.acceptance.documents import documented

CHANGED = ("agreed: {enters: {Status__c: Agreed}, at: AgreedOn__c}", "agreed: {enters: {Status__c: Agreed}}")


@dataclass(frozen=True)
class Story:
    desk: Desk
    preview: dict[str, Any]
    refused: str
    waits: dict[str, Any]
    activated: dict[str, Any]
    after: dict[str, Any]
    history: dict[str, Any]
    explained: dict[str, Any]


@pytest.fixture
def story(make_desk: MakeDesk, sandbox: Sandbox) -> Story:
    desk = make_desk(sandbox)
    desk.sakigake("run", "--only", "pull,map,compute")
    own = desk.folder / "mapping.yaml"
    before = own.read_text("utf-8")
    new = desk.folder / "new.yaml"
    assert CHANGED[0] in before
    new.write_text(before.replace(*CHANGED), "utf-8")
    preview = desk.document("mapping", "diff", "new.yaml")
    own.write_text(new.read_text("utf-8"), "utf-8")
    refused = desk.sakigake("run", code=2).stderr
    waits = desk.document("status")["mapping"]
    own.write_text(before, "utf-8")
    desk.sakigake("mapping", "activate", "new.yaml", "--preview", "0000", code=2)
    activated = desk.document(
        "mapping", "activate", "new.yaml", "--reason", "the CRM's history counts", "--preview", preview["preview"][:12]
    )
    after = desk.document("run", "--only", "pull,map,compute")
    record = preview["fields"]["examples"][0]["record"]
    explained = desk.document("explain", record, preview["fields"]["examples"][0]["field"], "--as-of", after["as_of"])
    return Story(desk, preview, refused, waits, activated, after, desk.document("mapping", "history"), explained)


def test_what_nobody_activated_is_refused_and_what_was_previewed_happens(story: Story) -> None:
    assert set(story.preview) == documented("mapping diff")
    (agreed,) = [r for r in story.preview["events"]["by_rule"] if r["rule"] == "entries[0].milestones.agreed"]
    assert agreed["retold"] + agreed["moved"] > 0
    assert "sakigake mapping activate" in story.refused
    assert story.waits["waits"]
    assert story.waits["file"] == story.preview["new"] != story.waits["active"]

    assert set(story.activated) == documented("mapping activate")
    assert story.activated["preview"] == without_names(story.preview)
    assert story.activated["reason"] == "the CRM's history counts"
    assert (story.desk.folder / "mapping.yaml").read_text("utf-8") == (story.desk.folder / "new.yaml").read_text(
        "utf-8"
    )
    gained = agreed["gained"] + agreed["moved"] + agreed["retold"]
    assert story.after["mapped"]["asserted"] == {"agreed": gained}
    tiers = {t: n["after"] for t, n in story.preview["tiers"].items()}
    assert story.after["computed"]["tiers"] == tiers

    assert set(story.history) == documented("mapping history")
    assert [a["version"] for a in story.history["activations"]] == [story.preview["new"], story.preview["active"]]
    shown = story.desk.sakigake("mapping", "history", "--diff").stdout
    assert f"-      {CHANGED[0]}" in shown

    desk = story.desk
    assert set(story.explained) == documented("explain")
    assert story.explained["when"]["how"] == "exact"
    assert story.explained["when"]["mapping_hash"] == story.preview["new"]
    trail = desk.document("audit", "log")
    assert set(trail) == documented("audit log")
    assert [link["kind"] for link in trail["links"]].count("activation") == 2
    verified = desk.document("audit", "verify")
    assert set(verified) == documented("audit verify")
    assert verified["ok"]
    assert verified["heads"] >= 1
    assert (desk.home / "audit" / "main.heads").exists()
    desk.sakigake("audit", "export", "--out", "trail.jsonl")
    exported = desk.folder / "trail.jsonl"
    lines = exported.read_text("utf-8").splitlines()
    first = json.loads(lines[0])
    exported.write_text("\n".join([json.dumps({**first, "who": "nobody"}), *lines[1:]]) + "\n", "utf-8")
    away = Desk(desk.folder, desk.home, "postgresql://nobody@127.0.0.1:1/nothing")  # no database is asked
    broken = away.document("audit", "verify", "--file", "trail.jsonl", code=1)
    assert broken["broken"]["seq"] == 1
    exported.write_text("\n".join(lines) + "\n", "utf-8")
    assert away.document("audit", "verify", "--file", "trail.jsonl")["links"] == len(lines)
