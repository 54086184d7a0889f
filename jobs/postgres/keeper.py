"""The process that owns the embedded server: it starts it, restarts it after a crash, and stops it when nobody uses it.

It is a process of its own because any of ours may be killed with -9 and the server must end all the same. It uses the
standard library alone, holds about 10 MB, and as root gives up root's rights before it touches the server's files.
"""

import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path

from jobs.errors import DatabaseUnavailable
from jobs.postgres.cluster import Cluster
from jobs.postgres.locks import FileLock
from jobs.postgres.words import refused

_PAUSE = 0.1  # seconds between two looks
_AFTER_FAILURE = 2.0  # seconds until a crashed server that does not start is tried again
_PREDECESSOR_SECONDS = 5.0  # a look at the lock, or a keeper just ending, may hold it for a moment


def main(arguments: list[str]) -> None:
    """``HOME PROGRAMS UID GID PORT``: one line of JSON on stdout, then silence until the last user has gone."""
    home, programs = Path(arguments[0]), Path(arguments[1])
    uid, gid, port = (int(number) for number in arguments[2:])
    # Asked to end, it stays: the processes that use the server are being asked too, and need it to finish. Handlers
    # rather than SIG_IGN, which the server would inherit.
    for asked in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(asked, lambda _number, _frame: None)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    with FileLock(home / "run" / "users") as users, FileLock(home / "run" / "keeper") as mine:
        mine.wait_exclusive(_PREDECESSOR_SECONDS)
        try:
            os.chdir(home / "postgres")
            _become(uid, gid)
            cluster = Cluster(Path(), home / "postgres")
            cluster.turn_log()
            with cluster.log.open("ab") as log:
                os.dup2(log.fileno(), sys.stderr.fileno())
            if not cluster.exists():
                cluster.build(programs)
            port = cluster.start(programs, port or None)
        except (DatabaseUnavailable, OSError) as error:
            _report({"error": refused(error, home) if isinstance(error, OSError) else str(error)})
            raise SystemExit(1) from None
        _report({"port": port})
        _keep(cluster, programs, port, users)
        # In this order: a newcomer who finds no keeper starts one, and a newcomer waits as long as users is held.
        mine.release()
        users.release()


def _keep(cluster: Cluster, programs: Path, port: int, users: FileLock) -> None:
    """Returns when the last user has gone and the server has ended, with ``users`` held alone."""
    while not users.try_exclusive():
        pause = _PAUSE
        if not cluster.postmaster():
            try:
                cluster.start(programs, port)
            except (DatabaseUnavailable, OSError) as error:
                sys.stderr.write(f"{error}\n")
                sys.stderr.flush()
                pause = _AFTER_FAILURE
        time.sleep(pause)
    cluster.stop()


def _become(uid: int, gid: int) -> None:
    """Gives up root's rights for good; everything that Python still needs has been imported by now."""
    os.umask(0o077)
    if os.geteuid() == 0 and uid != 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def _report(what: dict[str, str | int]) -> None:
    with contextlib.suppress(BrokenPipeError):  # whoever started us may have been killed; the lock will tell
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)
