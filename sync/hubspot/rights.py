"""Scopes granted to a token against scopes that a mapping needs. Pure: names in, names out.

Sources: HubSpot's scope list, and its published specifications, whose operations name the scopes that they take.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from sync.connector import Rights
from sync.hubspot.describe import list_kind
from sync.records import ReadSpec

_ENGAGEMENTS = frozenset({"meetings", "tasks", "calls", "notes", "emails", "communications", "postal_mail"})
_NAMED = frozenset({"companies", "contacts", "deals", "leads", "line_items", "products", "quotes"})
_ALWAYS = frozenset({"oauth"})  # every app has it


def family(object_name: str) -> str:
    """The word that stands for the object in its scopes: engagements go with contacts, objects of one's own are `custom`."""
    if object_name in _ENGAGEMENTS:
        return "contacts"
    return object_name if object_name in _NAMED else "custom"


def scopes_for(object_name: str, rights: Iterable[str]) -> set[str]:
    """Scopes such as crm.objects.deals.read, for rights such as objects.read."""
    if object_name == "tickets":
        return {"tickets"}  # one scope for all of it
    return {f"crm.{kind}.{family(object_name)}.{verb}" for kind, _, verb in (r.partition(".") for r in rights)}


def needed(reads: Mapping[str, ReadSpec], writes: Collection[str]) -> set[str]:
    """What pulling, planning and delivering takes."""
    found: set[str] = set()
    for name, spec in reads.items():
        listed = list_kind(name)
        if listed is not None:
            kind, of = listed
            found |= {"crm.objects.owners.read"} if kind == "owners" else scopes_for(of, ("objects.read",))
            continue
        found |= scopes_for(name, ("objects.read", "schemas.read"))
        for other in spec.associations:
            found |= scopes_for(other, ("objects.read",))
    for name in writes:
        found |= scopes_for(name, ("objects.read", "objects.write", "schemas.read"))
    return found


def compared(granted: Collection[str], reads: Mapping[str, ReadSpec], writes: Mapping[str, Sequence[str]]) -> Rights:
    """The difference, by scope."""
    if not granted:
        return Rights(unknown="HubSpot does not tell the scopes of this kind of token; compare them in its settings.")
    wanted = needed(reads, writes)
    making = {s for name in writes for s in scopes_for(name, ("schemas.write",))} - wanted
    held = set(granted) - _ALWAYS
    return Rights(
        missing=tuple(sorted(wanted - held)),
        excess=tuple(sorted(held - wanted - making)),
        provisioning=tuple(sorted(held & making)),
    )
