"""Keeps which values no rule names, and raises the alert where one is new: a renamed stage must not pass for silence."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from psycopg import Connection

from jobs.alerts import alert
from jobs.wiring import Workspace
from models.counted import agreeing, counted
from sync.mapping.coverage import coverage
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.unplaced import Unplaced, unplaced
from sync.mirror.count import CountingMirror

log = structlog.get_logger()


def note_unmapped(
    conn: Connection[Any], workspace: str, rules: Rules, mirror: CountingMirror, *, run_id: str, now: datetime
) -> tuple[dict[str, int], bool]:
    """In the caller's transaction. `values` and `records` that map to nothing now, and how many values are `new`; whether other entries
    than before stand in a stage that nothing is known of.

    What rules merely compare (a record type, a pipeline) is told of only where a value comes up that was not there when this version of the
    mapping was first used.
    """
    found = coverage(rules, mirror, whole_only=True)
    used = conn.execute(
        """select from sakigake.run r join sakigake.run_step s using (workspace, run_id) where workspace = %s and r.mapping_hash = %s
            and s.step = 'map' and s.status = 'succeeded' and s.counts ? 'unmapped' limit 1""",
        (workspace, rules.hash),
    ).fetchone()
    conn.execute(
        """create temporary table met (connection text, object text, field text, value text, kind text, records bigint, rules jsonb)
        on commit drop"""
    )
    with conn.cursor() as cursor, cursor.copy("copy met from stdin") as copy:
        for of in found.fields:
            for value in of.values if of.whole else ():
                if value.value and not value.mapped_to:
                    kind = "unmapped" if value.unmapped else "known" if used is None else "new"
                    row = (of.connection, of.object, of.field, value.value, kind, value.records, json.dumps(of.read_by))
                    copy.write_row(row)
    new = conn.execute(
        """insert into sakigake.unmapped_value as u
            (workspace, connection, object, field, value, kind, records, rules, mapping_hash, first_seen_at, resolved_at, run_id)
        select %s, connection, object, field, value, kind, records, rules, %s, %s, case when kind = 'known' then %s end, %s from met
        on conflict (workspace, connection, object, field, value) do update set records = excluded.records, rules = excluded.rules,
            mapping_hash = excluded.mapping_hash,
            kind = case when excluded.kind = 'new' and u.kind = 'known' then 'known' else excluded.kind end,
            first_seen_at = case when u.resolved_at is null or u.kind = 'known' and excluded.kind <> 'unmapped'
                then u.first_seen_at else excluded.first_seen_at end,
            resolved_at = case when excluded.kind = 'known' or excluded.kind = 'new' and u.kind = 'known'
                then coalesce(u.resolved_at, excluded.first_seen_at) end,
            run_id = case when u.resolved_at is null or u.kind = 'known' and excluded.kind <> 'unmapped'
                then u.run_id else excluded.run_id end
        returning connection, object, field, kind, records, run_id = %s and resolved_at is null""",
        (workspace, rules.hash, now, now, run_id, run_id),
    ).fetchall()
    conn.execute(
        """update sakigake.unmapped_value u set resolved_at = %s where workspace = %s and resolved_at is null and not exists (
            select from met m where (m.connection, m.object, m.field, m.value) = (u.connection, u.object, u.field, u.value))""",
        (now, workspace),
    )
    moved = _keep_unplaced(conn, workspace, [*unplaced(rules, mirror, found)])
    _raise_alert(workspace, run_id, [row[:3] for row in new if row[5]])
    unmapped = [row for row in new if row[3] == "unmapped"]
    counts = {"values": len(unmapped), "records": sum(r[4] for r in unmapped), "new": sum(1 for r in new if r[5])}
    return counts, moved


def tell_new(workspace: Workspace, counts: Mapping[str, int]) -> None:
    """Once the run has stored what it met: tells those who are to hear of it. Values stay out of the text, as out of the log."""
    if counts["new"]:
        body = (
            f"{counted(counts['new'], 'value')} came up that no rule of the mapping names. Until {agreeing(counts['new'], 'it is', 'they are')} named, entries in such a stage are not called "
            "stalled. See: sakigake mapping coverage"
        )
        alert(workspace.settings.alerts, workspace.folder, f"Sakigake: unmapped values in {workspace.name}", body)


def _keep_unplaced(conn: Connection[Any], workspace: str, found: list[Unplaced]) -> bool:
    """Whether they are others than before."""
    query = "select connection, object, record_id, field, value from sakigake.unplaced_entry where workspace = %s"
    rows = {(one.ref.connection, one.ref.object, one.ref.id, one.field, one.value) for one in found}
    before = set(conn.execute(query, (workspace,)).fetchall())
    if rows == before:
        return False
    conn.execute("delete from sakigake.unplaced_entry where workspace = %s", (workspace,))
    place = "copy sakigake.unplaced_entry (workspace, connection, object, record_id, field, value) from stdin"
    with conn.cursor() as cursor, cursor.copy(place) as copy:
        for row in sorted(rows):
            copy.write_row((workspace, *row))
    if len(rows) > 2 * len(
        before
    ):  # computing joins them with all entries: a filled table must not be taken for an empty one
        conn.execute("analyze sakigake.unplaced_entry, sakigake.entry, sakigake.entry_source")
    return True


def _raise_alert(workspace: str, run_id: str, places: list[tuple[str, str, str]]) -> None:
    """One line a field. Values stay out of the log: in a text field they may be anybody's."""
    for (connection, name, field), values in sorted(Counter(places).items()):
        log.warning(
            "unmapped values", workspace=workspace, run=run_id, connection=connection, object=name, field=field,
            values=values, remedy="see: sakigake mapping coverage",
        )  # fmt: skip
