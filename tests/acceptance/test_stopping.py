"""Cycles on their schedule, and a clean end at whatever moment a person or the system asks for it."""

import signal
import subprocess
import time

import psutil
import psycopg

from tests.acceptance.conftest import MakeDesk
from tests.acceptance.desk import Sandbox
from tests.acceptance.truth import Ledger, connected, field_differences, mapped_fields, mirror_differences
from tests.integration.holders import until

PATIENCE = 120.0  # seconds that a page or batch at hand may take on a machine with much to do


def succeeded(conn: psycopg.Connection) -> int:
    row = conn.execute("select count(*) from sakigake.run where status = 'succeeded'").fetchone()
    assert row
    return int(row[0])


def stops(process: subprocess.Popen[str], asked: signal.Signals) -> None:
    """Ends with 0 when asked, and leaves no process of its own."""
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(asked)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said[-3000:]
    assert "Traceback" not in said, said[-3000:]
    assert [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []


def test_serve_ends_cleanly_in_mid_cycle_and_goes_on_from_there(sandbox: Sandbox, make_desk: MakeDesk) -> None:
    """Asked first while it loads, then while it waits for its next time; what it left is the truth in the end."""
    desk = make_desk(sandbox)
    desk.set("cycle: 5m", "cycle: 1s")
    desk.sakigake("provision")
    # each page of Salesforce takes its time, so that the signal surely comes in mid-cycle
    sandbox.faults(
        {"match": {"crm": "hubspot", "path": "/objects/"}, "times": None, "effect": {"kind": "delay", "seconds": 0.1}}
    )
    with connected(str(desk.database_url)) as conn:
        with desk.started("serve") as process:
            until(lambda: conn.execute("select 1 from sakigake.mirror_object where not loaded").fetchone(), 60)
            stops(process, signal.SIGTERM)
        assert succeeded(conn) == 0
        run = conn.execute("select status, cause from sakigake.run").fetchall()
        assert [status for status, _ in run] == ["failed"]
        assert "asked to stop" in run[0][1]
        sandbox.faults()

        with desk.started("serve") as process:
            until(lambda: succeeded(conn) >= 3, 60)
            stops(process, signal.SIGINT)
        ledger = Ledger.of(sandbox.ledger())
        assert mirror_differences(conn, ledger, mapped_fields(desk.folder)) == []
        assert field_differences(conn, ledger) == []


def test_a_second_signal_ends_serve_at_once(sandbox: Sandbox, make_desk: MakeDesk) -> None:
    """For a call that hangs: the first signal waits for it, the second does not."""
    desk = make_desk(sandbox)
    sandbox.faults({"match": {}, "times": None, "effect": {"kind": "hang", "seconds": 3600}})
    with desk.started("serve") as process:
        until(sandbox.calls, 60)
        process.send_signal(signal.SIGTERM)
        assert process.stdout
        assert any("stopping" in line for line in process.stdout)
        time.sleep(0.5)
        assert process.poll() is None, "it waits for the call at hand"
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
    assert process.returncode == 128 + signal.SIGTERM
    sandbox.faults()


def test_ctrl_c_ends_a_first_load_after_the_page_at_hand(sandbox: Sandbox, make_desk: MakeDesk) -> None:
    """Not after all the pages there are; what it stored stays, and the record of the run says what became of it."""
    desk = make_desk(sandbox)
    sandbox.faults({"match": {"path": "/objects/|/query"}, "times": None, "effect": {"kind": "delay", "seconds": 0.4}})
    with connected(str(desk.database_url)) as conn:
        with desk.started("run", "--json") as process:
            until(lambda: conn.execute("select 1 from sakigake.mirror_object where loaded").fetchone(), 60)
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130, said[-3000:]
        assert said.count("\n") == 1, said
        assert conn.execute("select 1 from sakigake.mirror_object where loaded").fetchone(), "what was stored stays"
        assert conn.execute("select distinct status from sakigake.run").fetchall() == [("failed",)]
    sandbox.faults()
