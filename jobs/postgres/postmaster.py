"""A server as the system shows it: the file it writes as it starts, its process, and that it ends with ours."""

import ctypes
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded here, since a fresh fork should load nothing


@dataclass(frozen=True)
class Postmaster:
    """What postmaster.pid says: written by the server itself, line by line, as it starts."""

    pid: int
    port: int | None
    ready: bool


def read_pid_file(text: str) -> Postmaster | None:
    """The server that wrote it, or nothing where the file is half-written or not a server's. (src/include/utils/pidfile.h)"""
    lines = text.split("\n")
    if not lines[0].strip().isdigit():
        return None
    port = lines[3].strip() if len(lines) > 3 else ""
    status = lines[7].strip() if len(lines) > 7 else ""
    return Postmaster(int(lines[0]), int(port) if port.isdigit() else None, status == "ready")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def command_line(pid: int) -> list[str]:
    """The words of a running process; none for one that has ended, even if nobody has collected it yet."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:
            return []
    said = subprocess.run(
        ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False, timeout=30
    )
    return said.stdout.replace(" -c ", "\n").splitlines()


def end_with_parent() -> None:
    """Has the kernel interrupt this process when its parent dies, however that happens. Linux only."""
    if _LIBC:
        _LIBC.prctl(1, signal.SIGINT)  # PR_SET_PDEATHSIG
