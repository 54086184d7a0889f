"""Mirror to events: reads the mirror as of one moment, derives facts by the mapping, stores the difference."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any, cast

import psycopg
from sqlalchemy import text

from jobs.steps.fresh import require_fresh
from jobs.steps.unmapped import note_unmapped
from jobs.wiring import Workspace
from sync.events.deals import store_deals
from sync.events.decisions import newest, standing
from sync.events.store import count, remember_mapping, store
from sync.mapping.derive import derive
from sync.mirror.count import CountingMirror


def _now(conn: psycopg.Connection[Any], workspace: Workspace) -> datetime:
    """The CRMs' clock, yet after everything that was computed: what was known then must not grow afterwards."""
    row = conn.execute(
        "select known_at from sakigake.computation where workspace = %s order by known_at desc limit 1",
        (workspace.name,),
    ).fetchone()
    now = workspace.crm_now()
    return max(now, row[0] + timedelta(microseconds=1)) if row else now


def map_facts(workspace: Workspace, run_id: str, before: dict[str, Any] | None) -> dict[str, Any]:
    """Counts of what stands and what changed. Left out where neither the mirror nor the mapping moved since the last time.

    `input` is what was read: each object's last changing run, the mapping, and the run that last changed a fact.
    """
    with workspace.engine.begin() as conn:
        conn.execute(text("set transaction isolation level repeatable read"))
        raw = cast("psycopg.Connection[Any]", conn.connection.driver_connection)
        require_fresh(raw, workspace, otherwise="Until then nothing is mapped; what is known stays as it was.")
        rows = conn.execute(
            text(
                "select connection || '.' || object, coalesce(last_changed_run_id, '') from sakigake.mirror_object where workspace = :w order by 1"
            ),
            {"w": workspace.name},
        )
        objects = {str(r[0]): str(r[1]) for r in rows}
        read = {
            "objects": objects,
            "mapping": workspace.rules.hash,
            "decisions": newest(raw, workspace.name),
            "keeps": ["deals_all_channels"],  # what older versions did not
        }
        if before is not None and {k: before.get(k) for k in read} == read:
            return {"skipped": "nothing changed in the mirror or the mapping", "input": before}
        seen = conn.execute(
            text("select exists (select from sakigake.event where workspace = :w)"), {"w": workspace.name}
        ).scalar_one()
        mirror = CountingMirror(raw, workspace.name, workspace.settings.schema_of)
        facts = derive(workspace.rules, mirror, standing(raw, workspace.name))
        now = _now(raw, workspace)
        unmapped, moved = note_unmapped(raw, workspace.name, workspace.rules, mirror, run_id=run_id, now=now)
        remember_mapping(conn, workspace.name, workspace.rules.hash, workspace.rules.text, now)
        changes = store(
            conn,
            workspace.name,
            facts,
            run_id=run_id,
            known_at=now,
            mapping_hash=workspace.rules.hash,
            first_load=not seen,
        )
        deals_changed = store_deals(conn, workspace.name, facts.deals_all_channels, now)
        counts = count(conn, workspace.name)
    same = changes.nothing and not (moved or deals_changed)
    issues: Counter[str] = Counter()
    for issue in facts.issues:
        issues[issue.kind.value] += issue.count
    return {
        "partners": sum(counts.partners.values()),
        "entries": counts.entries,
        "activities": counts.activities,
        "standing": counts.events,
        "asserted": changes.asserted,
        "retracted": changes.retracted,
        "changed": changes.changed,
        "deals_all_channels": len(facts.deals_all_channels),
        "issues": dict(sorted(issues.items())),
        "unmapped": unmapped,
        "input": {**read, "facts": before["facts"] if before and same else run_id},
    }
