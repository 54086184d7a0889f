"""Names in a query resolved against the schema: a field of the object, or one reached through parents."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.salesforce.fields import computed
from sandbox.salesforce.org import Org
from sandbox.salesforce.schema import Field, Object
from sandbox.salesforce.soql import complain
from sandbox.salesforce.soql.nodes import Name
from sandbox.store import Record

Read = Callable[[Record], Any]
_MOST_STEPS = 5


@dataclass(frozen=True, slots=True)
class Path:
    """A resolved name: the reference fields walked, the field at the end, and how to read it from the first record."""

    steps: tuple[Field, ...]
    field: Field
    read: Read

    @property
    def label(self) -> str:
        return ".".join([*(f.relationship or "" for f in self.steps), self.field.name])


def resolve(name: Name, obj: Object, org: Org, text: str) -> Path:
    parts = name.text.split(".")
    if len(parts) > 1 and parts[0].lower() == obj.name.lower():
        parts = parts[1:]  # Account.Name in a query on Account
    if len(parts) > _MOST_STEPS + 1:
        raise complain.malformed(text, name.pos, f"SOQL relationship depth exceeds {_MOST_STEPS} levels: {name.text}")
    steps: list[Field] = []
    here: Object | None = obj
    for part in parts[:-1]:
        reference = here.relation(part) if here else None
        if reference is None or here is None or not org.schema.may_read(here, reference):
            raise complain.unknown_relation(text, name.pos, part)
        steps.append(reference)
        here = None if reference.polymorphic else org.schema.objects.get(reference.refers_to[0])
    field = _of_name(parts[-1], org) if here is None else org.schema.visible(here, parts[-1])
    if field is None:
        raise complain.unknown_field(text, name.pos, parts[-1], here.name if here else "Name")
    return Path(tuple(steps), field, _through(steps, field, org))


def _of_name(name: str, org: Org) -> Field | None:
    """A polymorphic parent shows only what every kind of parent has."""

    def kind(r: Record) -> str:
        return r.object

    def called(r: Record) -> Any:
        own = next((f for f in org.schema.objects[r.object].fields.values() if f.name_field), None)
        return own.read(r) if own else None

    match name.lower():
        case "id":
            return computed("Id", "id", "Name ID", lambda r: r.id)
        case "name":
            return computed("Name", "string", "Name", called)
        case "type":
            return computed("Type", "string", "Type", kind)
    return None


def _through(steps: list[Field], field: Field, org: Org) -> Read:
    if not steps:
        return field.read

    def read(r: Record) -> Any:
        at: Record | None = r
        for step in steps:
            at = org.parent(step.refers_to, step.read(at)) if at is not None else None
        return None if at is None else field.read(at)

    return read
