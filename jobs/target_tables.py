"""A target as tables that a manager reads from top to bottom: the verdict, the plans, the weeks, the partners."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from jobs.tables import number, percent, table
from models.labels import named

WEEKS_SHOWN = 8
PARTNERS_SHOWN = 15


def targets(out: Console, document: Mapping[str, Any], language: str = "en") -> None:
    """All of it, the verdict and the milestones in the language asked for."""
    who = document["scope"]["partner"] or document["scope"]["type"]
    of = f" from {who}" if who else ""
    out.print(
        f"[bold]{document['deals']} deals in {document['month']}{escape(of)}[/], as of {document['as_of']}, known {document['known_at'][:16].replace('T', ' ')} UTC"
    )
    if document["month_by"] == "next":
        out.print(
            f"{document['month']} was taken, since under a week is left of the month of {document['as_of']}; --month names another."
        )
    out.print(escape(document["says_ja" if language == "ja" else "says"]) + "\n")
    if document["plans"]["safe"] is not None:
        _plans(out, document)
    _static(out, document, language)
    if document["weeks"]:
        _weeks(out, document, language)
    _partners(out, document["partners"])
    _next(out, document["next_month"], language)


def _plans(out: Console, document: Mapping[str, Any]) -> None:
    right = ("new entries", "expected deals", "chance")
    shown = table("What it takes", "", *right, "", right=right)
    shown.add_row(
        "nothing new", "0", _one(document["achieved"] + document["in_flight"]), percent(document["chance_without_new"]),
        f"{document['achieved']} achieved, {_one(document['in_flight'])} expected from entries under way",
    )  # fmt: skip
    for name, says in (("mean", "a coin toss"), ("safe", "the plan")):
        plan = document["plans"][name]
        note = says + ("; more than can be listed" if plan["over_capacity"] else "")
        entries = "no number" if plan["entries"] is None else number(plan["entries"])
        shown.add_row(
            "on average" if name == "mean" else "with 80 %",
            entries,
            _one(plan["expected"]),
            percent(plan["chance"]),
            note,
        )
    out.print(shown)
    right = ("now", "plan", "at most")
    shown = table("New entries a week", "type", *right, right=right)
    for kind, pace in document["a_week"].items():
        limit = "no limit known" if pace["capacity"] is None else _one(pace["capacity"])
        shown.add_row(kind, _one(pace["now"]), _one(pace["plan"]), limit)
    out.print(shown)
    if document["mix_assumed"]:
        out.print("No entry was listed in the last 13 weeks; new ones are shared out by the number of partners.\n")


def _static(out: Console, document: Mapping[str, Any], language: str) -> None:
    right = ("needed", "80 % range", "goes on", "by")
    shown = table(
        "Deals divided by conversions (knows neither time nor what is under way)", "milestone", *right, right=right
    )
    for row in document["static"]:
        span = f"{number(row['low'])} to {number(row['high'])}"
        shown.add_row(
            named(row["milestone"], language), number(row["goal"]), span, percent(row["rate"]), row["by"] or "-"
        )
    out.print(shown)


def _weeks(out: Console, document: Mapping[str, Any], language: str) -> None:
    weeks = document["weeks"][:WEEKS_SHOWN]
    names = tuple(week["to"][5:].replace("-", "/") for week in weeks)
    right = (*names, "in all")
    shown = table("To be reached in the week up to", "milestone", "type", *right, "useful until", right=right)
    for milestone, total in document["totals"].items():
        kinds = list(weeks[0]["goals"][milestone])
        kinds = ["all"] if len(kinds) == 2 else kinds
        for kind in kinds:
            goals = [week["goals"][milestone][kind] for week in document["weeks"]]
            last = total["latest_week"]["to"] if total["latest_week"] and kind == kinds[0] else ""
            shown.add_row(
                named(milestone, language) if kind == kinds[0] else "",
                kind,
                *(number(n) for n in goals[:WEEKS_SHOWN]),
                number(sum(goals)),
                last,
            )
        shown.add_section()
    out.print(shown)
    if document["weeks"][0]["from"][:7] < document["month"]:
        out.print(f"Deals of the weeks before {document['month']} are no part of its {document['deals']}.\n")
    if len(document["weeks"]) > WEEKS_SHOWN:
        out.print(f"... and {len(document['weeks']) - WEEKS_SHOWN} more of the weeks; --json and --csv show all.\n")


def _partners(out: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        out.print("There is no partner to share it out to.")
        return
    right = ("deals", "achieved", "under way", "new", "to list")
    shown = table("Deals by partner", "partner", "type", *right, right=right)
    for row in rows[:PARTNERS_SHOWN]:
        shown.add_row(
            row["name"], row["type"], number(row["target"]), number(row["achieved"]), _one(row["in_flight"]), _one(row["new"]),
            number(row["list_entries"]),
        )  # fmt: skip
    out.print(shown)
    rest = rows[PARTNERS_SHOWN:]
    if rest:
        out.print(
            f"... and {len(rest)} more partners with {sum(row['target'] for row in rest)} deals; --json and --csv show all.\n"
        )


def _next(out: Console, following: Mapping[str, Any], language: str) -> None:
    rows = [row for row in following["partners"] if row["expected"] >= 0.05][:PARTNERS_SHOWN]
    if not rows:
        return
    right = ("expected", "under way", "by 10 more entries")
    shown = table(f"Whom to work on for {following['month']}", "partner", "type", *right, "push towards", right=right)
    for row in rows:
        shown.add_row(
            row["name"], row["type"], _one(row["expected"]), _one(row["in_flight"]), f"+{row['ten_more_entries']:.1f}", named(row["push"], language) if row["push"] else "new entries"
        )  # fmt: skip
    out.print(shown)


def _one(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"
