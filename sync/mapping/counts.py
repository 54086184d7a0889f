"""What a mirror counts for the mapping: how many records hold which values, without reading every record."""

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingType
from typing import NamedTuple, Protocol

from sync.mapping.conditions import MirrorValue
from sync.mapping.reader import MirrorReader


class Group(NamedTuple):
    """Live records that hold the same values: how many, and the one with the smallest id."""

    values: MappingType[str, MirrorValue]
    records: int
    example: str


class Filled(NamedTuple):
    """Of the live records of an object, how many hold something in a field; the lowest and the highest of it."""

    records: int
    filled: int
    lowest: MirrorValue
    highest: MirrorValue


class CountingReader(MirrorReader, Protocol):
    """A mirror that also counts. An object that is not in it has no records."""

    def grouped(self, connection: str, object_name: str, fields: Sequence[str]) -> Iterator[Group]:
        """Live records by what they hold in these fields, in any order."""
        ...

    def filled(self, connection: str, object_name: str, fields: Sequence[str]) -> MappingType[str, Filled]:
        """How far each of these fields is filled."""
        ...

    def labels(self, connection: str, from_object: str, to_object: str) -> MappingType[str, int]:
        """How many links between two objects bear which label; those without one under the empty text."""
        ...
