"""`sakigake demo --once --json`: one document, and nothing left behind."""

import json
import subprocess
import tempfile
import time
from pathlib import Path

import psutil

from tests.acceptance.desk import environment
from tests.acceptance.documents import documented
from tests.acceptance.ready import COMMAND
from tests.conftest import scratch_folder
from tests.integration.holders import left_of

DEMO_LIMIT = 180.0  # seconds, on a busy machine; it takes a fraction of that on a quiet one


def test_the_demo_prints_one_document_and_leaves_nothing_running() -> None:
    """Its own PostgreSQL, its own CRMs, the whole cycle on both, and every process and file gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="sakigake-", dir=scratch_folder()) as folder:
        Path(folder).chmod(0o711)
        out, log = Path(folder) / "out", Path(folder) / "log"
        temporary = Path(folder) / "temporary"
        temporary.mkdir(mode=0o711)
        with out.open("wb") as stdout, log.open("wb") as stderr:
            process = subprocess.Popen(
                [COMMAND, "demo", "--once", "--json"],
                cwd=folder,
                env=environment(TMPDIR=str(temporary), SAKIGAKE_HOME=str(Path(folder) / "home")),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )
            seen: set[psutil.Process] = set()
            ourselves = psutil.Process(process.pid)
            deadline = time.monotonic() + DEMO_LIMIT
            while process.poll() is None and time.monotonic() < deadline:
                try:
                    seen.update(ourselves.children(recursive=True))
                except psutil.NoSuchProcess:
                    break
                time.sleep(0.05)
            process.wait(max(deadline - time.monotonic(), 0.1))
        said = log.read_text("utf-8")
        assert process.returncode == 0, said[-3000:]
        assert left_of(list(seen)) == []
        assert len(seen) > 5, "the sandbox, the database's keeper, and the database were seen while it ran"
        assert list(temporary.iterdir()) == []
        assert not (Path(folder) / "home").exists(), "a demo keeps nothing in our state folder"
        document = json.loads(out.read_text("utf-8"))
        assert "Traceback" not in said

    assert set(document) == documented("demo --once")
    assert set(document["tiers"]) == {"A", "B", "C", "D"}
    assert set(document["events"]) == {"listed", "requested", "agreed", "executed", "deal", "won", "lost"}
    assert set(document["written"]) == set(document["api_calls"]) == {"salesforce", "hubspot"}
    assert all(n > 0 for part in ("pulled", "events", "written", "api_calls") for n in document[part].values())
    assert sum(document["partners"].values()) == sum(document["tiers"].values()) == 100
    assert set(document["conversion"]) == set(document["lead_time"]) == {*document["partners"], "all"}
    assert document["conversion"]["all"]["listed>deal"]["status"] == "ok"
    assert document["seconds"] < DEMO_LIMIT
