"""Memory of a pull is bounded by the page, not by the object; measured on the real command, from its start to its end."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.acceptance.conftest import MakeDesk
from tests.acceptance.desk import LIMIT, Desk, sandbox_process
from tests.acceptance.ready import COMMAND
from tests.acceptance.truth import connected

ROOM = 10.0  # MiB that ten times the rows may cost; two runs of one size differ by two


# A process between us and the command: the kernel counts into a command's peak what its parent held when it started it.
MEASURE = """
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
_, status, used = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), used.ru_maxrss)
"""


def peak_of_a_pull(desk: Desk, connection: str) -> float:
    """The highest resident memory of one `run --only pull`, in MiB, as the kernel tells it when the process has ended."""
    pull = [str(COMMAND), "run", "--only", "pull", "--connection", connection, "--json"]
    measured = subprocess.run(
        [sys.executable, "-I", "-S", "-c", MEASURE, *pull],
        cwd=desk.folder,
        env=desk.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=True,
    )
    code, peak = measured.stdout.split()
    assert code == "0", measured.stderr
    return int(peak) / (2**20 if sys.platform == "darwin" else 2**10)


@pytest.fixture
def measure(make_desk: MakeDesk) -> Callable[[str, str, int], float]:
    def measured(connection: str, name: str, rows: int) -> float:
        with sandbox_process("--entries", "20", "--no-limits", "--rows", f"{connection}.{name}={rows}") as sandbox:
            desk = make_desk(sandbox)
            desk.set("ten_second_limit: 180", "ten_second_limit: 1000")
            peak = peak_of_a_pull(desk, connection)
        with connected(str(desk.database_url)) as conn:
            held = conn.execute(f"select count(*) from {connection}.{name}").fetchone()
        assert held == (rows,)
        print(f"{connection}.{name}: {rows:,} rows, {peak:.1f} MiB at most")
        return peak

    return measured


@pytest.mark.parametrize(
    ("connection", "name", "rows"),
    [("salesforce", "Task", 200_000), ("hubspot", "tasks", 40_000)],  # HubSpot gives a hundred a call
)
def test_ten_times_the_rows_cost_no_more_memory(
    measure: Callable[[str, str, int], float], connection: str, name: str, rows: int
) -> None:
    small = measure(connection, name, rows // 10)
    large = measure(connection, name, rows)
    if large - small >= ROOM:
        # pages that wait for each other on a busy machine take some room, up to a batch; what grows with the rows grows every time
        large = min(large, measure(connection, name, rows))
    assert large - small < ROOM, f"{rows // 10:,} rows took {small:.1f} MiB, {rows:,} took {large:.1f} MiB"
