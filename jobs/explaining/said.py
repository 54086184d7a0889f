"""What our fields of a partner or entry said at a moment: from the newest results, from the log of results, or computed again."""

from datetime import datetime
from typing import Any

from psycopg import Connection
from sqlalchemy import Connection as SqlConnection

from jobs.explaining.moment import When
from jobs.settings import WorkspaceSettings
from jobs.steps.again import said_again
from jobs.views import rows
from sync.mapping.grammar import Mapping as Rules

Row = dict[str, Any]
_EVER_SAID = """with said as not materialized (
    select workspace, subject, subject_id, field, value, inputs, run_id, l.as_of, l.known_at, gone, mapping_hash, false as stands, computed_at
    from sakigake.result_log l left join sakigake.computation using (workspace, run_id)
    union all
    select r.workspace, subject, subject_id, field, value, inputs, run_id, as_of, known_at, false, mapping_hash, true, computed_at
    from sakigake.field_result r join sakigake.computation using (workspace, run_id))"""
"""All that was ever said, as the table `said` of a query: what stands, and what stood before it, or was taken back."""
_NEWEST = "known_at desc, stands desc, computed_at desc nulls last"
"""Computations of one moment come in the order in which they were made, which their names do not tell within a second."""
Waiting = dict[str, str]
"""Entries that were called stalled, each with the word for it: `stalled` or `beyond`."""


def fields(
    conn: SqlConnection,
    raw: Connection[Any],
    workspace: str,
    when: When,
    subject: str,
    subject_id: str,
    settings: WorkspaceSettings,
    rules: Rules,
) -> tuple[list[Row], Waiting | None]:
    """`field`, `value`, `inputs`, `run`, `as_of`, `known_at`, `mapping_hash` of each field, by its name.

    Where the day had to be computed again, also which entries wait; otherwise `waiting` knows from the log.
    """
    if when.kind == "now":
        newest = rows(
            raw,
            """select r.field, r.value, r.inputs, r.run_id as run, c.as_of, c.known_at, c.mapping_hash from sakigake.field_result r
            left join sakigake.computation c using (workspace, run_id)
            where r.workspace = %s and r.subject = %s and r.subject_id = %s order by r.field""",
            (workspace, subject, subject_id),
        )
        return newest, None
    if when.kind == "exact":
        logged = as_logged(raw, workspace, subject, subject_id, when.known_at)
        if logged:
            return logged, None
    return _again(conn, raw, workspace, when, subject, subject_id, settings, rules)


def as_logged(raw: Connection[Any], workspace: str, subject: str, subject_id: str, known_at: datetime) -> list[Row]:
    """What the newest computation up to the moment left standing of it, by what stands and the log, as `fields` has it."""
    return rows(
        raw,
        f"""{_EVER_SAID} select field, value, inputs, run_id as run, as_of, known_at, mapping_hash from (
            select distinct on (field) * from said
            where workspace = %s and subject = %s and subject_id = %s and known_at <= %s
            order by field, {_NEWEST}) l
        where not gone order by field""",  # noqa: S608
        (workspace, subject, subject_id, known_at),
    )


def _again(
    conn: SqlConnection,
    raw: Connection[Any],
    workspace: str,
    when: When,
    subject: str,
    subject_id: str,
    settings: WorkspaceSettings,
    rules: Rules,
) -> tuple[list[Row], Waiting]:
    found = said_again(conn, raw, workspace, settings, rules, when.as_of, when.known_at)
    made: list[Row] = []
    waits: Waiting = {}
    for of, of_id, name, value, inputs in found.rows:
        if of == "entry" and name == "stalled" and value:
            waits[of_id] = inputs["status"]
        if (of, of_id) == (subject, subject_id):
            made.append(
                {
                    "field": name,
                    "value": value,
                    "inputs": inputs,
                    "run": None,
                    "as_of": when.as_of.isoformat(),
                    "known_at": when.known_at.isoformat(),
                    "mapping_hash": when.mapping_hash,
                }
            )
    return sorted(made, key=lambda row: str(row["field"])), waits


def waiting(raw: Connection[Any], workspace: str, entry_ids: list[str], known_at: datetime) -> Waiting:
    """Those of the entries that were called stalled at the moment, by the log of results."""
    found = raw.execute(
        f"""{_EVER_SAID} select subject_id, inputs ->> 'status' from (
            select distinct on (subject_id) subject_id, value, inputs, gone from said
            where workspace = %s and subject = 'entry' and field = 'stalled' and subject_id = any(%s) and known_at <= %s
            order by subject_id, {_NEWEST}) l
        where not gone and value = 'true'::jsonb order by 1""",  # noqa: S608
        (workspace, entry_ids, known_at),
    )
    return {r[0]: r[1] for r in found}
