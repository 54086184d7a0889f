"""Which fields of which records would change: results against what the CRM last confirmed, then against its live values. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from models.catalogue import CatalogueField, Kind
from models.vocabulary import RecordRef

Stored = Any
"""A value as results keep it (JSON): a string, a number, a boolean, a date as YYYY-MM-DD, or None."""
Cell = tuple[RecordRef, str]
"""One field of one record, by its name in the catalogue."""
NUMERIC = frozenset({Kind.INTEGER, Kind.NUMBER, Kind.PERCENT})
_NEVER = object()
BELOW_STEP = "the difference is below the field's smallest step"
LATE = "an earlier write to the field went unanswered and may still take effect; the next plan decides"


class EditPolicy(StrEnum):
    """What becomes of a value that a person wrote over ours."""

    OVERWRITE = "overwrite"
    KEEP = "keep"  # until a date
    ASK = "ask"


class ChangeKind(StrEnum):
    """What a change does to its field."""

    FILLED = "filled"
    CHANGED = "changed"
    EMPTIED = "emptied"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One field of one record should hold this value; `why` is the sentence that the plan shows."""

    record: RecordRef
    field: CatalogueField
    value: Stored
    why: str

    @property
    def cell(self) -> Cell:
        return self.record, self.field.name


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One field of one record, old and new. `edited`: the old value is what a person wrote over ours."""

    record: RecordRef
    field: CatalogueField
    old: Stored
    new: Stored
    why: str
    edited: bool = False


@dataclass(frozen=True, slots=True)
class Blocked:
    """A change that was wanted and is not to be sent, with its cause: kept with the plan."""

    change: PlannedChange
    cause: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The record is not there; `merged_into` names the one it went into."""

    merged_into: str | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """A person wrote `theirs` over our value. `until`: the last day on which it stays, by the policy."""

    record: RecordRef
    field: CatalogueField
    ours: Stored
    theirs: Stored
    policy: EditPolicy
    until: date | None


@dataclass(frozen=True, slots=True)
class Kept:
    """What a person wrote, and the day until which it stays."""

    theirs: Stored
    until: date


@dataclass(frozen=True, slots=True)
class Memory:
    """What earlier deliveries left behind, and the policy. `confirmed` holds what the CRM last confirmed of each field."""

    confirmed: Mapping[Cell, Stored] = field(default_factory=dict)
    kept: Mapping[Cell, Kept] = field(default_factory=dict)
    withheld: Mapping[Cell, tuple[Stored, str]] = field(
        default_factory=dict
    )  # a value not to be offered again, and why
    uncertain: Mapping[Cell, Stored] = field(
        default_factory=dict
    )  # sent without an answer, so short ago that it may still arrive
    policy: EditPolicy = EditPolicy.OVERWRITE
    today: date | None = None
    keep_until: date | None = None  # under KEEP: until when an edit found today stays


@dataclass(slots=True)
class Draft:
    """What a plan holds before it is stored. `agreed` are fields that the CRM already holds as wanted; `questions` wait for a person."""

    changes: list[PlannedChange] = field(default_factory=list)
    questions: list[PlannedChange] = field(default_factory=list)
    blocked: list[Blocked] = field(default_factory=list)
    agreed: list[Wanted] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)


def blank(value: Stored) -> bool:
    """Whether a field that holds it is empty."""
    return value is None or value == ""


def same(what: CatalogueField, a: Stored, b: Stored) -> bool:
    """Whether two values read the same: numbers by value, a blank text and no text alike."""
    if blank(a) or blank(b):
        return blank(a) and blank(b)
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
    if what.kind in NUMERIC and not blank(old) and not blank(new):
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


def kind_of(old: Stored, new: Stored) -> ChangeKind:
    """Whether a field is filled, changed or emptied."""
    if blank(new):
        return ChangeKind.EMPTIED
    return ChangeKind.FILLED if blank(old) else ChangeKind.CHANGED


def draft(
    wanted: Iterable[Wanted], live: Mapping[RecordRef, Mapping[str, Stored] | Gone], memory: Memory | None = None
) -> Draft:
    """The plan for these candidates. `live` holds decoded values by catalogue name. The order of `wanted` does not matter."""
    known = memory or Memory()
    result = Draft()
    for want in sorted(wanted, key=lambda w: (w.record.connection, w.record.object, w.record.id, w.field.name)):
        values = live[want.record]
        if isinstance(values, Gone):
            result.skipped[_gone(values)] += 1
            continue
        _decide(result, known, want, values.get(want.field.name))
    return result


def _decide(result: Draft, known: Memory, want: Wanted, old: Stored) -> None:
    cell, what = want.cell, want.field
    if same(what, old, want.value):
        result.agreed.append(want)
        return
    before = known.confirmed.get(cell, _NEVER) if known.confirmed else _NEVER
    edited = before is not _NEVER and not same(what, old, before)
    if not worth_writing(what, old, want.value) and not edited:
        result.skipped[BELOW_STEP] += 1
        return
    if known.uncertain and cell in known.uncertain and not same(what, known.uncertain[cell], want.value):
        result.skipped[LATE] += 1
        return
    if known.withheld and cell in known.withheld and same(what, known.withheld[cell][0], want.value):
        result.skipped[known.withheld[cell][1]] += 1
        return
    change = PlannedChange(want.record, what, old, want.value, want.why, edited)
    if not edited:
        result.changes.append(change)
        return
    kept = known.kept.get(cell)
    if kept is not None and same(what, kept.theirs, old):  # known, and decided on
        if known.today is None or known.today <= kept.until:
            result.skipped[f"a person's value is kept until {kept.until}"] += 1
        else:
            result.changes.append(change)
        return
    until = known.keep_until if known.policy is EditPolicy.KEEP else None
    result.edits.append(Edit(want.record, what, before, old, known.policy, until))
    if until is not None:
        result.skipped[f"a person's value is kept until {until}"] += 1
    elif known.policy is EditPolicy.ASK:
        result.questions.append(change)
        result.skipped["a person wrote over it, and is asked about"] += 1
    else:
        result.changes.append(change)


def _gone(record: Gone) -> str:
    if record.merged_into is not None:
        return "the record is merged into another one, which the next run maps"
    return "the record is deleted or not visible to us"
