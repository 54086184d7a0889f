"""Events to results: reads the log once, hands columns to the arithmetic, keeps what it says where it changed."""

import hashlib
import json
from collections.abc import Iterable
from datetime import date, datetime
from importlib.metadata import version
from itertools import chain
from typing import Any

from psycopg import Connection
from sqlalchemy import Connection as SqlConnection
from sqlalchemy import text

from jobs import overrides
from jobs.reports import Stamp
from jobs.runs import utc_now
from jobs.steps import actual, leading, more
from jobs.steps import results as shaped
from jobs.steps.inputs import read_inputs
from jobs.steps.made import make
from jobs.wiring import Workspace
from sync.events.deals import deals_between

CODE_VERSION = version("sakigake")


def compute(
    workspace: Workspace, run_id: str, as_of: date, before: dict[str, Any] | None, facts: str | None
) -> dict[str, Any]:
    """All indicators, as kept. Left out where facts, day, mapping, settings and code are as they were.

    `facts` is the run that last changed a fact.
    """
    with workspace.connect() as raw:
        by_hand, planned = overrides.fingerprint(raw, workspace.name), actual.fingerprint(raw, workspace.name)
    key = {
        "facts": facts,
        "as_of": as_of.isoformat(),
        "mapping": workspace.rules.hash,
        "code": CODE_VERSION,
        "settings": _settings_hash(workspace),
        "tiers_by_hand": by_hand,
        "targets": planned,
    }
    if before is not None and before == key:
        return {"skipped": "no fact changed, and the day is the same", "input": before}
    with workspace.engine.begin() as conn:
        known_at = _known_at(conn, workspace)
        tables = read_inputs(conn, workspace.name, as_of, known_at)
        every_deal = deals_between(conn, workspace.name, *more.share_span(as_of), known_at)
    made = make(workspace.settings, workspace.rules, tables, as_of)
    document = made.document()
    stamp = Stamp(run_id, as_of, known_at, workspace.rules.hash, CODE_VERSION, utc_now())
    with workspace.connect() as raw, raw.transaction():
        activities = more.activities_of(raw, workspace.name, made.partners, as_of)
        done = more.Computed(made.results, made.entries, made.partners, activities, made.calendar, made.plan)
        changed = _keep(
            raw,
            workspace.name,
            run_id,
            chain(made.rows(), more.partner_rows(done, made.language)),
            as_of,
            known_at,
        )
        _keep_tiers(raw, workspace.name, run_id, shaped.tier_rows(made.results, made.partners))
        raw.execute(
            """insert into sakigake.computation
            (workspace, run_id, as_of, known_at, mapping_hash, code_version, indicators, computed_at)
            values (%s, %s, %s, %s, %s, %s, %s, %s)""",
            (
                workspace.name,
                run_id,
                as_of,
                known_at,
                workspace.rules.hash,
                CODE_VERSION,
                json.dumps(document),
                stamp.computed_at,
            ),
        )
        more.keep(raw, workspace.name, stamp, done, every_deal, workspace.settings.team)
    leading.keep_weekly(workspace, stamp)
    return {**document, "values_changed": changed, "input": key}


def _known_at(conn: SqlConnection, workspace: Workspace) -> datetime:
    """The CRMs' clock, yet not before the newest fact: a clock that stands still must not hide what was just mapped."""
    newest = conn.execute(
        text("select max(known_at) from sakigake.event where workspace = :w"), {"w": workspace.name}
    ).scalar_one()
    now = workspace.crm_now()
    return max(now, newest) if newest else now


def _settings_hash(workspace: Workspace) -> str:
    """Of the settings that results depend on."""
    said = workspace.settings.model_dump_json(include={"calendar", "targets", "team"})
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _keep(
    conn: Connection[Any], workspace: str, run_id: str, rows: Iterable[shaped.Row], as_of: date, known_at: datetime
) -> int:
    """Stores values that changed, removes those of subjects that are gone, and logs both; returns how many rows were written."""
    conn.execute(
        "create temporary table computed (subject text, subject_id text, field text, value jsonb, inputs jsonb) on commit drop"
    )
    with conn.cursor() as cursor, cursor.copy("copy computed from stdin") as copy:
        for subject, subject_id, field, value, inputs in rows:
            copy.write_row((subject, subject_id, field, json.dumps(value), json.dumps(inputs, ensure_ascii=False)))
    conn.execute("analyze computed")
    row = conn.execute(
        """with written as (
            insert into sakigake.result as r (workspace, subject, subject_id, field, value, inputs, run_id)
            select %(workspace)s, subject, subject_id, field, value, inputs, %(run)s from computed
            on conflict (workspace, subject, subject_id, field) do update
                set value = excluded.value, inputs = excluded.inputs, run_id = excluded.run_id
                where (r.value, r.inputs) is distinct from (excluded.value, excluded.inputs)
            returning r.subject, r.subject_id, r.field, r.value, r.inputs, false as gone),
        removed as (
            delete from sakigake.result r where workspace = %(workspace)s and not exists (
                select from computed c where c.subject = r.subject and c.subject_id = r.subject_id and c.field = r.field)
            returning r.subject, r.subject_id, r.field, r.value, r.inputs, true as gone),
        logged as (
            insert into sakigake.result_log (workspace, subject, subject_id, field, value, inputs, gone, run_id, as_of, known_at)
            select %(workspace)s, n.*, %(run)s, %(as_of)s, %(known_at)s
            from (select * from written union all select * from removed) n)
        select (select count(*) from written) + (select count(*) from removed)""",
        {"workspace": workspace, "run": run_id, "as_of": as_of, "known_at": known_at},
    ).fetchone()
    return int(row[0]) if row else 0


def _keep_tiers(
    conn: Connection[Any], workspace: str, run_id: str, rows: Iterable[tuple[str, Any, str, str | None, str]]
) -> None:
    """The tier history as replayed from what is known now; equal rows stay untouched."""
    conn.execute(
        "create temporary table tiers (partner_id text, since date, tier text, previous text, rule text) on commit drop"
    )
    with conn.cursor() as cursor, cursor.copy("copy tiers from stdin") as copy:
        for row in rows:
            copy.write_row(row)
    conn.execute(
        """delete from sakigake.tier_change t where workspace = %s and not exists (
            select from tiers n where n.partner_id = t.partner_id and n.since = t.since)""",
        (workspace,),
    )
    conn.execute(
        """insert into sakigake.tier_change as t (workspace, partner_id, since, tier, previous, rule, run_id)
        select distinct on (partner_id, since) %s, partner_id, since, tier, previous, rule, %s from tiers order by partner_id, since
        on conflict (workspace, partner_id, since) do update
            set tier = excluded.tier, previous = excluded.previous, rule = excluded.rule, run_id = excluded.run_id
            where (t.tier, t.previous, t.rule) is distinct from (excluded.tier, excluded.previous, excluded.rule)""",
        (workspace, run_id),
    )
