"""The parts of a mapping: which records are partners, entries, activities and deals, and what makes a milestone.

Shorthands are written out while loading, so that everything behind reads one form.
"""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from models.catalogue import Subject, fields_of
from models.vocabulary import LIST_ROW, LISTS, ActivityKind, Milestone, Willingness
from sync.documents import advice
from sync.mapping.conditions import Rule, Scalars
from sync.mapping.create import Create
from sync.mapping.target import Target
from sync.mapping.where import FieldName, ReferenceInput, Said, Where, field_or_association


def _object_name(value: str) -> str:
    connection, dot, name = value.partition(".")
    if not (dot and connection and name):
        raise ValueError(f"'{value}' names no object; write connection.Object, such as salesforce.Account")
    return value


ObjectName = Annotated[str, AfterValidator(_object_name), Field(json_schema_extra={"pattern": r"^[^.]+\..+$"})]


class FromObject(Rule):
    """A rule that reads one object of one connection. Where several rules read it, a record belongs to the first that fits."""

    from_: ObjectName = Field(alias="from", description="connection.Object, such as salesforce.Account")
    where: Where = Field(default_factory=Where, description="conditions that the record must meet")

    @property
    def connection(self) -> str:
        return self.from_.partition(".")[0]

    @property
    def object(self) -> str:
        return self.from_.partition(".")[2]


class Attribute(Rule):
    """A field, and what its values are called here where the CRM calls them otherwise."""

    noun: ClassVar[str] = "an attribute"
    field: FieldName
    values: dict[str, str] = Field(default_factory=dict, description="the CRM's value: the word used in this mapping")


AttributeInput = Annotated[
    Attribute, BeforeValidator(field_or_association, json_schema_input_type=FieldName | Attribute)
]


DAYS = ("submitted_on", "joined_on", "ended_on")  # attributes that are days


class Attributes(Rule):
    noun: ClassVar[str] = "a partner's attributes"
    industry: AttributeInput | None = None
    employees: AttributeInput | None = Field(None, description="a number; `sizes` makes it small, medium, large ...")
    contract: AttributeInput | None = None
    willingness: AttributeInput | None = Field(None, description=f"one of {', '.join(Willingness)}")
    submitted_on: AttributeInput | None = Field(
        None, description="the day the newest list came; default: newest `listed`"
    )
    joined_on: AttributeInput | None = None
    ended_on: AttributeInput | None = Field(None, description="the last day of the contract; empty while it goes on")

    def items(self) -> list[tuple[str, Attribute]]:
        """The attributes that are mapped, in the grammar's order."""
        pairs = ((name, getattr(self, name)) for name in type(self).model_fields)
        return [(name, attribute) for name, attribute in pairs if attribute is not None]


class MatchOn(Rule):
    noun: ClassVar[str] = "match_on"
    corporate_number: FieldName | None = Field(None, description="法人番号, 13 digits; its check digit is verified")
    domain: FieldName | None = Field(None, description="a web address or bare domain")
    phone: FieldName | None = Field(None, description="with the same name: the same telephone number")
    prefecture: FieldName | None = Field(None, description="with the same name and city: the same prefecture")
    city: FieldName | None = None

    def items(self) -> list[tuple[str, str]]:
        """The marks that are mapped, in the grammar's order."""
        pairs = ((name, getattr(self, name)) for name in type(self).model_fields)
        return [(name, field) for name, field in pairs if field is not None]


class PartnerRule(FromObject):
    noun: ClassVar[str] = "a partner rule"
    name: FieldName | None = Field(None, description="the field that holds the partner's name")
    match_on: MatchOn = Field(default_factory=MatchOn, description="marks by which another record is the same partner")
    attributes: Attributes = Field(default_factory=Attributes)


class CustomerRule(FromObject):
    """Companies that buy already, or that the company itself has an open deal with: as targets of a list they do not count.

    Targets of imported lists that are customers are named, and left out.
    """

    model_config = ConfigDict(json_schema_extra={"dependentRequired": {"object": ["linked"]}})
    noun: ClassVar[str] = "a rule of customers"
    name: FieldName = Field(description="the field that holds the company's name")
    match_on: MatchOn = Field(default_factory=MatchOn, description="further marks by which a target is this company")
    linked: ReferenceInput | None = Field(
        None,
        description="the field or association that leads to the company's record, whose fields `name` and `match_on` then name",
    )
    object_: FieldName | None = Field(
        None, alias="object", description="the linked object; default: the field's name without __c or Id"
    )
    since: FieldName | None = Field(
        None,
        description="the record's field of the day from which it stands so; default, and where it is empty: the day on which it came to fit",
    )
    stands: Literal["customer", "open_deal"] = Field(
        "customer", description="open_deal: no customer yet, but the company itself has an open deal with it"
    )

    @model_validator(mode="after")
    def _leads_somewhere(self) -> "CustomerRule":
        if self.object_ is not None and self.linked is None:
            raise ValueError("'object' says what 'linked' leads to; there is no 'linked' here")
        return self

    @property
    def company(self) -> str:
        """The object whose records are the companies: the rule's own, or the one that `linked` leads to."""
        return self.object if self.linked is None else self.linked.leads_to(self.object_)


class PartnerType(Rule):
    """All that is named must hold; what is not named does not matter."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})
    noun: ClassVar[str] = "a partner type"
    industry: Scalars | None = None
    size: Scalars | None = None
    contract: Scalars | None = None

    def axes(self) -> list[tuple[str, list[str]]]:
        pairs = (("industry", self.industry), ("size", self.size), ("contract", self.contract))
        return [(axis, values) for axis, values in pairs if values is not None]


class ActivityMilestone(Rule):
    noun: ClassVar[str] = "a milestone's activity"
    kind: ActivityKind


class MilestoneRule(Rule):
    """One of: a date field (`at`), a stage entered (`enters`), an activity, a linked record (`linked` with `at` or `enters`)."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [{"required": [source]} for source in ("at", "enters", "activity")],
            "dependentSchemas": {
                "activity": {"properties": dict.fromkeys(("at", "enters", "linked"), False)}  # dated by the activity
            },
            "dependentRequired": {"object": ["linked"]},
        }
    )
    noun: ClassVar[str] = "a milestone rule"
    at: FieldName | None = Field(
        None, description="the date field; with `enters` it dates the first entry into the stage"
    )
    enters: dict[str, Scalars] | None = Field(
        None, min_length=1, max_length=1, description="one stage field and its values, dated by the CRM's history"
    )
    activity: ActivityMilestone | None = None
    linked: ReferenceInput | None = Field(None, description="the field or association that leads to the other record")
    object: FieldName | None = Field(None, description="the linked object; default: the field's name without __c or Id")
    reason: FieldName | None = Field(None, description="why it was lost")

    @model_validator(mode="after")
    def _one_kind(self) -> "MilestoneRule":
        if self.activity is not None and (self.at or self.enters or self.linked):
            raise ValueError("a milestone by 'activity' is dated by the activity; remove 'at', 'enters' and 'linked'")
        if self.activity is None and self.at is None and self.enters is None:
            raise ValueError(
                "a milestone needs a source: 'at', 'enters', 'activity', or 'linked' with 'at' or 'enters'"
            )
        if self.object is not None and self.linked is None:
            raise ValueError("'object' says what 'linked' leads to; there is no 'linked' here")
        return self

    @property
    def stage(self) -> tuple[str, list[str]] | None:
        """The stage field and the values that count as entered."""
        return next(iter(self.enters.items())) if self.enters else None

    @property
    def linked_object(self) -> str | None:
        """The object that `linked` leads to."""
        return None if self.linked is None else self.linked.leads_to(self.object)


IMPORTED = f"{LISTS}.{LIST_ROW}"
_OF_A_LIST: dict[str, Any] = {
    "partner": "partner",
    "target": {name: name for name in ("name", "corporate_number", "domain", "phone", "prefecture", "city")},
    "milestones": {"listed": {"at": "listed_on"}},
}  # what a rule on imported lists says where it says nothing else: their columns are ours


def _lists_need_less(schema: dict[str, Any]) -> None:
    """In the published schema: what a rule must say, unless it reads imported lists."""
    needed = [name for name in schema["required"] if name != "from"]
    schema["required"] = ["from"]
    schema["if"] = {"properties": {"from": {"not": {"const": IMPORTED}}}}
    schema["then"] = {"required": needed}


class EntryRule(FromObject):
    model_config = ConfigDict(json_schema_extra=_lists_need_less)
    noun: ClassVar[str] = "an entry rule"
    partner: ReferenceInput
    target: Target = Field(default_factory=Target)
    milestones: dict[Milestone, MilestoneRule] = Field(min_length=1)
    ignored: dict[str, Scalars] = Field(
        default_factory=dict, description="stage values that say nothing on purpose, so that they are not reported"
    )
    create: Create | None = Field(None, description="rows of imported lists become records of this object")

    @model_validator(mode="before")
    @classmethod
    def _of_a_list(cls, data: Any) -> Any:
        return {**_OF_A_LIST, **data} if isinstance(data, dict) and data.get("from") == IMPORTED else data


class ActivityRule(FromObject):
    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["partner"]}, {"required": ["entry"]}]})
    noun: ClassVar[str] = "an activity rule"
    kind: ActivityKind
    partner: ReferenceInput | None = None
    entry: ReferenceInput | None = None
    at: FieldName

    @model_validator(mode="after")
    def _of_someone(self) -> "ActivityRule":
        if self.partner is None and self.entry is None:
            raise ValueError("an activity belongs to someone: 'partner' or 'entry' must say how it is found")
        return self


class DealRule(FromObject):
    noun: ClassVar[str] = "a rule of deals_all_channels"
    partner_sourced: Said = Field(description="what makes a deal partner-sourced")
    at: FieldName | None = Field(None, description="the day it counts; default: the field named in `created`")
    won: Said | None = Field(None, description="what makes a deal won; default: no share of won deals is told")

    @model_validator(mode="after")
    def _by_something(self) -> "DealRule":
        if self.partner_sourced.is_empty:
            raise ValueError(
                "'partner_sourced' is empty; say what makes a deal partner-sourced, such as {LeadSource: Partner}"
            )
        if self.won is not None and self.won.is_empty:
            raise ValueError("'won' is empty; say what makes a deal won, such as {IsWon: true}, or leave it out")
        return self

    def said(self) -> Iterator[tuple[str, Where]]:
        """What is said of the deals that the rule takes, by its key."""
        yield "partner_sourced", self.partner_sourced
        if self.won is not None:
            yield "won", self.won

    def wheres(self) -> Iterator[Where]:
        """All conditions of the rule."""
        yield self.where
        yield from (where for _, where in self.said())


def _catalogue_fields(subject: Subject) -> AfterValidator:
    names = [field.name for field in fields_of(subject)]

    def check(value: list[str] | str) -> list[str] | str:
        for name in value if isinstance(value, list) else []:
            if name not in names:
                raise ValueError(f"'{name}' is no {subject} field of the catalogue; {advice(name, names)}")
        return value

    return AfterValidator(check)


def _default_or_list(value: Any) -> Any:
    if value == "default" or isinstance(value, list):
        return value
    raise ValueError(f"'{value}' is not understood; write default (every catalogue field) or a list of field names")


def _written(subject: Subject) -> Any:
    """How a choice of fields may be written; an editor completes the catalogue's names."""
    names = tuple(field.name for field in fields_of(subject))
    return Literal["default"] | list[Literal[names]]  # type: ignore[valid-type]


_Choice = Literal["default"] | list[str]
_PartnerFields = Annotated[
    _Choice, BeforeValidator(_default_or_list, json_schema_input_type=_written("partner")), _catalogue_fields("partner")
]
_EntryFields = Annotated[
    _Choice, BeforeValidator(_default_or_list, json_schema_input_type=_written("entry")), _catalogue_fields("entry")
]


class WriteBack(Rule):
    noun: ClassVar[str] = "write_back"
    partner: dict[ObjectName, _PartnerFields] = Field(default_factory=dict)
    entry: dict[ObjectName, _EntryFields] = Field(default_factory=dict)
