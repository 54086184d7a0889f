"""Our section on a page layout: put in after the first one, and taken out again with nothing else. Pure: elements in, elements out."""

import copy
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from sync.salesforce.metadata import element, tag, text

HEADING = "Sakigake"  # the same in every language
STYLE = "TwoColumnsTopToBottom"
_ITEMS, _COLUMNS, _SECTIONS = tag("layoutItems"), tag("layoutColumns"), tag("layoutSections")


def section(names: Sequence[str]) -> ET.Element:
    """Two columns of fields that nobody edits here, read downwards."""
    half = (len(names) + 1) // 2
    return element(
        "layoutSections",
        {
            "customLabel": True,
            "detailHeading": True,
            "editHeading": True,
            "label": HEADING,
            "layoutColumns": [{"layoutItems": _items(part)} for part in (names[:half], names[half:])],
            "style": STYLE,
        },
    )


def _items(names: Sequence[str]) -> list[dict[str, str]]:
    return [{"behavior": "Readonly", "field": name} for name in names]


def shown(layout: ET.Element) -> set[str]:
    """The fields that stand on the layout, wherever."""
    return {name for item in layout.iter(_ITEMS) if (name := text(item, "field"))}


def ours(layout: ET.Element) -> ET.Element | None:
    return next((s for s in layout.findall(_SECTIONS) if text(s, "label") == HEADING), None)


def with_section(layout: ET.Element, names: Sequence[str], new: set[str]) -> ET.Element | None:
    """The layout with our fields; None where nothing is to change.

    A section that is there stays as people arranged it, and gets only fields that are `new` in this organisation.
    """
    there = shown(layout)
    present = ours(layout)
    lacking = [name for name in names if name not in there and (present is None or name in new)]
    if not lacking:
        return None
    made = copy.deepcopy(layout)
    present = ours(made)
    if present is None:
        sections = made.findall(_SECTIONS)
        place = list(made).index(sections[0]) + 1 if sections else len(made)
        made.insert(place, section(lacking))
        return made
    columns = present.findall(_COLUMNS)
    if not columns:
        present.insert(max(len(present) - 1, 0), element("layoutColumns"))
        columns = present.findall(_COLUMNS)
    for item in _items(lacking):
        min(columns, key=len).append(element("layoutItems", item))
    return made


def without_section(layout: ET.Element, names: set[str]) -> ET.Element | None:
    """The layout without our fields, and without our section once it is empty; None where it has neither."""
    made = copy.deepcopy(layout)
    found = False
    for column in made.iter(_COLUMNS):
        for item in column.findall(_ITEMS):
            if text(item, "field") in names:
                column.remove(item)
                found = True
    empty = ours(made)
    if empty is not None and next(empty.iter(_ITEMS), None) is None:
        made.remove(empty)
        found = True
    return made if found else None
