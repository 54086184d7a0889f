"""What a run did, step by step."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from jobs.tables.rates import rates, tiers
from jobs.tables.shape import number, table
from models.counted import counted
from models.vocabulary import FUNNEL

if TYPE_CHECKING:  # showing a run loads nothing of what runs
    from jobs.pipeline import RunReport


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
        f"{counted(found['entries'], 'entry')} of {counted(found['partners'], 'partner')}, {counted(found['activities'], 'activity')}."
    )
    if not found["partners"]:
        out.print(
            "[yellow]No record is a partner by the mapping;[/] see how many records each of its rules takes: sakigake mapping coverage"
        )
    if found.get("issues"):
        out.print(
            f"[yellow]{counted(sum(found['issues'].values()), 'thing')} the mapping could not place:[/] "
            + ", ".join(f"{k} {number(v)}" for k, v in found["issues"].items())
        )
    out.print()


def computed(out: Console, found: Mapping[str, Any]) -> None:
    if "skipped" in found:
        out.print(f"Computed: {found['skipped']}.\n")
        return
    tiers(out, found["tiers"], found["partners"])
    rates(out, found["conversion"], found["lead_time"])


def written(out: Console, report: "RunReport") -> None:
    """What reached the CRMs."""
    if report.held:
        for sentence in report.held_because:
            out.print(f"[yellow]Held:[/] {escape(sentence)}")
        out.print(f"{counted(sum(report.planned.values()), 'change waits', 'changes wait')} in {report.plan}.")
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
                f"[red]{counted(report.delivered['failed'], 'change was', 'changes were')} refused by the CRM;[/] see: sakigake plan {report.plan}"
            )
        if report.delivered.get("dropped"):
            out.print(
                f"{counted(report.delivered['dropped'], 'change was', 'changes were')} dropped, since the field had moved meanwhile."
            )
    if report.question is not None:
        out.print(f"[yellow]Persons wrote over values of ours;[/] see: sakigake plan {report.question}")
    for why, count in report.skipped.items():
        out.print(f"Skipped {number(count)}: {escape(why)}.")
    out.print("API calls: " + ", ".join(f"{name} {number(calls)}" for name, calls in report.api_calls.items()))
