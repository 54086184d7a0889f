"""What HubSpot lets only people do: who may edit our properties, where they stand on the record, and saved views. Written out step by step."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from models.catalogue import CatalogueField
from sync.connector import ProvisionStep

_TITLES = {"companies": ("Companies", "会社"), "deals": ("Deals", "取引"), "contacts": ("Contacts", "コンタクト")}


@dataclass(frozen=True, slots=True)
class View:
    """A saved view by catalogue names. `label` is (en, ja); `says` finishes the filter, {value} being the value's label."""

    label: tuple[str, str]
    field: str
    says: str
    columns: tuple[str, ...]


VIEWS = (
    View(
        ("Tier A partners", "優先度Aのパートナー"),
        "tier",
        "is any of A",
        ("tier", "tier_reason", "next_step", "expected_deals_30d", "stalled_entries", "next_regular_meeting_due"),
    ),
    View(
        ("Stalled entries", "停滞エントリー"),
        "stalled",
        "is equal to {yes}",
        ("milestone", "milestone_since", "deal_probability", "expected_deal_on"),
    ),
    View(
        ("Regular meeting due this week", "今週が期限の定例会"),
        "next_regular_meeting_due",
        "is this week, or (in a second filter group) is before today",
        ("next_regular_meeting_due", "tier", "tier_reason", "next_step"),
    ),
)
_FIRST = (
    "tier",
    "tier_reason",
    "next_step",
    "expected_deals_30d",
    "stalled_entries",
    "milestone",
    "deal_probability",
    "expected_deal_on",
    "stalled",
)


def advice(object_name: str, fields: Iterable[CatalogueField], language: str, group: str) -> list[ProvisionStep]:
    """Steps of the status `advice`, with the labels that the account shows."""
    labels = {f.name: f.label(language) for f in fields}
    if not labels:
        return []
    title = _TITLES.get(object_name, (object_name, object_name))
    shown = f"{title[0]} ({title[1]})" if language == "ja" and title[0] != title[1] else title[0]
    return [
        ProvisionStep(object_name, "read-only for people", "advice", _read_only(shown, group)),
        ProvisionStep(object_name, "properties on the record", "advice", _pinned(shown, group, labels)),
        *(
            ProvisionStep(
                object_name, f"saved view {_named(view, language)}", "advice", _saved(view, shown, labels, language)
            )
            for view in VIEWS
            if view.field in labels
        ),
    ]


def _named(view: View, language: str) -> str:
    return view.label[1 if language == "ja" else 0]


def _read_only(shown: str, group: str) -> str:
    return (
        "HubSpot has no API for who may edit a property. Until it is set, people can edit ours; the next run notices and follows"
        f" the policy for edits by people. To set it: Settings > Properties > {shown}, filter by group {group}, select all, More >"
        " Manage access, and allow viewing to everyone and editing to super admins only. The service key or private app still writes."
    )


def _pinned(shown: str, group: str, labels: Mapping[str, str]) -> str:
    first = ", ".join(labels[name] for name in _FIRST if name in labels) or ", ".join(labels.values())
    return (
        f"To pin our properties on the record: Settings > Objects > {shown} > Record customization, open the default view, and in the left"
        f" sidebar choose Add cards > Create a card > Property list. Name it {group}, add {first}, in this order, save it, move the card"
        " below the one on top, and save the view. Do the same on the views of teams."
    )


def _saved(view: View, shown: str, labels: Mapping[str, str], language: str) -> str:
    columns = ", ".join(labels[name] for name in view.columns if name in labels)
    says = view.says.format(yes="はい" if language == "ja" else "Yes")
    return (
        f"HubSpot has no API for saved views. To make this one: CRM > {shown} > Add view > Create new view, name it"
        f' "{_named(view, language)}", share it with everyone, set the filter "{labels[view.field]}" {says}, and choose the columns {columns}.'
    )
