"""Who is the best, and how sure that is, as tables."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from jobs.speech import ENGLISH, Speech
from jobs.tables.shape import SHOWN, number, percent, table

OF_A_STEP = 10  # rows of a table of a single step; of the whole way there are as many as of any long list
_WHY = {
    "nobody_converted": "{step}: no entry has gone it yet, so nobody can be put in order.",
    "fewer_than_two_partners": "{step}: {n} {n:partner has|partners have} entries there; two are needed to compare.",
}


def rankings(out: Console, document: Mapping[str, Any], say: Speech = ENGLISH) -> None:
    """A table for each type and step; with `partner` in the document its row alone."""
    one = document.get("partner")
    for kind, steps in document["rank"].items():
        for at, (step, row) in enumerate(steps.items()):
            if row["status"] != "ok":
                comma = "、" if say.language == "ja" else ", "
                out.print(say(_WHY[row["status"]], step=f"{escape(kind)}{comma}{say.step(step)}", n=row["n"]) + "\n")
                continue
            _table(out, kind, step, row, one, SHOWN if at == 0 else OF_A_STEP, say)
    text = (
        "Rate, then the chance of having the highest one of all, and of being among the best fifth; order by the rank to expect, from "
        "{draws} draws of what each rate may be. Partners without entries on a step are left out."
    )
    out.print(say(text, draws=f"{document['draws']:,}"))


def _table(
    out: Console,
    kind: str,
    step: str,
    row: Mapping[str, Any],
    one: Mapping[str, Any] | None,
    most: int,
    say: Speech,
) -> None:
    right = tuple(map(say, ("n", "rate", "best", "best fifth", "rank")))
    title = say(
        "{step}, partners of type {kind}: {n} compared", step=say.step(step), kind=escape(kind), n=f"{row['n']:,}"
    )
    shown = table(title, say("partner"), *right, right=right)
    rows = [p for p in row["partners"] if one is None or p["id"] == one["id"]]
    for p in rows[:most]:
        chances = percent(p["best"]), percent(p["top_fifth"])
        shown.add_row(p["name"], number(p["n"]), percent(p["rate"]), *chances, f"{p['expected_rank']:.1f}")
    out.print(shown)
    if len(rows) > most:
        out.print(say("... and {n} more; --json and --csv show all.", n=f"{len(rows) - most:,}") + "\n")
