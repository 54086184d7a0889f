"""Tiers set by hand: kept with who, why and until when; what the next run computes respects them."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from psycopg import Connection

from indicators.inputs import TierOverride, day_number
from jobs.errors import ConfigError, NotFound
from models.audit import AuditKind
from models.vocabulary import RecordRef, Tier
from sync.chain.store import record

Conn = Connection[Any]
LONGEST = timedelta(days=366)
LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Override:
    """One of them as kept. `ended_on` where a person ended it before its time."""

    override_id: str
    partner_id: str
    partner: str
    tier: str
    starts_on: date
    ends_on: date
    reason: str
    set_by: str
    set_at: datetime
    ended_on: date | None
    ended_by: str | None
    ended_because: str | None

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            name: value.isoformat() if isinstance(value := getattr(self, name), date) else value
            for name in self.__slots__
        }


def partner_of(conn: Conn, workspace: str, ref: RecordRef) -> str:
    """The partner that a CRM record is; NotFound where it is none."""
    row = conn.execute(
        """select partner_id from sakigake.partner_source
        where workspace = %s and connection = %s and object = %s and record_id = %s""",
        (workspace, ref.connection, ref.object, ref.id),
    ).fetchone()
    if row is None:
        raise NotFound(
            f"{ref} is no partner of workspace {workspace}; check the id, and that `sakigake run` has read it."
        )
    return str(row[0])


def set_tier(
    conn: Conn,
    workspace: str,
    partner_id: str,
    tier: Tier,
    *,
    today: date,
    until: date,
    reason: str,
    by: str,
    at: datetime,
    known_at: datetime,
) -> str:
    """The id of a new override from `today` up to and including `until`; one that holds already ends the day before.

    `at` is our clock, for people; `known_at` the CRMs' clock, for "as it was known". ConfigError for an end or a reason that will not do.
    """
    if until < today:
        raise ConfigError(f"--until is {until}, which is over; choose a day from {today} on.")
    if until - today > LONGEST:
        raise ConfigError(f"--until is {until}; a tier set by hand ends within a year, by {today + LONGEST}.")
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise ConfigError(f"--reason says why, in 1 to {LONGEST_REASON} characters.")
    override_id = f"override-{uuid.uuid4()}"
    with conn.transaction():
        _end(conn, workspace, partner_id, today - timedelta(days=1), by, f"replaced by {override_id}", at, known_at)
        conn.execute(
            """insert into sakigake.tier_override
                (workspace, override_id, partner_id, tier, starts_on, ends_on, reason, set_by, set_at, known_at)
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
            (workspace, override_id, partner_id, tier.value, today, until, reason.strip(), by, at, known_at),
        )
        said = {"tier": tier.value, "from": today.isoformat(), "until": until.isoformat(), "reason": reason.strip()}
        record(conn, workspace, AuditKind.OVERRIDE, by, partner_id, {"override": override_id, **said}, now=at)
    return override_id


def end_tier(
    conn: Conn, workspace: str, partner_id: str, *, today: date, reason: str, by: str, at: datetime, known_at: datetime
) -> int:
    """How many overrides of the partner were ended: from `today` on the rules decide again. NotFound where none holds."""
    with conn.transaction():
        ended = _end(conn, workspace, partner_id, today - timedelta(days=1), by, reason, at, known_at)
        if ended:
            said = {"tier": None, "from": today.isoformat(), "reason": reason}
            record(conn, workspace, AuditKind.OVERRIDE, by, partner_id, said, now=at)
    if not ended:
        raise NotFound("No tier of this partner is set by hand; `sakigake tier list` shows those that are.")
    return ended


def _end(
    conn: Conn, workspace: str, partner_id: str, last: date, by: str, why: str, at: datetime, known_at: datetime
) -> int:
    """Ends what still holds after day `last`."""
    return conn.execute(
        """update sakigake.tier_override set ended_on = greatest(%s, starts_on - 1), ended_by = %s, ended_because = %s, ended_at = %s, end_known_at = %s
        where workspace = %s and partner_id = %s and ends_on > %s and ended_at is null""",
        (last, by, why, at, known_at, workspace, partner_id, last),
    ).rowcount


def listed(conn: Conn, workspace: str, today: date, *, everything: bool = False) -> list[Override]:
    """Overrides that hold on `today`, the next to end first; or all there ever were."""
    rows = conn.execute(
        """select o.override_id, o.partner_id, coalesce(p.name, ''), o.tier, o.starts_on, o.ends_on, o.reason, o.set_by, o.set_at,
            o.ended_on, o.ended_by, o.ended_because
        from sakigake.tier_override o left join sakigake.partner p using (workspace, partner_id)
        where o.workspace = %s and (%s or (o.ends_on >= %s and o.ended_at is null))
        order by o.ends_on, o.set_at, o.override_id""",
        (workspace, everything, today),
    )
    return [Override(*row) for row in rows]


def acting(conn: Conn, workspace: str, known_at: datetime, place: Mapping[str, int]) -> tuple[TierOverride, ...]:
    """All overrides as they were known at a moment, for the arithmetic; `place` gives each partner's row."""
    rows = conn.execute(
        """select partner_id, tier, starts_on, case when end_known_at <= %s then ended_on else ends_on end, reason, set_by
        from sakigake.tier_override where workspace = %s and known_at <= %s order by set_at, override_id""",
        (known_at, workspace, known_at),
    )
    return tuple(
        TierOverride(place[partner_id], Tier(tier), day_number(start), day_number(end), reason, by)
        for partner_id, tier, start, end, reason, by in rows
        if partner_id in place and end >= start
    )


def fingerprint(conn: Conn, workspace: str) -> str:
    """Changes whenever an override is set or ended."""
    row = conn.execute(
        """select count(*), max(set_at), max(ended_at) from sakigake.tier_override where workspace = %s""", (workspace,)
    ).fetchone()
    return "|".join(str(v) for v in row or ())
