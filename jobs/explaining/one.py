"""Which records are one partner or one entry, by what they are one, and what persons decided on them."""

from collections.abc import Collection
from typing import Any

from psycopg import Connection

from jobs import views
from jobs.explaining.moment import When
from models.vocabulary import RecordRef
from sync.events.decisions import decisions

Row = dict[str, Any]


def partner_records(raw: Connection[Any], workspace: str, partner_id: str, when: When) -> list[Row]:
    """`record` and `matched_by` (`itself`, a mark, or `decision`) of each record that was the partner at the moment."""
    return _records(raw, workspace, "partner", partner_id, when)


def entry_records(raw: Connection[Any], workspace: str, entry_id: str, when: When) -> list[Row]:
    """The same of an entry, which may stand in two CRMs, and in an imported list."""
    return _records(raw, workspace, "entry", entry_id, when)


def decided(raw: Connection[Any], workspace: str, records: Collection[Row]) -> list[Row]:
    """What persons said of these records, oldest first; `stands` and `undone_by` tell of the decisions that were taken back."""
    refs = {RecordRef.parse(row["record"]) for row in records}
    return [d.document() for d in decisions(raw, workspace) if d.verdict != "undo" and refs & {d.left, d.right}]


def _records(raw: Connection[Any], workspace: str, kind: str, of: str, when: When) -> list[Row]:
    """Of now, or those of the moment: present rows that were known then, and what was said until later."""
    known = None if when.kind == "now" else when.known_at
    table, key = f"{kind}_source", f"{kind}_id"
    return views.rows(
        raw,
        f"""select connection || '.' || object || '/' || record_id as record, matched_by from sakigake.{table}
        where workspace = %(w)s and {key} = %(of)s and (%(known)s::timestamptz is null or known_at <= %(known)s)
        union all
        select concat(said ->> 'connection', '.', said ->> 'object', '/', said ->> 'record_id'), said ->> 'matched_by'
        from sakigake.past_fact where workspace = %(w)s and kind = '{table}' and said ->> '{key}' = %(of)s
            and known_at <= %(known)s and known_until > %(known)s
        order by 1""",  # noqa: S608 - one of two tables of ours; values are bound
        {"w": workspace, "of": of, "known": known},
    )
