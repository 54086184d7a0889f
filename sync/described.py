"""An object as its CRM describes it to our user: fields, types, pipelines."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class FieldType(StrEnum):
    """Column types, as PostgreSQL knows them: see `sync.mirror`."""

    TEXT = "text"
    BOOLEAN = "boolean"
    INTEGER = "bigint"
    NUMBER = "numeric"
    DATE = "date"
    DATETIME = "timestamp with time zone"
    JSON = "jsonb"


class Pipeline(NamedTuple):
    """A pipeline and its stages, as (id, label) each, in the CRM's order."""

    id: str
    label: str
    stages: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FieldDescription:
    """One field as the CRM describes it to our user."""

    name: str
    type: FieldType
    label: str
    crm_type: str  # the CRM's own word: picklist, reference, enumeration ...
    help: str = ""
    nullable: bool = True
    calculated: bool = False  # its changes move no stamp
    writable: bool = False
    creatable: bool = False  # may be given to a new record
    unique: bool = False  # the CRM refuses a second record with the same value
    custom: bool = False
    references: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()  # (value, label) of picklists
    pipelines: tuple[Pipeline, ...] = ()  # of a stage: which pipeline each value belongs to
    pipeline_field: str = ""  # and the field that holds a record's pipeline


@dataclass(frozen=True, slots=True)
class ObjectDescription:
    """One object as the CRM describes it to our user; fields it cannot see are absent.

    `hidden` says how a field that is there and absent here comes to be seen, as the end of a sentence.
    """

    name: str
    label: str
    fields: tuple[FieldDescription, ...]
    custom: bool = False
    hidden: str = field(default="", compare=False)

    def field(self, name: str) -> FieldDescription | None:
        return next((f for f in self.fields if f.name == name), None)
