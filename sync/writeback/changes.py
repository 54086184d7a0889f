"""Changes on their way through the journal: what stands open, and what became of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from sys import intern
from typing import Any

from psycopg import Connection

from models.catalogue import BY_NAME, CatalogueField
from models.vocabulary import ChangeStatus, RecordRef
from sync.writeback.plan import Stored

Connect = Connection[Any]


@dataclass(frozen=True, slots=True)
class OpenChange:
    """One journalled change that is not settled yet."""

    plan_id: str
    seq: int
    record: RecordRef
    field: CatalogueField
    api_name: str
    old: Stored
    new: Stored
    job_id: str | None = None
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one change. `uncertain`: its newest sending was never answered. `withhold`: not to be offered again as it is.
    `merged_into`: it failed because its record went into that one.
    """

    change: OpenChange
    status: ChangeStatus
    cause: str = ""
    request_id: str | None = None
    uncertain: bool = False
    withhold: bool = False
    merged_into: str | None = None


def open_change(row: Sequence[Any]) -> OpenChange:
    plan_id, connection, name, api_name = (
        intern(row[n]) for n in (0, 2, 3, 6)
    )  # a job's changes are many, their names few
    return OpenChange(plan_id, row[1], RecordRef(connection, name, row[4]), BY_NAME[row[5]], api_name, *row[7:])


def by_plan(changes: Sequence[OpenChange]) -> Iterator[tuple[str, list[int]]]:
    for plan_id, group in groupby(sorted(changes, key=lambda c: c.plan_id), key=lambda c: c.plan_id):
        yield plan_id, [c.seq for c in group]
