"""`sakigake provision` as an ops engineer types it: there, seen by doctor, a package to deploy, and away again."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.bad_input_fixtures import Asker
from tests.acceptance.conftest import scratch
from tests.acceptance.desk import Sandbox, sandbox_process


@pytest.fixture
def crm() -> Iterator[Sandbox]:
    with sandbox_process("--entries", "20") as running_one:
        yield running_one


@pytest.fixture
def asker(crm: Sandbox, postgres_server: str, database_template: str, tmp_path: Path) -> Iterator[Asker]:
    with scratch(postgres_server, database_template) as url:
        made = Asker(tmp_path, url)
        made.succeeds("init", "--sandbox-url", crm.url)
        yield made


def statuses(asker: Asker, *more: str) -> set[str]:
    return {step["status"] for step in json.loads(asker.succeeds("provision", "--json", *more))["steps"]}


def test_our_fields_come_are_compared_with_rights_and_go(asker: Asker) -> None:
    assert statuses(asker, "--no-layout") <= {"created", "present"}
    assert statuses(asker) == {"present", "created"}, "the sections that were left out"
    assert statuses(asker) == {"present"}
    made = json.loads(asker.succeeds("provision", "--json"))
    told = " ".join(one["advice"] for one in made["advice"])
    assert "Settings > Properties" in told
    assert "Create new view" in told
    said = [f["says"] for f in json.loads(asker.succeeds("doctor", "--json"))["findings"]]
    assert any("more rights than needed: " in s and "Modify All Data" in s for s in said)
    assert any("crm.objects.contacts.write" in s for s in said)
    assert asker.succeeds("provision", "--package", "deploy").startswith("wrote ")
    assert (asker.folder / "deploy" / "sfdx-project.json").exists()
    assert statuses(asker, "--remove", "--dry-run") == {"would remove"}
    assert statuses(asker, "--remove") == {"removed"}
    assert statuses(asker, "--remove") == set()
    assert "would create" in statuses(asker, "--dry-run")
    assert "created" in statuses(asker)
    mapping = asker.folder / "mapping.yaml"
    text = mapping.read_text("utf-8")
    without = text[: text.index("\n  entry:", text.index("\nwrite_back:"))] + "\n"
    mapping.write_text(without, "utf-8")
    gone = json.loads(asker.succeeds("provision", "--remove", "--json"))["steps"]
    assert {s["object"] for s in gone} >= {"Account", "AttackListEntry__c", "companies", "deals"}, "mapped no more"
    mapping.write_text(text, "utf-8")
    left = json.loads(asker.succeeds("provision", "--dry-run", "--json"))["steps"]
    fields = [s for s in left if s["what"].startswith(("field ", "property "))]
    assert len(fields) > 40
    assert {s["status"] for s in fields} == {"would create"}, "nothing was left"
    assert asker.succeeds("pause", "hubspot", "--reason", "moving").startswith("hubspot is paused since")
    assert asker.succeeds("resume", "hubspot") == "No connection is paused.\n"
