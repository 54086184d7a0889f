"""When `serve` sweeps: by the last sweep, whatever restarts there were, and after whoever runs at that moment."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from jobs import runs, scheduler
from jobs.errors import RunBusy
from jobs.pipeline import RunReport
from jobs.runs import RunLog, only_run
from jobs.settings import Schedule
from jobs.steps.reconcile import STEP, ReconcileReport
from jobs.wiring import connect_with

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def workspace(engine: Engine) -> Any:
    return SimpleNamespace(
        name="main", connect=connect_with(engine), settings=SimpleNamespace(schedule=Schedule(reconcile="6h"))
    )


@contextmanager
def a_run(workspace: Any, run_id: str) -> Iterator[tuple[psycopg.Connection[Any], RunLog]]:
    with workspace.connect() as conn, only_run(conn, "main"):
        story = RunLog(conn, "main", run_id)
        story.begin("hash")
        yield conn, story


def test_a_run_waits_a_moment_for_one_that_is_being_found_dead_and_no_longer_for_one_that_lives(
    workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "GRACE", 10.0)  # a moment, on a machine with much to do
    with workspace.connect() as ending, workspace.connect() as next_one:
        held = only_run(ending, "main")
        held.__enter__()
        threading.Timer(0.2, ending.close).start()
        with only_run(next_one, "main"), workspace.connect() as third:
            monkeypatch.setattr(runs, "GRACE", 0.1)
            with pytest.raises(RunBusy), only_run(third, "main"):
                raise AssertionError("two at a time")


def test_a_workspace_that_was_never_swept_is_swept_soon(workspace: Any) -> None:
    assert scheduler._next_sweep(workspace, NOW) == NOW + timedelta(minutes=1)


@pytest.mark.parametrize(("hours_ago", "due_in"), [(2, timedelta(hours=4)), (30, timedelta(minutes=1))])
def test_a_restart_neither_repeats_a_sweep_nor_puts_it_off(workspace: Any, hours_ago: int, due_in: timedelta) -> None:
    with a_run(workspace, "run-1") as (conn, story):
        with story.step(STEP):
            pass
        conn.execute("update sakigake.run_step set started_at = %s", (NOW - timedelta(hours=hours_ago),))
    assert scheduler._next_sweep(workspace, NOW) == NOW + due_in


def test_a_sweep_that_failed_does_not_count(workspace: Any) -> None:
    with a_run(workspace, "run-1") as (_, story), pytest.raises(RuntimeError), story.step(STEP):
        raise RuntimeError
    assert scheduler._next_sweep(workspace, NOW) == NOW + timedelta(minutes=1)


def test_a_sweep_that_meets_another_process_s_run_waits_for_its_end(
    workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be left out until the next day otherwise."""
    tried: list[str] = []
    ended = threading.Event()

    def sweep(*_: Any, **__: Any) -> ReconcileReport:
        tried.append("busy" if not ended.is_set() else "swept")
        if len(tried) == 3:
            ended.set()
        if tried[-1] == "busy":
            raise RunBusy("another run")
        return ReconcileReport("run", "main")

    monkeypatch.setattr(scheduler, "reconcile", sweep)
    monkeypatch.setattr(scheduler, "BUSY_AGAIN", 0.01)
    scheduler._sweep(workspace, threading.Event(), threading.Lock())
    assert tried == ["busy", "busy", "busy", "swept"]


def test_a_scheduled_cycle_gives_no_object_more_than_the_time_of_a_cycle(
    workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes longer goes on with the next one: the others would be late for it."""
    given: list[dict[str, Any]] = []

    def cycle(_workspace: Any, **how: Any) -> RunReport:
        given.append(how)
        return RunReport("run", "main")

    monkeypatch.setattr(scheduler, "run_cycle", cycle)
    scheduler._cycle(workspace, threading.Event(), threading.Lock())
    assert [how["turn"] for how in given] == [15 * 60.0]
