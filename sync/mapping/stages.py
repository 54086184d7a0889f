"""When a record entered a stage, from the CRM's history of the stage field."""

from collections import defaultdict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from sync.mapping.reader import MirrorReader

AT_CREATION = "created"  # the change id of a value that was there from the start


class StageChange(NamedTuple):
    changed_at: datetime
    change_id: str
    old: str | None
    new: str | None


class Entered(NamedTuple):
    """One entry into the stage. `changed_at` is None where the value was there when the record was made."""

    changed_at: datetime | None
    change_id: str


class Passages(NamedTuple):
    """All entries into a stage, in order. `unseen`: the record stands in it now, and no change says since when."""

    entered: list[Entered]
    unseen: bool


History = dict[str, dict[str, list[StageChange]]]


def read_history(reader: MirrorReader, connection: str, object_name: str, fields: Sequence[str]) -> History:
    """Field -> record -> its changes, in their order."""
    history: History = {field: defaultdict(list) for field in fields}
    if fields:
        for row in reader.history(connection, object_name, fields):
            of_field = history.get(row.field)
            if of_field is not None:  # Salesforce also tells of the creation, as a field of its own
                of_field[row.record_id].append(StageChange(row.changed_at, row.change_id, row.old, row.new))
    for of_field in history.values():
        for record, changes in of_field.items():
            if len(changes) > 1:  # once a record, rather than once a milestone
                of_field[record] = in_order(changes)
    return history


def in_order(changes: list[StageChange]) -> list[StageChange]:
    """By time; changes of one instant are chained by what each was changed from, since their ids say nothing of order."""
    if len(changes) < 2:
        return changes
    if all(one.changed_at < other.changed_at for one, other in pairwise(changes)):
        return changes  # as the mirror sends them
    rest = sorted(set(changes), key=lambda change: change[:2])
    if all(one.changed_at != other.changed_at for one, other in pairwise(rest)):
        return rest
    ordered: list[StageChange] = []
    while rest:
        tied = [change for change in rest if change.changed_at == rest[0].changed_at]
        value = ordered[-1].new if ordered else None
        results = {change.new for change in tied}
        following = next((change for change in tied if change.old == value), None) if ordered else None
        start = next((change for change in tied if change.old not in results), None)
        chosen = following or start or tied[0]
        ordered.append(chosen)
        rest.remove(chosen)
    return ordered


def passages(ordered: list[StageChange], current: str | None, stages: AbstractSet[str]) -> Passages:
    """Each time the record came into one of `stages` from outside. Moving between two of them is no new entry.

    What it was before the first known change, it was from the start; without any change, so is what it is now.
    """
    if not ordered:
        return Passages([Entered(None, AT_CREATION)] if current in stages else [], unseen=False)
    inside = ordered[0].old in stages
    entered = [Entered(None, AT_CREATION)] if inside else []
    for change in ordered:
        now = change.new in stages
        if now and not inside:
            entered.append(Entered(change.changed_at, change.change_id))
        inside = now
    return Passages(entered, unseen=current in stages and not inside)
