"""Answers as tables a person enjoys reading."""

import csv
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from jobs.speech import ENGLISH, Speech
from models.vocabulary import FUNNEL, LISTS, Tier

if TYPE_CHECKING:  # reading commands show tables without loading the arithmetic
    from jobs.pipeline import RunReport
    from sync.connector import ProvisionStep

WHOLE = frozenset(
    {"step", "since run", "started", "occurred", "plan", "as of", "when", "found", "field"}
)  # never folded, whatever the width
LEAST = 6  # characters of a column that gives way
SHOWN = 40  # rows of a long list before "... and n more"


_COPIED = re.compile(r"[\w-]+\.\w+/[\w-]+|\b(?:run|plan|decision)-[\w-]+")


class PlainTable(Table):
    """Cells say what they say: square brackets in a record's text are no markup, and cannot break a page.

    Ids of records, runs and plans stand in one piece whatever the width, since people copy them: other columns give way, and where none can,
    the table is wider than the page.
    """

    def add_row(self, *cells: Any, **options: Any) -> None:
        for column, cell in zip(self.columns, cells, strict=False):
            copied = _COPIED.findall(cell) if isinstance(cell, str) else ()
            if copied:
                column.min_width = max(column.min_width or 0, *map(cell_len, copied))
                column.no_wrap = column.no_wrap or " " not in cell.strip()  # a text beside the id may fold
        super().add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells), **options)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        least = sum((column.min_width or LEAST) + 1 for column in self.columns)
        return super().__rich_console__(console, options.update(width=max(options.max_width, least)))


def table(title: str, *columns: str, right: Sequence[str] = ()) -> PlainTable:
    """A table with plain rules; the columns in `right` hold numbers. Names and numbers stay in one piece, texts fold."""
    made = PlainTable(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0),
        min_width=cell_len(title),  # or the title of a narrow table would be broken
    )  # fmt: skip
    for at, name in enumerate(columns):
        whole = name in right or at == 0 or name in WHOLE
        made.add_column(name, justify="right" if name in right else "left", overflow="fold", no_wrap=whole)
    return made


def number(value: Any) -> str:
    """Whole numbers with separators, nothing as a dash."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)


def short(run: str | None) -> str:
    """A run or plan by the end of its id: enough to find it in a list."""
    return "-" if not run else run.rsplit("-", 1)[-1]


def percent(value: float | None) -> str:
    """A share as percent with one decimal."""
    return "-" if value is None else f"{100 * value:.1f} %"


def likely(chance: float | None) -> str:
    """A chance in whole percents; what is not certain is neither 0 nor 100 %."""
    if chance is None:
        return "-"
    if 0 < chance < 0.01:
        return "< 1 %"
    if 0.99 < chance < 1:
        return "> 99 %"
    return f"{100 * chance:.0f} %"


def run_report(out: Console, report: "RunReport") -> None:
    """What one run did."""
    if report.pulled:
        pulled(out, report.pulled)
    for name, why in report.waiting.items():
        out.print(f"[yellow]{name} waits:[/] {escape(why)}")
    if report.mapped:
        mapped(out, report.mapped)
    if report.computed:
        computed(out, report.computed)
    written(out, report)


def pulled(out: Console, found: Mapping[str, Mapping[str, int]]) -> None:
    columns = ("read", "new", "changed", "gone", "history", "parked")
    shown = table("Pulled from the CRMs", "object", *columns, right=columns)
    for label, c in found.items():
        shown.add_row(
            label,
            *(number(c[k]) for k in ("read", "inserted", "changed", "deleted", "history", "parked")),
        )
    out.print(shown)


def mapped(out: Console, found: Mapping[str, Any]) -> None:
    if "skipped" in found:
        out.print(f"Mapped: {found['skipped']}.\n")
        return
    shown = table(
        "Entries and events",
        "milestone",
        "events new",
        "events taken back",
        "events in all",
        right=("events new", "events taken back", "events in all"),
    )
    for milestone in (*FUNNEL, "won", "lost"):
        shown.add_row(
            str(milestone),
            *(number(found[k].get(milestone, 0)) for k in ("asserted", "retracted", "standing")),
        )
    out.print(shown)
    out.print(
        f"{number(found['entries'])} entries of {number(found['partners'])} partners, {number(found['activities'])} activities."
    )
    if not found["partners"]:
        out.print(
            "[yellow]No record is a partner by the mapping;[/] see how many records each of its rules takes: sakigake mapping coverage"
        )
    if found.get("issues"):
        out.print(
            f"[yellow]{number(sum(found['issues'].values()))} things the mapping could not place:[/] "
            + ", ".join(f"{k} {number(v)}" for k, v in found["issues"].items())
        )
    out.print()


def computed(out: Console, found: Mapping[str, Any]) -> None:
    if "skipped" in found:
        out.print(f"Computed: {found['skipped']}.\n")
        return
    tiers(out, found["tiers"], found["partners"])
    rates(out, found["conversion"], found["lead_time"])


def tiers(out: Console, per_tier: Mapping[str, int], per_type: Mapping[str, int], say: Speech = ENGLISH) -> None:
    """How many partners stand in each tier, and of which type they are."""
    if not any(per_type.values()):
        out.print(say("There is no partner yet."))
        return
    counts = say("partners"), say("partners ")
    shown = table(say("Partners"), say("tier"), counts[0], "", say("type"), counts[1], right=counts)
    kinds = list(per_type.items())
    letters = list(Tier)
    for i in range(max(len(kinds), len(letters))):
        tier = (letters[i].value, number(per_tier.get(letters[i], 0))) if i < len(letters) else ("", "")
        kind = (kinds[i][0], number(kinds[i][1])) if i < len(kinds) else ("", "")
        shown.add_row(*tier, "", *kind)
    out.print(shown)


def rates(
    out: Console,
    conversion: Mapping[str, Mapping[str, Any]],
    lead_time: Mapping[str, Mapping[str, Any]],
    say: Speech = ENGLISH,
    horizon: int | None = None,
) -> None:
    """Conversion and lead time by type and step; `horizon` in days, where it is known."""
    right = tuple(map(say, ("rate", "95 % interval", "n", "median", "80 % in", "business days")))
    title = (
        say("Conversion and lead time")
        if horizon is None
        else say("Conversion and lead time, within {n} days", n=horizon)
    )
    shown = table(title, say("type"), say("step"), *right, right=right)
    for kind, steps in conversion.items():
        for i, (step, c) in enumerate(steps.items()):
            lead = lead_time.get(kind, {}).get(step, {})
            shown.add_row(
                say.kind(kind) if i == 0 else "",
                say.step(step),
                percent(c["rate"]),
                interval(c["low"], c["high"], say),
                number(c["n"]),
                say.days(lead.get("median")),
                say.days(lead.get("p80")),
                number(lead.get("business_median")),
            )
        shown.add_section()
    out.print(shown)


def interval(low: float | None, high: float | None, say: Speech = ENGLISH) -> str:
    """An interval of shares in whole percent; a dash where there is none."""
    if low is None or high is None:
        return "-"
    return say("{low} to {high}", low=f"{100 * low:.0f}", high=f"{100 * high:.0f}") + " %"


def signed(value: float | None) -> str:
    """With its sign and one decimal; what rounds to nothing has no minus."""
    return "-" if value is None else f"{round(value, 1) + 0.0:+.1f}"


def written(out: Console, report: "RunReport") -> None:
    """What reached the CRMs."""
    if report.held:
        for sentence in report.held_because:
            out.print(f"[yellow]Held:[/] {escape(sentence)}")
        out.print(f"{number(sum(report.planned.values()))} changes wait in {report.plan}.")
    elif report.plan is not None and report.delivered:
        if any(report.written.values()) or report.delivered.get("failed"):
            shown = table("Written back", "connection", "fields", "API calls", right=("fields", "API calls"))
            for name, fields in report.written.items():
                shown.add_row(name, number(fields), number(report.api_calls.get(name)))
            out.print(shown)
        else:
            out.print("Nothing to write: every field in the CRMs is as it should be.")
        if report.delivered.get("failed"):
            out.print(
                f"[red]{number(report.delivered['failed'])} changes were refused by the CRM;[/] see: sakigake plan {report.plan}"
            )
        if report.delivered.get("dropped"):
            out.print(
                f"{number(report.delivered['dropped'])} changes were dropped, since the field had moved meanwhile."
            )
    if report.question is not None:
        out.print(f"[yellow]Persons wrote over values of ours;[/] see: sakigake plan {report.question}")
    for why, count in report.skipped.items():
        out.print(f"Skipped {number(count)}: {escape(why)}.")
    out.print("API calls: " + ", ".join(f"{name} {number(calls)}" for name, calls in report.api_calls.items()))


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
        values = "1 value" if p["values"] == 1 else f"{number(p['values'])} values"
        place = f"{p['connection']}.{p['object']}.{p['field']}"
        out.print(
            f"[yellow]{place}, {values} parked:[/] {escape(p['cause'])}. See {p['connection']}.{p['object']}/{p['record']}",
            soft_wrap=True,
        )
    if len(found) > SHOWN:
        out.print(f"... and {number(len(found) - SHOWN)} more; --json shows all.")


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


def unmapped(out: Console, found: Mapping[str, Any]) -> None:
    """Values that map to nothing, and what that means."""
    if not found["values"]:
        return
    shown = table("Values that no rule names", "field", "value", "records", "since", "read by", right=("records",))
    for v in found["list"][:SHOWN]:
        place = f"{v['connection']}.{v['object']}.{v['field']}"
        shown.add_row(place, v["value"], number(v["records"]), v["first_seen_at"][:10], ", ".join(v["rules"]))
    out.print(shown)
    said = f"[yellow]{number(found['values'])} values map to nothing[/], {number(found['records'])} records hold them"
    if found["entries"]:
        said += f"; {number(found['entries'])} entries stand in such a stage and are not called stalled"
    out.print(f"{said}. Name them in the mapping: sakigake mapping coverage")


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


def span(seconds: float | None) -> str:
    """A length of time in its largest unit: 40 s, 12 min, 5 h, 3 d."""
    if seconds is None:
        return "-"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


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


def plan_head(out: Console, document: Mapping[str, Any]) -> None:
    """Which plan it is, who decided on it, and why it waits."""
    out.print(
        f"[bold]{document['plan']}[/] is {document['status']}, made {document['created_at']} by {document['run']}."
    )
    if document["decided_by"]:
        out.print(escape(f"Decided by {document['decided_by']}: {document['decided_because']}"))
    for sentence in document["held_because"]:
        out.print(f"[yellow]Held:[/] {escape(sentence)}")


def plan(out: Console, document: Mapping[str, Any]) -> None:
    """A plan with its changes."""
    plan_head(out, document)
    if document["changes"]:
        shown = table("", "record", "field", "old", "new", "why", "status")
        for c in document["changes"][:SHOWN]:
            shown.add_row(
                c["record"],
                c["field"],
                value(c["old"]) + (" (a person's)" if c["edited"] else ""),
                value(c["new"]),
                c["why"],
                c["status"] + (f": {c['cause']}" if c["cause"] else ""),
            )
        out.print(shown)
        if len(document["changes"]) > SHOWN:
            out.print(f"... and {number(len(document['changes']) - SHOWN)} more; --json shows all.")
        counted = table("By field", "field", *KINDS, right=KINDS)
        for name, kinds in document["counts"].items():
            counted.add_row(name, *(number(kinds.get(k, 0)) for k in KINDS))
        out.print(counted)
        if document["edited"]:
            out.print(f"[yellow]{number(document['edited'])} of them write over what a person wrote.[/]")
    else:
        out.print("It changes nothing: every field in the CRMs is as it should be.")
    for why, count in document["skipped"].items():
        out.print(f"Skipped {number(count)}: {escape(why)}.")


CSV = (
    "record",
    "field",
    "api_name",
    "old",
    "new",
    "kind",
    "edited",
    "why",
    "status",
    "cause",
    "request_id",
    "redirected_from",
)
KINDS = ("filled", "changed", "emptied")


def plan_csv(file: TextIO, document: Mapping[str, Any]) -> None:
    """A plan's changes as CSV. A cell that a spreadsheet would take for a formula gets an apostrophe before it."""
    rows = csv.writer(file)
    rows.writerow(CSV)
    for change in document["changes"]:
        rows.writerow([_cell(change[name]) for name in CSV])


def _cell(held: Any) -> str:
    text = "" if held is None else value(held) if isinstance(held, bool) else str(held)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") and not isinstance(held, int | float) else text


def undone(out: Console, document: Mapping[str, Any]) -> None:
    """What undoing a run did, or would do, and what it could not take back."""
    if document["run"] is None:
        shown = table("Would be written", "record", "field", "now", "again")
        for c in document["changes"][:SHOWN]:
            shown.add_row(c["record"], c["field"], value(c["old"]), value(c["new"]))
        out.print(shown)
        if len(document["changes"]) > SHOWN:
            out.print(f"... and {number(len(document['changes']) - SHOWN)} more; --json shows all.")
    else:
        out.print(
            f"{document['undoes']} was undone by {document['run']} ({document['plan']}): {number(document['delivered']['confirmed'])} fields hold their old values again."
        )
    if document["cannot"]:
        shown = table("Not taken back", "record", "field", "now", "would have been", "why not")
        for c in document["cannot"][:SHOWN]:
            shown.add_row(c["record"], c["field"], value(c["old"]), value(c["new"]), c["cause"] or c["status"])
        out.print(shown)
        if len(document["cannot"]) > SHOWN:
            out.print(f"... and {number(len(document['cannot']) - SHOWN)} more; --json shows all.")


def applied(out: Console, document: Mapping[str, Any]) -> None:
    """What applying a plan did."""
    done, what = document["delivered"], "records" if document.get("kind") == "create" else "fields"
    out.print(
        f"{document['plan']} was delivered by {document['run']}: {number(done['confirmed'])} {what} confirmed, {number(done['failed'])} refused, {number(done['dropped'])} dropped."
    )
    out.print("Written: " + ", ".join(f"{name} {number(n)}" for name, n in document["written"].items()))


def provision(out: Console, steps: "Sequence[tuple[str, ProvisionStep]]", *, dry_run: bool) -> None:
    """What was, or would be, made in or taken out of the CRMs, and what is left to people."""
    ours = [(connection, step) for connection, step in steps if step.status != "advice"]
    if dry_run:
        for connection, step in ours:
            if step.request:
                out.print(
                    escape(f"{connection}: {step.what}{f' on {step.object}' if step.object else ''}: {step.status}")
                )
                body = step.request.get("body")
                if isinstance(body, str):  # XML
                    out.print(f"{step.request['method']} {step.request['path']}", markup=False)
                    out.print(body, markup=False, soft_wrap=True)
                else:
                    out.print_json(data=dict(step.request))
    counts: dict[tuple[str, str, str], int] = {}
    for connection, step in ours:
        key = (connection, step.object, step.status)
        counts[key] = counts.get(key, 0) + 1
    shown = table("Fields, rights and pages", "connection", "object", "status", "count", right=("count",))
    for key, n in counts.items():
        shown.add_row(*key, number(n))
    out.print(shown)
    for connection, step in ours:
        if step.advice:
            out.print(
                escape(
                    f"{connection}: {step.what}{f' on {step.object}' if step.object else ''}: {step.status}: {step.advice}"
                )
            )
    left = [(connection, step) for connection, step in steps if step.status == "advice"]
    if left:
        out.print("Left to you, because no API does it:")
    for connection, step in left:
        out.print(escape(f"- {connection}, {step.object}, {step.what}: {step.advice}"))


def value(held: Any) -> str:
    """A field's value as a person reads it."""
    if held is None or held == "":
        return "(empty)"
    if isinstance(held, bool):
        return "yes" if held else "no"
    return str(held)
