"""The events that stand, as the columns that two versions of a mapping are compared by."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
from psycopg import Connection

from models.vocabulary import LISTS, Milestone
from sync.mapping.said import SaidColumns, together

_EPOCH = 10957  # 2000-01-01 in days since 1970
_APART = "\x1f"  # stands in no id of a CRM
_ROW = np.dtype([("fact", "S16"), ("entry", "S16"), ("milestone", ">i2"), ("day", ">i4"), ("made", "i1")])
_STANDS = """e.workspace = %(w)s and e.op = 'assert' and not exists (
    select from sakigake.event r where r.workspace = e.workspace and r.supersedes = e.event_id)"""


def standing_events(conn: Connection[Any], workspace: str, rules: Sequence[str] | None = None) -> SaidColumns:
    """All, or those of these rules."""
    rows = conn.execute(
        f"""select e.rule, string_agg(
            uuid_send(e.fact_id::uuid) || uuid_send(e.entry_id::uuid) || int2send(array_position(%(milestones)s::text[], e.milestone)::int2 - 1::int2)
                || date_send(e.occurred_on) || boolsend(right(e.source_change_id, 8) = ':created'), ''::bytea),
            string_agg(e.connection || '.' || e.object || '/' || e.record_id, %(apart)s)
        from sakigake.event e where {_STANDS} {"" if rules is None else "and e.rule = any(%(rules)s)"} group by 1""",  # noqa: S608
        {
            "w": workspace,
            "apart": _APART,
            "milestones": list(Milestone),
            "rules": None if rules is None else list(rules),
        },
    )
    return together([_columns(*row) for row in rows])


def standing_counts(conn: Connection[Any], workspace: str, besides: Sequence[str]) -> dict[str, int]:
    """How many events of each of the other rules stand."""
    rows = conn.execute(
        f"select e.rule, count(*) from sakigake.event e where not e.rule = any(%(besides)s) and {_STANDS} group by 1",  # noqa: S608
        {"w": workspace, "besides": list(besides)},
    )
    return dict(rows.fetchall())


def newest_imported(conn: Connection[Any], workspace: str) -> dict[str, date]:
    """Of each partner that handed in a list as a file, the day of the newest."""
    rows = conn.execute(
        f"""select e.partner_id, max(e.occurred_on) from sakigake.event e
        where {_STANDS} and e.connection = %(lists)s and e.milestone = %(listed)s group by 1""",  # noqa: S608
        {"w": workspace, "lists": LISTS, "listed": Milestone.LISTED.value},
    )
    return dict(rows.fetchall())


def standing_days(
    conn: Connection[Any], workspace: str, entries: Sequence[str], besides: Sequence[str]
) -> list[tuple[str, str, str, date]]:
    """(entry, connection, milestone, day) of events of these entries, but for those of the rules `besides`."""
    rows = conn.execute(
        f"""select e.entry_id, e.connection, e.milestone, e.occurred_on from sakigake.event e
        where e.entry_id = any(%(entries)s) and not e.rule = any(%(besides)s) and {_STANDS}""",  # noqa: S608
        {"w": workspace, "entries": list(entries), "besides": list(besides)},
    )
    return rows.fetchall()


def told_by_another(
    conn: Connection[Any], workspace: str, place: tuple[str, str], milestone: Milestone, rule: str
) -> bool:
    """Whether an event of this milestone that a record of this object tells stands under another rule."""
    row = conn.execute(
        f"""select exists (select from sakigake.event e where e.connection = %(c)s and e.object = %(o)s
            and e.milestone = %(m)s and e.rule <> %(rule)s and {_STANDS})""",  # noqa: S608
        {"w": workspace, "c": place[0], "o": place[1], "m": milestone.value, "rule": rule},
    ).fetchone()
    return row is None or bool(row[0])


def _columns(rule: str, sent: bytes, sources: str) -> SaidColumns:
    rows = np.frombuffer(sent, _ROW)
    return SaidColumns(
        rows["fact"],
        rows["entry"],
        rows["milestone"].astype(np.int8),
        rows["day"].astype(np.int64) + _EPOCH,
        np.zeros(len(rows), np.int64),
        (rule,),
        sources.split(_APART),
        rows["made"].astype(np.bool_),
    )
