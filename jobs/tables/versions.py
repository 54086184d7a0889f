"""What `mapping diff`, `activate` and `history` show to a person."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from jobs.speech import Speech
from jobs.tables.shape import SHOWN, number, percent, table, value
from models.catalogue import BY_NAME

KINDS = ("gained", "lost", "moved", "retold")


def diff(out: Console, document: Mapping[str, Any], language: str = "en") -> None:
    """What another version would do: events by rule, rates, tiers, fields."""
    say = Speech(language)
    if document["active"] == document["new"]:
        out.print(say("The file says what is in force: version {version}.", version=document["new"][:12]))
        return
    version = f"[bold]{document['new'][:12]}[/]"
    if document["active"]:
        text, active = "Version {version} as of {day}; version {active} is in force.", document["active"][:12]
    else:
        text, active = "Version {version} as of {day}; no version is in force yet.", ""
    out.print(say(text, version=version, day=document["as_of"], active=active) + "\n")
    for m in document["missing"]:
        read = say("{place}, read by {rules}", place=f"{m['what']} {m['place']}", rules=", ".join(m["rules"]))
        out.print(f"[yellow]{say('Not mirrored yet:')}[/] {escape(read)}")
    if document["missing"]:
        text = (
            "Events of these rules are incomplete below. To count them before activating, name missing fields under `mirror:` of the "
            "connection in sakigake.yaml and run `sakigake run --only pull`; the rest is read after the activation."
        )
        out.print(say(text) + "\n")
    _events(out, document["events"], say)
    for what in ("Partners", "Entries"):
        text = what + ": {before} → {after} ({gained} new, {lost} gone)"
        out.print(say(text, **{k: number(n) for k, n in document[what.lower()].items()}))
    out.print()
    _rates(out, document, say)
    tiers = ", ".join(f"{t} {number(n['before'])} → {number(n['after'])}" for t, n in document["tiers"].items())
    out.print(say("Tiers: {tiers}", tiers=tiers))
    _tier_changes(out, document["tier_changes"], say)
    fields = document["fields"]
    by_field = ", ".join(f"{_field(name, say)} {number(n)}" for name, n in fields["by_field"].items())
    written = say("Fields that would be written: {n}", n=number(fields["total"]))
    out.print(written + (f" ({by_field})" if by_field else ""))
    for e in fields["examples"]:
        out.print(
            f"  {escape(e['record'])} {_field(e['field'], say)}: {escape(value(e['old'], say))} → {escape(value(e['new'], say))}"
        )
    if document["issues"]:
        issues = ", ".join(f"{k} {number(n)}" for k, n in document["issues"].items())
        out.print(say("Not understood: {issues}", issues=issues))
    out.print("\n" + say("Preview {preview}", preview=document["preview"][:12]))


def _events(out: Console, events: Mapping[str, Any], say: Speech) -> None:
    changed = [r for r in events["by_rule"] if any(r[k] for k in KINDS)]
    if not changed:
        out.print(say("Events: none is gained, lost or moved."))
        return
    right = tuple(map(say, ("before", "after", *KINDS)))
    shown = table(say("Events"), say("rule"), *right, right=right)
    for r in changed:
        shown.add_row(r["rule"], *(number(r[k]) for k in ("before", "after", *KINDS)))
    out.print(shown)
    examples = [e for r in changed for e in [e for e in r["examples"] if e["kind"] != "retold"][:2]][:SHOWN]
    shown = table(say("For example"), *map(say, ("record", "milestone", "what", "day")))
    for e in examples:
        days = {"gained": e["after"], "lost": e["before"]}.get(e["kind"], f"{e['before']} → {e['after']}")
        shown.add_row(e["source"], _milestone(e["milestone"], say), say(e["kind"]), str(days))
    if examples:
        out.print(shown)


def _field(name: str, say: Speech) -> str:
    """In English by the catalogue's own word, in Japanese by the label that people see in the CRM."""
    return name if say.language == "en" else BY_NAME[name].label_ja


def _milestone(name: str, say: Speech) -> str:
    """In English by the mapping's own word."""
    return name if say.language == "en" else say.name(name)


def _rates(out: Console, document: Mapping[str, Any], say: Speech) -> None:
    """Only where something differs: a wall of equal numbers hides the one that moved."""
    leads = {(r["type"], r["step"]): r for r in document["lead_time"]}
    right = tuple(map(say, ("rate before", "after", "n before", "n after", "days before", "days after")))
    title = say("Conversion and lead time that would change")
    shown = table(title, say("type"), say("step"), *right, right=right)
    for r in document["conversion"]:
        lead = leads.get((r["type"], r["step"]), {"before": None, "after": None})
        if r["before"] == r["after"] and lead["before"] == lead["after"]:
            continue
        sides = [r["before"] or {"rate": None, "n": None}, r["after"] or {"rate": None, "n": None}]
        days = [(lead[w] or {"median": None})["median"] for w in ("before", "after")]
        shown.add_row(
            say.kind(r["type"]), say.step(r["step"]), *(percent(s["rate"]) for s in sides), *(number(s["n"]) for s in sides),
            *(number(d) for d in days),
        )  # fmt: skip
    out.print(shown if shown.row_count else say("Conversion and lead time stay as they are."))


def _tier_changes(out: Console, changes: Sequence[Mapping[str, Any]], say: Speech) -> None:
    if not changes:
        return
    names = map(say, ("partner", "record", "before", "after", "why"))
    shown = table(say("Partners whose tier would change"), *names)
    why = "why_ja" if say.language == "ja" else "why"
    for c in changes[:SHOWN]:
        shown.add_row(c["name"], c["record"] or "-", c["before"] or "-", c["after"] or "-", c.get(why) or "")
    out.print(shown)
    if len(changes) > SHOWN:
        out.print(say("... and {n} more; --json shows all.", n=number(len(changes) - SHOWN)))


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
