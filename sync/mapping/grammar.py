"""mapping.yaml as a whole, what it says on which line, and its version.

The version of a mapping is the hash of what it says; comments, layout and the order of keys that carry no order do not move it.
"""

import hashlib
import json
from collections.abc import Mapping as MappingType
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, PrivateAttr

from sync.documents import Document, Problem
from sync.mapping.conditions import Rule
from sync.mapping.rules import (
    IMPORTED,
    ActivityRule,
    CustomerRule,
    DealRule,
    EntryRule,
    PartnerRule,
    PartnerType,
    WriteBack,
)
from sync.mapping.schema import completed
from sync.mapping.where import FieldName


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"'{value}' is no time zone; write its IANA name, such as Asia/Tokyo") from None
    return value


def _ranges(sizes: dict[str, tuple[int, int | None]]) -> dict[str, tuple[int, int | None]]:
    met: list[tuple[int, float, str]] = []
    for name, (low, high) in sizes.items():
        top = float("inf") if high is None else high
        if low > top:
            raise ValueError(f"size '{name}' runs from {low} down to {high}; write the smaller number first")
        for other_low, other_top, other in met:
            if low <= other_top and other_low <= top:
                raise ValueError(f"sizes '{other}' and '{name}' overlap; each number of employees may have one size")
        met.append((low, top, name))
    return sizes


class Mapping(Rule):
    """What the records of the CRMs mean. Made by `load_mapping`; frozen from then on."""

    noun: ClassVar[str] = "the mapping"
    timezone: Annotated[str, AfterValidator(_zone)] = Field(description="a calendar day is a day of this zone")
    language: Literal["ja", "en"] = Field("ja", description="the language of what is written back")
    created: dict[str, FieldName] = Field(
        default_factory=dict,
        description="the field that holds the moment a record was made, per connection or connection.Object",
    )
    partners: list[PartnerRule] = Field(
        min_length=1, description="which records are companies that introduce customers"
    )
    sizes: Annotated[dict[str, tuple[int, int | None]], AfterValidator(_ranges)] = Field(
        default_factory=dict, description="size: [smallest, largest] number of employees; null for no upper end"
    )
    partner_types: dict[str, PartnerType] = Field(default_factory=dict, description="the first that fits is the type")
    entries: list[EntryRule] = Field(
        min_length=1, description="which records are targets on attack lists, and what shows their milestones"
    )
    activities: list[ActivityRule] = Field(
        default_factory=list, description="which meetings, visits and tasks count, and as what"
    )
    deals_all_channels: list[DealRule] = Field(
        default_factory=list, description="the deals of every channel: the denominator of the partner-sourced share"
    )
    customers: list[CustomerRule] = Field(
        default_factory=list,
        description="companies that buy already; rows of attack lists and imported lists are held against them",
    )
    write_back: WriteBack = Field(default_factory=WriteBack, description="which objects get our fields")

    _document: Document = PrivateAttr(default_factory=lambda: Document("mapping.yaml", None))
    _text: str = PrivateAttr(default="")

    def came_from(self, document: Document, text: str) -> None:
        """Notes the file that says this, for the lines of what is told of it."""
        self._document, self._text = document, text

    @property
    def filename(self) -> str:
        return self._document.file

    @property
    def text(self) -> str:
        """The file as it was read, comments included."""
        return self._text

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @cached_property
    def hash(self) -> str:
        """The version: SHA-256 of what the mapping says, in one canonical form."""
        said = self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
        if self.partner_types:  # the one mapping whose order means something
            said["partner_types"] = list(said["partner_types"].items())
        canonical = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def line(self, path: tuple[str | int, ...]) -> int:
        """The line of the file on which this part of the mapping stands."""
        return self._document.line(path)

    def line_of(self, path: str) -> int:
        """The same of a path as `path_text` writes it."""
        return self.line(path_parts(path))

    def written_as(self, paths: MappingType[tuple[str | int, ...], tuple[str | int, ...]]) -> None:
        """Each of these paths stands in the file under another one, from now on."""
        lines = {path: self._document.line(written) for path, written in paths.items()}
        self._document = replace(self._document, lines={**self._document.lines, **lines})

    def problem(self, path: tuple[str | int, ...], sentence: str) -> Problem:
        return Problem(self.filename, self.line(path), sentence, path_text(path))

    def created_field(self, connection: str, object_name: str) -> str | None:
        """The field that holds when a record of this object was made, where the mapping names one."""
        return self.created.get(f"{connection}.{object_name}") or self.created.get(connection)


def path_text(path: tuple[str | int, ...]) -> str:
    """`("entries", 0, "milestones", "deal")` as `entries[0].milestones.deal`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def path_parts(text: str) -> tuple[str | int, ...]:
    """`entries[0].milestones.deal` as `("entries", 0, "milestones", "deal")`."""
    found: list[str | int] = []
    for part in text.replace("]", "").split("."):
        name, *places = part.split("[")
        found += [name, *(int(p) for p in places)]
    return tuple(found)


def json_schema() -> dict[str, Any]:
    """The grammar as JSON Schema, for editors that complete and check."""
    schema = completed(Mapping.model_json_schema(by_alias=True, mode="validation"), IMPORTED)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Sakigake mapping"}
