"""Events as columns, as far as two versions of a mapping are compared, or computed on: the same for those that stand and those derived."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.vocabulary import Event, Milestone
from sync.mapping.stages import AT_CREATION

MILESTONES = tuple(Milestone)
_CODE = {id(milestone): at for at, milestone in enumerate(MILESTONES)}  # which are found sooner than by what they say
_EPOCH = date(1970, 1, 1).toordinal()
_MADE = f":{AT_CREATION}"


@dataclass(frozen=True, slots=True)
class SaidColumns:
    """All of one length; `fact` and `entry` are ids as 16 bytes, `day` counts from 1970-01-01.

    milestone  place in MILESTONES
    rule       place in `rules`, the paths of the mapping
    source     the record that told it, as `connection.Object/ID`
    made       whether its day is that of the record's making, see `stages.AT_CREATION`
    """

    fact: NDArray[np.bytes_]
    entry: NDArray[np.bytes_]
    milestone: NDArray[np.int8]
    day: NDArray[np.int64]
    rule: NDArray[np.int64]
    rules: tuple[str, ...]
    source: Sequence[str]
    made: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.fact)


def said_of(events: Iterable[Event]) -> SaidColumns:
    """Of events as values."""
    told = list(events)
    n = len(told)
    rules: dict[str, int] = {}
    codes = map(_CODE.__getitem__, map(id, map(attrgetter("milestone"), told)))
    return SaidColumns(
        ids_as_bytes(map(attrgetter("event_id"), told)),
        ids_as_bytes(map(attrgetter("entry_id"), told)),
        np.fromiter(codes, np.int8, n),
        np.fromiter(map(date.toordinal, map(attrgetter("occurred_on"), told)), np.int64, n) - _EPOCH,
        np.fromiter((rules.setdefault(e.rule, len(rules)) for e in told), np.int64, n),
        tuple(rules),
        [f"{r.connection}.{r.object}/{r.id}" for r in (e.source for e in told)],
        np.fromiter((e.source_change_id.endswith(_MADE) for e in told), np.bool_, n),
    )


def together(parts: Sequence[SaidColumns]) -> SaidColumns:
    """The events of all parts."""
    rules: dict[str, int] = {}
    coded = [np.array([rules.setdefault(rule, len(rules)) for rule in p.rules], np.int64)[p.rule] for p in parts]

    def column(name: str, kind: Any) -> Any:
        return np.concatenate([np.zeros(0, kind), *(getattr(p, name) for p in parts)])

    return SaidColumns(
        column("fact", "S16"),
        column("entry", "S16"),
        column("milestone", np.int8),
        column("day", np.int64),
        np.concatenate([np.zeros(0, np.int64), *coded]),
        tuple(rules),
        [source for p in parts for source in p.source],
        column("made", np.bool_),
    )


def ids_as_bytes(ids: Iterable[str]) -> NDArray[np.bytes_]:
    """UUIDs as 16 bytes each, which are in the same order."""
    return np.frombuffer(bytes.fromhex("".join(ids).replace("-", "")), "S16")


def day_date(day: int) -> date:
    """The day of a number in `SaidColumns.day`."""
    return date.fromordinal(int(day) + _EPOCH)
