"""Entries that are values as the columns that the arithmetic is given."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
from psycopg import Connection

from models.vocabulary import Activity, Entry, RecordRef
from sync.events.entry_columns import NO_DAY, EntryColumns
from sync.events.target_numbers import target_number

_EPOCH = 719163  # the day 1970-01-01


def columns_of_entries(
    values: Iterable[Entry], activities: Iterable[Activity], unplaced: AbstractSet[RecordRef]
) -> EntryColumns:
    """The same as `entry_columns` reads of stored ones. `unplaced`: records in a stage that the mapping does not name."""
    entries = list(values)
    place = {e.entry_id: i for i, e in enumerate(entries)}
    last_active = np.full(len(entries), NO_DAY, np.int64)
    for activity in activities:
        at = place.get(activity.entry_id or "", -1)
        if at >= 0:
            last_active[at] = max(last_active[at], activity.occurred_on.toordinal() - _EPOCH)
    partner_ids = sorted({e.partner_id for e in entries})
    place_of_partner = {p: i for i, p in enumerate(partner_ids)}
    number = np.fromiter((target_number(e.entry_id, e.target) for e in entries), np.int64, len(entries))
    return EntryColumns(
        ids=[e.entry_id for e in entries],
        partner_ids=partner_ids,
        partner=np.fromiter((place_of_partner[e.partner_id] for e in entries), np.int64, len(entries)),
        target=np.unique(number, return_inverse=True)[1].astype(np.int64),
        number=number,
        last_active=last_active,
        unplaced=np.fromiter(
            (any(r in unplaced for r in e.sources or (e.source,)) for e in entries), np.bool_, len(entries)
        )
        if unplaced
        else np.zeros(len(entries), np.bool_),
    )


def unplaced_records(conn: Connection[Any], workspace: str, only: Sequence[str] | None = None) -> set[RecordRef]:
    """Records of entries that stand in a stage which the mapping does not name; `only`: those of these ids, of any connection."""
    rows = conn.execute(
        f"""select connection, object, record_id from sakigake.unplaced_entry
        where workspace = %(w)s {"" if only is None else "and record_id = any(%(only)s)"}""",  # noqa: S608
        {"w": workspace, "only": None if only is None else list(only)},
    )
    return {RecordRef(*row) for row in rows}
