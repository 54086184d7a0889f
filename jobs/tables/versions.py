"""What `mapping diff`, `activate` and `history` show to a person."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from jobs.tables.shape import SHOWN, number, percent, table, value

KINDS = ("gained", "lost", "moved", "retold")


def diff(out: Console, document: Mapping[str, Any]) -> None:
    """What another version would do: events by rule, rates, tiers, fields."""
    if document["active"] == document["new"]:
        out.print(f"The file says what is in force: version {document['new'][:12]}.")
        return
    in_force = f"version {document['active'][:12]} is in force" if document["active"] else "no version is in force yet"
    out.print(f"Version [bold]{document['new'][:12]}[/] as of {document['as_of']}; {in_force}.\n")
    for m in document["missing"]:
        out.print(
            f"[yellow]Not mirrored yet:[/] {m['what']} {escape(m['place'])}, read by {escape(', '.join(m['rules']))}"
        )
    if document["missing"]:
        out.print(
            "Events of these rules are incomplete below. To count them before activating, name missing fields under `mirror:` of the "
            "connection in sakigake.yaml and run `sakigake run --only pull`; the rest is read after the activation.\n"
        )
    _events(out, document["events"])
    for what in ("partners", "entries"):
        d = document[what]
        out.print(
            f"{what.capitalize()}: {number(d['before'])} → {number(d['after'])} ({number(d['gained'])} new, {number(d['lost'])} gone)"
        )
    out.print()
    _rates(out, document)
    tiers = ", ".join(f"{t} {number(n['before'])} → {number(n['after'])}" for t, n in document["tiers"].items())
    out.print(f"Tiers: {tiers}")
    _tier_changes(out, document["tier_changes"])
    fields = document["fields"]
    by_field = ", ".join(f"{name} {number(n)}" for name, n in fields["by_field"].items())
    out.print(f"Fields that would be written: {number(fields['total'])}" + (f" ({by_field})" if by_field else ""))
    for e in fields["examples"]:
        out.print(f"  {escape(e['record'])} {e['field']}: {escape(value(e['old']))} → {escape(value(e['new']))}")
    if document["issues"]:
        out.print("Not understood: " + ", ".join(f"{k} {number(n)}" for k, n in document["issues"].items()))
    out.print(f"\nPreview {document['preview'][:12]}")


def _events(out: Console, events: Mapping[str, Any]) -> None:
    changed = [r for r in events["by_rule"] if any(r[k] for k in KINDS)]
    if not changed:
        out.print("Events: none is gained, lost or moved.")
        return
    shown = table("Events", "rule", "before", "after", *KINDS, right=("before", "after", *KINDS))
    for r in changed:
        shown.add_row(r["rule"], *(number(r[k]) for k in ("before", "after", *KINDS)))
    out.print(shown)
    examples = [e for r in changed for e in [e for e in r["examples"] if e["kind"] != "retold"][:2]][:SHOWN]
    shown = table("For example", "record", "milestone", "what", "day")
    for e in examples:
        days = {"gained": e["after"], "lost": e["before"]}.get(e["kind"], f"{e['before']} → {e['after']}")
        shown.add_row(e["source"], e["milestone"], e["kind"], str(days))
    if examples:
        out.print(shown)


def _rates(out: Console, document: Mapping[str, Any]) -> None:
    """Only where something differs: a wall of equal numbers hides the one that moved."""
    leads = {(r["type"], r["step"]): r for r in document["lead_time"]}
    right = ("rate before", "after", "n before", "n after", "days before", "days after")
    shown = table("Conversion and lead time that would change", "type", "step", *right, right=right)
    for r in document["conversion"]:
        lead = leads.get((r["type"], r["step"]), {"before": None, "after": None})
        if r["before"] == r["after"] and lead["before"] == lead["after"]:
            continue
        sides = [r["before"] or {"rate": None, "n": None}, r["after"] or {"rate": None, "n": None}]
        days = [(lead[w] or {"median": None})["median"] for w in ("before", "after")]
        shown.add_row(
            r["type"], r["step"].replace(">", " → "), *(percent(s["rate"]) for s in sides), *(number(s["n"]) for s in sides),
            *(number(d) for d in days),
        )  # fmt: skip
    out.print(shown if shown.row_count else "Conversion and lead time stay as they are.")


def _tier_changes(out: Console, changes: Sequence[Mapping[str, Any]]) -> None:
    if not changes:
        return
    shown = table("Partners whose tier would change", "partner", "record", "before", "after", "why")
    for c in changes[:SHOWN]:
        shown.add_row(c["name"], c["record"] or "-", c["before"] or "-", c["after"] or "-", c["why"] or "")
    out.print(shown)
    if len(changes) > SHOWN:
        out.print(f"... and {number(len(changes) - SHOWN)} more; --json shows all.")


def history(out: Console, found: Sequence[Mapping[str, Any]], *, diffs: bool) -> None:
    """The versions that were in force, the newest first."""
    shown = table("Mapping versions", "version", "activated", "who", "why", "lines", "preview")
    for a in found:
        lines = a["diff"].splitlines()[2:]
        added, gone = (sum(1 for line in lines if line.startswith(sign)) for sign in "+-")
        preview = a["preview"]["preview"][:12] if a["preview"] else "-"
        shown.add_row(
            a["version"][:12],
            a["activated_at"][:16].replace("T", " "),
            a["who"],
            a["reason"],
            f"+{added} -{gone}",
            preview,
        )
    out.print(shown)
    if diffs:
        for a in found:
            out.print(f"\n[bold]{a['version'][:12]}[/]")
            out.print(Text(a["diff"]))
