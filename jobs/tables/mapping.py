"""What a mapping covers, as tables a person enjoys reading."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from jobs.tables.shape import number, table
from models.vocabulary import LISTS

VALUES = 12  # values of a field before "and n more"; --all shows them


def coverage(out: Console, document: Mapping[str, Any], *, every: bool) -> None:
    """Rules, values, fields and what needs a person, in that order: what has to be done stands last, where the eye is."""
    _rules(out, document)
    _values(out, document, VALUES if not every else None)
    _links(out, document)
    if every:
        _fields(out, document)
    _findings(out, document)


def _rules(out: Console, document: Mapping[str, Any]) -> None:
    shown = table("What each rule takes", "object", "rule", "records", right=("records",))
    for taken in document["rules"]:
        rule = taken["rule"] or f"(no rule of {taken['part']})"
        shown.add_row(f"{taken['connection']}.{taken['object']}", rule, number(taken["records"]))
    out.print(shown)


def _values(out: Console, document: Mapping[str, Any], most: int | None) -> None:
    shown = table("Values that rules compare", "field", "value", "records", "mapped to", right=("records",))
    for of in document["fields"]:
        if not of["values"]:
            continue
        for at, value in enumerate(of["values"][:most]):
            meaning = ", ".join(value["mapped_to"]) or ("NOTHING" if value["unmapped"] else "-")
            place = f"{of['connection']}.{of['object']}.{of['field']}" if at == 0 else ""
            label = f" ({escape(value['label'])})" if value["label"] not in ("", value["value"]) else ""
            shown.add_row(place, (value["value"] or "(empty)") + label, number(value["records"]), meaning)
        rest = of["values"][most:] if most is not None else []
        more = sum(value["records"] for value in rest) + of["more"]
        if more:
            shown.add_row("", "(other values)", number(more), "shown by --all" if rest else "-")
        shown.add_section()
    if shown.row_count:
        out.print(shown)


def _links(out: Console, document: Mapping[str, Any]) -> None:
    if not document["links"]:
        return
    shown = table("Associations that rules follow", "from", "to", "label", "links", "followed by", right=("links",))
    for link in document["links"]:
        place = (f"{link['connection']}.{link['object']}", link["to_object"], link["label"] or "(none)")
        shown.add_row(*place, number(link["links"]), ", ".join(link["followed_by"]) or "-")
    out.print(shown)


def _fields(out: Console, document: Mapping[str, Any]) -> None:
    right = ("records", "filled", "lowest", "highest")
    shown = table("Fields that rules read", "field", *right, "read by", right=right)
    for of in document["fields"]:
        place = f"{of['connection']}.{of['object']}.{of['field']}"
        ends = (of["lowest"][:10] or "-", of["highest"][:10] or "-")
        shown.add_row(place, number(of["records"]), number(of["filled"]), *ends, ", ".join(of["read_by"]))
    out.print(shown)


def _findings(out: Console, document: Mapping[str, Any]) -> None:
    lines = [
        *_nothing(document),
        *_unmapped(document),
        *_unlinked(document),
        *_without_partner(document),
        *_contradictory(document),
        *_duplicates(document),
    ]
    for line in lines:
        out.print(line)
    if not lines:
        out.print("Every value is mapped, every record has its partner, and no date contradicts another.")


def _nothing(document: Mapping[str, Any]) -> list[str]:
    """Rules of partners and entries that take nothing: of an object that holds records, or since it holds none."""
    held = _held(document)
    lines: list[str] = []
    empty: dict[str, None] = {}
    for taken in document["rules"]:
        place = f"{taken['connection']}.{taken['object']}"
        if taken["part"] not in ("partners", "entries") or taken["connection"] == LISTS or not taken["rule"]:
            continue
        if not held[place]:
            empty[place] = None
        elif not taken["records"]:
            lines.append(
                f"[yellow]Takes nothing:[/] {taken['rule']} takes none of the {number(held[place])} records of {place} that are there; see "
                "its `where`, and the rules before it"
            )
    if empty:
        lines.append(
            f"[yellow]Nothing there yet:[/] {', '.join(empty)} {'hold' if len(empty) > 1 else 'holds'} no record"
        )
    return lines


def _held(document: Mapping[str, Any]) -> Mapping[str, int]:
    """Records of each object, as far as some part of the mapping counts them all."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for taken in document["rules"]:
        counts[f"{taken['connection']}.{taken['object']}", taken["part"]] += taken["records"]
    held: dict[str, int] = defaultdict(int)
    for (place, _), count in counts.items():
        held[place] = max(held[place], count)
    return held


def _unmapped(document: Mapping[str, Any]) -> list[str]:
    return [
        f"[yellow]Unmapped:[/] {one['connection']}.{one['object']}.{one['field']} {escape(repr(one['value']))}, "
        f"{number(one['records'])} records, such as {one['example']}; no rule names it"
        for one in document["unmapped"]["list"]
    ]


def _unlinked(document: Mapping[str, Any]) -> list[str]:
    linked = {(one["connection"], one["object"], one["to_object"]) for one in document["links"] if one["links"]}
    return [
        f"[yellow]No such label:[/] {link['connection']}.{link['object']} has no link to {link['to_object']} that bears "
        f"{escape(repr(link['label']))}, which {', '.join(link['followed_by'])} follows"
        for link in document["links"]
        if not link["links"]
        and (link["connection"], link["object"], link["to_object"]) in linked  # or nothing is linked yet
    ]


def _without_partner(document: Mapping[str, Any]) -> list[str]:
    return [
        f"[yellow]{one['kind'].replace('_', ' ').capitalize()}:[/] {number(one['records'])} records by {escape(one['rule'])}, "
        f"such as {escape(one['examples'][0])}"
        for one in document["without_partner"]["list"]
    ]


def _contradictory(document: Mapping[str, Any]) -> list[str]:
    return [
        f"[yellow]Contradictory dates:[/] {number(one['entries'])} entries {one['milestone']} {one['is']} {one['than']}, such as "
        f"{escape(one['examples'][0]['record'])} ({one['examples'][0]['on']}, {one['examples'][0]['than_on']})"
        for one in document["contradictory_dates"]["list"]
    ]


def _duplicates(document: Mapping[str, Any]) -> list[str]:
    lines = []
    entries, partners = document["duplicates"]["entries"], document["duplicates"]["partners"]
    if entries["targets"]:
        by = ", ".join(f"{number(n)} by {mark.replace('_', ' ')}" for mark, n in entries["by"].items())
        lines.append(
            f"[yellow]Duplicates:[/] {number(entries['targets'])} targets stand twice on one partner's list ({by}), such as "
            + escape(" and ".join(entries["examples"][0]))
        )
    if partners["records"]:
        example = escape(partners["list"][0]["examples"][0])
        lines.append(
            f"[yellow]Duplicates:[/] {number(partners['records'])} records are partners that stand twice in one object, such as {example}"
        )
    return lines


def proposed(out: Console, document: Mapping[str, Any]) -> None:
    """What differs from the preset, what was left out, and what waits for a person."""
    shown = table("Proposed", "connection", "where", "preset", "proposed", "because")
    for choice in document["choices"]:
        shown.add_row(
            choice["connection"] or "all",
            choice["path"],
            choice["preset"],
            choice["proposed"] or "(left out)",
            choice["why"],
        )
    presets = document["presets"]
    several = len(presets) > 1
    named = ", ".join(f"{preset} for {name}" if several else preset for name, preset in presets.items())
    out.print(f"Preset{'s' if several else ''} {named}; wrote {document['written'][-1]}.")
    if document["choices"]:
        out.print(shown)
    else:
        whose = "Every CRM has everything that its preset" if several else "The CRM has everything that the preset"
        out.print(f"{whose} names; nothing had to be changed.")
    for value in document["left"]:
        out.print(f"[yellow]To decide:[/] {escape(value)} looks like no milestone; name it, or put it under `ignored`")
    for problem in document["problems"]:
        out.print(f"[yellow]To mend:[/] {escape(problem)}")
