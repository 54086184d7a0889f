"""The newest link of each audit chain, noted outside of the database.

A chain proves that nobody changed a part of it. Who can write to the database could still compute a whole chain anew, or restore an
older one: then it lacks the heads that were noted here. They go to the log and, one line each, into SAKIGAKE_HOME/audit/WORKSPACE.heads.
Ship either of them to a place that the database's administrators cannot write to.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from psycopg import Connection

from jobs.errors import ConfigError
from sync.chain import head

log = structlog.get_logger()
_LINE = 160  # bytes; a line has some 130


@dataclass(frozen=True, slots=True)
class Head:
    """A link that was the newest one at `at`."""

    seq: int
    hash: str
    at: str


def heads_file(home: Path, workspace: str) -> Path:
    """Where the heads of a workspace's chain are noted."""
    return home / "audit" / f"{workspace}.heads"


def note_head(conn: Connection[Any], workspace: str, home: Path | None) -> None:
    """Notes the newest committed link, where it is not the one that was noted last. Call it outside of any transaction.

    A file that cannot be written is told in the log, and stops nothing: what was done is done.
    """
    newest = head(conn, workspace)
    if newest is None:
        return
    path = None if home is None else heads_file(home, workspace)
    try:
        if path is not None and newest.hash in _end_of(path):
            return
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            said = {"at": datetime.now(UTC).isoformat(), "hash": newest.hash, "seq": newest.seq}
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "a", encoding="utf-8") as file:
                file.write(json.dumps(said, sort_keys=True) + "\n")
                file.flush()
                os.fsync(file.fileno())
    except OSError as e:
        log.error("audit head not noted", workspace=workspace, file=str(path), cause=str(e))  # noqa: TRY400 - it says all
    log.info("audit head", workspace=workspace, seq=newest.seq, hash=newest.hash)


def _end_of(path: Path) -> str:
    """The last bytes of the file, in which the newest head stands; the file grows with every decision, and is not read whole each time."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LINE))
            return file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def read_heads(path: Path) -> Iterator[Head]:
    """The heads noted in a file; ConfigError names the line that is none."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError as e:
        raise ConfigError(f"There is no {path}; give the file of noted heads with --heads FILE.") from e
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"{path} cannot be read as text; give the file of noted heads with --heads FILE.") from e
    for number, line in enumerate(lines, 1):
        try:
            said = json.loads(line)
            yield Head(int(said["seq"]), str(said["hash"]), str(said.get("at", "")))
        except (ValueError, TypeError, KeyError) as e:
            raise ConfigError(
                f'{path}:{number}: this is no head; a line reads {{"at": ..., "hash": ..., "seq": ...}}.'
            ) from e
