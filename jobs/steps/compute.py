"""Events to results: reads the log once, hands columns to the arithmetic, keeps what it says where it changed."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import version
from itertools import chain, islice
from typing import Any

from psycopg import Connection

from jobs import overrides
from jobs.reports import Stamp
from jobs.runs import utc_now
from jobs.steps import actual, leading, more
from jobs.steps import results as shaped
from jobs.steps.inputs import read_inputs
from jobs.steps.made import Made, make
from jobs.steps.moments import computing_moment
from jobs.wiring import Workspace
from sync.events.deals import deals_between

CODE_VERSION = version("sakigake")
_LINES = 2_000  # at once: Python's cost a line counts where there are a million
_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


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
    with workspace.connect() as raw:
        known_at = computing_moment(raw, workspace)
    made, done = _computed(workspace, as_of, known_at)
    with workspace.engine.begin() as conn:
        every_deal = deals_between(conn, workspace.name, *more.share_span(as_of), known_at)
    document = made.document()
    stamp = Stamp(run_id, as_of, known_at, workspace.rules.hash, CODE_VERSION, utc_now())
    with workspace.connect() as raw, raw.transaction():
        said = _rows(made, done)
        changed = _keep(raw, workspace.name, run_id, said, as_of, known_at)
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


@dataclass(frozen=True, slots=True)
class Said:
    """What a computation says: the document, the values of partners and entries, the tier history, reports by kind, the day's snapshot."""

    document: dict[str, Any]
    rows: Sequence[shaped.Row]
    tiers: Iterable[tuple[str, Any, str, str | None, str]]
    reports: Mapping[str, dict[str, Any]]
    snapshot: Mapping[str, tuple[str, dict[str, Any]]]  # partner -> (type, value by field)


def computed_again(workspace: Workspace, as_of: date, known_at: datetime) -> Said:
    """What was, or would have been, computed for a day by what was known at that moment. Stores nothing.

    Equal mapping, settings and code say what was said on the day, byte for byte, whatever was learned since.
    """
    made, done = _computed(workspace, as_of, known_at, past=True)
    with workspace.engine.begin() as conn:
        deals = deals_between(conn, workspace.name, *more.share_span(as_of), known_at)
    stamp = Stamp("", as_of, known_at, workspace.rules.hash, CODE_VERSION, known_at)
    with workspace.connect() as raw:
        kept = more.reports_of(raw, workspace.name, stamp, done, deals, workspace.settings.team)
    rows = list(_rows(made, done))
    tiers = shaped.tier_rows(made.results, made.partners)
    return Said(made.document(), rows, tiers, kept, more.snapshot_of(rows, made.partners))


def _computed(
    workspace: Workspace, as_of: date, known_at: datetime, *, past: bool = False
) -> tuple[Made, more.Computed]:
    with workspace.engine.begin() as conn:
        tables = read_inputs(conn, workspace.name, as_of, known_at, past=past)
        made = make(workspace.settings, workspace.rules, tables, as_of)
        activities = more.activities_of(conn, workspace.name, made.partners, as_of, known_at if past else None)
    return made, more.Computed(made.results, made.entries, made.partners, activities, made.calendar, made.plan)


def _rows(made: Made, done: more.Computed) -> Iterable[shaped.Row]:
    return chain(made.rows(), more.partner_rows(done, made.language))


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
        lines = map(lines_of(), rows)
        while block := "".join(islice(lines, _LINES)):
            copy.write(block)
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


def lines_of() -> Callable[[shaped.Row], str]:
    """What turns a row into a line as COPY's text form has it.

    JSON holds no tab and no line break as such, but backslashes, which COPY reads itself. What most rows say, many rows say: a text or
    number that was written before is not written out again.
    """
    known: dict[tuple[type, Any], str] = {}

    def value_of(value: Any) -> str:
        if isinstance(value, float):
            return _ENCODE(value)  # 0.0 and -0.0 would be one key
        key = (type(value), value)
        if key not in known:
            known[key] = _ENCODE(value).replace("\\", "\\\\")
        return known[key]

    def line(row: shaped.Row) -> str:
        subject, subject_id, field, value, inputs = row
        if len(inputs) == 1 and isinstance(why := inputs.get("why"), str):
            said = f'{{"why": {value_of(why)}}}'
        else:
            said = _ENCODE(inputs).replace("\\", "\\\\")
        return f"{subject}\t{subject_id}\t{field}\t{value_of(value)}\t{said}\n"

    return line


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
