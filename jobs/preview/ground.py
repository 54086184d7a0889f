"""What two versions of the mapping are held against."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import Connection
from sqlalchemy import Connection as SqlConnection
from sqlalchemy import Engine

from jobs.preview.lenient import Lenient
from jobs.settings import WorkspaceSettings
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.matching import Decision
from sync.mirror.read import Mirror


@dataclass(frozen=True, slots=True)
class Ground:
    """The mirror of one moment, what people decided, and up to when facts count. `moment` is that of the last pull.

    `known_at`: as known when. What was read is mapped, and known, a little later.
    """

    engine: Engine
    conn: SqlConnection
    raw: Connection[Any]
    workspace: str
    settings: WorkspaceSettings
    decisions: Sequence[Decision]
    as_of: date
    moment: datetime
    known_at: datetime

    def reader(self, rules: Rules, pulled_by: Rules | None) -> Lenient:
        """The mirror as this version reads it."""
        return Lenient(
            self.raw, self.workspace, Mirror(self.raw, self.workspace, self.settings.schema_of), rules, pulled_by
        )
