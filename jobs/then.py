"""What a moment's numbers stood on besides facts: the mapping, and what the settings said then. Kept with each computation."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from pydantic import TypeAdapter, ValidationError

from jobs.settings import Calendar, Targets, WorkspaceSettings
from jobs.settings_numbers import Assumed

Conn = Connection[Any]
PARTS: dict[str, TypeAdapter[Any]] = {
    "assumptions": TypeAdapter(Assumed),
    "calendar": TypeAdapter(Calendar),
    "targets": TypeAdapter(Targets),
    "team": TypeAdapter(int | None),
}
"""Of the settings, what numbers depend on. None of it is a secret."""


def fingerprint(settings: WorkspaceSettings) -> str:
    """Changes whenever those parts of the settings do that numbers depend on."""
    return hashlib.sha256(_said(settings).encode()).hexdigest()[:16]


def keep_settings(conn: Conn, workspace: str, settings: WorkspaceSettings, at: datetime) -> str:
    """Keeps what these settings say, once for all computations with them; returns their fingerprint."""
    found = fingerprint(settings)
    conn.execute(
        """insert into sakigake.settings_said (workspace, settings_hash, said, first_used_at) values (%s, %s, %s, %s)
        on conflict do nothing""",
        (workspace, found, _said(settings), at),
    )
    return found


def settings_of(conn: Conn, workspace: str, settings_hash: str | None, today: WorkspaceSettings) -> WorkspaceSettings:
    """Today's settings with what that version said in the place of what they say now.

    Today's, where the version was not kept (before they were) or says what this Sakigake does not take any more.
    """
    row = conn.execute(
        "select said from sakigake.settings_said where workspace = %s and settings_hash = %s",
        (workspace, settings_hash),
    ).fetchone()
    if row is None:
        return today
    try:
        said = {part: model.validate_python(row[0][part]) for part, model in PARTS.items() if part in row[0]}
    except ValidationError:
        return today
    return today.model_copy(update=said)


@dataclass(frozen=True, slots=True)
class Then:
    """What numbers stand on besides facts: mapping (a hash), settings with their fingerprint, and how far what is read had been read.

    `reconstructed`: the moment lies before the first computation, so that what was known then is told by the CRMs' own histories.
    """

    mapping: str
    settings: WorkspaceSettings
    settings_hash: str | None
    input_watermark: dict[str, Any] | None
    reconstructed: bool

    def document(self) -> dict[str, Any]:
        """As documents have it. Draws are seeded by the mapping's hash."""
        assumed = self.settings.assumptions.model_dump(mode="json")
        return {
            "settings": self.settings_hash,
            "assumptions": assumed,
            "seed": self.mapping,
            "input_watermark": self.input_watermark,
            "reconstructed": self.reconstructed,
        }


def then(conn: Conn, workspace: str, today: WorkspaceSettings, mapping: str, known_at: datetime) -> Then:
    """What numbers stood on at that moment: what the newest computation up to it did.

    From the newest computation of all on these are today's settings and mapping, so that a change can be tried before it is run; and before
    the first one, when nothing was kept.
    """
    row = conn.execute(
        """select mapping_hash, settings_hash, input_watermark, exists (
            select from sakigake.computation n where n.workspace = c.workspace and n.known_at > %(at)s)
        from sakigake.computation c where workspace = %(w)s and known_at <= %(at)s
        order by known_at desc, computed_at desc limit 1""",
        {"w": workspace, "at": known_at},
    ).fetchone()
    mapped, settings_hash, watermark, later = row or (mapping, None, None, False)
    if not later:
        return Then(mapping, today, fingerprint(today), watermark, row is None)
    return Then(
        mapped, settings_of(conn, workspace, settings_hash, today), settings_hash, watermark, reconstructed=False
    )


def stood_on(conn: Conn, workspace: str, run_id: str) -> dict[str, Any]:
    """What the computation of a run stood on, as documents have it; null what was not kept then."""
    row = conn.execute(
        """select c.settings_hash, s.said -> 'assumptions', c.seed, c.input_watermark from sakigake.computation c
        left join sakigake.settings_said s using (workspace, settings_hash) where c.workspace = %s and c.run_id = %s""",
        (workspace, run_id),
    ).fetchone()
    found = zip(("settings", "assumptions", "seed", "input_watermark"), row or (None,) * 4, strict=True)
    return {**dict(found), "reconstructed": False}


def _said(settings: WorkspaceSettings) -> str:
    return settings.model_dump_json(include=set(PARTS))
