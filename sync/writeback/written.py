"""The newest value that each CRM confirmed for each of our fields: what the next plan compares with first."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sync.writeback.changes import Connect
from sync.writeback.plan import Cell, Stored, Wanted
from sync.writeback.withheld import offer_again


def note_agreed(
    conn: Connect,
    workspace: str,
    agreed: Iterable[Wanted],
    plan_id: str,
    now: datetime,
    *,
    crm_at: Mapping[str, datetime],
) -> None:
    """Remembers that the CRM already holds these values, so that the next plan need not ask again. `crm_at` is by connection."""
    keep_written(conn, workspace, [(w.cell, w.value, plan_id, crm_at.get(w.record.connection)) for w in agreed], now)


def keep_written(
    conn: Connect, workspace: str, rows: Sequence[tuple[Cell, Stored, str, datetime | None]], now: datetime
) -> None:
    """(cell, value, plan, the CRM's clock just before) of each value that a CRM holds for sure."""
    if not rows:
        return
    offer_again(conn, workspace, [cell for cell, *_ in rows])
    records = [cell[0] for cell, *_ in rows]
    conn.execute(
        """insert into sakigake.written as w (workspace, connection, object, record_id, field, value, plan_id, confirmed_at, crm_at, changed_at)
        select %s, n.connection, n.object, n.record_id, n.field, n.value, n.plan_id, %s, n.crm_at, n.crm_at
        from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::jsonb[], %s::text[], %s::timestamptz[])
            as n(connection, object, record_id, field, value, plan_id, crm_at)
        on conflict (workspace, connection, object, record_id, field) do update
            set value = excluded.value, plan_id = excluded.plan_id, confirmed_at = excluded.confirmed_at, crm_at = excluded.crm_at,
                before = case when w.value = excluded.value then w.before else w.value end,
                changed_at = case when w.value = excluded.value then w.changed_at else excluded.crm_at end""",
        (
            workspace, now, [r.connection for r in records], [r.object for r in records], [r.id for r in records],
            [cell[1] for cell, *_ in rows], [json.dumps(r[1]) for r in rows], [r[2] for r in rows], [r[3] for r in rows],
        ),
    )  # fmt: skip
