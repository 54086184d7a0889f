"""Which fields of which records would change: results against what the CRM last confirmed, then against its live values. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from models.catalogue import CatalogueField, Kind
from models.vocabulary import RecordRef

Stored = Any
"""A value as results keep it (JSON): a string, a number, a boolean, a date as YYYY-MM-DD, or None."""
NUMERIC = frozenset({Kind.INTEGER, Kind.NUMBER, Kind.PERCENT})


@dataclass(frozen=True, slots=True)
class Wanted:
    """One field of one record should hold this value; `why` is the sentence that the plan shows."""

    record: RecordRef
    field: CatalogueField
    value: Stored
    why: str


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One field of one record, old and new."""

    record: RecordRef
    field: CatalogueField
    old: Stored
    new: Stored
    why: str


@dataclass(slots=True)
class Draft:
    """What a plan holds before it is stored. `agreed` are fields that the CRM already holds as wanted."""

    changes: list[PlannedChange] = field(default_factory=list)
    agreed: list[Wanted] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)


def same(what: CatalogueField, a: Stored, b: Stored) -> bool:
    """Whether two values read the same: numbers by value, a blank text and no text alike."""
    if a in (None, "") or b in (None, ""):
        return (a in (None, "")) and (b in (None, ""))
    if what.kind in NUMERIC:
        try:
            return Decimal(str(a)) == Decimal(str(b))
        except InvalidOperation:
            return False
    return bool(a == b)


def worth_writing(what: CatalogueField, old: Stored, new: Stored) -> bool:
    """Whether a reader would care: the values differ, numbers and dates by at least the field's smallest step."""
    if same(what, old, new):
        return False
    if what.kind in NUMERIC and old not in (None, "") and new not in (None, ""):
        try:
            return abs(Decimal(str(new)) - Decimal(str(old))) >= what.step
        except InvalidOperation:
            return True
    if what.kind is Kind.DATE and what.step and old not in (None, "") and new not in (None, ""):
        try:
            return abs((date.fromisoformat(str(new)) - date.fromisoformat(str(old))).days) >= what.step
        except ValueError:
            return True
    return True


def candidates(wanted: Iterable[Wanted], confirmed: Mapping[tuple[RecordRef, str], Stored]) -> list[Wanted]:
    """Those that differ from what the CRM last confirmed, or that were never confirmed: only their records are read live."""
    never = object()
    found = []
    for want in wanted:
        held = confirmed.get((want.record, want.field.name), never)
        if held is never or worth_writing(want.field, held, want.value):
            found.append(want)
    return found


def draft(wanted: Iterable[Wanted], live: Mapping[RecordRef, Mapping[str, Stored] | None]) -> Draft:
    """The plan for these candidates. `live` holds decoded values by catalogue name; None marks a record that is not there."""
    result = Draft()
    for want in sorted(wanted, key=lambda w: (w.record, w.field.name)):
        values = live.get(want.record)
        if values is None:
            result.skipped["the record is deleted or not visible to us"] += 1
            continue
        old = values.get(want.field.name)
        if same(want.field, old, want.value):
            result.agreed.append(want)
        elif not worth_writing(want.field, old, want.value):
            result.skipped["the difference is below the field's smallest step"] += 1
        else:
            result.changes.append(PlannedChange(want.record, want.field, old, want.value, want.why))
    return result
