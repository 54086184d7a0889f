"""Whether the labels by which rules follow associations exist: one that does not leads nowhere, and every entry would be without its partner."""

from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from collections.abc import Set as AbstractSet

from sync.documents import Problem, advice
from sync.mapping.grammar import Mapping
from sync.mapping.linkage import references

Pair = tuple[str, str, str]
"""Connection, and the objects that a link leads from and to."""


def labelled(mapping: Mapping) -> dict[Pair, dict[str, tuple[str | int, ...]]]:
    """Of each pair of objects the labels that rules name, and where the first rule does."""
    found: dict[Pair, dict[str, tuple[str | int, ...]]] = {}
    for path, connection, object_name, reference in references(mapping):
        for name, step in reference.steps(object_name):
            if step.association and step.label is not None:
                found.setdefault((connection, name, step.association), {}).setdefault(step.label, path)
    return found


def check_labels(mapping: Mapping, known: MappingType[Pair, AbstractSet[str]]) -> Iterator[Problem]:
    """A problem for each label that a rule names and the CRM does not have. Pairs that are not in `known` could not be asked about."""
    for pair, labels in labelled(mapping).items():
        if pair not in known:
            continue
        _, here, there = pair
        for label, path in labels.items():
            if label not in known[pair]:
                what = f"{here} and {there} are linked by no label '{label}'"
                said = advice(label, sorted(known[pair])) if known[pair] else "their links bear none; leave `label` out"
                yield mapping.problem(path, f"{what}; {said}")
