"""Values that are not offered again while nothing about them changes: refused by a CRM, or taken back by a person."""

import json
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from psycopg import sql

from models.vocabulary import RecordRef
from sync.writeback.changes import Connect, OpenChange
from sync.writeback.plan import Cell, Stored


def withheld_values(conn: Connect, workspace: str, mapping_hash: str) -> dict[Cell, tuple[Stored, str]]:
    """Values that are not to be offered again now, with the reason."""
    rows = conn.execute(
        """select connection, object, record_id, field, value, cause, record_version from sakigake.withheld
        where workspace = %s and mapping_hash = %s""",
        (workspace, mapping_hash),
    ).fetchall()
    places = [RecordRef(r[0], r[1], r[2]) for r in rows]
    versions = versions_of(conn, workspace, [p for p, r in zip(places, rows, strict=True) if r[6] is not None])
    return {
        (place, r[3]): (r[4], f"not offered again until it changes: {r[5]}")
        for place, r in zip(places, rows, strict=True)
        if r[6] is None or versions.get(place) == r[6]
    }


def withhold(
    conn: Connect,
    workspace: str,
    changes: Sequence[tuple[OpenChange, str]],
    now: datetime,
    *,
    mapping_hash: str,
    while_unmoved: bool = True,
) -> None:
    """These values are not offered again until they, or the mapping, or with `while_unmoved` their records in the mirror, are others."""
    versions = versions_of(conn, workspace, [c.record for c, _ in changes]) if while_unmoved else {}
    with conn.cursor() as cursor:
        cursor.executemany(
            """insert into sakigake.withheld as w (workspace, connection, object, record_id, field, value, cause, mapping_hash,
                record_version, plan_id, at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            on conflict (workspace, connection, object, record_id, field) do update set value = excluded.value, cause = excluded.cause,
                mapping_hash = excluded.mapping_hash, record_version = excluded.record_version, plan_id = excluded.plan_id, at = excluded.at""",
            [
                (
                    workspace, c.record.connection, c.record.object, c.record.id, c.field.name, json.dumps(c.new), cause,
                    mapping_hash, versions.get(c.record), c.plan_id, now,
                )
                for c, cause in changes
            ],
        )  # fmt: skip


def offer_again(conn: Connect, workspace: str, cells: Sequence[Cell]) -> None:
    """A field that holds, or is to hold, another value than the one withheld is no longer refused, nor is a record that was written since."""
    conn.execute(
        """delete from sakigake.withheld h using unnest(%s::text[], %s::text[], %s::text[], %s::text[]) as n(connection, object, id, field)
        where h.workspace = %s and h.connection = n.connection and h.object = n.object and h.record_id = n.id
            and (h.field = n.field or h.record_version is not null)""",
        (
            [r.connection for r, _ in cells], [r.object for r, _ in cells], [r.id for r, _ in cells],
            [name for _, name in cells], workspace,
        ),
    )  # fmt: skip


def versions_of(conn: Connect, workspace: str, records: Sequence[RecordRef]) -> dict[RecordRef, datetime]:
    """The records' versions in the mirror."""
    found: dict[RecordRef, datetime] = {}
    ordered = sorted(set(records))
    for (connection, name), group in groupby(ordered, key=lambda r: (r.connection, r.object)):
        row = conn.execute(
            "select table_name from sakigake.mirror_object where workspace = %s and connection = %s and object = %s",
            (workspace, connection, name),
        ).fetchone()
        if row is None:
            continue
        query = sql.SQL("select id, _version from {} where id = any(%s)").format(sql.Identifier(*row[0].split(".", 1)))
        found |= {RecordRef(connection, name, i): v for i, v in conn.execute(query, ([r.id for r in group],))}
    return found
