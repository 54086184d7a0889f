"""Fills columns that were added to a table with rows: the ids we hold are asked for these fields alone.

May be killed at any instant: how far it came is kept in the transaction that stored the values. The versions of the records stay.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from psycopg import Connection, sql

from sync.connector import Connector
from sync.mirror.place import LandCounts, Place, note_landing
from sync.mirror.prepare import BY_THE_READING, Filling, Prepared
from sync.mirror.refresh import land_refreshed

BATCH = 2000  # records whose values one call brings


def fill(
    conn: Connection[Any],
    connector: Connector,
    prepared: Prepared,
    place: Callable[[], Place],
    progress: Callable[[LandCounts], None],
) -> LandCounts:
    """Fills what waits; afterwards nothing does. Call it after the reading, which brings records that are new or changed."""
    counts = LandCounts()
    waiting = {n: f for n, f in prepared.filling.items() if f["after"] is not BY_THE_READING}
    for one in _alike(waiting):
        counts += _fill(conn, connector, prepared, one, place, progress)
    if prepared.filling:
        _keep(conn, prepared, place(), {}, LandCounts())
    return counts


def _alike(waiting: Filling) -> list[Filling]:
    """Columns that stand at the same place are filled together."""
    groups: dict[str, Filling] = {}
    for name, at in waiting.items():
        groups.setdefault(json.dumps(at, sort_keys=True), {})[name] = at
    return list(groups.values())


def _fill(
    conn: Connection[Any],
    connector: Connector,
    prepared: Prepared,
    group: Filling,
    place: Callable[[], Place],
    progress: Callable[[LandCounts], None],
) -> LandCounts:
    counts = LandCounts()
    names = sorted(group)
    at = group[names[0]]
    after, returned = at["after"], at["returned"]
    before = datetime.fromisoformat(at["known_before"]) if returned else None
    query = sql.SQL("select id from {} where not _deleted and id > %s order by id limit %s").format(
        prepared.table.identifier
    )
    while ids := [r[0] for r in conn.execute(query, (after, BATCH))]:
        read = connector.read(prepared.table.object, ids, names)
        after = ids[-1]
        group = {n: {**f, "after": after} for n, f in group.items()}
        now = place() if returned else replace(place(), tracked=())  # a first value is no change
        with conn.transaction():
            live = [r for r in read.values() if not r.missing]
            done = land_refreshed(conn, prepared.table, live, now, known_before=before)
            _keep(conn, prepared, now, prepared.filling | group, done)
            note_landing(conn, prepared.table.object, now, done)
        counts += done
        progress(counts)
    return counts


def _keep(conn: Connection[Any], prepared: Prepared, place: Place, filling: Filling, done: LandCounts) -> None:
    conn.execute(
        """update sakigake.mirror_object set filling = %s,
            last_changed_run_id = case when %s then %s else last_changed_run_id end
        where workspace = %s and connection = %s and object = %s""",
        (
            json.dumps(filling), done.altered, place.run_id, place.workspace, place.connection, prepared.table.object,
        ),
    )  # fmt: skip
