"""`sakigake demo`: an embedded PostgreSQL, a sandbox CRM, and the whole cycle, with nothing set up beforehand.

Everything of a demo lives in a temporary folder and a database of its own kind; ending it, in whatever way, leaves nothing running.
"""

import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

from jobs import views
from jobs.database import database, engine, upgrade
from jobs.errors import SakigakeError
from jobs.pipeline import RunReport, run_cycle
from jobs.presets.writing import write_preset
from jobs.progress import Stoppable, Stopped, bars
from jobs.settings import load
from jobs.steps.provision import provision
from jobs.tables.run import run_report
from jobs.wiring import Workspace, open_workspace
from models.counted import counted

START_SECONDS = 60.0
WEEK = 7
PAUSE = 5.0  # seconds between two turns of the demo's world


def run_demo(page: Console | None, *, once: bool) -> dict[str, Any]:
    """Runs the demo, told on `page`; returns what `--json` prints, of the first cycle. SakigakeError or SyncError where a step fails."""
    began = time.monotonic()
    stop = threading.Event()
    with contextlib.ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="sakigake-demo-", ignore_cleanup_errors=True))
        )
        folder.chmod(0o711)  # as root the server runs under another account, which has to get through to its own files

        if not once:
            stack.enter_context(_stopping(stop))
        if page:
            page.print("Starting a PostgreSQL, a Salesforce and a HubSpot of our own ...")
        address = stack.enter_context(_sandbox(folder))
        url = stack.enter_context(database(folder / "home", None))
        upgrade(url)
        opened = engine(url)
        stack.callback(opened.dispose)
        write_preset("sandbox", folder, sandbox_url=address)
        workspace = stack.enter_context(open_workspace(load(folder / "sakigake.yaml"), folder, opened))
        with bars(wanted=page is not None) as progress:
            with progress.task("create our fields in both CRMs"):
                steps = provision(workspace.settings, workspace.rules, workspace.connectors, dry_run=False)
            refused = [s for _, s in steps if s.status == "refused"]
            if refused:
                raise SakigakeError(
                    f"{counted(len(refused), 'field')} could not be made, the first is {refused[0].what}: {refused[0].advice}"
                )
            report = run_cycle(workspace, progress=progress)
        if report.unread:
            raise SakigakeError(f"The demo's own CRM was too slow: {', '.join(report.unread)} is not whole yet.")
        document = summary(workspace, report, time.monotonic() - began)
        if page:
            _show(page, document, report)
        if report.refused:
            raise SakigakeError(
                f"{counted(report.refused, 'change was', 'changes were')} refused by the CRM; this demo did not end as it should."
            )
        if not once:
            _keep_turning(page, workspace, address, stop)
    return document


def summary(workspace: Workspace, report: RunReport, seconds: float) -> dict[str, Any]:
    """What the demo prints, as one document."""
    with workspace.connect() as conn:
        indicators = views.indicators(conn, workspace.name)
    return {
        "pulled": {label: c["inserted"] + c["changed"] for label, c in report.pulled.items()},
        "events": report.mapped.get("standing", {}),
        "partners": indicators["partners"],
        "tiers": indicators["tiers"],
        "conversion": indicators["conversion"],
        "lead_time": indicators["lead_time"],
        "written": report.written,
        "api_calls": report.api_calls,
        "seconds": round(seconds, 1),
        "as_of": report.as_of.isoformat() if report.as_of else None,
        "run": report.run,
        "plan": report.plan,
    }


def _show(page: Console, document: dict[str, Any], report: RunReport) -> None:
    page.print()
    run_report(page, report)
    page.print(f"\nAll of it in {document['seconds']} s, as of {document['as_of']} in the sandbox's world.\n")


def _keep_turning(page: Console | None, workspace: Workspace, address: str, stop: threading.Event) -> None:
    """A week a turn: lets the world live on, runs the cycle, tells what changed. Ends with ctrl-C."""
    if page:
        page.print(
            f"The world lives on, a week every few seconds. Look inside at {address}/_sandbox/ledger; ctrl-C ends everything.\n"
        )
    while not stop.wait(PAUSE):
        request = urllib.request.Request(  # noqa: S310 - our own sandbox on loopback
            f"{address}/_sandbox/advance",
            data=json.dumps({"days": WEEK}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310
            reply.read()
        try:
            report = run_cycle(workspace, progress=Stoppable(stop))
        except Stopped:
            break
        if page:
            new = sum(c["inserted"] + c["changed"] for c in report.pulled.values())
            page.print(
                f"{report.as_of}: {counted(new, 'record')} changed, {counted(sum(report.mapped.get('asserted', {}).values()), 'event')}, "
                f"{counted(sum(report.written.values()), 'field')} written, {counted(sum(report.api_calls.values()), 'API call')}"
            )
    if page:
        page.print("Stopped; nothing is left running.")


@contextlib.contextmanager
def _sandbox(folder: Path) -> Iterator[str]:
    """A sandbox in a process of its own, so that it does not share our interpreter; it ends when we do, even when we are killed."""
    log = folder / "sandbox.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-c",
                "from jobs.cli import main; main()",
                "sandbox",
                "--port",
                "0",
                "--json",
                "--until-stdin-closes",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # ctrl-C is ours to handle: the sandbox goes last
        )
    try:
        assert process.stdout is not None
        timer = threading.Timer(START_SECONDS, process.kill)
        timer.start()
        line = process.stdout.readline()
        timer.cancel()
        if not line:
            raise SakigakeError(
                f"The sandbox did not start within {START_SECONDS:.0f} s: {log.read_text('utf-8', 'replace').strip()[-300:]}"
            )
        yield str(json.loads(line)["url"])
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def _stopping(stop: threading.Event) -> Iterator[None]:
    """ctrl-C and SIGTERM set `stop`; a second one ends at once."""

    def asked(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise SystemExit(128 + number)
        stop.set()

    previous = {s: signal.signal(s, asked) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
