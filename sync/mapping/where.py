"""Conditions on a record: on its fields, on records it is linked to, and put together by and, or, not."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from sync.mapping.conditions import Condition, ConditionInput, Rule

FieldName = Annotated[str, Field(min_length=1, json_schema_extra={"pattern": r"\S"})]
Path = tuple[str | int, ...]


def field_or_association(value: Any) -> Any:
    return {"field": value} if isinstance(value, str) else value


def _one_or_several(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class Reference(Rule):
    """How a record points at another: by a field that holds its id, or by an association (with a label, where given)."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["field"]}, {"required": ["association"]}],
            "dependentRequired": {"label": ["association"], "object": ["then"]},
        }
    )
    noun: ClassVar[str] = "a reference"
    written: ClassVar[str] = "a field's name or {association: object, label: text}"
    field: FieldName | None = Field(None, description="a field that holds the other record's id")
    association: FieldName | None = Field(None, description="the associated object, such as companies")
    label: str | None = Field(None, description="the association's label; without it every association counts")
    then: "ReferenceInput | None" = Field(None, description="from that record on: its field or association")
    object: FieldName | None = Field(
        None, description="with `then`: the object in between; default: the field's name without __c or Id"
    )

    @model_validator(mode="after")
    def _one_way(self) -> "Reference":
        if (self.field is None) == (self.association is None):
            raise ValueError(
                "a reference is a field's name, or {association: object, label: text}; write one of the two"
            )
        if self.label is not None and self.association is None:
            raise ValueError("'label' belongs to an association; a field has none")
        if self.object is not None and self.then is None:
            raise ValueError("'object' names the record in between; without 'then' there is none")
        return self

    @property
    def between(self) -> str:
        """The object that the first step leads to: named, associated, or the field's name without __c or Id."""
        return self.object or self.association or (self.field or "").removesuffix("__c").removesuffix("Id")

    @property
    def last(self) -> "Reference":
        """The step that leads to the end."""
        return self if self.then is None else self.then.last

    def leads_to(self, named: str | None) -> str:
        """The object at the end: the one that is named, or the one that the last step leads to."""
        return named or self.last.between

    def steps(self, object_name: str) -> Iterator[tuple[str, "Reference"]]:
        """(object, how its records point on) of each step, from the record at hand on."""
        yield object_name, self
        if self.then is not None:
            yield from self.then.steps(self.between)


ReferenceInput = Annotated[
    Reference, BeforeValidator(field_or_association, json_schema_input_type=FieldName | Reference)
]


Reference.model_rebuild()


class Related(Rule):
    """A record that this one is linked to, in the same CRM, and what it must be. Of several linked records one must be so."""

    noun: ClassVar[str] = "a related record"
    by: ReferenceInput = Field(description="the field or association that leads to the other record")
    object: FieldName | None = Field(None, description="the other object; default: the field's name without __c or Id")
    where: "Said" = Field(description="conditions on the other record")

    @property
    def leads_to(self) -> str:
        return self.by.leads_to(self.object)


class Placed(NamedTuple):
    """A condition on one field, and its place below the `where` it was asked of. `through` are the links on the way to the record."""

    path: Path
    field: str
    condition: Condition
    through: tuple[Related, ...]


class Where(Rule):
    """Conditions by field, all of which must hold; `or`, `and`, `not` and `related` go deeper."""

    model_config = ConfigDict(extra="allow")
    noun: ClassVar[str] = "conditions"
    written: ClassVar[str] = "conditions by field, such as {Type: Partner}"
    __pydantic_extra__: dict[str, ConditionInput] = Field(init=False)
    or_: Annotated[list["Said"], Field(min_length=1)] | None = Field(
        None, alias="or", description="a list of conditions, of which one must hold"
    )
    and_: Annotated[list["Said"], Field(min_length=1)] | None = Field(
        None, alias="and", description="a list of conditions, all of which must hold"
    )
    not_: "Said | None" = Field(None, alias="not", description="conditions that must not all hold")
    related: (
        Annotated[
            list[Related],
            Field(min_length=1),
            BeforeValidator(
                _one_or_several, json_schema_input_type=Related | Annotated[list[Related], Field(min_length=1)]
            ),
        ]
        | None
    ) = Field(None, description="a linked record (or several) and what it must be")

    @model_validator(mode="after")
    def _below_says_something(self) -> "Where":
        parts = [*(self.or_ or ()), *(self.and_ or ()), *([self.not_] if self.not_ is not None else [])]
        parts += [related.where for related in self.related or ()]
        if any(part.is_empty for part in parts):
            raise ValueError(
                "'and', 'or', 'not' and 'related' need conditions; an empty one would hold for every record"
            )
        return self

    @property
    def conditions(self) -> dict[str, Condition]:
        """Those on the record's own fields, as they are written side by side."""
        return self.__pydantic_extra__ or {}

    @property
    def is_empty(self) -> bool:
        return not self.conditions and all(getattr(self, name) is None for name in type(self).model_fields)

    def parts(self) -> Iterator[tuple[Path, "Where"]]:
        """The groups of conditions below this one that are about the same record."""
        for index, part in enumerate(self.or_ or ()):
            yield ("or", index), part
        for index, part in enumerate(self.and_ or ()):
            yield ("and", index), part
        if self.not_ is not None:
            yield ("not",), self.not_

    def fields(self) -> set[str]:
        """The record's own fields that it reads, those that lead to related records included."""
        found = set(self.conditions)
        found |= {related.by.field for related in self.related or () if related.by.field}
        for _, part in self.parts():
            found |= part.fields()
        return found

    def links(self) -> Iterator[tuple[Path, Related]]:
        """The related records that are asked about, wherever they stand; what is asked of those is not gone into."""
        for index, related in enumerate(self.related or ()):
            yield ("related", index), related
        for path, part in self.parts():
            yield from (((*path, *below), related) for below, related in part.links())

    def placed(self, through: tuple[Related, ...] = ()) -> Iterator[Placed]:
        """Every condition on a field, on this record and on those it leads to."""
        for name, condition in self.conditions.items():
            yield Placed((name,), name, condition, through)
        for path, part in self.parts():
            yield from (found._replace(path=(*path, *found.path)) for found in part.placed(through))
        for index, related in enumerate(self.related or ()):
            for found in related.where.placed((*through, related)):
                yield found._replace(path=("related", index, "where", *found.path))


Said = Annotated[Where, Field(json_schema_extra={"minProperties": 1})]
"""Conditions of which there must be some."""

Related.model_rebuild()
Where.model_rebuild()
