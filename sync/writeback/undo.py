"""What a run wrote, taken back: the old values again, where nobody has touched the field since. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from models.catalogue import CatalogueField
from models.vocabulary import RecordRef
from sync.writeback.plan import Blocked, Draft, Gone, PlannedChange, Stored, same


@dataclass(frozen=True, slots=True)
class WroteOnce:
    """One field that the run wrote: `old` became `new`. `since`: a later run of ours has written it again."""

    record: RecordRef
    field: CatalogueField
    old: Stored
    new: Stored
    since: bool


def undo_draft(wrote: Iterable[WroteOnce], live: Mapping[RecordRef, Mapping[str, Stored] | Gone], run_id: str) -> Draft:
    """Old values where the CRM still holds what the run wrote; everything else is blocked, each with its cause."""
    result = Draft()
    for w in sorted(wrote, key=lambda w: (w.record, w.field.name)):
        values = live[w.record]
        there = None if isinstance(values, Gone) else values.get(w.field.name)
        change = PlannedChange(w.record, w.field, there, w.old, f"takes back {run_id}")
        if isinstance(values, Gone):
            went = f"merged into {values.merged_into}" if values.merged_into else "deleted or not visible to us"
            result.blocked.append(Blocked(change, f"the record is {went}"))
        elif w.since:
            result.blocked.append(Blocked(change, "a later run wrote the field again"))
        elif not same(w.field, there, w.new):
            result.blocked.append(Blocked(change, "somebody has changed the field since"))
        else:
            result.changes.append(change)
    return result
