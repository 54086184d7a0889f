"""Processes that hold the embedded database, to be killed in every way; and what is left of it afterwards."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil
import psycopg

ROOT = Path(__file__).resolve().parents[2]
_HOLD = """
import sys
from pathlib import Path
from jobs.errors import SakigakeError
from jobs.postgres.supervisor import embedded
try:
    with embedded(Path(sys.argv[1])) as url:
        print(url, flush=True)
        sys.stdin.readline()
except SakigakeError as error:
    print(error, flush=True)
    sys.exit(error.exit_code)
"""


@dataclass(frozen=True)
class Who:
    """An account to run a holder under, with an interpreter that it can reach."""

    name: str
    uid: int
    gid: int
    python: str

    def owns(self, folder: Path) -> Path:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(folder, self.uid, self.gid)
        return folder


def ourselves() -> Who:
    return Who("us", os.geteuid(), os.getegid(), sys.executable)


def accounts() -> list[Who]:
    """Ourselves; and as root an ordinary user too, where it can reach an interpreter."""
    found = [ourselves()]
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        for python in (sys.executable, shutil.which("python3", path="/usr/bin:/usr/local/bin")):
            try:
                check = "import sys; sys.exit(sys.version_info < (3, 11))"
                done = subprocess.run(
                    [str(python), "-c", check], user=nobody.pw_uid, group=nobody.pw_gid, cwd="/", check=False
                )
            except OSError:
                continue
            if done.returncode == 0:
                found.append(Who("nobody", nobody.pw_uid, nobody.pw_gid, str(python)))
                break
    return found


class Holder:
    """A child that holds the database under a home until told to leave, or killed."""

    def __init__(self, home: Path, who: Who | None = None, first_on_path: Path | None = None) -> None:
        who = who or ourselves()
        self.home = home
        paths = [str(path) for path in (first_on_path, ROOT, Path(psycopg.__file__).parents[1]) if path]
        switch = {"user": who.uid, "group": who.gid, "extra_groups": []} if who.uid != os.geteuid() else {}
        self.process = subprocess.Popen(
            [who.python, "-c", _HOLD, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env={"PYTHONPATH": ":".join(paths), "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
            start_new_session=True,
            **switch,
        )
        self._said: str | None = None

    @property
    def said(self) -> str:
        """The address, or the sentence it ended with."""
        if self._said is None:
            self._said = self.process.stdout.readline().strip()
        return self._said

    @property
    def url(self) -> str:
        assert self.said.startswith("postgresql+psycopg://"), self.said
        return self.said.replace("+psycopg", "")

    def leave(self) -> int:
        _, _ = self.process.communicate("go\n", timeout=60)
        return self.process.returncode

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.end()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(60)
        self.process.stdin.close()
        self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def keeper(home: Path) -> psutil.Process | None:
    return _one(lambda words: any(word.endswith("keep.py") for word in words) and str(home) in words)


def server(home: Path) -> psutil.Process | None:
    """The postmaster on the cluster under this home."""
    return _one(lambda words: f"sakigake.cluster={home / 'postgres' / 'cluster'}" in words)


def family(home: Path) -> list[psutil.Process]:
    """The keeper, the server, and every process of the server."""
    found = [process for process in (keeper(home), server(home)) if process]
    return found + [child for process in found for child in _children(process) if child not in found]


def left_of(processes: list[psutil.Process], seconds: float = 60.0) -> list[str]:
    """Those that still run after some time; nothing is left means an empty list."""
    deadline = time.monotonic() + seconds
    while (alive := [process for process in processes if _runs(process)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return [str(process) for process in alive]


def until(true: Callable[[], object], seconds: float = 60.0) -> None:
    """Waits for what is sure to come, for as long as a machine with much to do may need; what never comes fails the test."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)


def rows(url: str) -> list[int]:
    with connected(url) as connection:
        return [number for (number,) in connection.execute("SELECT n FROM kept ORDER BY n").fetchall()]


def keep(url: str, *numbers: int) -> None:
    with connected(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n int PRIMARY KEY)")
        for number in numbers:
            connection.execute("INSERT INTO kept VALUES (%s)", [number])


def connected(url: str, seconds: float = 60.0) -> psycopg.Connection:
    """A connection, waiting for a server that is just coming back."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return psycopg.connect(url, connect_timeout=5)
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _one(test: Callable[[list[str]], bool]) -> psutil.Process | None:
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        if test(words):
            return process
    return None


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _runs(process: psutil.Process) -> bool:
    """An ended process that its parent has not yet asked about does not run."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
