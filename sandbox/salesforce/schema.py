"""What the org's objects look like, and what the integration user may see of them.

Pure state: describe.py prints it, soql/ and writes.py obey it. A field that was made by the Tooling API is invisible to the
integration user until a permission set grants it, as in a real org.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sandbox.salesforce import stamps
from sandbox.store import Record

Read = Callable[[Record], Any]
TEXT_TYPES = frozenset(
    {"string", "textarea", "phone", "url", "email", "combobox", "picklist", "multipicklist", "encryptedstring"}
)
NUMBER_TYPES = frozenset({"double", "currency", "percent", "int"})
Words = tuple[
    str | None, str | None, dict[str, str]
]  # label, help text, labels of values by the label in the first language
LONG_TEXT = 255  # a text area beyond it cannot be filtered or sorted, and halves the page of a query that selects it


@dataclass(slots=True)
class Field:
    """One field. `read` gives the value in the form that filters compare: dates as text, times as aware datetimes."""

    name: str
    type: str
    label: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    digits: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    defaulted: bool = False
    default: Any = None
    custom: bool = False
    formula: str | None = None
    values: tuple[tuple[str, str], ...] = ()  # value, label
    restricted: bool = False
    refers_to: tuple[str, ...] = ()
    relationship: str | None = None
    children: str | None = None  # name of the list on the parent's side
    cascades: bool = False
    external_id: bool = False
    unique: bool = False
    id_lookup: bool = False
    name_field: bool = False
    auto_number: bool = False
    compound: str | None = None
    help_text: str | None = None
    description: str | None = None  # for administrators: no describe shows it
    needs_grant: bool = False
    filterable: bool = True
    sortable: bool = True
    computed: Read | None = None  # for what no record stores: system fields, formulas, compounds
    read: Read = field(init=False)

    def __post_init__(self) -> None:
        if self.long_text or self.type == "address":
            self.sortable = False
            self.filterable = self.type == "address"
        if self.computed is None:
            self.read = _reader(self)
        else:
            self.read = self.computed

    @property
    def polymorphic(self) -> bool:
        return len(self.refers_to) > 1

    @property
    def long_text(self) -> bool:
        return self.type == "textarea" and self.length > LONG_TEXT


def _reader(f: Field) -> Read:
    name = f.name
    if f.type == "datetime":

        def read_time(r: Record) -> Any:
            text = r.fields.get(name)
            return None if text is None else stamps.parse(text)

        return read_time
    if f.type == "boolean":
        return lambda r: bool(r.fields.get(name))
    return lambda r: r.fields.get(name)


@dataclass(slots=True)
class Object:
    """One object. `rows`, where given, derives its records from others (history); otherwise they are in the store."""

    name: str
    label: str
    plural: str
    prefix: str
    fields: dict[str, Field]
    custom: bool = False
    durable_id: str = ""  # of a custom object's definition, which the Tooling API shows in place of its name
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    replicateable: bool = True
    mergeable: bool = False
    shows_prefix: bool = True
    tooling: bool = False
    in_data_api: bool = True
    system: bool = False  # permission sets and the like: no recycle bin, no cascade
    record_types: tuple[tuple[str, str], ...] = ()  # id, name
    rows: Callable[[], Iterable[Record]] | None = None
    rows_depend_on: tuple[str, ...] = ()
    _lower: dict[str, str] = field(default_factory=dict)

    def find(self, name: str) -> Field | None:
        """By name without regard to case, as SOQL and the REST paths take names."""
        exact = self.fields.get(name)
        if exact is not None:
            return exact
        if len(self._lower) != len(self.fields):
            self._lower = {n.lower(): n for n in self.fields}
        return self.fields.get(self._lower.get(name.lower(), ""))

    def relation(self, name: str) -> Field | None:
        """The reference field that a relationship's name stands for."""
        wanted = name.lower()
        return next((f for f in self.fields.values() if f.relationship and f.relationship.lower() == wanted), None)

    @property
    def archives(self) -> bool:
        return self.name in ("Task", "Event")


class Schema:
    """All objects of the org and the integration user's rights. `changed_at` is the Last-Modified of describe."""

    def __init__(self, started: datetime) -> None:
        self.objects: dict[str, Object] = {}
        self._lower: dict[str, str] = {}
        self.readable: set[str] = set()  # "Object.Field" granted to the integration user
        self.editable: set[str] = set()
        self.withheld: set[str] = set()  # "Object.Field" that an administrator has taken from the integration user
        self.changed_at = stamps.floor(started)
        self.edits_standard_fields = True
        self.language: str | None = (
            None  # in which the integration user reads labels, where it is not the organisation's
        )
        self.translations: dict[str, dict[str, Words]] = {}  # by language and Object.Field

    def add(self, obj: Object) -> None:
        self.objects[obj.name] = obj
        self._lower[obj.name.lower()] = obj.name

    def find(self, name: str) -> Object | None:
        return self.objects.get(self._lower.get(name.lower(), ""))

    def by_prefix(self, record_id: str) -> Object | None:
        prefix = record_id[:3]
        return next((o for o in self.objects.values() if o.prefix == prefix and o.shows_prefix), None)

    def change(self, at: datetime) -> None:
        """Moves the stamp of describe; always forward, so that no one who asks `If-Modified-Since` misses a change."""
        self.changed_at = max(stamps.floor(at), self.changed_at + timedelta(seconds=1))

    def may_read(self, obj: Object, f: Field) -> bool:
        if self.withheld and f"{obj.name}.{f.name}" in self.withheld:
            return False
        return not f.needs_grant or f"{obj.name}.{f.name}" in self.readable

    def may_edit(self, obj: Object, f: Field) -> bool:
        if not f.needs_grant:
            return self.may_read(obj, f) and (self.edits_standard_fields or obj.system)
        return self.may_read(obj, f) and f"{obj.name}.{f.name}" in self.editable

    def words(self, obj: Object, f: Field) -> Words:
        """Label, help text and labels of values, in the integration user's language."""
        label, help_text, values = self.translations.get(self.language or "", {}).get(
            f"{obj.name}.{f.name}", (None, None, {})
        )
        return label or f.label, help_text or f.help_text, values

    def visible_fields(self, obj: Object) -> Iterator[Field]:
        return (f for f in obj.fields.values() if self.may_read(obj, f))

    def visible(self, obj: Object, name: str) -> Field | None:
        f = obj.find(name)
        return f if f is not None and self.may_read(obj, f) else None
