"""What `provision` made, or would make, in the CRMs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from jobs.tables.shape import number, table

if TYPE_CHECKING:  # showing the steps loads no connector
    from sync.connector import ProvisionStep


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
