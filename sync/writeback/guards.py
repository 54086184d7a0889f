"""What stops a plan before its first byte is sent: too many records, tiers or empty values at once. Pure.

Each guard answers with one sentence: what was met, and what is allowed. A plan that any of them stops is held for a person.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sync.writeback.plan import ChangeKind, PlannedChange, kind_of

FEW = 10  # of a handful, a large share says nothing
FEW_TIERS = 3  # partners are few, their tiers move seldom and are never empty


@dataclass(frozen=True, slots=True)
class Limits:
    """Shares from 0 to 1 that one plan may reach."""

    records_changed: float = 0.3
    tiers_moved: float = 0.3
    emptied: float = 0.1


@dataclass(frozen=True, slots=True)
class Known:
    """What the CRMs hold of ours before the plan: `records` that the mapping names, and by field how many are filled."""

    records: int = 0
    filled: Mapping[str, int] = field(default_factory=dict)


def too_much(changes: Sequence[PlannedChange], known: Known, limits: Limits) -> Iterator[str]:
    """A sentence for every limit that the plan passes. Filling what was empty counts as a changed record, and in nothing else."""
    touched = len({c.record for c in changes})
    yield from _share(touched, known.records, limits.records_changed, "records would be changed", "records_changed")
    moved = sum(c.field.name == "tier" and kind_of(c.old, c.new) is ChangeKind.CHANGED for c in changes)
    yield from _share(
        moved, known.filled.get("tier", 0), limits.tiers_moved, "tiers would move", "tiers_moved", few=FEW_TIERS
    )
    emptied = Counter(c.field.name for c in changes if kind_of(c.old, c.new) is ChangeKind.EMPTIED)
    for name, count in sorted(emptied.items()):
        few = FEW_TIERS if name == "tier" else FEW
        what = f"values of {name} would be emptied"
        yield from _share(count, known.filled.get(name, 0), limits.emptied, what, "emptied", few=few)


def _share(count: int, of: int, limit: float, what: str, setting: str, *, few: int = FEW) -> Iterator[str]:
    of = max(of, count)  # what we have not seen filled was filled all the same
    if count >= few and count > limit * of:
        yield (
            f"{count:,} of {of:,} {what}, and {limit:.0%} are allowed at once (guards.{setting}): "
            "look whether the mapping or the CRM's data has a fault."
        )
