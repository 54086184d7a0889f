"""What the parts of a proposal share: the preset's document, what the CRM has, and the choices made so far."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ruamel.yaml.comments import CommentedMap

from sync.described import FieldDescription, FieldType, ObjectDescription
from sync.mapping.likeness import ROLES, field_for

Describe = Callable[[str], ObjectDescription | None]
"""An object of the connection by its name; None where our user sees none."""


class Seen(NamedTuple):
    """What a CRM shows of itself: its objects by name, and (name, label) of the custom ones."""

    describe: Describe
    objects: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """One name: where it stands, what the preset says, and what is proposed (empty: nothing looks like it). `why` is what it rests on.

    `connection` is whose name it is; None of what all connections share.
    """

    connection: str | None
    path: str
    preset: str
    proposed: str
    why: str


@dataclass(slots=True)
class Proposal:
    """The mapping as text, the choices that differ from the preset, and `connection.Object.field: value` of stages that no milestone was found for."""

    text: str = ""
    choices: list[Choice] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


class Ground:
    """One connection's part of the document: names are looked up here, and every choice is told."""

    def __init__(self, document: Any, connection: str, seen: Seen, found: Proposal) -> None:
        self.document = document
        self.connection = connection
        self.describe = seen.describe
        self.objects = seen.objects
        self.found = found
        self.renamed: dict[tuple[str, str], str] = {}  # (object, field of the preset) -> field of the CRM

    def say(self, path: str, preset: str, proposed: str, why: str) -> None:
        self.found.choices.append(Choice(self.connection, path, preset, proposed, why))

    def rules(self, part: str) -> Iterator[tuple[int, CommentedMap]]:
        """The rules that read this connection, and where they stand among all; what imported lists hold is known."""
        for index, rule in enumerate(self.document.get(part, [])):
            if rule["from"].partition(".")[0] == self.connection:
                yield index, rule

    def field(
        self, path: str, object_name: str, name: str, role: str, *, taken: Iterable[str] = (), target: str = ""
    ) -> str | None:
        """The field that plays this part; None where none does."""
        described = self.describe(object_name)
        known = self.renamed.get((object_name, name))
        if described is None or known is not None:
            return known or name
        if described.field(name) is not None:
            return name
        chosen = field_for(ROLES[role], described, taken, target)
        if chosen is None:
            self.say(path, name, "", f"nothing in {object_name} looks like it")
            return None
        self.renamed[object_name, name] = chosen[0].name
        self.say(path, name, chosen[0].name, f"'{chosen[0].label}': {', '.join(chosen[1].words)}")
        return chosen[0].name

    def replace(
        self, holder: CommentedMap, key: str, path: str, object_name: str, role: str, taken: Iterable[str] = ()
    ) -> None:
        """Of a key that names a field; the key goes where no field plays the part."""
        new = self.field(path, object_name, str(holder[key]), role, taken=taken)
        if new is None:
            del holder[key]
        else:
            holder[key] = new


def without(document: Any, part: str, gone: Sequence[CommentedMap]) -> None:
    """Takes these rules out; the part goes with its last rule."""
    rules = document.get(part, [])
    for index in reversed(range(len(rules))):
        if any(rules[index] is rule for rule in gone):
            del rules[index]
    if not rules:
        document.pop(part, None)


def holds(found: FieldDescription | None, values: Any) -> bool:
    """Whether the field is there and can hold these values; a condition in its long form is not looked into."""
    if found is None or isinstance(values, dict):
        return found is not None
    options = {value for value, _ in found.options} or ({"true", "false"} if found.type is FieldType.BOOLEAN else set())
    return not options or all(str(value).lower() in {o.lower() for o in options} for value in listed(values))


def listed(values: Any) -> Iterator[Any]:
    yield from values if isinstance(values, list) else [values]


def text_of(values: Any) -> str:
    return ", ".join(str(value) for value in listed(values))


def rename(holder: Any, old: str, new: str) -> None:
    """Another key in the same place."""
    position = list(holder).index(old)
    value = holder[old]
    del holder[old]
    holder.insert(position, new, value)


def in_a_line(values: dict[str, Any]) -> CommentedMap:
    """Keys and values that are written on one line."""
    made = CommentedMap(values)
    made.fa.set_flow_style()
    return made
