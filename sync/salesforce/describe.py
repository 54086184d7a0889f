"""Objects and fields as Salesforce describes them to the integration user. What it may not see is absent."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sync.described import FieldDescription, FieldType, ObjectDescription
from sync.errors import BadReply, FieldMissing, ObjectMissing
from sync.salesforce.client import Client

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_TYPES = {
    "boolean": FieldType.BOOLEAN,
    "int": FieldType.INTEGER,
    "long": FieldType.INTEGER,
    "double": FieldType.NUMBER,
    "currency": FieldType.NUMBER,
    "percent": FieldType.NUMBER,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
}  # everything else is text, whatever it is called: id, picklist, reference, anyType, time, base64 ...
COMPOUND = {"address", "location"}  # their parts are fields of their own
STAMPS = ("SystemModstamp", "LastModifiedDate", "CreatedDate", "LoginTime")


@dataclass(frozen=True, slots=True)
class Facts:
    """What reading an object depends on. Travels in the cursor, so that a later cycle need not ask again."""

    stamp: str
    has_deleted: bool
    has_master: bool
    delete_log: bool
    calculated: tuple[str, ...] = ()  # of the wanted fields, those whose changes move no stamp
    whole: tuple[str, ...] = ()  # of the wanted fields, those that hold whole numbers
    history: bool = True  # false once Salesforce has said that it tracks no field of the object
    portions: int = 1  # into which the wanted fields have to be split, as far as the CRM has shown

    def cursor(self) -> dict[str, Any]:
        return {
            "stamp": self.stamp, "deleted": self.has_deleted, "master": self.has_master, "log": self.delete_log,
            "calculated": list(self.calculated), "whole": list(self.whole), **({} if self.history else {"history": False}),
            "portions": self.portions,
        }  # fmt: skip

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "Facts":
        return cls(
            kept["stamp"], kept["deleted"], kept["master"], kept["log"],
            tuple(kept.get("calculated", ())), tuple(kept.get("whole", ())), kept.get("history", True),
            kept.get("portions", 1),
        )  # fmt: skip

    def columns(self) -> tuple[str, ...]:
        """What every query of records asks for besides the wanted fields."""
        return (
            "Id",
            self.stamp,
            *(["IsDeleted"] if self.has_deleted else []),
            *(["MasterRecordId"] if self.has_master else []),
        )


def fetch(client: Client, object_name: str) -> dict[str, Any]:
    """The raw description; ObjectMissing names the nearest objects."""
    try:
        if not _NAME.fullmatch(object_name):
            raise ObjectMissing(
                f"{object_name!r} is not the API name of an object.", remedy="Correct it in mapping.yaml."
            )
        raw = client.get(f"sobjects/{object_name}/describe", f"description of {object_name}", kind="describe")
    except ObjectMissing as missing:
        visible = client.get("sobjects", "list of objects", kind="describe")
        names = [o["name"] for o in visible["sobjects"]]
        raise ObjectMissing(
            f"Salesforce shows no object {object_name} to the integration user.{_nearest(object_name, names)}",
            remedy="Correct its API name in mapping.yaml, or grant the user Read on it.",
            status=missing.status,
            code=missing.code,
        ) from missing
    if not isinstance(raw, dict) or not isinstance(raw.get("fields"), list):
        raise BadReply(f"The description of {object_name} holds no fields.", remedy="Try again later.")
    return raw


def custom_objects(client: Client) -> list[tuple[str, str]]:
    """(API name, label) of the custom objects that hold records of their own: no settings, events or shadows of others."""
    visible = client.get("sobjects", "list of objects", kind="describe")
    return [
        (str(o["name"]), str(o.get("label") or o["name"]))
        for o in visible["sobjects"]
        if o.get("custom") and str(o["name"]).endswith("__c") and not o.get("customSetting")
    ]


def described(raw: Mapping[str, Any]) -> ObjectDescription:
    """The description in our words."""
    return ObjectDescription(
        name=raw["name"],
        label=raw["label"],
        fields=tuple(_field(f) for f in raw["fields"] if f["type"] not in COMPOUND),
        custom=bool(raw.get("custom")),
        hidden="give the integration user Read Access to it by a permission set (field-level security)",
    )


def facts(raw: Mapping[str, Any], wanted: Iterable[str] = ()) -> Facts:
    """What reading depends on; FieldMissing where nothing tells when a record changed."""
    names = {f["name"] for f in raw["fields"]}
    stamp = next((s for s in STAMPS if s in names), None)
    if stamp is None:
        raise FieldMissing(
            f"{raw['name']} has none of {', '.join(STAMPS)}, so its changes cannot be followed.",
            remedy="Take it out of mapping.yaml, or read the object that it describes.",
        )
    # an object keeps a delete log where it is replicateable; where the description does not say, asking costs nothing
    fields = [_field(f) for f in raw["fields"] if f["name"] in set(wanted)]
    return Facts(
        stamp,
        "IsDeleted" in names,
        "MasterRecordId" in names,
        bool(raw.get("replicateable", True)),
        tuple(f.name for f in fields if f.calculated),
        tuple(f.name for f in fields if f.type is FieldType.INTEGER),
    )


def missing_fields(description: ObjectDescription, wanted: Iterable[str]) -> FieldMissing | None:
    """The error that names every wanted field our user cannot see, each with the nearest it can; None if all are there."""
    seen = [f.name for f in description.fields]
    absent = [name for name in dict.fromkeys(wanted) if name not in set(seen)]
    if not absent:
        return None
    named = " ".join(f"{description.name}.{name} is not there.{_nearest(name, seen)}" for name in absent)
    return FieldMissing(
        f"Salesforce does not show all fields to the integration user: {named}",
        remedy="Correct the names in mapping.yaml, or grant the user Read on the fields.",
        code="INVALID_FIELD",
    )


def _field(raw: Mapping[str, Any]) -> FieldDescription:
    return FieldDescription(
        name=raw["name"],
        type=_TYPES.get(raw["type"], FieldType.TEXT),
        label=raw.get("label") or raw["name"],
        crm_type=raw["type"],
        help=raw.get("inlineHelpText") or "",
        nullable=bool(raw.get("nillable", True)),
        calculated=bool(raw.get("calculated")),
        writable=bool(raw.get("updateable")),
        creatable=bool(raw.get("createable")),
        unique=bool(raw.get("unique")),
        custom=bool(raw.get("custom")),
        references=tuple(raw.get("referenceTo") or ()),
        options=tuple((o["value"], o.get("label") or o["value"]) for o in raw.get("picklistValues") or ()),
    )


def _nearest(name: str, names: Iterable[str]) -> str:
    by_lower = {n.lower(): n for n in names}
    close = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)
    return f" The nearest: {', '.join(by_lower[c] for c in close)}." if close else ""
