"""Which past is asked for: `as_of` is the day that is looked at, `known_at` the moment whose knowledge counts.

exact          what the newest computation up to that moment said, from the log of results: what people read in the CRM then
recomputed     another day than that computation's, from the events as they were known at the moment
reconstructed  before the first computation: from the events that the CRM's own history dates before the moment
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from psycopg import Connection

from jobs.axes import FIRST, chosen
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
    settings_hash: str | None

    def document(self) -> dict[str, Any]:
        return {
            "how": self.kind,
            "run": self.run,
            "as_of": self.as_of.isoformat(),
            "known_at": self.known_at.isoformat(),
            "mapping_hash": self.mapping_hash,
            "code_version": self.code_version,
            "settings": self.settings_hash,
        }


def choose(
    conn: Connection[Any], workspace: str, zone: ZoneInfo, as_of: date | None, known_at: datetime | None
) -> When:
    """The past asked for, see `jobs.axes`; without any, the newest computation. NotFound where nothing was computed yet."""
    newest = _computation(conn, workspace, None)
    if newest is None:
        raise NotFound(f"Nothing has been computed for workspace {workspace} yet; say: sakigake run")
    if as_of is None and known_at is None:
        return When("now", newest[1], newest[2], newest[0], *newest[3:])
    day, moment = chosen(as_of, known_at, zone, (newest[1], newest[2]))
    if day < FIRST:
        raise ConfigError(f"The day looked at is {day}, expected one from {FIRST} on; say another with --as-of.")
    found = _computation(conn, workspace, moment)
    if found is None:
        return When("reconstructed", day, moment, None, *newest[3:])
    if as_of is None or day in (moment.astimezone(zone).date(), found[1]):
        return When("exact", found[1], found[2], found[0], *found[3:])
    return When("recomputed", day, moment, None, *found[3:])


def _computation(conn: Connection[Any], workspace: str, until: datetime | None) -> Any:
    """(run, as of, known at, mapping, code, settings) of the newest computation up to a moment."""
    return conn.execute(
        """select run_id, as_of, known_at, mapping_hash, code_version, settings_hash from sakigake.computation
        where workspace = %(w)s and (%(until)s::timestamptz is null or known_at <= %(until)s)
        order by known_at desc, computed_at desc limit 1""",
        {"w": workspace, "until": until},
    ).fetchone()
