"""The list views that reps start their day with. Made where they are missing; a view that is there stays as people changed it."""

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from sync.salesforce.metadata import element

_NAME_COLUMNS: Mapping[str, str] = {"Account": "ACCOUNT.NAME", "Opportunity": "OPPORTUNITY.NAME"}


@dataclass(frozen=True, slots=True)
class View:
    """A list view by the catalogue's field names. `label` is (en, ja), of at most 40 characters."""

    name: str
    label: tuple[str, str]
    filter: tuple[str, str, str]  # field, operation, value
    columns: tuple[str, ...]


VIEWS = (
    View(
        "Tier_A_Partners",
        ("Tier A partners", "優先度Aのパートナー"),
        ("tier", "equals", "A"),
        ("tier", "tier_reason", "next_step", "expected_deals_30d", "stalled_entries", "next_regular_meeting_due"),
    ),
    View(
        "Stalled_Entries",
        ("Stalled entries", "停滞エントリー"),
        ("stalled", "equals", "1"),
        ("milestone", "milestone_since", "deal_probability", "expected_deal_on"),
    ),
    View(
        "Regular_Meeting_Due",
        ("Regular meeting due this week", "今週が期限の定例会"),
        # up to the end of this week: what is overdue is due too
        ("next_regular_meeting_due", "lessOrEqual", "THIS_WEEK"),
        ("next_regular_meeting_due", "tier", "tier_reason", "next_step"),
    ),
)


LABEL_TAKEN = "DUPLICATE_DEVELOPER_NAME"  # also the answer where only the label is in use on the object


def own_label(view: View, prefix: str, language: str) -> str:
    """A label for where its plain one is taken, by a person's view or by another prefix: at most 40 characters."""
    end = f" ({prefix})"
    return view.label[1 if language == "ja" else 0][: 40 - len(end)] + end


def views_for(names: Mapping[str, str]) -> list[View]:
    """The views whose field is among these (catalogue name to API name)."""
    return [view for view in VIEWS if view.filter[0] in names]


def full_name(view: View, object_name: str, prefix: str) -> str:
    return f"{object_name}.{prefix[:1].upper()}{prefix[1:]}_{view.name}"


def content(
    view: View, object_name: str, names: Mapping[str, str], language: str, label: str | None = None
) -> dict[str, object]:
    """The view as the Metadata API writes it, without its full name. Without `sharedTo`, everybody sees it."""
    field, operation, value = view.filter
    own = "NAME" if object_name.endswith("__c") else _NAME_COLUMNS.get(object_name)
    return {
        "columns": [*([own] if own else []), *(names[c] for c in view.columns if c in names)],
        "filterScope": "Everything",
        "filters": {"field": names[field], "operation": operation, "value": value},
        "label": label or view.label[1 if language == "ja" else 0],
    }


def component(
    view: View, object_name: str, names: Mapping[str, str], prefix: str, language: str, label: str | None = None
) -> ET.Element:
    told = content(view, object_name, names, language, label)
    return element("metadata", {"fullName": full_name(view, object_name, prefix), **told})
