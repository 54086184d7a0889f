"""kill -9, of ours and of the database's server, at moments nobody chose; and what the next run makes of what is left.

The moments come from a seed that every failure prints; SAKIGAKE_KILL_SEED=N repeats its choice (not the machine's own timing).
"""

import os
import random
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from jobs.database import database
from tests.acceptance.conftest import scratch
from tests.acceptance.desk import Desk, Sandbox
from tests.acceptance.truth import (
    Ledger,
    connected,
    field_differences,
    idle_writes,
    mapped_fields,
    mirror_differences,
    repeated_writes,
    strangers,
)
from tests.conftest import scratch_folder
from tests.integration.holders import family, left_of, server, until

SEED = int(os.environ.get("SAKIGAKE_KILL_SEED") or random.randrange(1_000_000))
AFTER = {"pull": 0.5, "map": 0.1, "compute": 0.1, "plan": 0.15, "deliver": 1.0}  # seconds into the step
DAYS = 10  # the world lives on by so many before each kill, so that there is something to lose
_SALESFORCE, _HUBSPOT = {"crm": "salesforce", "method": "PATCH"}, {"path": "/batch/update"}
SLOW_WRITES = [
    # applied when whoever sent it may be dead already
    {"match": _SALESFORCE, "times": 2, "effect": {"kind": "delay", "seconds": 0.3}},
    # applied at once, and answered so slowly that whoever sent it may die before the end
    {"match": _HUBSPOT, "times": 1, "effect": {"kind": "trickle", "seconds": 0.1, "bytes": 10_000}},
    # then silence: however late a busy machine kills it, it has not come to its end before
    *({"match": match, "times": None, "effect": {"kind": "hang"}} for match in (_SALESFORCE, _HUBSPOT)),
]


@pytest.fixture(scope="module")
def desk(module_sandbox: Sandbox, postgres_server: str, database_template: str, module_folder: Path) -> Iterator[Desk]:
    """A workspace made ready whose first load is still to come."""
    with scratch(postgres_server, database_template) as url:
        made = Desk(module_folder, module_folder / "home", url)
        made.sakigake("init", "--preset", "sandbox", "--sandbox-url", module_sandbox.url)
        made.sakigake("provision")
        yield made


def killed_in(desk: Desk, step: str, seconds: float) -> None:
    """Starts a run and kills it so many seconds into the step."""
    with connected(str(desk.database_url)) as conn, desk.started("run", "--json") as process:
        before = _last_run(conn)
        until(lambda: _under_way(conn, step, before) or process.poll() is not None, 60)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, f"it ended before it could be killed: {said[-2000:]}"


def _last_run(conn: psycopg.Connection) -> str:
    row = conn.execute("select max(run_id) from sakigake.run").fetchone()
    return str(row[0] or "") if row else ""


def _under_way(conn: psycopg.Connection, step: str, before: str) -> bool:
    return bool(
        conn.execute(
            "select 1 from sakigake.run_step where step = %s and run_id > %s and started_at is not null", (step, before)
        ).fetchone()
    )


@pytest.mark.parametrize(
    "steps",
    [("pull", "deliver"), ("map", "compute"), ("pull", "plan", "deliver")],
    ids=" then ".join,
)
def test_a_run_after_kill_9_ends_in_the_truth(desk: Desk, module_sandbox: Sandbox, steps: tuple[str, ...]) -> None:
    """Mirror and fields equal the ledger, no field was given the same value twice, and nothing had to be cleaned by hand."""
    print(f"SAKIGAKE_KILL_SEED={SEED}")
    chance = random.Random(f"{SEED} {steps}")
    with connected(str(desk.database_url)) as conn:
        if _last_run(conn):
            module_sandbox.advance(DAYS)
        before = Ledger.of(module_sandbox.ledger())
        module_sandbox.faults(*SLOW_WRITES)
        for step in steps:
            moment = chance.uniform(0, AFTER[step])
            print(f"killed {moment:.3f} s into {step}")
            killed_in(desk, step, moment)
        module_sandbox.faults()
        desk.sakigake("run", "--json")

        after = Ledger.of(module_sandbox.ledger())
        writes = after.written_since(before.last_seq)
        assert mirror_differences(conn, after, mapped_fields(desk.folder)) == []
        assert field_differences(conn, after) == []
        assert writes, "there was something to deliver"
        assert strangers(writes) == set()
        assert idle_writes(before, after) == []
        assert repeated_writes(writes) == []
        assert conn.execute("select 1 from sakigake.change where status in ('planned', 'sent')").fetchone() is None
        assert conn.execute("select 1 from sakigake.run where status = 'running'").fetchone() is None


def test_a_killed_database_server_costs_one_run_at_most(desk: Desk, module_sandbox: Sandbox) -> None:
    """The embedded one, in the middle of a first load: the run says what happened, the next one loads the rest."""
    with tempfile.TemporaryDirectory(prefix="sakigake-", dir=scratch_folder(), ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        home = Path(folder) / "home"
        embedded = replace(desk, home=home, database_url=None)
        embedded.sakigake("db", "upgrade")
        module_sandbox.control("POST", "calls/reset")
        module_sandbox.faults({"match": {}, "times": None, "effect": {"kind": "delay", "seconds": 0.1}})
        with embedded.started("run", "--json") as process:
            until(lambda: module_sandbox.total_calls("hubspot") > 6, 60)
            before = server(home)
            assert before
            processes = family(home)
            before.kill()
            said, _ = process.communicate(timeout=60)
        module_sandbox.faults()
        assert process.returncode == 1, said
        assert said.startswith("sakigake: "), said
        assert said.count("\n") == 1, said
        assert left_of(processes) == []

        embedded.sakigake("run", "--json")
        with database(home, None) as url, connected(url) as conn:
            ledger = Ledger.of(module_sandbox.ledger())
            assert mirror_differences(conn, ledger, mapped_fields(embedded.folder)) == []
            assert field_differences(conn, ledger) == []
