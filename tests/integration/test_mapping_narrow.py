"""A preview that reads anew only what changed says, to the byte, what a preview that derives everything says."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs import settings as settings_of
from jobs.list_import import import_list
from jobs.mapping.versions import activate
from jobs.pipeline import run_cycle
from jobs.preview import both, diff
from jobs.wiring import Workspace, connect_with
from models.vocabulary import Step
from sync.described import FieldDescription, FieldType
from sync.mapping.loading import load_mapping
from tests.fake_crm import TickingCrm

MAPPING = """
timezone: Asia/Tokyo
created: {fake: MadeOn}
partners:
  - {from: fake.Thing, where: {Kind: partner}, name: Name, attributes: {industry: Industry, employees: Size}}
sizes: {small: [0, 49], large: [50, null]}
partner_types:
  growth: {industry: [consulting], size: [large]}
entries:
  - from: fake.Thing
    where: {Kind: entry}
    partner: Partner
    milestones:
      listed: {at: ListedOn}
      requested: {enters: {Status: Requested}, at: MetOn}
      deal: {at: DealOn}
      lost: {enters: {Status: Lost}, at: MetOn, reason: Name}
    ignored: {Status: [Parked]}
write_back:
  partner: {fake.Thing: default}
  entry: {fake.Thing: default}
"""
CONFIG = """
workspaces:
  main:
    connections:
      fake: {crm: salesforce, url: https://fake.example, auth: {client_id: x, client_secret: {env: NOT_READ}}}
"""
REST_OF_ALL = "at: MetOn}\n      deal: {at: DealOn}\n      lost: {enters: {Status: Lost}, at: MetOn, reason: Name}\n"
REST = REST_OF_ALL + "    ignored: {Status: [Parked]}\n"
CHANGES = {
    "nothing": ("timezone", "timezone"),
    "another day": ("deal: {at: DealOn}", "deal: {at: MetOn}"),
    "a milestone less": ("      deal: {at: DealOn}\n", ""),
    "a milestone more": ("      deal: {at: DealOn}\n", "      deal: {at: DealOn}\n      agreed: {at: MetOn}\n"),
    "a stage more": (
        "requested: {enters: {Status: Requested}, " + REST,
        "requested: {enters: {Status: [Requested, Parked]}, " + REST_OF_ALL,
    ),
    "a stage that nobody names any more": ("enters: {Status: Requested}", "enters: {Status: Asked}"),
    "two days change places": ("{at: ListedOn}\n      requested", "{at: DealOn}\n      requested"),
    "ignored no more": ("    ignored: {Status: [Parked]}\n", ""),
    "another type": ("size: [large]", "size: [small, large]"),
    "another field of partners": ("industry: Industry", "industry: Name"),
    "fewer fields": ("entry: {fake.Thing: default}", "entry: {fake.Thing: [stalled]}"),
    "a field that is not mirrored": ("deal: {at: DealOn}", "deal: {at: NobodyPulled}"),
    "another condition": ("where: {Kind: entry}", "where: {Kind: entry, MetOn: {empty: false}}"),
}
DERIVED = {
    "two days change places",
    "another condition",
}  # of these everything is derived: the newest list's day, the entries


@pytest.fixture(scope="module")
def crm() -> TickingCrm:
    texts = [
        FieldDescription(n, FieldType.TEXT, n, "string") for n in ("Kind", "Name", "Industry", "Partner", "Status")
    ]
    days = [FieldDescription(n, FieldType.DATE, n, "date") for n in ("ListedOn", "DealOn", "MetOn")]
    made = FieldDescription("MadeOn", FieldType.DATETIME, "MadeOn", "datetime")
    found = TickingCrm(fields=(*texts, *days, made, FieldDescription("Size", FieldType.NUMBER, "Size", "double")))
    for n, size in enumerate((10, 200, 80)):
        found.put(f"p{n}", Kind="partner", Name=f"先駆{n}", Industry="consulting" if n < 2 else "other", Size=size)
    for n in range(45):
        found.put(
            f"e{n:02}", Kind="entry", Partner=f"p{n % 3}", ListedOn=f"2026-0{n % 7 + 1}-03", MadeOn="2026-01-02T03:00:00Z",
            DealOn=f"2026-09-{n % 28 + 1:02}" if n % 4 == 0 else None, MetOn=f"2026-08-{n % 28 + 1:02}" if n % 3 == 0 else None,
            Status=("Requested", "Parked", "Lost", "Listed", None)[n % 5],
        )  # fmt: skip
    return found


@pytest.fixture
def workspace(engine: Engine, crm: TickingCrm, tmp_path: Path) -> Workspace:
    given = settings_of.read(CONFIG).workspaces["main"]
    rules = load_mapping(MAPPING)
    made = Workspace("main", given, rules, engine, connect_with(engine), {"fake": crm}, tmp_path, tmp_path)
    with made.connect() as conn:
        activate(conn, "main", rules, who="aoi", reason="looked", preview=None)
    run_cycle(made, steps=[Step.PULL, Step.MAP, Step.COMPUTE])
    return made


def test_reading_only_what_changed_says_what_deriving_everything_says(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, narrow = both.narrowed, {}
    for name, (old, new) in CHANGES.items():
        assert old in MAPPING
        rules = load_mapping(MAPPING.replace(old, new, 1))

        def watched(*given: Any, _name: str = name) -> Any:
            narrow[_name] = real(*given)
            return narrow[_name]

        monkeypatch.setattr(both, "narrowed", watched)
        found = diff.preview(workspace.engine, "main", workspace.settings, rules)
        monkeypatch.setattr(both, "narrowed", lambda *_: None)
        whole = diff.preview(workspace.engine, "main", workspace.settings, rules)
        assert found == whole, name
    assert {name for name in CHANGES if narrow.get(name) is None} == DERIVED
    assert sum(sides is not None for sides in narrow.values()) > 8


def test_an_imported_list_counts_as_handed_in_for_who_reads_only_what_changed_too(
    engine: Engine, crm: TickingCrm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = MAPPING.replace("employees: Size}", "employees: Size, submitted_on: MadeOn}")
    text = text.replace("write_back:", "  - from: lists.row\nwrite_back:")
    given = settings_of.read(CONFIG).workspaces["main"]
    rules = load_mapping(text)
    made = Workspace("main", given, rules, engine, connect_with(engine), {"fake": crm}, tmp_path, tmp_path)
    with made.connect() as conn:
        activate(conn, "main", rules, who="aoi", reason="looked", preview=None)
    steps = [Step.PULL, Step.MAP, Step.COMPUTE]
    run_cycle(made, steps=steps)
    file = tmp_path / "list.csv"
    file.write_text("会社名,提出日\n青空食堂,2026-09-20\n", "utf-8")
    import_list(made, file, partner="fake.Thing/p0", listed_on=None, sheet=None, who="aoi", dry_run=False)
    run_cycle(made, steps=steps)
    with made.connect() as conn:
        days = dict(conn.execute("select name, submitted_on::text from sakigake.partner").fetchall())
    assert (days["先駆0"], days["先駆1"]) == ("2026-09-20", None)
    changed = load_mapping(text.replace("size: [large]", "size: [small, large]"))
    real = both.narrowed
    sides = []
    monkeypatch.setattr(both, "narrowed", lambda *given: sides.append(real(*given)) or sides[-1])
    found = diff.preview(engine, "main", given, changed)
    monkeypatch.setattr(both, "narrowed", lambda *_: None)
    assert found == diff.preview(engine, "main", given, changed)
    (narrow,) = sides
    assert narrow is not None
    assert {p.name: p.submitted_on for p in narrow[1].partners}["先駆0"] == date(2026, 9, 20)
