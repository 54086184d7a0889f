"""Commands run to their end without paying for their imports: forked from a process that has made them, one to a worker.

A command keeps a process of its own, with its own arguments, environment, folder, streams and end. What depends on how a process begins (its
limits, its locale) or on what happens to it while it runs takes the real command.

Run as `python -m tests.acceptance.ready FD`: requests come by the socket FD, with the files for both outputs; the end of the socket is the end.
"""

import atexit
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

COMMAND = Path(sys.executable).with_name("sakigake")
IMPORTED = (
    "jobs.cli", "jobs.doctor", "jobs.explaining", "jobs.list_import", "jobs.mapping.check", "jobs.mapping.coverage", "jobs.preview.diff",
    "jobs.pipeline", "jobs.proposing", "jobs.reports", "jobs.scheduler", "jobs.tables.run", "jobs.views", "jobs.wiring", "sync.hubspot",
    "sync.salesforce",
)  # fmt: skip
_BEGINNING = (
    "PYTHON",
    "LC_",
    "LANG",
    "OPENBLAS",
    "OMP_",
    "COLUMNS",
    "NO_COLOR",
    "TERM",
)  # what a process looks at once, at its beginning
_START = 60.0  # seconds until a process has imported everything, or forked, on a machine with much to do
_busy = threading.Lock()


def environment(**given: str) -> dict[str, str]:
    """Ours, without what would lead the command elsewhere; bytecode is kept, since every command starts anew."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SAKIGAKE", "PG")) and name not in ("DATABASE_URL", "PYTHONDONTWRITEBYTECODE")
    }
    return {**ours, "COLUMNS": "200", "NO_COLOR": "1", **given}


def run(
    arguments: Sequence[str], folder: Path, env: Mapping[str, str], limit: float
) -> subprocess.CompletedProcess[str]:
    """The command's end and what it said. TimeoutExpired, after killing it, where it takes longer than `limit` seconds."""
    given = [str(COMMAND), *arguments]
    begins, usual = ({name: v for name, v in e.items() if name.startswith(_BEGINNING)} for e in (env, environment()))
    if begins != usual or not _busy.acquire(blocking=False):
        return subprocess.run(
            given,
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    try:
        channel = _channel()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            asked = json.dumps({"arguments": given, "folder": str(folder), "env": dict(env)}).encode()
            socket.send_fds(channel, [asked], [out.fileno(), err.fileno()])
            channel.settimeout(_START)
            pid = int(channel.recv(64))
            channel.settimeout(limit)
            try:
                code = int(channel.recv(64))
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                channel.settimeout(_START)
                channel.recv(64)
                raise subprocess.TimeoutExpired(given, limit) from None
            said = []
            for file in (out, err):
                file.seek(0)
                said.append(file.read().decode().replace("\r\n", "\n"))
        return subprocess.CompletedProcess(given, code, *said)
    finally:
        _busy.release()


@cache
def _channel() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.acceptance.ready", str(theirs.fileno())],
        pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment(), cwd=Path(__file__).parents[2],
    )  # fmt: skip
    theirs.close()
    ours.settimeout(_START)
    assert ours.recv(64), "it ended before it was ready"

    def end() -> None:
        ours.close()
        process.wait(10)

    atexit.register(end)
    return ours


def serve(channel: socket.socket) -> None:
    """Forks a command for each request, and answers with its pid and then with its end."""
    for name in IMPORTED:
        import_module(name)
    from jobs.presets.texts import PRESETS, mapping_text
    from jobs.presets.writing import schema_text
    from sync.mapping.loading import load_mapping

    schema_text()
    for preset in PRESETS:  # each read once and not by every command
        load_mapping(mapping_text(preset))
    gc.collect()
    gc.freeze()  # a child that looks through old objects copies their pages
    warnings.simplefilter(
        "ignore", DeprecationWarning
    )  # forking beside the threads of a numerical library, which it allows for
    channel.send(b"ready")
    while True:
        asked, files, _, _ = socket.recv_fds(channel, 1 << 20, 2)
        if not asked:
            return
        pid = os.fork()
        if pid == 0:
            channel.close()
            _become(json.loads(asked), *files)
        for file in files:
            os.close(file)
        channel.send(str(pid).encode())
        channel.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())


def _become(asked: dict[str, Any], out: int, err: int) -> NoReturn:
    """This process is the command from here on; it does not come back."""
    code = 1
    try:
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.closerange(3, 64)
        os.chdir(asked["folder"])
        kept = {name: value for name, value in os.environ.items() if name.startswith("OPENBLAS")}  # set by our imports
        os.environ.clear()
        os.environ.update({**kept, **asked["env"]})
        sys.argv = asked["arguments"]
        from jobs.cli import main

        try:
            main()
            code = 0
        except SystemExit as e:
            code = e.code if isinstance(e.code, int) else int(e.code is not None)
        with suppress(OSError):
            sys.stdout.flush()
        atexit._run_exitfuncs()
        with suppress(OSError):
            sys.stderr.flush()
    except BaseException:  # noqa: BLE001 - as the interpreter would tell it
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
