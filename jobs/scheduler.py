"""`sakigake serve`: the cycle and the sweep on their schedules, in one process, until told to stop.

APScheduler keeps the times, in memory, rebuilt from sakigake.yaml at each start; the state of runs is in our tables. A run that is still
going when its next time comes is not started twice, and missed times are made up for by one run. Cycle and sweep take turns.
Each reads the mapping anew: one that was activated meanwhile is worked with, one that was not is refused, and is told in `status`.
"""

import os
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import FrameType

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from jobs.errors import RunBusy, SakigakeError
from jobs.mapping.versions import current
from jobs.pipeline import run_cycle
from jobs.progress import Stoppable, Stopped
from jobs.steps.reconcile import STEP, reconcile
from jobs.wiring import Workspace
from sync.errors import QuotaExhausted, SyncError

log = structlog.get_logger()
FIRST_SWEEP = timedelta(minutes=1)  # after the start: the cycle goes first
BUSY_AGAIN = 30.0  # seconds until a sweep that met another run tries again


def serve(workspace: Workspace) -> None:
    """Runs the cycle now and then on schedule; returns after SIGTERM or ctrl-C, when the page or batch at hand is stored.

    A second signal ends the process at once, which is safe too: the next start goes on from what was stored.
    """
    stop = threading.Event()

    def asked(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(128 + number)  # SystemExit would wait for the threads, and one of them is what keeps us
        stop.set()  # before it is told: who reads that may ask a second time at once
        log.info("stopping", signal=signal.Signals(number).name)

    previous = {s: signal.signal(s, asked) for s in (signal.SIGTERM, signal.SIGINT)}
    seconds = workspace.settings.schedule.cycle_seconds
    scheduler = BackgroundScheduler(timezone=UTC)
    turn = threading.Lock()
    scheduler.add_job(
        _anew,
        IntervalTrigger(seconds=seconds, timezone=UTC),
        args=(_cycle, workspace, stop, turn),
        id="cycle",
        next_run_time=datetime.now(UTC),
        max_instances=1,
        coalesce=True,
        misfire_grace_time=seconds,
    )
    sweeps = workspace.settings.schedule.reconcile_seconds
    scheduler.add_job(
        _anew,
        IntervalTrigger(seconds=sweeps, timezone=UTC),
        args=(_sweep, workspace, stop, turn),
        id="reconcile",
        next_run_time=_next_sweep(workspace, datetime.now(UTC)),
        max_instances=1,
        coalesce=True,
        misfire_grace_time=sweeps,
    )
    scheduler.start()
    log.info("serving", workspace=workspace.name, every_seconds=seconds)
    try:
        while not stop.wait(0.5):
            pass
    finally:
        scheduler.shutdown(wait=True)
        for number, handler in previous.items():
            signal.signal(number, handler)
        log.info("stopped", workspace=workspace.name)


def _next_sweep(workspace: Workspace, now: datetime) -> datetime:
    """When the next sweep is due, going by the last one, so that restarts neither repeat nor put it off; soon where there was none."""
    with workspace.connect() as conn:
        row = conn.execute(
            "select max(started_at) from sakigake.run_step where workspace = %s and step = %s and status = 'succeeded'",
            (workspace.name, STEP),
        ).fetchone()
    soon = now + FIRST_SWEEP
    last: datetime | None = row[0] if row else None
    return soon if last is None else max(soon, last + timedelta(seconds=workspace.settings.schedule.reconcile_seconds))


def _anew(
    job: Callable[[Workspace, threading.Event, threading.Lock], None],
    workspace: Workspace,
    stop: threading.Event,
    turn: threading.Lock,
) -> None:
    """Runs the job with the mapping as its file says now; a file that cannot be read stops this turn, not the schedule."""
    try:
        ready = current(workspace)
    except SakigakeError as e:
        log.error("mapping refused", workspace=workspace.name, cause=str(e))  # noqa: TRY400 - a failure with a name needs no traceback
        return
    job(ready, stop, turn)


def _sweep(workspace: Workspace, stop: threading.Event, turn: threading.Lock) -> None:
    """One scheduled sweep; where another process runs something, it waits rather than be left out until the next day."""
    while not stop.is_set():
        try:
            with turn:
                report = reconcile(workspace, progress=Stoppable(stop))
        except RunBusy:
            stop.wait(BUSY_AGAIN)
            continue
        except Stopped:
            log.info("sweep interrupted", workspace=workspace.name)
        except (SyncError, SakigakeError) as e:
            log.error("sweep failed", workspace=workspace.name, cause=str(e))  # noqa: TRY400 - a failure with a name needs no traceback
        except Exception as e:
            log.exception("sweep failed", workspace=workspace.name, cause=type(e).__name__)
        else:
            doubtful = [f"{o.connection}.{o.object}" for o in report.objects if not o.proven]
            tell = log.error if doubtful else log.info
            tell(
                "sweep done", workspace=workspace.name, run=report.run, not_proven=doubtful, api_calls=report.api_calls
            )
        return


def _cycle(workspace: Workspace, stop: threading.Event, turn: threading.Lock) -> None:
    """One scheduled run. Its failure is noted and logged; the schedule goes on."""
    if stop.is_set():
        return
    try:
        with turn:
            # an object that takes longer than a cycle goes on with the next one, so that the others are not late for it
            report = run_cycle(
                workspace, progress=Stoppable(stop), turn=float(workspace.settings.schedule.cycle_seconds)
            )
    except Stopped:
        log.info("run interrupted", workspace=workspace.name)
    except RunBusy as e:
        log.warning("run left out", workspace=workspace.name, cause=str(e))
    except QuotaExhausted as e:
        log.warning("run out of API calls", workspace=workspace.name, cause=str(e))
    except (SyncError, SakigakeError) as e:
        log.error("run failed", workspace=workspace.name, cause=str(e))  # noqa: TRY400 - a failure with a name needs no traceback
    except Exception as e:
        log.exception("run failed", workspace=workspace.name, cause=type(e).__name__)
    else:
        log.info(
            "run done",
            workspace=workspace.name,
            run=report.run,
            held=report.held,
            waiting=list(report.waiting),
            written=report.written,
            api_calls=report.api_calls,
        )
