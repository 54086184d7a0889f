"""`sakigake erase`: one record out of everything that we keep, in such a way that it does not come back.

The tombstones stand in our tables and, one line each, in SAKIGAKE_HOME/erased/WORKSPACE.jsonl: a backup of before the erasure brings the
record back, and the next run, which reads that file, erases it again. Keep the file when you restore; it holds hashes, no names.
"""

import json
import os
from collections import Counter
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
from models.vocabulary import LIST_ROW, LISTS, RecordRef
from sync.chain import record as chain
from sync.mirror.erase import Tombstone, erase, guarded, known, matching, record_hash, tombstones
from sync.mirror.place import Place

log = structlog.get_logger()


def erase_record(workspace: Workspace, record: RecordRef, reason: str) -> dict[str, Any]:
    """What was erased, by kind; ConfigError or NotFound where there is no such record. Waits for no run: RunBusy where one is under way.

    A record that an imported list made takes the list's row along, which says the same of the same person; `made` names the records that a
    row became, which are for a person to erase.
    """
    if not _kept(workspace, record.connection):
        raise ConfigError(
            f"There is no connection {record.connection!r}; there are {', '.join(workspace.settings.connections)}, and {LISTS} for imported lists."
        )
    with workspace.connect() as conn, only_run(conn, workspace.name):
        held = {t.record_hash for t in tombstones(conn, workspace.name)}
        done = record_hash(workspace.name, record) in held
        if not done and not known(conn, workspace.settings.schema_of(record.connection), record):
            raise NotFound(
                f"The mirror holds no {record.connection}.{record.object} of that id; look it up with: sakigake db shell"
            )
        rows, made = _rows_of(conn, workspace.name, record), _made_of(conn, workspace.name, record)
        found: Counter[str] = Counter()
        for one in (record, *rows):
            found.update(_erase_one(conn, workspace, one, reason, again=record_hash(workspace.name, one) in held))
    document = {"record_hash": record_hash(workspace.name, record), "erased": dict(found), "again": done}
    return {**document, "rows": [str(row) for row in rows], "made": [str(one) for one in made]}


def _erase_one(
    conn: Connection[Any], workspace: Workspace, record: RecordRef, reason: str, *, again: bool
) -> dict[str, int]:
    schema = workspace.settings.schema_of(record.connection)
    stone = Tombstone(
        record_hash(workspace.name, record), record.connection, record.object, utc_now(), person(), reason.strip()
    )
    _note(workspace.home, workspace.name, stone)  # first: from then on it cannot come back, whatever happens
    with conn.transaction():
        found = erase(conn, _place(workspace, record.connection), schema, record, stone)
        if not again:
            said = {"connection": record.connection, "object": record.object, "reason": stone.reason, "rows": found}
            chain(conn, workspace.name, AuditKind.ERASURE, stone.who, stone.record_hash, said, now=stone.erased_at)
    return found


def _rows_of(conn: Connection[Any], workspace: str, record: RecordRef) -> list[RecordRef]:
    """Rows of imported lists of which the record was made, or of what names it (a Lead's Campaign members)."""
    found = conn.execute(
        """with made as (select row_id from sakigake.creation
            where workspace = %(w)s and (connection, object, record_id) = (%(c)s, %(o)s, %(i)s))
        select row_id from made where row_id not like 'first-%%' union
        select c.row_id from sakigake.creation c, jsonb_array_elements(c.links) tie
        where c.workspace = %(w)s and c.connection = %(c)s and tie ->> 'object' = %(o)s and tie ->> 'key' in (select row_id from made) order by 1""",
        {"w": workspace, "c": record.connection, "o": record.object, "i": record.id},
    )
    return [RecordRef(LISTS, LIST_ROW, r[0]) for r in found]


def _made_of(conn: Connection[Any], workspace: str, row: RecordRef) -> list[RecordRef]:
    """Records of the CRMs that the row of a list became, and what was made before them."""
    if (row.connection, row.object) != (LISTS, LIST_ROW):
        return []
    found = conn.execute(
        """with of_row as (select * from sakigake.creation where workspace = %(w)s and row_id = %(i)s)
        select distinct c.connection, c.object, c.record_id from sakigake.creation c
        where c.workspace = %(w)s and c.status = 'confirmed' and c.removal is distinct from 'removed' and (c.row_id = %(i)s or c.row_id in (
            select tie ->> 'key' from of_row o, jsonb_array_elements(o.links) tie)) order by 1, 2, 3""",
        {"w": workspace, "i": row.id},
    )
    return [RecordRef(*r) for r in found]


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
