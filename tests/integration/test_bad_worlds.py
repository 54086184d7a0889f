"""Worlds in which something is wrong or missing: every command states a result or a reason, and never NaN, a crash or a silent zero."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs.cli import main
from jobs.cli.common import out
from jobs.steps.compute import compute
from tests.numbers_world import AS_OF, MILESTONES, Facts, computed, settled, steady_facts, workspace_on

COMMANDS = (
    ("indicators",), ("indicators", "--as-of", str(AS_OF)), ("targets", "--deals", "5"), ("leading",), ("stalled",), ("activation",), ("actual",),
)  # fmt: skip
PICTURES = ("indicators", "targets", "leading")


def ago(days: int) -> date:
    return AS_OF - timedelta(days=days)


def of_one(kind: str, entries: int, *, partners: int = 3) -> Iterator[tuple[Facts, str, str, int]]:
    """So many entries, shared out to partners of one type."""
    facts = Facts()
    owners = [facts.partner(i, kind) for i in range(partners)]
    for i in range(entries):
        owner = owners[i % partners]
        yield facts, facts.entry(i, owner), owner, i


def future() -> Facts:
    """Some deals are planned, and some years are mistyped; twelve dates in all."""
    facts = steady_facts(entries=80)
    for i, row in enumerate(facts.entries[:6]):
        facts.event(row[1], row[2], "deal", AS_OF + timedelta(days=10 + i), known=None)
        facts.event(row[1], row[2], "won", date(2206, 1, 1), known=None)
    return facts


def ancient() -> Facts:
    facts = steady_facts(entries=80)
    for row in facts.entries[:6]:
        facts.event(row[1], row[2], "listed", date(1970 + int(row[5][-1]), 1, 1))
        facts.event(row[1], row[2], "requested", date(1, 1, 1))
    return facts


def backwards() -> Facts:
    """Each milestone is dated well before the one it follows on."""
    for facts, entry, owner, i in of_one("legacy", 40):
        for k, milestone in enumerate(MILESTONES):
            facts.event(entry, owner, milestone, ago(20 + i + 10 * k))
    return facts


def unlisted() -> Facts:
    for facts, entry, owner, i in of_one("legacy", 40):
        facts.event(entry, owner, "executed", ago(100 + i))
        facts.event(entry, owner, "deal" if i % 2 else "lost", ago(40 + i))
    return facts


def untyped() -> Facts:
    facts = steady_facts(entries=80)
    facts.partners = [(*row[:3], "unclassified", *row[4:]) for row in facts.partners]
    return facts


def contracts() -> Facts:
    """Days of contracts and lists from before there were CRMs, and ends that stand for none."""
    facts = steady_facts(entries=80)
    joined = (date(1900, 1, 1), date(1965, 4, 1), date(1969, 12, 31), date(1, 1, 1), date(9999, 12, 31))
    ended = (None, "9999-12-31", "1969-12-31", "1900-01-01", None)
    for i, (began, end) in enumerate(zip(joined, ended, strict=True)):
        row = facts.partners[i]
        attributes = json.dumps({} if end is None else {"ended_on": end})
        facts.partners[i] = (*row[:5], date(1900, 1, 1) if i % 2 else None, began, attributes)
    return facts


def one_partner() -> Facts:
    return steady_facts(entries=40, partners=1)


def all_lost() -> Facts:
    for facts, entry, owner, i in of_one("legacy", 40):
        facts.event(entry, owner, "listed", ago(100 + i))
        facts.event(entry, owner, "lost", ago(50 + i))
    return facts


def all_open() -> Facts:
    for facts, entry, owner, i in of_one("legacy", 40):
        facts.event(entry, owner, "listed", ago(10 + i))
    return facts


def ties() -> Facts:
    """Everything occurs on one day."""
    for facts, entry, owner, i in of_one("legacy", 40):
        for milestone in MILESTONES if i % 2 else (*MILESTONES[:3], "lost"):
            facts.event(entry, owner, milestone, ago(60))
    return facts


def nobody() -> Facts:
    return Facts()


def listless() -> Facts:
    """Partners, and not one entry."""
    facts = Facts()
    for i in range(3):
        facts.partner(i, "legacy")
    return facts


def eventless() -> Facts:
    *_, (facts, *_) = of_one("legacy", 20)
    return facts


WORLDS: tuple[Callable[[], Facts], ...] = (
    future, ancient, backwards, unlisted, untyped, contracts, one_partner, all_lost, all_open, ties, nobody, listless, eventless,
)  # fmt: skip


@pytest.fixture
def told(
    request: pytest.FixtureRequest, engine: Engine, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SAKIGAKE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(out, "width", 180)
    with workspace_on(engine, tmp_path) as workspace:
        with workspace.connect() as conn:
            request.param().store(conn)
        compute(workspace, "run-1", AS_OF, None, None)
    return request.param.__name__


def said(capsys: pytest.CaptureFixture[str], *given: str) -> str:
    with pytest.raises(SystemExit) as end:
        main(given)
    found = capsys.readouterr()
    assert end.value.code == 0, found.err
    assert "Traceback" not in found.err
    text = found.out
    assert not re.search(r"\b(nan|inf|infinity)\b|(?<![\d.-])-0(\.0+)?(?![\d.-])", text), text
    return text


def document(capsys: pytest.CaptureFixture[str], *given: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said(capsys, *given, "--json"), parse_constant=pytest.fail)
    return found


ISSUES = {
    "future": {"after_as_of": 12}, "ancient": {"before_2000": 12}, "backwards": {"inversions": 160}, "unlisted": {"not_listed": 40},
    "eventless": {"no_events": 20},
}  # fmt: skip
STATED = {  # what a person reads, without blanks
    "future": "12eventsaredatedafterthedayandwaitforit", "ancient": "12eventsaredatedbefore2000andareleftout",
    "backwards": "160milestonesaredatedover3daysafteralateroneandcountasskipped",
    "unlisted": "40entrieswereneverlisted;theycountaslistedwiththeirfirstmilestone", "untyped": "unclassified8",
    "nobody": "Thereisnopartneryet.", "eventless": "20entrieshavenomilestonedateduptotheday",
    "all_open": "Tooyoungtobetrusted:all:listed→requested,listed→deal.",
}  # fmt: skip
NOTHING_EXPECTED = {"all_lost", "all_open", "nobody", "listless", "eventless"}
NOBODY_CONVERTS = {"nobody", "listless", "eventless"}


@pytest.mark.parametrize("told", WORLDS, indirect=True, ids=lambda world: world.__name__)
def test_every_command_states_a_result_or_a_reason(told: str, engine: Engine, capsys: pytest.CaptureFixture[str]):
    stored, asked, plan, *_ = documents = [document(capsys, *command) for command in COMMANDS]
    assert all(documents)
    assert all(said(capsys, *command) for command in COMMANDS)
    for found in (stored, asked):
        assert ISSUES.get(told, {}).items() <= found["issues"].items()
        assert set(found["issues"]) & {"after_as_of", "before_2000", "inversions", "not_listed"} == set(
            ISSUES.get(told, {})
        ) - {"no_events"}
        whole = found["conversion"]["all"]["listed>deal"]
        assert (whole["rate"] is None, whole["status"] == "no_data") == (told in NOBODY_CONVERTS,) * 2
        assert (found["forecast"]["status"] == "not_enough_data") is (told in NOTHING_EXPECTED)
        assert (found["forecast"]["ahead"]["30"]["expected"] is None) is (told in NOTHING_EXPECTED)
    for key in stored.keys() - {"run"}:
        assert stored[key] == asked[key], key
    if told in NOTHING_EXPECTED:
        assert (plan["verdict"], plan["in_flight"], plan["weeks"], plan["partners"]) == (
            "not_enough_data",
            None,
            [],
            [],
        )
        assert {row["rate"] for row in plan["static"]} == {None}
    else:
        assert sum(row["target"] for row in plan["partners"]) == 5 or plan["verdict"] == "not_enough_data"
    month = next(m for m in documents[-1]["months"] if m["month"] == "2026-10")
    of_deals = {r["type"]: r["planned"] for r in month["rows"] if r["milestone"] == "deal"}
    assert of_deals.pop("all") == 40
    assert sum(of_deals.values()) in (40, 0 if not of_deals else 40)
    with engine.connect() as conn:
        kept = conn.exec_driver_sql(
            "select field, value from sakigake.field_result where field in ('expected_deals_30d', 'deal_probability')"
        )
        fields = {(name, value) for name, value in kept}
    if told in NOTHING_EXPECTED:
        chance = {"all_lost": {0}, "all_open": {None}}.get(told, set())
        assert fields - {("expected_deals_30d", None)} == {("deal_probability", c) for c in chance}
    rows = list(csv.DictReader(io.StringIO(said(capsys, "indicators", "--csv"))))
    listed = {(r["table"], r["type"], r["measure"]): r["value"] for r in rows if r["table"] in ("forecast", "issues")}
    assert listed["forecast", "all", "status"] == stored["forecast"]["status"]
    assert {k[2]: int(v) for k, v in listed.items() if k[0] == "issues"} == stored["issues"]
    page = said(capsys, "indicators", "--language", "en")
    assert STATED.get(told, "") in "".join(page.split())
    if told in NOTHING_EXPECTED:
        assert "so nothing can be expected" in page


@pytest.mark.parametrize("told", [unlisted, nobody], indirect=True, ids=lambda world: world.__name__)
def test_every_page_and_list_speaks_one_language(told: str, capsys: pytest.CaptureFixture[str]):
    """The mapping's is Japanese: nothing but names, codes and abbreviations is in Latin letters; asked for English, all is."""
    known = r"Partner \d+|legacy|growth\d|unclassified|JST|CVR|Holm|Agree|[0-9a-f]{12}|--\w+|deals_all_channels|partner_sourced|\bwon\b"
    for command in COMMANDS:
        page = said(capsys, *command)
        assert not re.findall(r"[A-Za-z]{2,}", re.sub(known, "", page)), page
        assert said(capsys, *command, "--csv").count("\n") >= 1
        english = said(capsys, *command, "--language", "en")
        assert not re.findall(r"[\u3040-\u30ff\u4e00-\u9fff、。（）]", english), english


def test_an_empty_workspace_with_a_target_is_told_in_the_middle_of_a_month_too(
    engine: Engine,
    tmp_path: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    """What is left of the month is spoken of then, and there is nobody to speak of."""
    settled(engine, tmp_path, database_url, monkeypatch)
    computed(engine, day=AS_OF - timedelta(days=15))
    (month,) = document(capsys, "actual")["months"]
    assert [
        (r["milestone"], r["planned"], r["actual"], r["landing"], r["chance_of_target"]) for r in month["rows"]
    ] == [("deal", 40, 0, None, None)]


@pytest.mark.parametrize("told", [future, ties, nobody], indirect=True, ids=lambda world: world.__name__)
def test_every_picture_is_drawn(told: str, capsys: pytest.CaptureFixture[str]):
    for name in PICTURES:
        given = ("--deals", "5") if name == "targets" else ()
        said(capsys, name, *given, "--plot", f"{name}.png")
        assert Path(f"{name}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("told", [future], indirect=True)
def test_what_is_planned_counts_from_its_day_on_and_not_before(told: str, capsys: pytest.CaptureFixture[str]):
    """Of a past day told by what is known now, what happened since lies behind us and is no date that does not fit."""
    planned = document(capsys, "indicators")
    events = planned["n"]["events"]
    assert planned["reached"]["deal"] == 8
    past = str(AS_OF - timedelta(days=40))
    assert document(capsys, "indicators", "--as-of", past)["issues"].get("after_as_of", 0) == 0
    revised = document(capsys, "indicators", "--as-of", past, "--known-at", "now")
    assert revised["issues"]["after_as_of"] == 12
    assert revised["n"]["events"] < events


@pytest.mark.parametrize("day", [AS_OF - timedelta(days=11), AS_OF - timedelta(days=6)])
def test_with_a_target_and_no_partner_yet_a_month_is_told_before_its_last_day(
    day: date, engine: Engine, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):  # fmt: skip
    settled(engine, tmp_path, database_url, monkeypatch)
    computed(engine, nobody(), day=day)
    (month,) = document(capsys, "actual")["months"]
    (deals,) = month["rows"]
    assert (deals["type"], deals["milestone"], deals["planned"], deals["actual"]) == ("all", "deal", 40, 0)
    assert (deals["landing"], deals["chance_of_target"], deals["landing_low"]) == (None, None, None)
    assert said(capsys, "actual")


def test_days_of_partners_long_before_all_data_stop_nothing(
    engine: Engine, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):  # fmt: skip
    """A contract since 1965 is one of before the data; a list handed in then is mistyped, as a milestone would be. 1969-12-31 is a day as any."""
    settled(engine, tmp_path, database_url, monkeypatch)
    facts = steady_facts(entries=80)
    days = [date(1, 1, 1), date(1965, 4, 1), date(1969, 12, 31), date(1970, 1, 1), date(1999, 12, 31)]
    facts.partners = [
        (*row[:5], days[i % 5], days[i % 5], json.dumps({"ended_on": "1969-12-31"} if i == 7 else {}))
        for i, row in enumerate(facts.partners)
    ]
    computed(engine, facts)
    found = document(capsys, "activation")
    whole = next(a for a in found["activation"] if a["type"] == "all")
    assert (whole["base"], whole["newcomers"]) == (7, 0)
    assert next(f for f in found["first_deal"] if f["type"] == "all")["before_data"] == 8
    with engine.connect() as conn:
        kept = conn.exec_driver_sql("select attack_list_submitted_on from sakigake.bi_partner_scorecard")
        assert all(day is None or day.year >= 2025 for (day,) in kept)
