"""Stalled entries as rows to work through: what they wait for, since when, how likely they still are, and the next step."""

import itertools
from datetime import date
from typing import Any

from psycopg import Connection

from indicators.business_days import BusinessDays
from indicators.inputs import day_number
from models.labels import named
from models.vocabulary import FUNNEL

_ROWS = """
    select e.entry_id, e.connection || '.' || e.object || '/' || e.record_id as record, p.name, p.type, e.target ->> 'name',
        m.value #>> '{}' as milestone, (s.value #>> '{}')::date as since, st.inputs ->> 'status',
        (st.inputs ->> 'due')::date, (st.inputs ->> 'chance')::float8, (st.inputs ->> 'chance_at_entry')::float8
    from sakigake.result st
    join sakigake.entry e on (e.workspace, e.entry_id) = (st.workspace, st.subject_id)
    join sakigake.partner p on (p.workspace, p.partner_id) = (e.workspace, e.partner_id)
    join sakigake.result m on (m.workspace, m.subject, m.subject_id, m.field) = (st.workspace, 'entry', st.subject_id, 'milestone')
    join sakigake.result s on (s.workspace, s.subject, s.subject_id, s.field) = (st.workspace, 'entry', st.subject_id, 'milestone_since')
    where st.workspace = %s and st.subject = 'entry' and st.field = 'stalled' and st.value = 'true'::jsonb
        and (%s::text is null or p.partner_id = %s)
    order by 10 desc nulls last, 7, 2"""


def stalled(
    conn: Connection[Any],
    workspace: str,
    language: str,
    as_of: date,
    calendar: BusinessDays,
    *,
    partner_id: str | None = None,
) -> list[dict[str, Any]]:
    """The most hopeful first, then the longest waiting. Days are counted to the as-of day, business days by the calendar."""
    following = {m.value: n.value for m, n in itertools.pairwise(FUNNEL)}
    return [
        {
            "record": record,
            "partner": partner,
            "type": kind,
            "target": target,
            "milestone": milestone,
            "since": since.isoformat(),
            "days": (as_of - since).days,
            "business_days": int(calendar.between(day_number(since), day_number(as_of))),
            "status": status,
            "days_over": 0 if due is None else (as_of - due).days,
            "chance": chance,
            "chance_at_entry": at_entry,
            "next": following.get(milestone),
            "next_step": named(following.get(milestone, ""), language),
        }
        for _, record, partner, kind, target, milestone, since, status, due, chance, at_entry in conn.execute(
            _ROWS, (workspace, partner_id, partner_id)
        )
    ]


def types(conn: Connection[Any], workspace: str) -> list[str]:
    """The partner types there are."""
    rows = conn.execute(
        "select distinct type from sakigake.partner where workspace = %s and removed_at is null order by 1",
        (workspace,),
    )
    return [r[0] for r in rows]
