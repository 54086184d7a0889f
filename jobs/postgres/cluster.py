"""One data directory and the server on it: build, start, see whether it lives, stop."""

import contextlib
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from jobs.errors import DatabaseUnavailable
from jobs.postgres.postmaster import Postmaster, command_line, end_with_parent, is_alive, read_pid_file

ROLE = DATABASE = "sakigake"
NEEDED_BYTES = 200 * 2**20  # an empty cluster takes 60 MiB, its write-ahead log soon as much again
LOG_BYTES = 10 * 2**20  # beyond this the log is set aside once, when the server starts

_BINDS = 5  # tries for a free port, since another process may take it between choosing and binding
_ORPHANS_SECONDS = 60.0  # how long backends of a killed server may take to notice that it is gone
_FAST_SECONDS = 60.0  # a fast shutdown writes a checkpoint first
_IMMEDIATE_SECONDS = 10.0
_PAUSE = 0.02

# Nothing of the caller's environment reaches the server: PGDATA, PGOPTIONS, a locale or a library path would change it.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path may have 107 bytes; a home folder may be longer
    "dynamic_shared_memory_type": "mmap",  # in our folder: /dev/shm is small in containers, and keeps what a killed server left
    "timezone": "UTC",
    "log_timezone": "UTC",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",  # a first load would otherwise force a checkpoint every few seconds
    # The log is kept free of customers' data: no statements, and no details such as "Key (email)=(...) already exists".
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


class Cluster:
    """The cluster in ``folder``; ``home`` is the same folder as everyone calls it.

    They differ in the keeper alone, which works from inside the folder, because the account it runs under may not be able
    to walk there from the root.
    """

    def __init__(self, folder: Path, home: Path) -> None:
        self.data = folder / "cluster" / "data"
        self.password_file = folder / "cluster" / "password"
        self.log = folder / "server.log"
        self._folder = folder
        self._home = home
        self._mark = f"sakigake.cluster={home / 'cluster'}"
        self._child: subprocess.Popen[bytes] | None = None

    # -- what is there -------------------------------------------------------------------------------------------------

    def exists(self) -> bool:
        return (self.data / "PG_VERSION").exists()

    def password(self) -> str:
        return self.password_file.read_text(encoding="utf-8").strip()

    def postmaster(self) -> Postmaster | None:
        """Our running server. A left-over postmaster.pid is none, nor is one whose number another program has by now."""
        found = self._claimed()
        return found if found and self._is_ours(found.pid) else None

    def _claimed(self) -> Postmaster | None:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return read_pid_file((self.data / "postmaster.pid").read_text(encoding="utf-8", errors="replace"))
        return None

    def _is_ours(self, pid: int) -> bool:
        if self._child and self._child.pid == pid:
            return self._child.poll() is None
        return self._mark in command_line(pid)

    # -- build ---------------------------------------------------------------------------------------------------------

    def build(self, programs: Path) -> None:
        """A cluster with one role and one database. It gets its name last, so that a half-made one is never used."""
        free = shutil.disk_usage(self._folder).free
        if free < NEEDED_BYTES:
            raise DatabaseUnavailable(self._disk_full(free))
        for left in self._folder.glob("building-*"):
            shutil.rmtree(left, ignore_errors=True)
        building = self._folder / f"building-{secrets.token_hex(4)}"
        data = building / "data"
        data.mkdir(parents=True, mode=0o700)
        password = building / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(32) + "\n", encoding="utf-8")
        command: list[str | Path] = [
            programs / "initdb",
            "-U",
            ROLE,
            "--auth=scram-sha-256",
            "--pwfile=../password",
            "--encoding=UTF8",
        ]
        command += ["--no-instructions", *_locale(programs)]
        with _inside(data, self._home / building.name / "data") as where:
            self._run([*command, "-D", where], data, b"")
            # The database is made before the cluster gets its name, so no start has to look whether it is there.
            single: list[str | Path] = [programs / "postgres", "--single", "-D", where, "postgres"]
            self._run(single, data, f"CREATE DATABASE {DATABASE} OWNER {ROLE}\n".encode())
        building.rename(self._folder / "cluster")

    def _run(self, command: list[str | Path], folder: Path, typed: bytes) -> None:
        done = subprocess.run(
            command,
            cwd=folder,
            env=_ENVIRONMENT,
            input=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=300,
            preexec_fn=end_with_parent,
        )
        output = done.stdout.decode("utf-8", "replace")
        if done.returncode or "FATAL" in output or "ERROR" in output:
            raise DatabaseUnavailable(self._why(output))

    # -- start ---------------------------------------------------------------------------------------------------------

    def start(self, programs: Path, port: int | None) -> int:
        """The port of the server, once it takes connections. A server that already runs is adopted.

        ``port`` is the one that users of a crashed server hold on to; without it a free one is chosen.
        """
        deadline = time.monotonic() + _ORPHANS_SECONDS
        binds = 0
        while True:
            adopted = self._wait_for_another()
            if adopted:
                return adopted
            self._disown_pid_file()
            chosen = port or _free_port()
            output = self._launch(programs, chosen)
            if output is None:
                return chosen
            if "shared memory block" in output and time.monotonic() < deadline:
                time.sleep(0.2)  # backends of the killed server are still ending; the server rightly refuses until then
            elif "could not bind" in output and binds < _BINDS:
                binds += 1
                time.sleep(0.2)
            else:
                raise DatabaseUnavailable(self._why(output))

    def _wait_for_another(self) -> int | None:
        """The port of a server that runs without us; waits while it is still coming up, or going down."""
        while found := self.postmaster():
            if found.ready and found.port:
                return found.port
            time.sleep(_PAUSE)
        return None

    def _disown_pid_file(self) -> None:
        """Lets the server start where its file names a process that is alive and another program.

        The server takes its parent's number for a left-over, and still checks by the file's other lines that nobody uses
        the old server's memory; deleting the file would lose that check.
        """
        path = self.data / "postmaster.pid"
        found = self._claimed()
        if found and is_alive(found.pid):
            rest = path.read_text(encoding="utf-8", errors="replace").split("\n")[1:]
            path.write_text("\n".join([str(os.getpid()), *rest]), encoding="utf-8")

    def _launch(self, programs: Path, port: int) -> str | None:
        """Nothing once the server is ready; what it said if it ended instead."""
        with self.log.open("ab") as log, _inside(self.data, self._home / "cluster" / "data") as where:
            said = log.tell()
            settings = [f"{name}={value}" for name, value in _SETTINGS.items()]
            options = [part for setting in [*settings, f"port={port}", self._mark] for part in ("-c", setting)]
            self._child = subprocess.Popen(
                [programs / "postgres", "-D", where, *options],
                cwd=self.data,
                env=_ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=log,  # a pipe would be inherited, and hang whoever reads it to its end
                stderr=subprocess.STDOUT,
                preexec_fn=end_with_parent,  # noqa: PLW1509 -- the keeper has one thread
            )
            while self._child.poll() is None:
                found = self._claimed()
                if found and found.pid == self._child.pid and found.ready:
                    return None
                time.sleep(_PAUSE)
        with self.log.open("rb") as log:
            log.seek(said)
            return log.read().decode("utf-8", "replace")

    # -- stop ----------------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """The server has ended: fast, which rolls back what is open and keeps what is committed; harder if that hangs."""
        for how, seconds in (
            (signal.SIGINT, _FAST_SECONDS),
            (signal.SIGQUIT, _IMMEDIATE_SECONDS),
            (signal.SIGKILL, _IMMEDIATE_SECONDS),
        ):
            found = self.postmaster()
            if not found:
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(found.pid, how)
            deadline = time.monotonic() + seconds
            while self._is_ours(found.pid) and time.monotonic() < deadline:
                time.sleep(_PAUSE)
        if self._child:
            self._child.wait(_IMMEDIATE_SECONDS)

    def turn_log(self) -> None:
        """Sets a large log aside, keeping one old one."""
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > LOG_BYTES:
                self.log.rename(self.log.with_suffix(".log.1"))

    # -- words ---------------------------------------------------------------------------------------------------------

    def _why(self, output: str) -> str:
        if "No space left on device" in output or "Disk quota exceeded" in output:
            return self._disk_full(shutil.disk_usage(self._folder).free)
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        telling = [line for line in lines if any(word in line for word in ("FATAL", "PANIC", "ERROR", "error:"))]
        reason = (telling or lines or ["it said nothing"])[-1]
        return (
            f"The embedded PostgreSQL under {self._home} could not be started: {reason.rstrip('.')}. See {self._home / 'server.log'}, "
            "or set DATABASE_URL to a PostgreSQL server."
        )

    def _disk_full(self, free: int) -> str:
        return (
            f"The disk that holds {self._home} is full ({free // 2**20} MiB free, the embedded PostgreSQL needs at least "
            f"{NEEDED_BYTES // 2**20} MiB): free some space, or set SAKIGAKE_HOME to another disk."
        )


@contextlib.contextmanager
def _inside(folder: Path, full: Path) -> Iterator[str]:
    """How to name a folder to a server that starts inside it.

    By its full path. Where the account may not walk that path, which happens to root alone, /proc/self/cwd leads there
    without walking, so that no folder on the way has to be opened to anyone.
    """
    if os.access(full, os.X_OK):
        yield str(full)
    elif sys.platform == "linux" and folder.exists():
        yield "/proc/self/cwd"
    else:
        raise DatabaseUnavailable(
            f"The account that runs the embedded PostgreSQL for root cannot reach {full}: set SAKIGAKE_HOME to a folder "
            "such as /var/lib/sakigake, or DATABASE_URL to a PostgreSQL server."
        )


def _locale(programs: Path) -> list[str]:
    """Text sorts by code point and folds case by Unicode, the same on every machine. PostgreSQL 16 knows only bytes."""
    if major(programs) >= 17:
        return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    return ["--locale=C"]


def major(programs: Path) -> int:
    """The version that a folder of programs belongs to."""
    said = subprocess.run(
        [programs / "postgres", "--version"], env=_ENVIRONMENT, capture_output=True, text=True, check=True, timeout=30
    )
    return read_major(said.stdout)


def read_major(said: str) -> int:
    """18 of "postgres (PostgreSQL) 18.6 (Debian 18.6-1)", 0 of anything else."""
    found = re.match(r"postgres \(PostgreSQL\) (\d+)", said)
    return int(found[1]) if found else 0


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
