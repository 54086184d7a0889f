"""What "now" means for what we know: the CRMs' clock, which may stand still or step back, in the order in which we learn and compute.

Whatever is mapped after a computation is known later than that computation knew; whatever is computed after a mapping knows all of it.
So any computation can be repeated from the log.
"""

from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from jobs.wiring import Workspace
from models.vocabulary import Step

_TICK = timedelta(microseconds=1)


def mapping_moment(conn: Connection[Any], workspace: Workspace) -> datetime:
    """The moment that what is mapped now is known since."""
    row = conn.execute(
        "select known_at from sakigake.computation where workspace = %s order by computed_at desc limit 1",
        (workspace.name,),
    ).fetchone()
    now = max(workspace.crm_now(), mapped_at(conn, workspace.name) or workspace.crm_now())
    return max(now, row[0] + _TICK) if row else now


def computing_moment(conn: Connection[Any], workspace: Workspace) -> datetime:
    """The moment as of whose knowledge is computed now: that of all that was mapped, and of what people set or ended by hand; and none before
    that of an earlier computation, which would otherwise be the newest of that past for ever.

    Each command reads the CRMs' clock anew, to the second at best, so that what was decided just now can lie a moment ahead of it.
    """
    row = conn.execute(
        """select max(at) from (
            select unnest(array[known_at, end_known_at]) as at from sakigake.tier_override where workspace = %(w)s
            union all select known_at from sakigake.target where workspace = %(w)s
            union all (
                select known_at from sakigake.computation where workspace = %(w)s order by computed_at desc limit 1)) told""",
        {"w": workspace.name},
    ).fetchone()
    known = (workspace.crm_now(), mapped_at(conn, workspace.name), row[0] if row else None)
    return max(moment for moment in known if moment is not None)


def watermark(conn: Connection[Any], workspace: str) -> dict[str, str | None]:
    """By object, until when its CRM vouches that all of it was mapped; null before the first whole read, empty where nothing was mapped."""
    row = conn.execute(
        """select counts -> 'input' -> 'covered_until' from sakigake.run_step
        where workspace = %s and step = %s and status = 'succeeded' order by started_at desc limit 1""",
        (workspace, Step.MAP),
    ).fetchone()
    found: dict[str, str | None] = (row and row[0]) or {}
    return found


def mapped_at(conn: Connection[Any], workspace: str) -> datetime | None:
    """Since when what was mapped last is known."""
    row = conn.execute(
        """select (counts -> 'input' ->> 'known_at')::timestamptz from sakigake.run_step
        where workspace = %s and step = %s and status = 'succeeded' order by started_at desc limit 1""",
        (workspace, Step.MAP),
    ).fetchone()
    return row[0] if row else None
