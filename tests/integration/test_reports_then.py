"""Activation, plan against actual and stalled entries of any day, as known at any time: as the day kept them, or worked out anew."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs import database as db
from jobs import settings_numbers
from jobs.cli.common import out
from jobs.steps.compute import compute
from tests.acceptance.documents import documented
from tests.conftest import scratch_database
from tests.numbers_world import AS_OF, Facts, steady_facts, workspace_on
from tests.said import said

EARLIER, BETWEEN = AS_OF - timedelta(days=62), AS_OF - timedelta(days=40)  # computed; a day on which nothing was
HEAD = ("run", "as_of", "known_at", "mapping", "code_version", "settings", "assumptions", "seed", "input_watermark")


def facts_told_late() -> Facts:
    """The steady world, and ten deals of July that nobody knew of before the middle of October."""
    facts = steady_facts(entries=400)
    partner = facts.partners[0][1]
    for i in range(10):
        entry = facts.entry(7000 + i, partner)
        facts.event(entry, partner, "listed", date(2026, 6, 1))
        facts.event(entry, partner, "deal", date(2026, 7, 10), datetime(2026, 10, 15, tzinfo=UTC))
    return facts


@dataclass(frozen=True)
class Lived:
    """What was told, and where it stands."""

    facts: Facts
    engine: Engine


@pytest.fixture(scope="module")
def world(postgres_server: str, database_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """Two computations, two months apart, of which commands run in this process find what they need."""
    folder, facts = tmp_path_factory.mktemp("desk"), facts_told_late()
    few = replace(settings_numbers.DEFAULTS, replicates=40, draws=60, checks=2, plan_draws=40)
    with (
        contextmanager(scratch_database)(postgres_server, database_template) as url,
        pytest.MonkeyPatch.context() as at,
    ):
        at.chdir(folder)
        at.setenv("DATABASE_URL", url)
        at.setenv("SAKIGAKE_HOME", str(folder / "home"))
        at.setattr(out, "width", 200)
        at.setattr(settings_numbers, "DEFAULTS", few)  # what is shown here does not rest on draws
        engine = db.engine(url)
        with workspace_on(engine, folder) as workspace:
            with workspace.connect() as conn:
                facts.store(conn)
            clock: Any = workspace.connectors["salesforce"]
            for run, day in (("run-1", EARLIER), ("run-2", AS_OF)):
                clock.crm_now = lambda day=day: datetime(day.year, day.month, day.day, 10, tzinfo=UTC)
                compute(workspace, run, day, None, None)
        yield Lived(facts, engine)
        engine.dispose()


@pytest.fixture
def lived(world: Lived) -> Facts:
    return world.facts


def document(capsys: pytest.CaptureFixture[str], *given: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said(capsys, *given, "--json"), parse_constant=pytest.fail)
    assert set(found) == documented(given[0]) - (
        {"month", "numbers", "set_by", "basis"} if given[0] == "actual" else set()
    )
    return found


def deals_of(facts: Facts, as_of: date, known_at: date) -> Counter[str]:
    """By partner, deals of the 90 days up to the day that were known at the end of another."""
    last = datetime(known_at.year, known_at.month, known_at.day, 15, tzinfo=UTC)  # midnight in Tokyo
    rows = (row for row in facts.events if row[5] == "deal" and as_of - timedelta(days=90) < row[6] <= as_of)
    return Counter(row[4] for row in rows if row[7] < last)


def test_a_day_that_was_computed_is_shown_as_it_was_kept(lived: Facts, capsys: pytest.CaptureFixture[str]):
    for command in ("activation", "actual"):
        newest, then = document(capsys, command), document(capsys, command, "--as-of", str(EARLIER))
        assert (newest["run"], then["run"]) == ("run-2", "run-1")
        assert document(capsys, command, "--known-at", str(EARLIER)) == then
        assert document(capsys, command, "--as-of", str(AS_OF)) == newest
        assert then["as_of"] == str(EARLIER)
        assert then["reporting_delay"] == document(capsys, "indicators", "--as-of", str(EARLIER))["reporting_delay"]


def test_activation_counts_what_was_known_then(lived: Facts, capsys: pytest.CaptureFixture[str]):
    """Ten late deals of July count in August for who asks what is known of it today, and not as it was known then."""
    for as_of, known_at, run in (
        (EARLIER, EARLIER, "run-1"), (EARLIER, AS_OF, None), (BETWEEN, BETWEEN, None), (BETWEEN, AS_OF, None),
    ):  # fmt: skip
        axes = ("--as-of", str(as_of), *(() if known_at == as_of else ("--known-at", "now")))
        found = document(capsys, "activation", *axes)
        assert found["run"] == run
        deals = deals_of(lived, as_of, known_at)
        every = next(row for row in found["activation"] if row["type"] == "all")
        assert (every["base"], every["deals"], every["active"]) == (8, deals.total(), len(deals))
        assert sum(row["deals"] for row in found["activation"]) == 2 * deals.total()


def test_the_plan_of_a_past_day_is_set_against_what_was_known_then(lived: Facts, capsys: pytest.CaptureFixture[str]):
    july = ("--month", "2026-07", "--as-of", "2026-07-31")
    then = next(r for r in document(capsys, "actual", *july)["months"][0]["rows"] if (r["type"], r["milestone"]) == ("all", "deal"))  # fmt: skip
    now = next(r for r in document(capsys, "actual", *july, "--known-at", "now")["months"][0]["rows"] if (r["type"], r["milestone"]) == ("all", "deal"))  # fmt: skip
    assert now["actual"] - then["actual"] == 10 + sum(
        row[5] == "deal" and date(2026, 7, 29) < row[6] <= date(2026, 7, 31) for row in lived.events
    )  # the steady ones are known two days later
    assert then["planned"] == now["planned"] == 40
    refused = said(capsys, "actual", "--month", "2026-09", "--deals", "5", "--as-of", "2026-08-01", code=2)
    assert "--deals sets a target from now on" in refused


def test_stalled_entries_of_a_past_day_are_those_that_its_computation_called_so(lived: Facts, world: Lived, capsys):
    newest = document(capsys, "stalled")
    assert newest["run"] == "run-2"
    again = document(capsys, "stalled", "--as-of", str(AS_OF))
    assert again["entries"] == newest["entries"]
    assert {part: again[part] for part in HEAD if part != "run"} == {
        part: newest[part] for part in HEAD if part != "run"
    }
    then = document(capsys, "stalled", "--as-of", str(EARLIER))
    assert (then["run"], then["as_of"]) == (None, str(EARLIER))
    with world.engine.connect() as conn:
        logged = conn.exec_driver_sql(
            """select e.record_id from (
                select distinct on (subject_id) subject_id, value from (
                    select subject_id, value, l.known_at from sakigake.result_log l where field = 'stalled' and not gone
                    union all
                    select subject_id, value, c.known_at from sakigake.field_result r join sakigake.computation c using (workspace, run_id)
                    where field = 'stalled') said
                where known_at < '2026-09-15' order by subject_id, known_at desc) called
            join sakigake.entry e on e.entry_id = called.subject_id where called.value = 'true'"""
        )
        called = {row[0] for row in logged}
    assert {row["record"].rpartition("/")[2] for row in then["entries"]} == called
    assert called
    for row in then["entries"]:
        assert row["days"] == (EARLIER - date.fromisoformat(row["since"])).days
        assert 0 < row["business_days"] < row["days"]
    partner = then["entries"][0]["partner"]
    record = f"salesforce.Account/{partner[-3:]}"
    with world.engine.begin() as conn:
        conn.exec_driver_sql(
            """insert into sakigake.partner_source (workspace, partner_id, connection, object, record_id, matched_by)
            select workspace, partner_id, 'salesforce', 'Account', %s, 'itself' from sakigake.partner where name = %s""",
            (partner[-3:], partner),
        )
    own = document(capsys, "stalled", "--as-of", str(EARLIER), "--partner", record)["entries"]
    assert (
        own == document(capsys, "stalled", "--as-of", str(EARLIER), "--partner", own[0]["partner"].lower())["entries"]
    )
    assert own == [row for row in then["entries"] if row["partner"] == partner]


def test_pages_of_a_past_day_say_so_in_both_languages(lived: Facts, capsys: pytest.CaptureFixture[str]):
    for command in ("activation", "actual", "stalled"):
        for language in ("en", "ja"):
            assert str(EARLIER) in said(capsys, command, "--as-of", str(EARLIER), "--language", language)
    assert "Provisional: what happened since 2026-10-30; half of the events are known within 2 days" in " ".join(
        said(capsys, "actual", "--language", "en").split()
    )
    assert "暫定" in said(capsys, "activation", "--language", "ja")


def test_what_cannot_be_told_of_the_past_is_refused_in_a_sentence(lived: Facts, world: Lived, capsys):
    for command in ("activation", "actual", "stalled"):
        assert "--as-of is 'soon', expected a day" in said(capsys, command, "--as-of", "soon", code=2)
        assert "the last one that is known of" in said(capsys, command, "--as-of", "2027-01-01", code=2)
        assert "--known-at is 'soon'" in said(capsys, command, "--known-at", "soon", code=2)
    path = Path("sakigake.yaml")
    path.write_text(path.read_text("utf-8").replace("deals: 40", "months: {2026-11: 5}"), "utf-8")
    assert "No target was set for 2026-10 or the 2 months before it by 2026-10-31 23:59" not in said(
        capsys, "actual", "--as-of", str(EARLIER)
    )  # of a day that was computed its own targets are told
    told = said(capsys, "actual", "--as-of", str(BETWEEN), "--known-at", "now", code=2)
    assert f"No target was set for {BETWEEN:%Y-%m} or the 2 months before it by 2026-10-31 19:00" in told
