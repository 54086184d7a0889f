"""What storing a page did, and where the page belongs."""

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Self

from psycopg import Connection


@dataclass(slots=True)
class LandCounts:
    """What storing did. `touched` rows moved their version only: no value of theirs changed."""

    read: int = 0
    inserted: int = 0
    changed: int = 0
    touched: int = 0
    deleted: int = 0
    history: int = 0
    links: int = 0
    parked: int = 0

    def __iadd__(self, other: "LandCounts") -> Self:
        for f in fields(self):
            setattr(self, f.name, getattr(self, f.name) + getattr(other, f.name))
        return self

    @property
    def altered(self) -> bool:
        """Whether the mapping could see a difference."""
        return bool(self.inserted or self.changed or self.deleted or self.history or self.links)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page belongs, and when it is stored."""

    workspace: str
    connection: str
    run_id: str
    now: datetime
    tracked: tuple[str, ...] = field(default=())  # fields whose value changes are kept


def note_landing(conn: Connection[Any], object_name: str, place: Place, done: LandCounts) -> None:
    """Keeps which page of which run changed rows, in the page's own transaction: a row's `_changed_at` is the page's moment.

    One row a page that changed something; values that came in several steps at one moment are one page.
    """
    if not done.altered:
        return
    at = (place.workspace, place.connection, object_name, place.run_id)
    conn.execute(
        """insert into sakigake.landing (workspace, connection, object, run_id, page, landed_at, records)
        select %s, %s, %s, %s, coalesce(max(page), 0) + 1, %s, %s from sakigake.landing
        where workspace = %s and connection = %s and object = %s and run_id = %s
        having not coalesce(bool_or(landed_at = %s), false)""",
        (*at, place.now, done.read, *at, place.now),
    )
