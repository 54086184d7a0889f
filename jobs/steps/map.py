"""Mirror to events: reads the mirror as of one moment, derives facts by the mapping, stores the difference.

Where little changed, only the partners it touches are looked at; the result is the same as that of looking at everything.
"""

from collections import Counter
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any, cast

import psycopg
from sqlalchemy import Connection as SqlConnection
from sqlalchemy import text

from jobs.computing_code import MAPPING_CODE
from jobs.steps.fresh import require_fresh
from jobs.steps.map_changed import WHOLE_EVERY, Feed, Some
from jobs.steps.moments import mapping_moment
from jobs.steps.unmapped import note_unmapped, tell_new
from jobs.wiring import Workspace
from models.vocabulary import Step
from sync.events.customers import store_customers
from sync.events.deals import count_deals, store_deals
from sync.events.decisions import newest, standing
from sync.events.issues import count_issues, keep_issues
from sync.events.store import Changes, Counts, count, remember_mapping, store
from sync.events.targets import partners_after
from sync.events.touched import touch
from sync.mapping.derive import derive
from sync.mirror.count import CountingMirror


def map_facts(
    workspace: Workspace, run_id: str, before: dict[str, Any] | None, *, whole: bool = False
) -> dict[str, Any]:
    """Counts of what stands and what changed. Left out where neither the mirror nor the mapping moved since the last time.

    `input` is what was read: each object's last changing run and until when its CRM vouches for it, the mapping, its code, and the run that
    last changed a fact; and from where the next mapping goes on. `whole` looks at everything, as is done in any case for another mapping,
    other code or a new decision, after a mapping that did not come to its end, and every week.
    """
    with workspace.engine.begin() as conn:
        conn.execute(text("set transaction isolation level repeatable read"))
        raw = cast("psycopg.Connection[Any]", conn.connection.driver_connection)
        require_fresh(raw, workspace, otherwise="Until then nothing is mapped; what is known stays as it was.")
        rows = conn.execute(
            text(
                """select connection || '.' || object, coalesce(last_changed_run_id, ''), covered_until from sakigake.mirror_object
                where workspace = :w order by 1"""
            ),
            {"w": workspace.name},
        ).all()
        objects = {str(r[0]): str(r[1]) for r in rows}
        covered = {str(r[0]): r[2] and r[2].astimezone(UTC).isoformat() for r in rows}
        read = {
            "objects": objects,
            "mapping": workspace.rules.hash,
            "decisions": newest(raw, workspace.name),
            "keeps": ["deals_all_channels", "target_number", "customers"],  # what older versions did not
            "code": MAPPING_CODE,
        }
        if not whole and before is not None and {k: before.get(k) for k in read} == read:
            return {
                "skipped": "nothing changed in the mirror or the mapping",
                "input": {**before, "covered_until": covered},
            }
        now = mapping_moment(raw, workspace)
        feed = Feed(raw, workspace, objects)
        some = None
        if not whole and before is not None and _can_go_on(raw, workspace.name, run_id, before, read, now):
            changed = feed.changed(before)
            some = None if changed is None else feed.some(changed, standing(raw, workspace.name))
        counting = CountingMirror(raw, workspace.name, workspace.settings.schema_of)
        remember_mapping(conn, workspace.name, workspace.rules.hash, workspace.rules.text, now)
        if some is None or before is None:
            changes, deals_changed, bought, counts = _everything(
                conn, raw, workspace, run_id, now, asks_first=_asks_first(before, read)
            )
        else:
            changes, deals_changed, bought, counts = _some(conn, raw, workspace, run_id, now, some, before)
        feed.mirror.forget_removed_links(feed.places)
        unmapped, moved = note_unmapped(raw, workspace.name, workspace.rules, counting, run_id=run_id, now=now)
        # of other partners too a row may count, or count no more
        others = partners_after(raw, workspace.name, changes.targets | bought)
        same = changes.nothing and not (moved or deals_changed or others)
        if not same:
            touch(raw, workspace.name, None if some is None else some.partners | others)
        issues, deals = count_issues(raw, workspace.name), count_deals(conn, workspace.name)
    tell_new(workspace, unmapped)
    return {
        "partners": sum(counts.partners.values()),
        "entries": counts.entries,
        "activities": counts.activities,
        "standing": counts.events,
        "asserted": changes.asserted,
        "retracted": changes.retracted,
        "changed": changes.changed,
        "looked_at": None if some is None else len(some.partners),
        "deals_all_channels": deals,
        "issues": issues,
        "unmapped": unmapped,
        "input": {
            **read,
            "covered_until": covered,
            "facts": before["facts"] if before and same else run_id,
            "known_at": now.isoformat(),
            "stands": asdict(counts),
            "whole_at": now.isoformat() if some is None or before is None else before["whole_at"],
        },
    }


def _can_go_on(
    conn: psycopg.Connection[Any],
    workspace: str,
    run_id: str,
    before: dict[str, Any],
    read: dict[str, Any],
    now: datetime,
) -> bool:
    """Whether the last mapping came to its end, with these rules, decisions and code, and everything was looked at within the week."""
    if "whole_at" not in before or any(before.get(k) != read[k] for k in ("mapping", "decisions", "keeps", "code")):
        return False
    if before["objects"].keys() != read["objects"].keys():
        return False
    row = conn.execute(
        """select status from sakigake.run_step where workspace = %s and step = %s and run_id <> %s
        order by started_at desc limit 1""",
        (workspace, Step.MAP, run_id),
    ).fetchone()
    ended = row is not None and row[0] in ("succeeded", "held")
    return ended and now - datetime.fromisoformat(before["whole_at"]) < WHOLE_EVERY


def _asks_first(before: dict[str, Any] | None, read: dict[str, Any]) -> bool:
    """Whether nobody asked by these rules before who buys already."""
    return before is None or any(before.get(k) != read[k] for k in ("mapping", "keeps"))


def _everything(
    conn: SqlConnection,
    raw: psycopg.Connection[Any],
    workspace: Workspace,
    run_id: str,
    now: datetime,
    *,
    asks_first: bool,
) -> tuple[Changes, int, frozenset[int], Counts]:
    seen = raw.execute("select exists (select from sakigake.event where workspace = %s)", (workspace.name,)).fetchone()
    mirror = CountingMirror(raw, workspace.name, workspace.settings.schema_of)
    facts = derive(workspace.rules, mirror, standing(raw, workspace.name))
    changes = store(
        conn,
        workspace.name,
        facts,
        run_id=run_id,
        known_at=now,
        mapping_hash=workspace.rules.hash,
        first_load=not (seen and seen[0]),
    )
    keep_issues(raw, workspace.name, facts.met)
    deals_changed = store_deals(conn, workspace.name, facts.deals_all_channels, now)
    bought = store_customers(conn, workspace.name, facts.customers, now, _day(workspace, now), ever=asks_first)
    return changes, deals_changed, bought, count(conn, workspace.name)


def _some(
    conn: SqlConnection,
    raw: psycopg.Connection[Any],
    workspace: Workspace,
    run_id: str,
    now: datetime,
    some: Some,
    before: dict[str, Any],
) -> tuple[Changes, int, frozenset[int], Counts]:
    """What stands of these partners now, and with it what stands of all: what stood, less what stood of these, and more."""
    stood = count(conn, workspace.name, some.partners)
    changes = store(
        conn,
        workspace.name,
        some.facts,
        run_id=run_id,
        known_at=now,
        mapping_hash=workspace.rules.hash,
        partners=some.partners,
    )
    keep_issues(raw, workspace.name, some.met, some.mapped)
    deals_changed = store_deals(conn, workspace.name, some.facts.deals_all_channels, now, of=some.deals)
    bought = store_customers(conn, workspace.name, some.facts.customers, now, _day(workspace, now), of=some.customers)
    stand, all_stood = count(conn, workspace.name, some.partners), Counts(**before["stands"])

    def moved(name: str) -> dict[str, int]:
        counter = Counter(getattr(all_stood, name))
        counter.subtract(getattr(stood, name))
        counter.update(getattr(stand, name))
        return {key: n for key, n in sorted(counter.items()) if n}

    return (
        changes,
        deals_changed,
        bought,
        Counts(
            moved("partners"),
            all_stood.entries - stood.entries + stand.entries,
            moved("events"),
            all_stood.activities - stood.activities + stand.activities,
        ),
    )


def _day(workspace: Workspace, now: datetime) -> date:
    return now.astimezone(workspace.rules.zone).date()
