"""What the CRM keeps beside a record's fields: its history, and its links to others."""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection, sql

from sync.mirror.place import Place
from sync.mirror.rows import copy_rows
from sync.mirror.schema import MirrorTable
from sync.mirror.text import storable
from sync.records import AssociationSet, HistoryRow


def keep_history(conn: Connection[Any], table: MirrorTable, history: Sequence[HistoryRow], place: Place) -> int:
    if not history:
        return 0
    place_of = sql.Identifier(table.schema, "field_history")
    # kept for the session, and emptied by each commit: making one a page would cost more than filling it
    stage = sql.Identifier(f"_history_{table.schema}"[:63])
    conn.execute(
        sql.SQL(
            "create temporary table if not exists {stage} (like {place}) on commit delete rows; delete from {stage}"
        ).format(stage=stage, place=place_of)
    )
    columns = (
        "object", "record_id", "field", "change_id", "old_value", "new_value", "changed_at", "first_seen_at", "origin",
    )  # fmt: skip
    now = place.now.isoformat()
    copy_rows(
        conn,
        stage,
        [sql.Identifier(c) for c in columns],
        (
            (
                table.object, h.record_id, h.field, h.change_id, storable(h.old)[0], storable(h.new)[0],
                h.changed_at.isoformat(), now, "crm",
            )
            for h in history
        ),
    )  # fmt: skip
    return conn.execute(
        sql.SQL("insert into {} select * from {} on conflict do nothing").format(place_of, stage)
    ).rowcount


def keep_links(conn: Connection[Any], table: MirrorTable, links: AssociationSet, place: Place) -> int:
    """Makes the links from these records to that object exactly what the CRM says; returns how many rows changed."""
    association = sql.Identifier(table.schema, "association")
    rows = links.rows
    given = {
        "object": table.object,
        "to": links.to_object,
        "ids": list(links.from_ids),
        "from_ids": [r.from_id for r in rows],
        "to_ids": [r.to_id for r in rows],
        "types": [r.type_id for r in rows],
        "categories": [r.category for r in rows],
        "labels": [r.label for r in rows],
        "now": place.now,
    }
    removed = conn.execute(
        sql.SQL("""
        delete from {} a where from_object = %(object)s and to_object = %(to)s and from_id = any(%(ids)s)
            and not exists (select from unnest(%(from_ids)s::text[], %(to_ids)s::text[], %(types)s::text[]) as n(f, t, y)
                where n.f = a.from_id and n.t = a.to_id and n.y = a.type_id)""").format(association),
        given,
    ).rowcount
    added = conn.execute(
        sql.SQL("""
        insert into {} as a (from_object, from_id, to_object, to_id, type_id, category, label, seen_at)
        select distinct on (f, t, y) %(object)s, f, %(to)s, t, y, c, l, %(now)s
        from unnest(%(from_ids)s::text[], %(to_ids)s::text[], %(types)s::text[], %(categories)s::text[], %(labels)s::text[])
            as n(f, t, y, c, l)
        on conflict (from_object, to_object, from_id, to_id, type_id) do update
            set category = excluded.category, label = excluded.label, seen_at = excluded.seen_at
            where (a.category, a.label) is distinct from (excluded.category, excluded.label)""").format(association),
        given,
    ).rowcount
    return removed + added
