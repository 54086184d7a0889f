"""Which past is asked for: `as_of` is the day that is looked at, `known_at` the moment whose knowledge counts.

exact          what the newest computation up to that moment said, from the log of results: what people read in the CRM then
recomputed     another day than that computation's, from the events as they were known at the moment
reconstructed  before the first computation: from the events that the CRM's own history dates before the moment
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from psycopg import Connection

from jobs.errors import ConfigError, NotFound

Kind = Literal["now", "exact", "recomputed", "reconstructed"]


@dataclass(frozen=True, slots=True)
class When:
    """The day and the moment of knowledge; `run` is the computation that they fall to, None where there was none."""

    kind: Kind
    as_of: date
    known_at: datetime
    run: str | None
    mapping_hash: str | None
    code_version: str | None

    def document(self) -> dict[str, Any]:
        return {
            "how": self.kind,
            "run": self.run,
            "as_of": self.as_of.isoformat(),
            "known_at": self.known_at.isoformat(),
            "mapping_hash": self.mapping_hash,
            "code_version": self.code_version,
        }


def parse_day(text: str, option: str) -> date:
    """A day written YYYY-MM-DD; ConfigError tells what was met."""
    try:
        return date.fromisoformat(text)
    except ValueError as e:
        raise ConfigError(f"{option} is {text!r}, expected a day such as 2026-05-31.") from e


def parse_moment(text: str, option: str, zone: ZoneInfo) -> datetime:
    """A moment in ISO 8601, or a day, whose end is meant; without a zone it is the workspace's."""
    try:
        if len(text) == 10:
            return end_of(date.fromisoformat(text), zone)
        found = datetime.fromisoformat(text)
    except ValueError as e:
        raise ConfigError(
            f"{option} is {text!r}, expected a day such as 2026-05-31 or a time such as 2026-05-31T09:00+09:00."
        ) from e
    return found if found.tzinfo else found.replace(tzinfo=zone)


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """The last instant of the day in that zone."""
    following = datetime.combine(day + timedelta(days=1), time.min, zone).astimezone(UTC)
    return following - timedelta(microseconds=1)


def choose(
    conn: Connection[Any], workspace: str, zone: ZoneInfo, as_of: date | None, known_at: datetime | None
) -> When:
    """The past asked for; without any, the newest computation. NotFound where nothing was computed yet."""
    newest = _computation(conn, workspace, None)
    if newest is None:
        raise NotFound(f"Nothing has been computed for workspace {workspace} yet; say: sakigake run")
    if as_of is None and known_at is None:
        return When("now", newest[1], newest[2], newest[0], newest[3], newest[4])
    if known_at is None:
        assert as_of is not None
        known_at = end_of(as_of, zone)
    found = _computation(conn, workspace, known_at)
    if found is None:
        day = as_of or known_at.astimezone(zone).date()
        return When("reconstructed", day, known_at, None, newest[3], newest[4])
    if as_of is None or as_of == known_at.astimezone(zone).date() or as_of == found[1]:
        return When("exact", found[1], found[2], found[0], found[3], found[4])
    return When("recomputed", as_of, known_at, None, found[3], found[4])


def _computation(conn: Connection[Any], workspace: str, until: datetime | None) -> Any:
    """(run, as of, known at, mapping, code) of the newest computation up to a moment."""
    return conn.execute(
        """select run_id, as_of, known_at, mapping_hash, code_version from sakigake.computation
        where workspace = %(w)s and (%(until)s::timestamptz is null or known_at <= %(until)s)
        order by known_at desc, computed_at desc limit 1""",
        {"w": workspace, "until": until},
    ).fetchone()
