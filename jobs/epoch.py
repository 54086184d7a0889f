"""Whether the database is a backup that was restored: by the count of deliveries kept beside it, and by what the CRMs hold.

Beside it means SAKIGAKE_HOME/epochs/WORKSPACE.json. The database counts first, so that a process killed between the two is no alarm.
Where that folder was restored too, the CRMs are the witness: values of ours that the journal does not know are a doubt, which is kept
until everything is proven anew.
"""

import json
import os
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from psycopg import Connection

from jobs.runs import utc_now

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Mark:
    """So many deliveries, the newest at that time by our clock."""

    deliveries: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Doubt:
    """The database seems to be an old one: what speaks for it, in a sentence, and the moment by our clock since which all is to be proven."""

    because: str
    since: datetime


def doubts(conn: Connection[Any], workspace: str, home: Path | None) -> list[Doubt]:
    """What speaks for a restored backup; whether it was proven anew since, the caller knows."""
    database_id, known = _known(conn, workspace)
    outside = _outside(_file(home, workspace), database_id)
    found = []
    if outside is not None and outside.deliveries > known:
        because = f"The database does not know of deliveries up to {outside.at:%Y-%m-%d %H:%M} UTC: a backup of before was restored"
        found.append(Doubt(because, outside.at))
    row = conn.execute(
        "select doubt, doubted_at from sakigake.epoch where workspace = %s and doubted_at is not null", (workspace,)
    ).fetchone()
    if row is not None:
        found.append(Doubt(row[0], row[1]))
    return found


def doubt(conn: Connection[Any], workspace: str, because: str) -> None:
    """Keeps what the CRMs hold against the database; the newest doubt takes the place of the one before."""
    _known(conn, workspace)
    conn.execute(
        "update sakigake.epoch set doubt = %s, doubted_at = %s where workspace = %s", (because, utc_now(), workspace)
    )


def count_delivery(conn: Connection[Any], workspace: str, home: Path | None) -> None:
    """One delivery more, counted before its first byte is sent: in the database, then outside. Call it outside of any transaction."""
    database_id, known = _known(conn, workspace)
    path = _file(home, workspace)
    outside = _outside(path, database_id)
    mark = Mark(max(known, outside.deliveries if outside else 0) + 1, utc_now())
    conn.execute(
        "update sakigake.epoch set deliveries = %s, at = %s where workspace = %s", (mark.deliveries, mark.at, workspace)
    )
    if path is None:
        return
    try:
        _write(path, {**_read(path), database_id: {"deliveries": mark.deliveries, "at": mark.at.isoformat()}})
    except OSError as e:  # a restored backup would go unnoticed then, and what is at hand is no less right
        log.error("epoch not noted", workspace=workspace, file=str(path), cause=e.strerror)  # noqa: TRY400 - it says all


def _known(conn: Connection[Any], workspace: str) -> tuple[str, int]:
    conn.execute(
        "insert into sakigake.epoch (workspace, database_id, deliveries, at) values (%s, %s, 0, %s) on conflict do nothing",
        (workspace, uuid.uuid4().hex, utc_now()),
    )
    row = conn.execute(
        "select database_id, deliveries from sakigake.epoch where workspace = %s", (workspace,)
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def _file(home: Path | None, workspace: str) -> Path | None:
    return None if home is None else home / "epochs" / f"{workspace}.json"


def _outside(path: Path | None, database_id: str) -> Mark | None:
    found = _read(path).get(database_id) if path is not None else None
    try:
        return Mark(int(found["deliveries"]), datetime.fromisoformat(found["at"])) if found else None
    except (TypeError, KeyError, ValueError):
        return None


def _read(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _write(path: Path, document: dict[str, Any]) -> None:
    """Whole or not at all: another file takes the name once it is on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_suffix(".new")
    with beside.open("w", encoding="utf-8") as file:
        json.dump(document, file, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
