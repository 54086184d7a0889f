"""The fields by which a record says what company it is about."""

from typing import ClassVar

from sync.mapping.conditions import Rule
from sync.mapping.where import FieldName


class Target(Rule):
    noun: ClassVar[str] = "a target"
    name: FieldName | None = None
    corporate_number: FieldName | None = None
    domain: FieldName | None = None
    phone: FieldName | None = None
    prefecture: FieldName | None = None
    city: FieldName | None = None

    def items(self) -> list[tuple[str, str]]:
        pairs = ((name, getattr(self, name)) for name in type(self).model_fields)
        return [(name, field) for name, field in pairs if field is not None]
