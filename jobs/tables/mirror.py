"""The mirror: how far it was read, how complete it is, and what of it waits for a person."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from jobs.tables.shape import SHOWN, number, span, table
from models.counted import agreeing, counted
from models.vocabulary import LISTS


def objects(out: Console, found: Sequence[Mapping[str, Any]]) -> None:
    """Each mirrored object: how far it was read, and how complete it was proven to be."""
    right = ("lag", "here", "there", "missing", "extra", "parked", "proven")
    shown = table("Objects in the mirror", "object", *right, right=right)
    for o in found:
        shown.add_row(
            f"{o['connection']}.{o['object']}",
            span(o["lag_seconds"]) if o["covered_until"] else "-" if o["loaded"] else "loading",
            number(o["here"]),
            number(o["there"]),
            number(o["missing"]),
            number(o["extra"]),
            number(o["parked"]),
            _proven(o),
        )
    out.print(shown)
    if any(o["here"] is None and o["connection"] != LISTS for o in found):
        out.print(
            "-: not counted yet. The first sweep holds the mirror against the CRM: `sakigake reconcile`, or the schedule."
        )
    if any(o["missing"] or o["extra"] for o in found):
        out.print("missing and extra: what the last sweep found, before it repaired what it could.")
    for o in found:
        if o["cause"]:
            said = {"quota": "out of API calls", "waiting": "the CRM still works at it"}.get(
                o["status"], "not read to its end"
            )
            out.print(f"[yellow]{o['connection']}.{o['object']}, {said}:[/] {escape(o['cause'])}")


def _proven(o: Mapping[str, Any]) -> str:
    if o["connection"] == LISTS:
        return "ours alone"  # rows of imported lists: there is no CRM to hold them against
    return "never" if o["proven_at"] is None else f"{span(o['proof_age_seconds'])} ago"


def parked(out: Console, found: Sequence[Mapping[str, Any]]) -> None:
    """What could not be stored as it is, and where to look; the rows themselves are stored."""
    for p in found[:SHOWN]:
        values = counted(p["values"], "value")
        place = f"{p['connection']}.{p['object']}.{p['field']}"
        out.print(
            f"[yellow]{place}, {values} parked:[/] {escape(p['cause'])}. See {p['connection']}.{p['object']}/{p['record']}",
            soft_wrap=True,
        )
    if len(found) > SHOWN:
        out.print(f"... and {number(len(found) - SHOWN)} more; --json shows all.")


def unmapped(out: Console, found: Mapping[str, Any]) -> None:
    """Values that map to nothing, and what that means."""
    if not found["values"]:
        return
    shown = table("Values that no rule names", "field", "value", "records", "since", "read by", right=("records",))
    for v in found["list"][:SHOWN]:
        place = f"{v['connection']}.{v['object']}.{v['field']}"
        shown.add_row(place, v["value"], number(v["records"]), v["first_seen_at"][:10], ", ".join(v["rules"]))
    out.print(shown)
    values = counted(found["values"], "value maps", "values map")
    held = counted(found["records"], "record holds", "records hold")
    said = f"[yellow]{values} to nothing[/], {held} {agreeing(found['values'], 'it', 'them')}"
    if found["entries"]:
        said += f"; {counted(found['entries'], 'entry stands in such a stage and is', 'entries stand in such a stage and are')} not called stalled"
    out.print(f"{said}. Name them in the mapping: sakigake mapping coverage")


def drift(out: Console, found: Sequence[Mapping[str, Any]]) -> None:
    """How the CRMs' descriptions changed, and what rests on it: what is open, and what the last days brought."""
    if not found:
        return
    shown = table("Changes of the CRMs' fields", "field", "what", "since", "state", "read by")
    for d in found:
        shown.add_row(
            ".".join(part for part in (d["connection"], d["object"], d["field"]) if part),
            drift_sentence(d),
            d["first_seen_at"][:16],
            "settled" if d["resolved_at"] else "OPEN",
            ", ".join(d["depends"].get("rules", ())) or "-",
        )
    out.print(shown)


def drift_sentence(d: Mapping[str, Any]) -> str:
    """One difference as a person says it."""
    says = {
        "missing": "not shown to us any more; its column keeps what was read last",
        "renamed": f"not shown to us any more; perhaps it is {d['now']} now",
        "gone": "the object is not shown to us any more; what was read stays",
        "added": "new; mirrored",
        "widened": f"was {d['was']}, is {d['now']}; it has a new column",
        "retyped": f"was {d['was']}, is {d['now']}; it has a new column",
        "option_added": f"has a new value {d['value']!r}",
        "option_renamed": f"calls its value {d['value']!r} {d['now']!r} now",
        "option_removed": f"has no value {d['value']!r} any more"
        + (f"; perhaps it is {d['now']!r}" if d["now"] else ""),
    }
    return says[d["kind"]]


def reconciliation(out: Console, document: Mapping[str, Any]) -> None:
    """The proof of completeness, object by object."""
    columns = ("here", "there", "missing", "extra", "stale", "repaired")
    shown = table("Mirror against CRM", "object", *columns, "proven", right=columns)
    for o in document["objects"]:
        numbers = (number(o[name]) for name in columns)
        shown.add_row(f"{o['connection']}.{o['object']}", *numbers, "yes" if o["proven"] else "NO")
    out.print(shown)
    for o in document["objects"]:
        if o["cause"]:
            out.print(f"[yellow]{o['connection']}.{o['object']}:[/] {escape(o['cause'])}")
    recent = sum(o["recent"] or 0 for o in document["objects"])
    if recent:
        out.print(f"{number(recent)} of the missing and stale had changed since the last pull, which is no loss.")
    out.print("API calls: " + ", ".join(f"{name} {number(calls)}" for name, calls in document["api_calls"].items()))
