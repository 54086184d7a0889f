"""What a person has on their desk: the real command, a folder that `init` wrote, and a sandbox to point it at."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.acceptance import ready
from tests.acceptance.ready import COMMAND, environment
from tests.integration.holders import until

LIMIT = 120.0  # seconds for one command
START_LIMIT = 60.0  # seconds until a sandbox listens


@dataclass(frozen=True)
class Sandbox:
    """A sandbox in a process of its own, and its control API."""

    url: str
    pid: int

    def control(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}/_sandbox/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)

    def ledger(self) -> dict[str, Any]:
        found: dict[str, Any] = self.control("GET", "ledger")
        return found

    def reset(self) -> None:
        self.control("POST", "reset")
        self.control("POST", "calls/reset")

    def advance(self, days: float) -> None:
        self.control("POST", "advance", {"days": days})

    def act(self, **what: Any) -> Any:
        """Does something as a user of the CRM would; returns what it made."""
        return self.control("POST", "records", what)

    def faults(self, *scripts: Mapping[str, Any]) -> None:
        """These faults from now on, and no others: no call comes between the old and the new."""
        self.control("PUT", "faults", list(scripts))

    def late_calls_are_applied(self) -> None:
        """Waits for what `late_apply` held back."""
        until(lambda: self.control("GET", "faults")["late"] == 0)

    def calls(self) -> list[dict[str, Any]]:
        """Calls per crm, method and path template since they were last counted from zero."""
        found: list[dict[str, Any]] = self.control("GET", "calls")["calls"]
        return found

    def total_calls(self, crm: str) -> int:
        return int(self.control("GET", "calls")["total"].get(crm, 0))

    def search_catches_up(self) -> None:
        """HubSpot's search sees what was written only after a while, and whole seconds of its clock: that time passes."""
        self.advance(4 / 86400)


@contextmanager
def sandbox_process(*options: str) -> Iterator[Sandbox]:
    """`sakigake sandbox`, ended at the end of the block, and by the kernel's closing of its input if we are killed."""
    process = subprocess.Popen(
        [COMMAND, "sandbox", "--port", "0", "--json", "--until-stdin-closes", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
    )
    assert process.stdin
    assert process.stdout
    try:
        line = process.stdout.readline()
        assert line, "the sandbox ended before it listened"
        yield Sandbox(json.loads(line)["url"], process.pid)
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


@dataclass(frozen=True)
class Desk:
    """A workspace folder, with the database and the state folder that its commands use."""

    folder: Path
    home: Path
    database_url: str | None

    def environment(self) -> dict[str, str]:
        address = {"DATABASE_URL": self.database_url} if self.database_url else {}
        return environment(SAKIGAKE_HOME=str(self.home), **address)

    def sakigake(self, *arguments: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Runs the command to its end; anything but `code` fails the test, with what was said (None: whatever it ends with)."""
        done = ready.run(arguments, self.folder, self.environment(), LIMIT)
        said = f"sakigake {' '.join(arguments)} ended with {done.returncode}\n{done.stdout[:800]}\n...\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        assert code is None or done.returncode == code, said
        assert "Traceback" not in done.stderr, said
        return done

    def document(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """What the command prints with --json: one document, and nothing beside it on standard output."""
        found: dict[str, Any] = json.loads(self.sakigake(*arguments, "--json", code=code).stdout)
        return found

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """The command, under way; killed where the block leaves it running."""
        process = subprocess.Popen(
            [COMMAND, *arguments],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def set(self, old: str, new: str) -> None:
        """Changes one setting of sakigake.yaml, as in an editor."""
        path = self.folder / "sakigake.yaml"
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")
