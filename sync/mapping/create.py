"""What the grammar says of records that rows of imported lists become: what they hold, and what has to be there before them."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from sync.mapping.conditions import Rule
from sync.mapping.target import Target
from sync.mapping.where import FieldName, Where

RowColumn = Literal[
    "name",
    "corporate_number",
    "domain",
    "phone",
    "prefecture",
    "city",
    "listed_on",
    "file",
    "contact_name",
    "contact_last_name",
    "contact_first_name",
    "contact_email",
    "contact_title",
]


def _filling(value: Any) -> Any:
    """A constant written out; a new record is empty, so nothing has to be emptied."""
    if isinstance(value, dict | Filling):
        return value
    if value is None or value == "" or isinstance(value, list):
        raise ValueError("write one value, or {row: name} for what the row of the list says")
    return {"value": ("true" if value else "false") if isinstance(value, bool) else str(value)}


def _columns(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class Filling(Rule):
    """What a field of a new record gets: a constant, or what the row of the imported list says."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["value"]}, {"required": ["row"]}]})
    noun: ClassVar[str] = "what a new record holds"
    value: str | None = Field(None, min_length=1, description="this value, as the CRM would write it")
    row: (
        Annotated[
            list[RowColumn],
            Field(min_length=1),
            BeforeValidator(
                _columns, json_schema_input_type=RowColumn | Annotated[list[RowColumn], Field(min_length=1)]
            ),
        ]
        | None
    ) = Field(None, description="the list's column whose value the field gets; of several the first that is filled")

    @model_validator(mode="after")
    def _one_of_both(self) -> "Filling":
        if (self.value is None) == (self.row is None):
            raise ValueError("write one value, or {row: name} for what the row of the list says")
        return self

    @property
    def columns(self) -> str:
        """The list's columns, for a sentence."""
        return " or ".join(self.row or ())


FillingInput = Annotated[
    Filling,
    BeforeValidator(
        _filling, json_schema_input_type=Annotated[str, Field(min_length=1)] | int | float | bool | Filling
    ),
]


Fillings = dict[FieldName, FillingInput]


def _lookup(value: Any) -> Any:
    return {"field": value} if isinstance(value, str) else value


def object_of(field: str, named: str | None) -> str:
    """The object that a field leads to: named, or the field's name without __c or Id."""
    return named or field.removesuffix("__c").removesuffix("Id")


class Lookup(Rule):
    """A field that names the record which says what company it is."""

    noun: ClassVar[str] = "whose company it is"
    written: ClassVar[str] = "a field's name, or {field: name, object: name}"
    field: FieldName = Field(description="a field that holds the id of the company's record, such as AccountId")
    object: FieldName | None = Field(None, description="its object; default: the field's name without __c or Id")

    @property
    def leads_to(self) -> str:
        """The object of the company's record."""
        return object_of(self.field, self.object)


LookupInput = Annotated[Lookup, BeforeValidator(_lookup, json_schema_input_type=FieldName | Lookup)]


class Instead(Rule):
    """A record of another object that is taken where it is there already; none is made."""

    noun: ClassVar[str] = "what is taken instead"
    object: FieldName | None = Field(None, description="its object; default: the field's name without __c or Id")
    where: Where = Field(default_factory=Where, description="which of those that are there may be taken")
    of: LookupInput | None = Field(
        None,
        description="the field that names the company's record, whose fields `target` then names, such as AccountId",
    )
    email: FieldName | None = Field(
        None, description="its field of the person's e-mail address, by which one of several is told"
    )
    target: Target = Field(default_factory=Target, description="the fields by which it is found")

    def leads_to(self, field: str) -> str:
        """The object of the record that `field` names."""
        return object_of(field, self.object)


class First(Rule):
    """A record of another object that a new one names, so that it has to be there first: found by the target's marks, or else made."""

    noun: ClassVar[str] = "a record that comes first"
    object: FieldName | None = Field(None, description="its object; default: the field's name without __c or Id")
    where: Where = Field(default_factory=Where, description="which of those that are there may be taken")
    email: FieldName | None = Field(
        None, description="its field of the person's e-mail address, by which one of several is told"
    )
    target: Target = Field(
        default_factory=Target, description="its fields by which it is found, and which a new one is given"
    )
    set_: Fillings = Field(
        default_factory=dict, alias="set", description="what else a new one holds: a value, or {row: name}"
    )
    instead: dict[FieldName, Instead] = Field(
        default_factory=dict,
        description="by field: what is named instead where none such is there yet, such as ContactId; in this order",
    )

    def leads_to(self, field: str) -> str:
        """The object of the record that `field` names."""
        return object_of(field, self.object)

    def ways(self, field: str) -> "dict[str, First | Instead]":
        """By field, in their order: how what the new record names may be there already."""
        return {field: self, **self.instead}


class Create(Rule):
    """Rows of imported lists become records of the rule's object: with the fields of `target`, the partner, the day, and these."""

    noun: ClassVar[str] = "create"
    set_: Fillings = Field(
        default_factory=dict,
        alias="set",
        description="what else a new record holds: a value, or {row: name} for what the row says",
    )
    among: Where = Field(
        default_factory=Where,
        description="where `partner` goes through a record in between (a Campaign): which of the partner's ones a new record goes to",
    )
    named: FieldName | None = Field(
        None,
        description="the name's field of the record in between, by which `import-list --into` chooses one; its id does without",
    )
    first: dict[FieldName, First] = Field(
        default_factory=dict,
        description="by field: the record that it names and that has to be there first, such as LeadId",
    )
