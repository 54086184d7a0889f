"""The fields that a plan would look at under another mapping: those whose value differs from what the CRM last confirmed. Pure.

Of entries, the value of a field is told once for all that are told in the same words, and compared once with each value that was confirmed.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.preview.records import Confirmed, EntryRecords, Place
from jobs.steps import more
from jobs.steps.entry_rows import GROUPS, Said, entry_rows, told_from
from jobs.steps.made import Goals, Made
from models.catalogue import CatalogueField, Subject, fields_of
from models.vocabulary import Activity, Partner
from sync.events.ids import Ids
from sync.mapping.grammar import Mapping as Rules
from sync.writeback.plan import worth_writing

SHOWN = 10  # fields shown; counts are of all


@dataclass(slots=True)
class _Differing:
    """Counts by field, and the first examples of each object and field."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: list[tuple[str, str, Any, Any]] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        first = nsmallest(SHOWN, self.examples, key=lambda e: e[:2])
        names = ("record", "field", "old", "new")
        return {
            "total": self.counts.total(),
            "by_field": dict(sorted(self.counts.items())),
            "examples": [dict(zip(names, example, strict=True)) for example in first],
        }


def differing_fields(
    rules: Rules,
    becomes: Made,
    month: Goals,
    partners: Sequence[Partner],
    activities: Iterable[Activity],
    records: EntryRecords,
    confirmed: Confirmed,
) -> dict[str, Any]:
    """`total`, `by_field` and `examples` of what `mapping diff` says of fields."""
    found = _Differing()
    _of_partners(found, rules, becomes, month, partners, activities, confirmed)
    told = becomes.told.entries_said()
    every = Ids.of(becomes.entries.ids)
    values = dict(_entry_values(told.said, becomes.language, becomes.assumptions.horizon))
    for place, (ids, entries) in records.by_place.items():
        chosen = _chosen(rules.write_back.entry, "entry", place)
        if not chosen:
            continue
        entry = entries.places_among(every)
        for name in chosen.keys() & values.keys():
            said, code_of = values[name]
            what, codes = chosen[name], np.where(entry >= 0, code_of[entry], -1)
            _compare(found, what, place, ids, codes, said, confirmed.of(place, name))
    return found.document()


def _of_partners(
    found: _Differing,
    rules: Rules,
    becomes: Made,
    month: Goals,
    partners: Sequence[Partner],
    activities: Iterable[Activity],
    confirmed: Confirmed,
) -> None:
    values: dict[tuple[str, str], Any] = {}
    told = becomes.told.partner_rows(more.as_columns(activities, becomes.partners))
    for _, partner_id, name, value, _ in chain(told, month.rows(becomes)):
        values[partner_id, name] = value
    for place in {(s.connection, s.object) for p in partners for s in p.sources}:
        records = [(s.id, p.partner_id) for p in partners for s in p.sources if (s.connection, s.object) == place]
        for name, what in _chosen(rules.write_back.partner, "partner", place).items():
            mine = [(record, values[p, name]) for record, p in records if (p, name) in values]
            ids, said = [record for record, _ in mine], [value for _, value in mine]
            _compare(found, what, place, ids, np.arange(len(ids)), said, confirmed.of(place, name))


def _entry_values(said: Said, language: Any, horizon: int) -> Iterator[tuple[str, tuple[list[Any], NDArray[np.int64]]]]:
    """Of each entry field: the values that are told, and which of them each entry has; -1 where nothing is said of it."""
    for group in range(len(GROUPS)):
        _, first, kind = np.unique(told_from(said, group), return_index=True, return_inverse=True)
        asked = np.zeros((len(first), len(GROUPS)), np.bool_)
        asked[:, group] = True
        named = [str(i) for i in range(len(first))]
        told: dict[str, dict[str, Any]] = {}
        for _, kind_id, name, value, _ in entry_rows(named, said[first], language, horizon, asked):
            told.setdefault(name, {})[kind_id] = value
        for name, by_kind in told.items():
            code = np.full(len(first), -1, np.int64)
            code[[int(i) for i in by_kind]] = np.arange(len(by_kind))
            yield name, (list(by_kind.values()), code[kind.reshape(-1)])


def _chosen(named: Mapping[str, Any], subject: Subject, place: Place) -> dict[str, CatalogueField]:
    """The fields of this object that are written back."""
    fields = named.get(".".join(place), ())
    return {f.name: f for f in fields_of(subject) if fields == "default" or f.name in fields}


def _compare(
    found: _Differing,
    what: CatalogueField,
    place: Place,
    ids: Sequence[str],
    codes: NDArray[np.int64],
    said: Sequence[Any],
    confirmed: Mapping[str, str],
) -> None:
    """`codes`: of each record its value's place in `said`, -1 where it has none."""
    if confirmed:
        here = np.flatnonzero(codes >= 0).tolist()
        worth: dict[tuple[str | None, int], bool] = {}
        held = [(i, (confirmed.get(ids[i]), code)) for i, code in zip(here, codes[here].tolist(), strict=True)]
        for pair in {pair for _, pair in held}:
            worth[pair] = worth_writing(what, None if pair[0] is None else json.loads(pair[0]), said[pair[1]])
        here = [i for i, pair in held if worth[pair]]
    else:  # as a new field is: empty
        nothing = [code for code, value in enumerate(said) if not worth_writing(what, None, value)]
        here = np.flatnonzero((codes >= 0) & ~np.isin(codes, nothing)).tolist()
    if not here:
        return
    found.counts[what.name] += len(here)
    for record, i in nsmallest(SHOWN, ((ids[i], i) for i in here)):
        held_text = confirmed.get(record)
        old = None if held_text is None else json.loads(held_text)
        found.examples.append((f"{place[0]}.{place[1]}/{record}", what.name, old, said[codes[i]]))
