"""`audit verify --file`: an export held against the heads that were noted on this machine."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from jobs.cli import app
from jobs.heads import heads_file
from sync.chain.links import Link, canonical, follow


@pytest.fixture
def links():
    found: list[Link] = []
    for number, kind in enumerate(("decision", "plan", "approval")):
        found.append(
            follow(
                found[-1] if found else None, workspace="main", at=datetime(2026, 5, 1 + number, tzinfo=UTC), kind=kind,
                who="ops", subject="x", document=canonical({"reason": "why"}),
            )
        )  # fmt: skip
    return found


@pytest.fixture
def verify(tmp_path, monkeypatch, links):
    monkeypatch.setenv("SAKIGAKE_HOME", str(tmp_path))
    noted = heads_file(tmp_path, "main")
    noted.parent.mkdir(parents=True)
    noted.write_text("".join(json.dumps({"at": "2026", "hash": k.hash, "seq": k.seq}) + "\n" for k in links))

    def ask(lines, *more):
        file = tmp_path / "trail.jsonl"
        file.write_text("".join(line + "\n" for line in lines))
        return CliRunner().invoke(app, ["audit", "verify", "--file", str(file), *more])

    return ask


def test_an_export_whose_last_link_was_cut_off_does_not_hold_against_the_heads_noted_here(verify, links):
    assert verify([k.line() for k in links]).exit_code == 0
    cut = verify([k.line() for k in links[:-1]])
    assert cut.exit_code == 1
    assert "link 3" in cut.output
    assert "--heads" in cut.output


def test_an_older_export_holds_against_the_heads_of_its_time(verify, links, tmp_path):
    then = tmp_path / "then.heads"
    then.write_text(json.dumps({"at": "2026", "hash": links[1].hash, "seq": 2}) + "\n")
    assert verify([k.line() for k in links[:-1]], "--heads", str(then)).exit_code == 0


def test_an_empty_export_proves_nothing_with_heads_or_without(verify, tmp_path):
    for more in ((), ("--workspace", "other")):
        found = verify([], *more)
        assert found.exit_code == 1
        assert "an empty file proves nothing" in " ".join(found.output.split())
        assert "holds:" not in found.output
    none = tmp_path / "none.heads"
    none.write_text("")
    told = json.loads(verify([], "--heads", str(none), "--json").stdout)
    assert (told["ok"], told["broken"]["seq"]) == (False, None)
    lost = verify([], "--workspace", "main")  # whose heads are noted here
    assert lost.exit_code == 1
    assert "lacks a link" in lost.output


def test_an_export_that_names_another_place_as_its_workspace_reads_no_file_there(verify, links, tmp_path):
    (tmp_path / "elsewhere.heads").write_text("no head")
    line = replace(links[0], workspace="../elsewhere").line()
    assert verify([line]).exit_code == 1  # it was changed; that is all


@pytest.mark.parametrize("document", ["not json", "[]", "{}", '{"lost": [1]}', '{"lost": null}'])
def test_a_reseal_that_somebody_changed_breaks_the_chain_and_not_the_check(verify, links, document):
    found = verify([links[0].line(), replace(links[1], kind="reseal", document=document).line()], "--json")
    assert (found.exit_code, json.loads(found.stdout)["broken"]["seq"]) == (1, 2)


def test_a_moment_that_utc_does_not_have_is_refused_by_its_line(verify, links):
    line = json.dumps({**json.loads(links[0].line()), "at": "0001-01-01T00:00:00+09:00"})
    found = verify([line])
    assert isinstance(found.exception, SystemExit) or "trail.jsonl:1" in str(found.exception)
