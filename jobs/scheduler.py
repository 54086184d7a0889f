"""`sakigake serve`: the cycle on its schedule, in one process, until told to stop.

APScheduler keeps the times, in memory, rebuilt from sakigake.yaml at each start; the state of runs is in our tables. A run that is still
going when its next time comes is not started twice, and missed times are made up for by one run.
"""

import os
import signal
import threading
from datetime import UTC, datetime
from types import FrameType

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from jobs.errors import RunBusy, SakigakeError
from jobs.pipeline import run_cycle
from jobs.progress import Stoppable, Stopped
from jobs.wiring import Workspace
from sync.errors import SyncError

log = structlog.get_logger()


def serve(workspace: Workspace) -> None:
    """Runs the cycle now and then on schedule; returns after SIGTERM or ctrl-C, when the page or batch at hand is stored.

    A second signal ends the process at once, which is safe too: the next start goes on from what was stored.
    """
    stop = threading.Event()

    def asked(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(128 + number)  # SystemExit would wait for the threads, and one of them is what keeps us
        log.info("stopping", signal=signal.Signals(number).name)
        stop.set()

    previous = {s: signal.signal(s, asked) for s in (signal.SIGTERM, signal.SIGINT)}
    seconds = workspace.settings.schedule.cycle_seconds
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.add_job(
        _cycle,
        IntervalTrigger(seconds=seconds, timezone=UTC),
        args=(workspace, stop),
        id="cycle",
        next_run_time=datetime.now(UTC),
        max_instances=1,
        coalesce=True,
        misfire_grace_time=seconds,
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


def _cycle(workspace: Workspace, stop: threading.Event) -> None:
    """One scheduled run. Its failure is noted and logged; the schedule goes on."""
    if stop.is_set():
        return
    try:
        report = run_cycle(workspace, progress=Stoppable(stop))
    except Stopped:
        log.info("run interrupted", workspace=workspace.name)
    except RunBusy as e:
        log.warning("run left out", workspace=workspace.name, cause=str(e))
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
            written=report.written,
            api_calls=report.api_calls,
        )
