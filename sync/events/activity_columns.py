"""Activities with partners as columns, taken many together: what the arithmetic needs of them, without a value a row."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import psycopg
from sqlalchemy import Connection

from models.vocabulary import aware
from sync.events.as_known import tables
from sync.events.blocks import blocks, counts, numbers

_EPOCH = 10957  # 2000-01-01 in days since 1970
_ACTIVITIES = """
    select a.partner_id, a.kind, array_agg(a.occurred_on) from {activity} a
    where a.occurred_on <= %(day)s and (%(only)s::text[] is null or a.partner_id = any(%(only)s))
    group by a.partner_id, a.kind"""


@dataclass(frozen=True, slots=True)
class ActivityColumns:
    """Activities in any order, columns of one length: places in `partner_ids` and in `kinds`, and days since 1970-01-01."""

    partner_ids: list[str]
    kinds: list[str]
    partner: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int64]
    day: npt.NDArray[np.int64]


def activity_columns(
    connection: Connection,
    workspace: str,
    as_of: date,
    known_at: datetime | None = None,
    only: Collection[str] | None = None,
) -> ActivityColumns:
    """Activities up to `as_of` (with `only` these partners), as the mapping now sees them or as they were known at `known_at` (aware)."""
    raw = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    given = {
        "w": workspace,
        "day": as_of,
        "only": None if only is None else sorted(only),
        "k": None if known_at is None else aware(known_at, "known_at"),
    }
    with raw.cursor() as cursor:
        sent = blocks(cursor, _ACTIVITIES.format(**tables(past=known_at is not None)), given, 3)
    partner_ids, kinds = (sorted({block[at].decode() for block in sent}) for at in (0, 1))
    days = [block[2] for block in sent]

    def places(at: int, among: list[str]) -> npt.NDArray[np.int64]:
        place = {name.encode(): i for i, name in enumerate(among)}
        return np.repeat(np.array([place[block[at]] for block in sent], np.int64), counts(days))

    return ActivityColumns(partner_ids, kinds, places(0, partner_ids), places(1, kinds), numbers(days) + _EPOCH)
