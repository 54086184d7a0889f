"""In any world every command that shows numbers tells a result or a reason, the same on its page, as JSON, as CSV and in the views for BI tools."""

import csv
import io
import json
import random
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from sqlalchemy import Engine, text

from jobs.cli.common import out
from jobs.presets.writing import write_preset
from jobs.settings import load
from jobs.steps.compute import compute
from jobs.wiring import Workspace, connect_with, read_rules
from tests.fake_crm import FakeCrm
from tests.random_worlds import RandomWorld
from tests.said import said

COMMANDS = ("indicators",), ("targets", "--deals", "7"), ("leading",), ("stalled",), ("activation",), ("actual",)
SEEDS = (2, 3, 5, 8, 13, 21)
NO_NUMBER = re.compile(
    r"(?<![\w.])(nan|NaN|inf|Infinity|None(?!\s+of\s+the)|NaT)(?!\w)|(?<![\w.,-])-0(\.0+)?(?![\d.,-])"
)
ORDERS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
Row = dict[str, Any]


def lived(world: RandomWorld, engine: Engine, folder: Path) -> bool:
    """Stores and computes day by day, in the order in which it became known. Whether deals are wanted."""
    write_preset("sandbox", folder, sandbox_url="http://127.0.0.1:1")
    written = yaml.safe_load((folder / "sakigake.yaml").read_text())
    written["workspaces"]["main"] |= world.settings()
    (folder / "sakigake.yaml").write_text(yaml.safe_dump(written))
    rules = (
        (folder / "mapping.yaml")
        .read_text()
        .replace("Asia/Tokyo", world.zone)
        .replace("language: ja", f"language: {world.language}")
    )
    (folder / "mapping.yaml").write_text(rules)
    settings = load(folder / "sakigake.yaml").workspaces["main"]
    crm: Any = FakeCrm()
    workspace = Workspace(
        "main", settings, read_rules(settings, folder), engine, connect_with(engine), {"salesforce": crm}
    )
    left = list(range(len(world.moments)))
    for i, day in enumerate(world.days):
        while left and world.moments[left[0]] <= day:
            world.store(engine, "main", left.pop(0))
        noon = datetime(day.year, day.month, day.day, 15, tzinfo=ZoneInfo(world.zone)).astimezone(UTC)
        crm.crm_now = lambda noon=noon: noon
        compute(workspace, f"run-{i}", day, None, None)
    return bool(settings.targets.deals)


def told(capsys: pytest.CaptureFixture[str], draw: random.Random, *given: str) -> tuple[Row, list[Row]]:
    """The document and the rows of a command, whose page is looked at too."""
    written = said(capsys, *given, "--json")
    document: Row = json.loads(written, parse_constant=pytest.fail)
    assert re.search(r"(?<![\w\".-])-0\.0\b", written) is None, "nothing has no sign"
    rows = list(csv.DictReader(io.StringIO(said(capsys, *given, "--csv"), newline=""), strict=True))
    assert not any(None in row or None in row.values() for row in rows), given
    assert not {"nan", "inf", "None", "-0.0"} & {value for row in rows for value in row.values()}, given
    out.width = draw.choice((60, 80, 120))
    page = said(capsys, *given, "--language", draw.choice(("ja", "en")))
    assert NO_NUMBER.search(page) is None, page
    assert ORDERS.search(page) is None, page
    return document, rows


def same(one: Any, other: Any) -> bool:
    if one in (None, "") or other in (None, ""):
        return one in (None, "") and other in (None, "")
    return str(one) == str(other) or float(one) == pytest.approx(float(other), abs=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_world_is_told_alike_everywhere(
    seed: int, engine: Engine, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SAKIGAKE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(out, "width", 120)
    world, draw = RandomWorld(seed), random.Random(seed)
    commands = COMMANDS if lived(world, engine, tmp_path) else COMMANDS[:-1]
    found = {command[0]: told(capsys, draw, *command) for command in commands}
    with engine.connect() as conn:
        views = {name: [dict(row._mapping) for row in conn.execute(text(f"select * from sakigake.bi_{name}"))] for name in ("funnel", "activation", "entry", "partner_scorecard", "leading")}  # fmt: skip
    _alike(found, views)
    if any(row["name"] for row in views["partner_scorecard"]):
        one = draw.choice(views["partner_scorecard"])
        document, rows = told(capsys, draw, "indicators", "--partner", one["partner_id"])
        assert document["partner"]["tier"] == one["tier"]
        assert len({row["record"] for row in rows} - {""}) == document["partner"]["under_way"]
    past = str(world.end - timedelta(days=draw.randint(2, world.span)))
    axes = draw.choice((("--as-of", past), ("--known-at", past), ("--as-of", past, "--known-at", "now")))
    told(capsys, draw, *draw.choice(COMMANDS[:-1]), *axes)


def _alike(found: dict[str, tuple[Row, list[Row]]], views: dict[str, list[Row]]) -> None:
    document, rows = found["indicators"]
    listed = {(r["table"], r["type"], r["milestone"], r["to"], r["measure"]): r["value"] for r in rows}
    assert len(listed) == len(rows)
    funnel = {(row["type"], row["step"]): row for row in views["funnel"]}
    assert len(funnel) == sum(map(len, document["conversion"].values()))
    for kind, steps in document["conversion"].items():
        for step, row in steps.items():
            for name in ("rate", "low", "high", "n", "converted", "lost", "open", "status", "corrected", "flow_ratio"):
                assert same(row[name], funnel[kind, step][name]), (kind, step, name)
                assert same(row[name], listed["conversion", kind, step, "", name]), (kind, step, name)
            lead = document["lead_time"][kind][step]
            assert same(lead["median"], funnel[kind, step]["median_days"])
            assert row["rate"] is None or 0 <= row["low"] <= row["rate"] <= row["high"] <= 1
    tiers = [row["tier"] for row in views["partner_scorecard"]]
    assert document["tiers"] == {tier: tiers.count(tier) for tier in document["tiers"]}
    active = {row["type"]: row for row in views["activation"]}
    for row, line in zip(*(found["activation"][0]["activation"], found["activation"][1]), strict=True):
        for name in ("base", "active", "activation", "low", "high", "engaged", "deals", "newcomers"):
            assert same(row[name], active[row["type"]][name]), name
            assert same(row[name], line[name]), name
    stalled = [row["record"] for row in found["stalled"][0]["entries"]]
    assert sorted(stalled) == sorted(row["record"] for row in views["entry"] if row["stalled"])
    assert [row["record"] for row in found["stalled"][1]] == stalled
    leads = {(row["indicator"], row["type"]): row for row in views["leading"]}
    assert len(leads) == len(found["leading"][1])
    for row in found["leading"][0]["indicators"]:
        kept = leads[row["indicator"], row["type"]]
        assert (row["verdict"], row["sentence"]["ja"]) == (kept["verdict"], kept["sentence_ja"])
    plan = found["targets"][0]
    assert not plan["partners"] or sum(row["target"] for row in plan["partners"]) == plan["deals"]
