"""`sakigake erase`: one record out of everything that we keep, in such a way that it does not come back.

The tombstones stand in our tables and, one line each, in SAKIGAKE_HOME/erased/WORKSPACE.jsonl: a backup of before the erasure brings the
record back, and the next run, which reads that file, erases it again. Keep the file when you restore; it holds hashes, no names.
"""

import json
import os
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from psycopg import Connection

from jobs.errors import ConfigError, NotFound
from jobs.person import person
from jobs.runs import new_id, only_run, utc_now
from jobs.wiring import Workspace
from models.audit import AuditKind
from models.vocabulary import LISTS, RecordRef
from sync.chain import record as chain
from sync.mirror.erase import Tombstone, erase, guarded, known, matching, record_hash, tombstones
from sync.mirror.place import Place

log = structlog.get_logger()


def erase_record(workspace: Workspace, record: RecordRef, reason: str) -> dict[str, Any]:
    """What was erased, by kind; ConfigError or NotFound where there is no such record. Waits for no run: RunBusy where one is under way."""
    if not _kept(workspace, record.connection):
        raise ConfigError(
            f"There is no connection {record.connection!r}; there are {', '.join(workspace.settings.connections)}, and {LISTS} for imported lists."
        )
    schema = workspace.settings.schema_of(record.connection)
    stone = Tombstone(
        record_hash(workspace.name, record), record.connection, record.object, utc_now(), person(), reason.strip()
    )
    with workspace.connect() as conn, only_run(conn, workspace.name):
        done = stone.record_hash in {t.record_hash for t in tombstones(conn, workspace.name)}
        if not done and not known(conn, schema, record):
            raise NotFound(
                f"The mirror holds no {record.connection}.{record.object} of that id; look it up with: sakigake db shell"
            )
        _note(workspace.home, workspace.name, stone)  # first: from then on it cannot come back, whatever happens
        with conn.transaction():
            found = erase(conn, _place(workspace, record.connection), schema, record, stone)
            if not done:
                said = {"connection": record.connection, "object": record.object, "reason": stone.reason, "rows": found}
                chain(conn, workspace.name, AuditKind.ERASURE, stone.who, stone.record_hash, said, now=stone.erased_at)
    return {"record_hash": stone.record_hash, "erased": found, "again": done}


def keep_out(conn: Connection[Any], workspace: Workspace) -> int:
    """Erases again what a restored backup or a table made anew brought back; how many tombstones that concerned."""
    doubtful = _lost(conn, workspace)
    for stone in tombstones(conn, workspace.name):
        if _kept(workspace, stone.connection) and not guarded(
            conn, workspace.settings.schema_of(stone.connection), stone.object
        ):
            doubtful.append(stone)
    for stone in doubtful:
        schema, place = workspace.settings.schema_of(stone.connection), _place(workspace, stone.connection)
        with conn.transaction():
            back = list(matching(conn, workspace.name, schema, stone))
            for record in back or [RecordRef(stone.connection, stone.object, "")]:
                erase(conn, place, schema, record, stone)
        log.warning("erased again", connection=stone.connection, object=stone.object, records=len(back))
    return len(doubtful)


def _lost(conn: Connection[Any], workspace: Workspace) -> list[Tombstone]:
    path = _path(workspace.home, workspace.name)
    if path is None or not path.exists():
        return []
    held = {t.record_hash for t in tombstones(conn, workspace.name)}
    found = {}
    for line in path.read_text("utf-8").splitlines():
        try:
            told = json.loads(line)
            stone = Tombstone(**{**told, "erased_at": datetime.fromisoformat(told["erased_at"])})
        except (ValueError, TypeError, KeyError) as e:
            raise ConfigError(f"{path} holds a line that is no tombstone; restore the file from its backup.") from e
        if stone.record_hash not in held and _kept(workspace, stone.connection):
            found[stone.record_hash] = stone
    return list(found.values())


def _kept(workspace: Workspace, connection: str) -> bool:
    return connection == LISTS or connection in workspace.settings.connections


def _note(home: Path | None, workspace: str, stone: Tombstone) -> None:
    path = _path(home, workspace)
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {**asdict(stone), "erased_at": stone.erased_at.isoformat()}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(told, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _path(home: Path | None, workspace: str) -> Path | None:
    return None if home is None else home / "erased" / f"{workspace}.jsonl"


def _place(workspace: Workspace, connection: str) -> Place:
    return Place(workspace.name, connection, new_id("erase"), utc_now())
