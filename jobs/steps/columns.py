"""Events as the columns that the arithmetic reads, made of values rather than read from the log."""

from collections.abc import Iterable
from datetime import date

import numpy as np

from models.vocabulary import Entry, Milestone
from sync.events.read import MILESTONES, EventColumns

_CODE = {milestone.value: at for at, milestone in enumerate(MILESTONES)}


def columns_of(entries: Iterable[Entry], events: Iterable[tuple[str, Milestone | str, date, str]]) -> EventColumns:
    """(entry id, milestone, day, connection that told it) of events as columns; events of other entries are left out."""
    ids = sorted(e.entry_id for e in entries)
    place = {entry_id: at for at, entry_id in enumerate(ids)}
    shown = [e for e in events if e[0] in place]
    n = len(shown)
    connections = {name: at for at, name in enumerate(sorted({e[3] for e in shown}))}
    return EventColumns(
        entry_ids=ids,
        entry=np.fromiter((place[e[0]] for e in shown), np.int64, n),
        milestone=np.fromiter((_CODE[str(e[1])] for e in shown), np.int8, n),
        occurred_on=np.array([e[2] for e in shown], "datetime64[D]"),
        connection=np.fromiter((connections[e[3]] for e in shown), np.int64, n),
    )
