"""Which partner or entry a record is, or was at a past moment."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg import Connection

from jobs.errors import NotFound
from models.vocabulary import RecordRef


@dataclass(frozen=True, slots=True)
class Subject:
    """A partner or entry, and the partner that it is or belongs to."""

    kind: Literal["partner", "entry"]
    id: str
    partner_id: str


def subject_of(conn: Connection[Any], workspace: str, ref: RecordRef, known_at: datetime | None = None) -> Subject:
    """What the record is now, or was known as at `known_at`; of one that is gone, what it was last. NotFound where it never was either."""
    place = (workspace, ref.connection, ref.object, ref.id)
    where = "workspace = %s and connection = %s and object = %s and record_id = %s"
    now = conn.execute(
        f"""select 'partner', partner_id, partner_id, known_at from sakigake.partner_source where {where}
        union all select 'entry', entry_id, partner_id, known_at from sakigake.entry_source where {where}""",  # noqa: S608
        (*place, *place),
    ).fetchone()
    if now is not None and (known_at is None or now[3] <= known_at):
        return Subject(now[0], now[1], now[2])
    past = conn.execute(
        """select kind, said ->> 'entry_id', said ->> 'partner_id' from sakigake.past_fact
        where workspace = %s and kind in ('partner_source', 'entry_source') and fact_id = %s
            and (%s::timestamptz is null or (known_at <= %s and known_until > %s))
        order by known_until desc limit 1""",
        (workspace, str(ref), known_at, known_at, known_at),
    ).fetchone()
    if past is not None:
        return (
            Subject("partner", past[2], past[2]) if past[0] == "partner_source" else Subject("entry", past[1], past[2])
        )
    then = "" if known_at is None else f" as of {known_at.isoformat(timespec='minutes')}"
    raise NotFound(
        f"{ref} is neither a partner nor an entry of workspace {workspace}{then}; check the id, the mapping's conditions, and that "
        "`sakigake run` has read it."
    )
