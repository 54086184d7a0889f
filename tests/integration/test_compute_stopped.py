"""A computation that is stopped, in whichever of its threads: the first error is told, and nothing of it is kept."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from jobs.steps import compute as step
from jobs.wiring import Workspace
from tests.numbers_world import AS_OF, steady_facts, workspace_on

KEPT = ("computation", "subject_result", "result_log", "said_entries", "tier_change", "report", "pool", "partner_day")


class Stopped(Exception):
    """The first error."""


@pytest.fixture
def place(engine: Engine, tmp_path: Path) -> Iterator[Workspace]:
    with workspace_on(engine, tmp_path) as workspace:
        with workspace.connect() as conn:
            steady_facts(entries=60, partners=3).store(conn)
        yield workspace


def kept(workspace: Workspace) -> dict[str, int]:
    with workspace.connect() as conn:
        counts = {name: conn.execute(f"select count(*) from sakigake.{name}").fetchone() for name in KEPT}
    return {name: row[0] for name, row in counts.items() if row and row[0]}


def stopping(*_: Any, **__: Any) -> Any:
    raise Stopped


@pytest.mark.parametrize(
    ("room", "name"),
    [
        (step.leading, "due"),
        (step, "_others"),
        (step, "make"),
        (step.keep_results, "keep"),
        (step.more, "reports_of"),
        (step.leading, "keep"),
    ],
    ids=str,
)
def test_what_stops_a_computation_is_told_and_nothing_of_it_is_kept(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, room: Any, name: str
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(room, name, stopping)
        with pytest.raises(Stopped):
            step.compute(place, "run-1", AS_OF, None, None)
    assert kept(place) == {}


def test_the_next_computation_of_the_same_run_succeeds(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(step.more, "reports_of", stopping)
        with pytest.raises(Stopped):
            step.compute(place, "run-1", AS_OF, None, None)
    step.compute(place, "run-1", AS_OF, None, None)
    assert set(KEPT) - kept(place).keys() == {"result_log"}


def test_of_a_reading_that_loses_its_session_the_first_error_is_told(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(conn: Any, *_: Any) -> Any:
        pid = conn.connection.driver_connection.info.backend_pid
        with place.connect() as another:
            another.execute("select pg_terminate_backend(%s)", (pid,))
        return conn.exec_driver_sql("select 1")

    monkeypatch.setattr(step, "_others", lost)
    with pytest.raises(OperationalError):
        step.compute(place, "run-1", AS_OF, None, None)
    assert kept(place) == {}
