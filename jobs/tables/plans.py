"""Plans, and what applying or undoing them did."""

import csv
from collections.abc import Mapping
from typing import Any, TextIO

from rich.console import Console
from rich.markup import escape

from jobs.tables.shape import SHOWN, number, table, value
from models.counted import counted

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
        by_field = table("By field", "field", *KINDS, right=KINDS)
        for name, kinds in document["counts"].items():
            by_field.add_row(name, *(number(kinds.get(k, 0)) for k in KINDS))
        out.print(by_field)
        if document["edited"]:
            out.print(
                f"[yellow]{counted(document['edited'], 'of them writes', 'of them write')} over what a person wrote.[/]"
            )
    else:
        out.print("It changes nothing: every field in the CRMs is as it should be.")
    for why, count in document["skipped"].items():
        out.print(f"Skipped {number(count)}: {escape(why)}.")


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
            f"{document['undoes']} was undone by {document['run']} ({document['plan']}): {counted(document['delivered']['confirmed'], 'field holds its old value', 'fields hold their old values')} again."
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
    done, what = document["delivered"], "record" if document.get("kind") == "create" else "field"
    out.print(
        f"{document['plan']} was delivered by {document['run']}: {counted(done['confirmed'], what)} confirmed, {number(done['failed'])} refused, {number(done['dropped'])} dropped."
    )
    out.print("Written: " + ", ".join(f"{name} {number(n)}" for name, n in document["written"].items()))
