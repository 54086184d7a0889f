"""The objects of the portal: their names, type ids and habits. `companies`, `company`, `0-2` and `Company` are one."""

from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.hubspot.errors import HubspotError


@dataclass(frozen=True, slots=True)
class ObjectType:
    name: str  # plural, as in paths
    singular: str
    type_id: str
    serials: tuple[
        int, int
    ]  # the first id and the step to the next: ids have gaps, and differ in length between objects
    created: str = "createdate"
    modified: str = "hs_lastmodifieddate"
    defaults: tuple[str, ...] = ()  # shown when no property is asked for
    searched: tuple[str, ...] = ()  # what the search's `query` looks into
    scope: str = ""  # crm.objects.<scope>.read
    v3_name: str = ""  # how association types of v3 call it
    labels: tuple[str, str] = ("", "")
    custom_name: str = ""  # fully qualified name, of custom objects only

    @property
    def constant(self) -> str:
        return self.singular.upper()

    @property
    def is_custom(self) -> bool:
        return bool(self.custom_name)


def _engagement(
    name: str, singular: str, type_id: str, start: int, searched: tuple[str, ...], v3_name: str
) -> ObjectType:
    """Engagements have no scopes of their own: HubSpot guards them with those of contacts."""
    return ObjectType(
        name,
        singular,
        type_id,
        (start, 7),
        created="hs_createdate",
        defaults=("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
        searched=searched,
        scope="contacts",
        v3_name=v3_name,
        labels=(singular.title(), name.title()),
    )


STANDARD = (
    ObjectType(
        "contacts",
        "contact",
        "0-1",
        (51, 50),
        modified="lastmodifieddate",
        defaults=("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"),
        searched=("firstname", "lastname", "email", "phone", "company"),
        scope="contacts",
        v3_name="contact",
        labels=("Contact", "Contacts"),
    ),
    ObjectType(
        "companies",
        "company",
        "0-2",
        (9_337_600_013, 11),
        defaults=("name", "domain", "createdate", "hs_lastmodifieddate", "hs_object_id"),
        searched=("name", "domain", "phone", "website"),
        scope="companies",
        v3_name="company",
        labels=("Company", "Companies"),
    ),
    ObjectType(
        "deals",
        "deal",
        "0-3",
        (12_055_300_017, 13),
        defaults=(
            "dealname",
            "amount",
            "closedate",
            "pipeline",
            "dealstage",
            "createdate",
            "hs_lastmodifieddate",
            "hs_object_id",
        ),
        searched=("dealname", "pipeline", "dealstage", "description"),
        scope="deals",
        v3_name="deal",
        labels=("Deal", "Deals"),
    ),
    _engagement(
        "meetings", "meeting", "0-47", 24_386_300_019, ("hs_meeting_title", "hs_meeting_body"), "meeting_event"
    ),
    _engagement("tasks", "task", "0-27", 65_039_200_021, ("hs_task_subject", "hs_task_body"), "task"),
    _engagement("calls", "call", "0-48", 31_227_700_023, ("hs_call_title", "hs_call_body"), "call"),
    _engagement("notes", "note", "0-46", 41_118_800_027, ("hs_note_body",), "note"),
)


class ObjectTypes:
    """Finds an object type by any of its names, whatever their case."""

    def __init__(self, kinds: Iterable[ObjectType] = STANDARD) -> None:
        self._by_name: dict[str, ObjectType] = {}
        self.all: list[ObjectType] = []
        for kind in kinds:
            self.add(kind)

    def add(self, kind: ObjectType) -> None:
        self.all.append(kind)
        for name in (kind.name, kind.singular, kind.type_id, kind.custom_name, kind.custom_name.partition("_")[2]):
            if name:
                self._by_name[name.lower()] = kind
        if kind.is_custom:
            self._by_name[f"p_{kind.singular}"] = kind

    def remove(self, kind: ObjectType) -> None:
        self.all.remove(kind)
        self._by_name = {name: k for name, k in self._by_name.items() if k is not kind}

    def find(self, name: str) -> ObjectType:
        """The type; 400 for a name the portal does not know."""
        kind = self._by_name.get(name.lower())
        if kind is None:
            raise HubspotError(400, f"Unable to infer object type from: {name}")
        return kind

    def get(self, name: str) -> ObjectType | None:
        return self._by_name.get(name.lower())
