"""What the grammar says of records that rows of imported lists become: what they hold, and what has to be there before them."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from sync.mapping.conditions import Rule
from sync.mapping.target import Target
from sync.mapping.where import FieldName, Where

RowColumn = Literal["name", "corporate_number", "domain", "phone", "prefecture", "city", "listed_on", "file"]


def _filling(value: Any) -> Any:
    """A constant written out; a new record is empty, so nothing has to be emptied."""
    if isinstance(value, dict | Filling):
        return value
    if value is None or value == "" or isinstance(value, list):
        raise ValueError("write one value, or {row: name} for what the row of the list says")
    return {"value": ("true" if value else "false") if isinstance(value, bool) else str(value)}


class Filling(Rule):
    """What a field of a new record gets: a constant, or what the row of the imported list says."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["value"]}, {"required": ["row"]}]})
    noun: ClassVar[str] = "what a new record holds"
    value: str | None = Field(None, min_length=1, description="this value, as the CRM would write it")
    row: RowColumn | None = Field(None, description="the list's column whose value the field gets")

    @model_validator(mode="after")
    def _one_of_both(self) -> "Filling":
        if (self.value is None) == (self.row is None):
            raise ValueError("write one value, or {row: name} for what the row of the list says")
        return self


FillingInput = Annotated[Filling, BeforeValidator(_filling, json_schema_input_type=str | int | float | bool | Filling)]


Fillings = dict[FieldName, FillingInput]


class First(Rule):
    """A record of another object that a new one names, so that it has to be there first: found by the target's marks, or else made."""

    noun: ClassVar[str] = "a record that comes first"
    object: FieldName | None = Field(None, description="its object; default: the field's name without __c or Id")
    where: Where = Field(default_factory=Where, description="which of those that are there may be taken")
    target: Target = Field(
        default_factory=Target, description="its fields by which it is found, and which a new one is given"
    )
    set_: Fillings = Field(
        default_factory=dict, alias="set", description="what else a new one holds: a value, or {row: name}"
    )

    def leads_to(self, field: str) -> str:
        """The object of the record that `field` names."""
        return self.object or field.removesuffix("__c").removesuffix("Id")


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
    first: dict[FieldName, First] = Field(
        default_factory=dict,
        description="by field: the record that it names and that has to be there first, such as LeadId",
    )
