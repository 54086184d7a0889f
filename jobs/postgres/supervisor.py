"""The embedded PostgreSQL for one process of ours: come in, get an address, go."""

import contextlib
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from jobs.errors import DatabaseUnavailable
from jobs.postgres.cluster import DATABASE, ROLE, Cluster
from jobs.postgres.locks import FileLock
from jobs.postgres.programs import account_for, find_programs
from jobs.postgres.words import refused

_DOOR_SECONDS = 180.0  # another process may be building a cluster or waiting for a recovery
_READY_SECONDS = 120.0
_GONE_SECONDS = 90.0  # longer than the keeper gives the server to end
_PAUSE = 0.02
_LOOK_SECONDS = 0.5  # between two looks at the keeper


@contextlib.contextmanager
def embedded(home: Path) -> Iterator[str]:
    """The address of the server under ``home``, running for as long as someone is inside; the last to leave ends it.

    A crashed server is started again on the same address, so a pool that tests its connections recovers by itself.
    Raises DatabaseUnavailable.
    """
    if os.name != "posix":
        raise DatabaseUnavailable(
            "The embedded PostgreSQL runs on Linux and macOS: set DATABASE_URL to a PostgreSQL 16 or later."
        )
    home = home.expanduser().absolute()
    with _explained(home):
        user = _User(home)
    try:
        with _explained(home):
            url = user.enter()
        yield url
    finally:
        user.leave()


class _User:
    def __init__(self, home: Path) -> None:
        home.mkdir(mode=0o755 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        self._home = home.resolve()
        self._account = account_for(self._home)
        owner = self._home.stat()
        self._folder("run", owner.st_uid, owner.st_gid)
        self._folder("postgres", self._account.uid, self._account.gid)
        self._cluster = Cluster(self._home / "postgres", self._home / "postgres")
        with contextlib.ExitStack() as opened:
            self._door, self._users, self._keeper = (
                opened.enter_context(self._lock(name, owner)) for name in ("door", "users", "keeper")
            )
            self._files = opened.pop_all()
        self._port: int | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._pid = os.getpid()
        self._left = threading.Event()
        self._watch = threading.Thread(target=self._look_after_keeper, name="embedded-postgres", daemon=True)

    def enter(self) -> str:
        self._door.wait_exclusive(_DOOR_SECONDS)
        try:
            self._users.wait_shared(
                _GONE_SECONDS
            )  # a keeper that is stopping the server holds it alone until that is done
            deadline = time.monotonic() + _READY_SECONDS
            while self._port is None:
                if self._keeper.is_free():
                    self._port = self._start_keeper()
                elif (server := self._cluster.postmaster()) and server.ready:
                    self._port = server.port
                elif time.monotonic() > deadline:
                    raise DatabaseUnavailable(self._slow())
                else:
                    time.sleep(_PAUSE)
        finally:
            self._door.release()
        self._watch.start()
        return f"postgresql+psycopg://{ROLE}:{self._cluster.password()}@127.0.0.1:{self._port}/{DATABASE}"

    def leave(self) -> None:
        """Gone; and if nobody else is there, the server has ended too."""
        if os.getpid() != self._pid:
            return  # a fork of the user, which shares its locks and must not drop them
        self._left.set()
        if self._watch.is_alive():
            self._watch.join()
        self._users.release()
        try:
            self._see_the_end()
        finally:
            if self._child:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._child.wait(0 if self._others() else _GONE_SECONDS)
                self._child.returncode = (
                    self._child.returncode or 0
                )  # else Python warns of a process that may outlive us
            self._files.close()

    def _see_the_end(self) -> None:
        """Waits until the keeper has stopped the server, unless others use it. Stops it itself where the keeper was killed."""
        deadline = time.monotonic() + _GONE_SECONDS
        while not self._others() and time.monotonic() < deadline:
            if self._keeper.is_free() and self._users.try_exclusive():
                self._cluster.stop()
                self._users.release()
                return
            time.sleep(_PAUSE)

    def _others(self) -> bool:
        """Whether someone else uses the database. While the keeper stops the server, nobody does."""
        if self._users.try_exclusive():
            self._users.release()
            return False
        return self._users.is_free()

    def _start_keeper(self) -> int:
        cluster = self._cluster
        wanted = int((cluster.data / "PG_VERSION").read_text(encoding="utf-8")) if cluster.exists() else None
        programs = find_programs(self._home, self._account, wanted)
        arguments = [self._home, programs, self._account.uid, self._account.gid, self._port or 0]
        child = subprocess.Popen(
            [sys.executable, "-I", "-S", Path(__file__).with_name("keep.py"), *map(str, arguments)],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # ctrl-C in our terminal is for us; the keeper ends when we have
        )
        self._child = child
        assert child.stdout
        with child.stdout, selectors.DefaultSelector() as waiting:
            waiting.register(child.stdout, selectors.EVENT_READ)
            said = child.stdout.readline() if waiting.select(_READY_SECONDS) else None
        if said is None:
            raise DatabaseUnavailable(self._slow())
        if not said:
            raise DatabaseUnavailable(
                f"The keeper of the embedded PostgreSQL under {self._home} ended at once: see {cluster.log}, or set DATABASE_URL "
                "to a PostgreSQL server."
            )
        report = json.loads(said)
        if "error" in report:
            child.wait()
            raise DatabaseUnavailable(report["error"])
        return int(report["port"])

    def _look_after_keeper(self) -> None:
        """Replaces a keeper that was killed, on the same port. The server, which ended with it, is up again in a second."""
        while not self._left.wait(_LOOK_SECONDS):
            if self._keeper.is_free() and self._door.try_exclusive():
                try:
                    if self._keeper.is_free():
                        if self._child:
                            self._child.poll()
                        self._start_keeper()
                except (DatabaseUnavailable, OSError):
                    self._left.wait(_LOOK_SECONDS)  # whoever needs the database sees that it is gone; we go on trying
                finally:
                    self._door.release()

    def _folder(self, name: str, uid: int, gid: int) -> None:
        folder = self._home / name
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            if os.geteuid() == 0:
                os.chown(folder, uid, gid)

    def _lock(self, name: str, owner: os.stat_result) -> FileLock:
        lock = FileLock(self._home / "run" / name)
        if os.geteuid() == 0 and owner.st_uid != 0:
            os.chown(self._home / "run" / name, owner.st_uid, owner.st_gid, follow_symlinks=False)
        return lock

    def _slow(self) -> str:
        return (
            f"The embedded PostgreSQL under {self._home} is not ready after {_READY_SECONDS:.0f} s; after a crash with much unsaved "
            f"work it may need longer: see {self._cluster.log} and try again."
        )


@contextlib.contextmanager
def _explained(home: Path) -> Iterator[None]:
    """Turns what the operating system refuses into a sentence with the remedy."""
    try:
        yield
    except OSError as error:
        raise DatabaseUnavailable(refused(error, home)) from error
