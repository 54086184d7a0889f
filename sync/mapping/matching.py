"""Which records are one company: by what a person decided, by the marks they share, and what only a person can tell.

The result depends on the records and the decisions alone, never on their order. From strong to weak:

1. a person's decision;
2. one corporate number;
3. one domain, unless it belongs to several companies with corporate numbers: then it names a group of companies;
4. one name with one telephone number, or with one prefecture and city; again unless several numbered companies share them.

One name alone, names that are alike, and what 3 and 4 left open are suggestions. Two records that a person told apart are never
joined, by no mark and through no third record. Two companies with corporate numbers of their own are never suggested.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

import numpy as np
from rapidfuzz import fuzz, process

from models.vocabulary import RecordRef
from sync.mapping.identity import Groups, stable_id
from sync.mapping.names import loose_key, name_key, numbers_in, phone_key, place_key

ALIKE = 88  # of 100: normalised Indel similarity of loose names, from which two names are worth a person's look
_SHORTEST = 3  # characters: two short names are alike by chance
_ROWS = 500  # names compared with all others at a time, so that memory stays small
_MANY = (
    40  # records of one mark of which all pairs are shown; beyond, it tells nothing and each is shown with the first
)


class Marks(NamedTuple):
    """What may tell which company a record is. `number` and `domain` are already in their one form, the rest as typed in."""

    name: str = ""
    number: str | None = None
    domain: str | None = None
    phone: str | None = None
    prefecture: str | None = None
    city: str | None = None


class Decision(NamedTuple):
    """A person's word: two records are one company (`same`), or are not. Later ones stand behind earlier ones."""

    left: RecordRef
    right: RecordRef
    same: bool


@dataclass(frozen=True, slots=True, order=True)
class Suggestion:
    """Two records, each the first of its company, that may be one. `score` is 100 where what `why` names is equal.

    why: domain, name_and_phone, name_and_place (shared by several companies with corporate numbers), name, similar_name.
    """

    left: RecordRef
    right: RecordRef
    why: str
    score: int

    @property
    def suggestion_id(self) -> str:
        return stable_id("suggestion", str(self.left), str(self.right))[:8]


@dataclass(frozen=True, slots=True)
class Matched:
    """`groups`: first member -> members in order. `ambiguous`: (mark, value) -> the records whose mark joined nothing."""

    groups: dict[RecordRef, list[RecordRef]]
    matched_by: dict[RecordRef, str]
    ambiguous: dict[tuple[str, str], list[RecordRef]]
    suggestions: tuple[Suggestion, ...]


@dataclass(slots=True)
class _Clusters:
    """Disjoint sets that refuse to bring together what a person told apart."""

    groups: Groups
    apart: dict[RecordRef, set[RecordRef]]
    members: dict[RecordRef, list[RecordRef]] = field(default_factory=dict)

    def of(self, ref: RecordRef) -> list[RecordRef]:
        return self.members.get(self.groups.find(ref)) or [self.groups.find(ref)]

    def told_apart(self, one: RecordRef, other: RecordRef) -> bool:
        if not self.apart:
            return False
        others = set(self.of(other))
        return any(self.apart.get(ref, set()) & others for ref in self.of(one))

    def join(self, one: RecordRef, other: RecordRef) -> None:
        first, second = self.groups.find(one), self.groups.find(other)
        if first != second and not self.told_apart(first, second):
            together = self.of(first) + self.of(second)
            self.groups.join(first, second)
            self.members[self.groups.find(first)] = together


def match(
    records: Mapping[RecordRef, Marks], decisions: Iterable[Decision] = (), *, alike: bool = True, told: bool = True
) -> Matched:
    """Groups of records that are one company, and what a person might decide; without `alike`, only equal names are suggested.

    Without `told`, `matched_by` is left empty.
    """
    standing = [d for d in decisions if d.left in records and d.right in records]
    apart: dict[RecordRef, set[RecordRef]] = defaultdict(set)
    for d in standing:
        if not d.same:
            apart[d.left].add(d.right)
            apart[d.right].add(d.left)
    clusters = _Clusters(Groups(records), dict(apart))
    for d in reversed(standing):  # of two that contradict each other the later one counts
        if d.same:
            clusters.join(d.left, d.right)
    ambiguous: dict[tuple[str, str], list[RecordRef]] = {}
    _join(clusters, _by(records, "corporate_number"))
    for mark in ("domain", "name_and_phone", "name_and_place"):
        _join_unless_several_companies(clusters, records, mark, ambiguous)
    groups = clusters.groups.all()
    return Matched(
        groups,
        matched_by(records, groups) if told else {},
        ambiguous,
        tuple(sorted(_suggestions(records, clusters, groups, ambiguous, alike=alike))),
    )


def sharing(records: Mapping[RecordRef, Marks], decisions: Iterable[Decision] = ()) -> set[RecordRef]:
    """Those of which `match`, without `alike`, says anything but that they are alone: which share a mark, or a person's word."""
    several: dict[tuple[str, str | None], list[RecordRef]] = defaultdict(list)
    for ref, marks in records.items():
        for key in (("number", marks.number), ("domain", marks.domain), ("name", name_key(marks.name))):
            if key[1]:
                several[key].append(ref)
    found = {ref for refs in several.values() if len(refs) > 1 for ref in refs}
    return found | {ref for d in decisions if d.left in records and d.right in records for ref in (d.left, d.right)}


def marks_shared(one: Marks, other: Marks) -> dict[str, bool | None]:
    """For each mark whether both have the same; None where one of them has none."""
    pairs = {
        "corporate_number": (one.number, other.number),
        "domain": (one.domain, other.domain),
        "name": (name_key(one.name) or None, name_key(other.name) or None),
        "phone": (phone_key(one.phone), phone_key(other.phone)),
        "place": (place_key(one.prefecture, one.city), place_key(other.prefecture, other.city)),
    }
    return {mark: None if a is None or b is None else a == b for mark, (a, b) in pairs.items()}


def _by(records: Mapping[RecordRef, Marks], mark: str) -> dict[str, list[RecordRef]]:
    """Value -> the records that have it, in order, where several do."""
    found: dict[str, list[RecordRef]] = defaultdict(list)
    if mark in ("corporate_number", "domain"):
        for ref, marks in records.items():
            if value := (marks.number if mark == "corporate_number" else marks.domain):
                found[value].append(ref)
    else:
        # telephone numbers are costly to read: only those of records that share their name are
        for name, refs in _by_name(records).items():
            for ref in refs:
                marks = records[ref]
                said = phone_key(marks.phone) if mark == "name_and_phone" else place_key(marks.prefecture, marks.city)
                if said is not None:
                    found[f"{name} {said}"].append(ref)
    return {value: sorted(refs) for value, refs in sorted(found.items()) if len(refs) > 1}


def _by_name(records: Mapping[RecordRef, Marks]) -> dict[str, list[RecordRef]]:
    found: dict[str, list[RecordRef]] = defaultdict(list)
    for ref, marks in records.items():
        if key := name_key(marks.name):
            found[key].append(ref)
    return {name: refs for name, refs in found.items() if len(refs) > 1}


def _join(clusters: _Clusters, buckets: Mapping[str, list[RecordRef]]) -> None:
    for refs in buckets.values():
        # where some were told apart, the first may be refused what the second may join
        for one, other in _pairs(refs) if clusters.apart else ((refs[0], ref) for ref in refs[1:]):
            clusters.join(one, other)


def _join_unless_several_companies(
    clusters: _Clusters,
    records: Mapping[RecordRef, Marks],
    mark: str,
    ambiguous: dict[tuple[str, str], list[RecordRef]],
) -> None:
    """Joins by a mark, unless that would chain together companies that each have a corporate number."""
    buckets = _by(records, mark)
    roots = {clusters.groups.find(ref) for refs in buckets.values() for ref in refs}
    chained = Groups(roots)
    for refs in buckets.values():
        for ref in refs[1:]:
            chained.join(clusters.groups.find(refs[0]), clusters.groups.find(ref))
    numbered: dict[RecordRef, int] = defaultdict(int)
    for root in roots:
        numbered[chained.find(root)] += any(records[ref].number for ref in clusters.of(root))
    # asked before anything is joined, so that no bucket's order can matter
    several = {v for v, refs in buckets.items() if numbered[chained.find(clusters.groups.find(refs[0]))] > 1}
    ambiguous.update({(mark, value): buckets[value] for value in sorted(several)})
    _join(clusters, {value: refs for value, refs in buckets.items() if value not in several})


def matched_by(records: Mapping[RecordRef, Marks], groups: Mapping[RecordRef, list[RecordRef]]) -> dict[RecordRef, str]:
    """By which mark each record is known to be what the others of its group are; `itself` where it is alone."""
    found = dict.fromkeys(records, "itself")
    for members in groups.values():
        if len(members) > 1:
            keys = {ref: _keys(records[ref]) for ref in members}
            times = Counter(key for of_one in keys.values() for key in of_one)
            for ref in members:
                found[ref] = next((mark for mark, value in keys[ref] if times[mark, value] > 1), "decision")
    return found


def _keys(marks: Marks) -> list[tuple[str, str]]:
    """What may join this record to others, the strongest first."""
    name, phone, place = name_key(marks.name), phone_key(marks.phone), place_key(marks.prefecture, marks.city)
    keys = [("corporate_number", marks.number), ("domain", marks.domain)]
    if name:
        keys += [("name_and_phone", phone and f"{name} {phone}"), ("name_and_place", place and f"{name} {place}")]
    return [(mark, value) for mark, value in keys if value]


def _suggestions(
    records: Mapping[RecordRef, Marks],
    clusters: _Clusters,
    groups: Mapping[RecordRef, list[RecordRef]],
    ambiguous: Mapping[tuple[str, str], list[RecordRef]],
    *,
    alike: bool,
) -> Iterator[Suggestion]:
    """Each pair of companies once, with the strongest that speaks for it."""
    has_number = {first for first, members in groups.items() if any(records[ref].number for ref in members)}
    seen: set[tuple[RecordRef, RecordRef]] = set()
    for why, score, one, other in _candidates(records, groups, ambiguous, alike=alike):
        left, right = sorted((clusters.groups.find(one), clusters.groups.find(other)))
        if left == right or (left, right) in seen or (left in has_number and right in has_number):
            continue
        seen.add((left, right))
        if not clusters.told_apart(left, right):
            yield Suggestion(left, right, why, score)


def _candidates(
    records: Mapping[RecordRef, Marks],
    groups: Mapping[RecordRef, list[RecordRef]],
    ambiguous: Mapping[tuple[str, str], list[RecordRef]],
    *,
    alike: bool,
) -> Iterator[tuple[str, int, RecordRef, RecordRef]]:
    for (mark, _), refs in ambiguous.items():
        yield from ((mark, 100, one, other) for one, other in _pairs(refs))
    for _, refs in sorted(_by_name(records).items()):
        yield from (("name", 100, one, other) for one, other in _pairs(sorted(refs)))
    if alike:
        yield from (("similar_name", *pair) for pair in _alike(records, groups))


def _pairs(refs: list[RecordRef]) -> Iterable[tuple[RecordRef, RecordRef]]:
    return combinations(refs, 2) if len(refs) <= _MANY else ((refs[0], ref) for ref in refs[1:])


def _alike(
    records: Mapping[RecordRef, Marks], groups: Mapping[RecordRef, list[RecordRef]]
) -> Iterator[tuple[int, RecordRef, RecordRef]]:
    """(score, record, record) of names that differ little, and in no number; the most alike first."""
    first_with: dict[str, RecordRef] = {}
    for members in groups.values():
        for ref in members:
            key = loose_key(records[ref].name)
            if len(key) >= _SHORTEST:
                first_with.setdefault(key, ref)
    # names that are one but for kana and long vowels
    spelled = defaultdict(list)
    for ref in sorted(records):
        if len(key := loose_key(records[ref].name)) >= _SHORTEST:
            spelled[key].append(ref)
    found = [(100, one, other) for refs in spelled.values() for one, other in _pairs(refs)]
    keys = sorted(first_with)
    for start in range(0, len(keys), _ROWS):
        scores = process.cdist(keys[start : start + _ROWS], keys, scorer=fuzz.ratio, score_cutoff=ALIKE, dtype=np.uint8)
        for row, column in zip(*np.nonzero(scores), strict=True):
            one, other = keys[start + row], keys[column]
            if one < other and numbers_in(one) == numbers_in(other):
                found.append((int(scores[row, column]), first_with[one], first_with[other]))
    return iter(sorted(found, key=lambda pair: (-pair[0], pair[1], pair[2])))
