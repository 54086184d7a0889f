"""What the mapping asks of the mirror. The mirror implements it; tests hold rows in memory."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from sync.mapping.conditions import MirrorValue
from sync.records import HistoryRow

__all__ = ["HistoryRow", "MirrorReader", "MirrorRow", "MirrorValue"]


class MirrorRow(NamedTuple):
    """One record as mirrored. `values` holds the fields asked for, by the CRM's own names; aware times, None where empty."""

    id: str
    version: datetime
    deleted: bool
    values: Mapping[str, MirrorValue]
    merged_into: str | None = None


class MirrorReader(Protocol):
    """Rows come in any order and may be read once as they stream; nothing in the results depends on their order.

    An object that is not in the mirror yields nothing.
    """

    def rows(
        self, connection: str, object_name: str, fields: Sequence[str], *, deleted: bool = False
    ) -> Iterator[MirrorRow]:
        """The live records; with `deleted` also the deleted and merged ones."""
        ...

    def history(self, connection: str, object_name: str, fields: Sequence[str]) -> Iterator[HistoryRow]:
        """Changes of these fields as the CRM's history tells them, of live records at least."""
        ...

    def associations(
        self, connection: str, from_object: str, to_object: str
    ) -> Iterator[tuple[str, str, str | None, str]]:
        """(from id, to id, label, type id) of each link between records of two objects; one pair may carry several."""
        ...
