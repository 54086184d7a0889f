"""People hear of what waits for them, and a teller that is broken stops nothing."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from jobs.alerts import alert
from jobs.settings import Secret

# the hundred services that Apprise loads are not ours to mend
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture
def heard() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A webhook: its address in Apprise's form, and what it was told."""
    told: list[dict[str, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"json://127.0.0.1:{server.server_port}/", told
    server.shutdown()
    server.server_close()
    thread.join()


def test_everybody_named_hears_of_it(
    heard: tuple[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    address, told = heard
    monkeypatch.setenv("HOOK", address)
    assert alert([Secret(env="HOOK")], tmp_path, "a plan is held", "plan-1 waits")
    assert (told[0]["title"], told[0]["message"]) == ("a plan is held", "plan-1 waits")


def test_an_address_that_is_none_or_does_not_answer_is_told_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NONSENSE", "no-such-service://secret-part")
    monkeypatch.setenv("AWAY", "json://127.0.0.1:9/")
    assert not alert([Secret(env="NONSENSE"), Secret(env="UNSET")], tmp_path, "title", "body")
    assert not alert([Secret(env="AWAY")], tmp_path, "title", "body")
    said = "".join(capfd.readouterr())
    assert "secret-part" not in said


def test_nobody_named_is_nobody_to_tell(tmp_path: Path) -> None:
    assert alert([], tmp_path, "title", "body")
