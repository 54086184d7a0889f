"""What `explain` shows to a person."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from jobs.tables.shape import SHOWN, number, short, table, value
from models.catalogue import BY_NAME

BY = {
    "itself": "by itself",
    "corporate_number": "by corporate number",
    "domain": "by domain",
    "name_and_phone": "by name and telephone",
    "name_and_place": "by name and place",
    "decision": "as was decided",
}
"""By what a record is told to be the partner or entry."""


def show(out: Console, found: Mapping[str, Any], *, alone: bool) -> None:
    """The fields; and with one of them `alone`, all that made it."""
    _fields(out, found["fields"])
    if alone:
        for field in found["fields"]:
            out.print(f"[bold]Formula:[/] {escape(field['formula'])}.")
            _inputs(out, field["inputs"])
            out.print(f"[bold]What would change it:[/] {escape(field['what_would_change'])}.\n")
            _counted(out, field["counted"])
            _left_out(out, field["left_out"])
        _activities(out, found["activities"])
        _rules(out, found["rules"])
    counted = [e for e in found["events"] if e["counted"]]
    if not (alone and found["activities"] and not counted):
        _events(out, counted if alone and counted else found["events"])
    if alone:
        _records(out, found["records"])
    _writes(out, found["writes"])
    _edits(out, found["edits"])


def identity(out: Console, found: Mapping[str, Any]) -> None:
    """The records that are one, where there are several, and what persons said of them."""
    if found["entry_records"] and len(found["partner_records"]) == 1:
        out.print(f"[bold]Of partner:[/] {escape(found['partner_records'][0]['record'])}")
    for records in (found["partner_records"], found["entry_records"]):
        if len(records) > 1:
            named = ", ".join(f"{r['record']} ({BY.get(r['matched_by'], r['matched_by'])})" for r in records)
            whose = "entry" if records is found["entry_records"] else "partner"
            out.print(f"[bold]One {whose}:[/] {escape(named)}")
    for d in found["decisions"]:
        what = "are one" if d["verdict"] == "same" else "are not one"
        undone = "" if d["stands"] else f"; taken back by {d['undone_by']}"
        said = f"{d['left']} and {d['right']} {what}, said {d['who']} on {d['decided_at'][:10]}: {d['reason']}{undone}"
        out.print(f"[bold]Decided:[/] {escape(said)} ({d['decision_id']})")


def _fields(out: Console, fields: Sequence[Mapping[str, Any]]) -> None:
    shown = table("Fields", "field", "value", "why", "since run")
    for r in fields:
        label = BY_NAME[r["field"]].label_en if r["field"] in BY_NAME else r["field"]
        why = "" if r["inputs"].get("why") == r["value"] else r["inputs"].get("why", "")
        shown.add_row(label, value(r["value"]), why, short(r["run"]))
    out.print(shown)


def _inputs(out: Console, inputs: Mapping[str, Any]) -> None:
    plain = {
        k: v for k, v in inputs.items() if k not in ("why", "what_would_change") and not isinstance(v, dict | list)
    }
    if plain:
        out.print("[bold]Inputs:[/] " + escape(", ".join(f"{k} {value(v)}" for k, v in plain.items())))


def _counted(out: Console, counted: Sequence[Mapping[str, Any]]) -> None:
    if not counted:
        return
    ends = any(c["end"] for c in counted)
    shown = table(
        f"Counted: {number(len(counted))}", "day", "target", "record", "counts until", *(["came to"] if ends else [])
    )
    for c in counted[:SHOWN]:
        day = c["day"] + (" (inferred)" if c["inferred"] else "")
        end = f"{c['end']} on {c['ended_on']}" if c["end"] else "-"
        shown.add_row(day, c["target"] or "-", c["record"] or c["entry"], c["until"] or "-", *([end] if ends else []))
    out.print(shown)
    _more(out, counted)


_WHY = {
    "existing_customer": "buys already",
    "open_deal": "has an open deal of our own",
    "open_elsewhere": "open with another partner",
}


def _left_out(out: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    shown = table(f"Left out: {number(len(rows))}", "target", "record", "why", "told by")
    for r in rows[:SHOWN]:
        shown.add_row(r["target"] or "-", r["record"] or r["entry"], _WHY[r["why"]], ", ".join(r["by"]) or "-")
    out.print(shown)
    _more(out, rows)


def _activities(out: Console, activities: Sequence[Mapping[str, Any]]) -> None:
    if activities:
        shown = table("Activities", "day", "kind", "rule", "record")
        for a in activities[:SHOWN]:
            shown.add_row(a["occurred_on"], a["kind"], a["rule"], a["source"])
        out.print(shown)
        _more(out, activities)


def _rules(out: Console, rules: Sequence[Mapping[str, Any]]) -> None:
    if rules:
        shown = table("Rules of the mapping", "rule", "version", "line", "says", right=("line",))
        for r in rules:
            shown.add_row(r["rule"], r["mapping_hash"][:12], number(r["line"]), r["says"] or "-")
        out.print(shown)


def _events(out: Console, events: Sequence[Mapping[str, Any]]) -> None:
    shown = table("Events", "occurred", "known", "milestone", "op", "rule", "source", "by")
    for e in events[-SHOWN:]:
        mark = " (from the CRM's history)" if e["reconstructed"] else ""
        gone = "" if e["stands"] or e["op"] == "retract" else ", taken back"
        change = e["change"]
        by = e["source_change_id"] if change is None else f"{change['old'] or '-'} → {change['new'] or '-'}"
        shown.add_row(
            e["occurred_on"], e["known_at"][:10] + mark, e["milestone"], e["op"] + gone, e["rule"], e["source"], by
        )
    out.print(shown)
    if len(events) > SHOWN:
        out.print(f"... and {number(len(events) - SHOWN)} earlier ones; --json shows all.")


def _records(out: Console, records: Sequence[Mapping[str, Any]]) -> None:
    shown = table("Source records", "record", "values", "read by run", "page", right=("page",))
    for r in records[:SHOWN]:
        held = ", ".join(f"{k} {value(v)}" for k, v in r["values"].items() if v is not None)
        shown.add_row(
            r["record"] + (" (deleted)" if r["deleted"] else ""), held or "-", short(r["run"]), number(r["page"])
        )
    out.print(shown)
    _more(out, records)


def _writes(out: Console, writes: Sequence[Mapping[str, Any]]) -> None:
    shown = table("Written by us", "field", "old", "new", "status", "when", "who", "plan")
    for w in writes[-SHOWN:]:
        shown.add_row(
            w["field"],
            value(w["old"]),
            value(w["new"]),
            w["status"],
            (w["settled_at"] or "-")[:16].replace("T", " "),
            w["who"],
            w["plan"],
        )
    out.print(shown)


def _edits(out: Console, edits: Sequence[Mapping[str, Any]]) -> None:
    if not edits:
        return
    shown = table("Written by persons over ours", "field", "ours", "theirs", "found", "policy", "until")
    for e in edits[-SHOWN:]:
        shown.add_row(
            e["field"],
            value(e["ours"]),
            value(e["theirs"]),
            e["found_at"][:16].replace("T", " "),
            e["policy"],
            e["keep_until"] or "-",
        )
    out.print(shown)


def _more(out: Console, rows: Sequence[Any]) -> None:
    if len(rows) > SHOWN:
        out.print(f"... and {number(len(rows) - SHOWN)} more; --json shows all.")
