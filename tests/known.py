"""What a mirror tells connectors of its versions, from a mapping of records; empty by default."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sync.records import CrmRecord


class Known:
    def __init__(self, rows: Mapping[str, CrmRecord] | None = None) -> None:
        self.rows: Mapping[str, CrmRecord] = {} if rows is None else rows

    def __call__(self, object_name: str, ids: Sequence[str]) -> dict[str, datetime]:
        _ = object_name
        return {i: self.rows[i].version for i in ids if i in self.rows}

    def count(self, object_name: str, low: datetime, high: datetime) -> int:
        _ = object_name
        return sum(low <= r.version <= high and not r.deleted for r in self.rows.values())
