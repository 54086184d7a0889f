"""Records that lists make, as tables: what a plan would make, and what undoing took away."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape as safe

from jobs.tables.shape import SHOWN, number, table
from models.counted import counted


def creates(out: Console, document: Mapping[str, Any]) -> None:
    """The records of a plan, with what each is given."""
    shown = table("Records to make", "where", "partner", "holds", "status")
    for c in document["creates"][:SHOWN]:
        first = {name: f"(the new {made})" for name, made in c["after"].items()}
        holds = ", ".join(f"{name}: {held}" for name, held in {**c["values"], **first}.items())
        status = c["status"] + (f": {c['cause']}" if c["cause"] else "")
        if c["removal"]:
            status += f"; {c['removal']}" + (f": {c['removal_cause']}" if c["removal_cause"] else "")
        shown.add_row(c["record"] or c["object"], c["partner"], safe(holds), safe(status))
    out.print(shown)
    if len(document["creates"]) > SHOWN:
        out.print(f"... and {number(len(document['creates']) - SHOWN)} more; --json shows all.")


def unmade(out: Console, document: Mapping[str, Any]) -> None:
    """What undoing took, or would take, away, and what stays."""
    removes, cannot = document["removes"], document["cannot"]
    if document["run"] is None:
        out.print(f"{counted(len(removes), 'record')} would be taken away; nothing was done.")
    else:
        out.print(
            f"{document['undoes']} was undone by {document['run']}: {counted(len(removes), 'record')} taken away."
        )
    if cannot:
        shown = table("What stays", "record", "why")
        for c in cannot[:SHOWN]:
            shown.add_row(c["record"], safe(c["cause"] or c["status"]))
        out.print(shown)
        if len(cannot) > SHOWN:
            out.print(f"... and {number(len(cannot) - SHOWN)} more; --json shows all.")
