"""The steps of the funnel beside their conversion: lead times with their intervals, cohorts, ratios of counts, steps back."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from indicators.assumptions import DEFAULTS
from jobs.speech import ENGLISH, Speech
from jobs.tables.shape import narrow, noted, number, percent, table

Steps = Mapping[str, Mapping[str, Any]]
"""By type and step."""


def lead_times(out: Console, conversion: Steps, lead_time: Steps, say: Speech = ENGLISH) -> None:
    """Half and 80 % of those that convert, with 95 % intervals; grey where the days of a step are unknown too often."""
    right = tuple(map(say, ("half within", "80 % within", "in business days", "conversions")))
    shown = table(say("Lead time of those that convert"), say("type"), say("step"), *right, right=right)
    for kind in conversion:
        rows = [(step, lead) for step, lead in lead_time.get(kind, {}).items() if lead["median"] is not None]
        for i, (step, lead) in enumerate(rows):
            cells = (
                _days(lead, "median", say), _days(lead, "p80", say),
                f"{number(lead['business_median'])} / {number(lead['business_p80'])}", number(lead["conversions"]),
            )  # fmt: skip
            shown.add_row(
                say.kind(kind) if i == 0 else "",
                say.step(step, brief=narrow(out)),
                *(greyed(cell, lead) for cell in cells),
            )
        if rows:
            shown.add_section()
    if shown.row_count:
        out.print(shown)
        out.print(say("In brackets the 95 % interval. Business days: half / 80 %.") + "\n")
    _gaps(out, conversion, lead_time, say)


def greyed(cell: str, lead: Mapping[str, Any]) -> Text:
    """The cell of a lead time, grey where too many of its days are unknown."""
    return Text(cell, "dim" if lead.get("status") == "skips" else "")


def _days(lead: Mapping[str, Any], name: str, say: Speech) -> str:
    low, high = (
        lead.get(f"{name}_low"),
        lead.get(f"{name}_high"),
    )  # computations of older versions kept those of the median alone
    days = say.days(lead[name])
    return days if low is None or high is None else f"{days} ({say('{low} to {high}', low=low, high=high)})"


def _gaps(out: Console, conversion: Steps, lead_time: Steps, say: Speech) -> None:
    """Why a lead time is a dash or grey, where one is."""
    dashes = any(lead["median"] is None for steps in lead_time.values() for lead in steps.values())
    skips = {kind: [step for step, lead in lead_time.get(kind, {}).items() if lead["status"] == "skips"] for kind in conversion}  # fmt: skip
    if dashes:
        least = DEFAULTS.min_conversions
        out.print(
            say(
                "A dash: nothing to go by. A lead time is told from {n} conversions on, whose days are recorded at both ends.",
                n=least,
            )
        )
    for kind, gaps in skips.items():
        if gaps:
            noted(out, say, "Days unknown too often for a lead time:", say("{kind}: {steps}.", kind=escape(say.kind(kind)), steps=say.steps(gaps)))  # fmt: skip
    if dashes or any(skips.values()):
        out.print("")


def cohorts(out: Console, conversion: Steps, say: Speech = ENGLISH) -> None:
    """The plain share of cohorts old enough, within so many days."""
    windows = [w["days"] for w in next(iter(next(iter(conversion.values())).values()))["within"]]
    right = tuple(say("within {n} {n:day|days}", n=days) for days in windows)
    shown = table(say("Of entries old enough, how many went on"), say("type"), say("step"), *right, right=right)
    for kind, steps in conversion.items():
        for i, (step, row) in enumerate(steps.items()):
            shown.add_row(
                say.kind(kind) if i == 0 else "",
                say.step(step, brief=narrow(out)),
                *(_share(w, say) for w in row["within"]),
            )
        shown.add_section()
    out.print(shown)
    out.print(
        say(
            "In brackets the 95 % interval. Within more days only entries of that age count, so that the share of these can be lower than within fewer days."
        )
        + "\n"
    )


def subjects(out: Console, conversion: Steps, assumed: Mapping[str, Any], say: Speech = ENGLISH) -> None:
    """Which entries a rate is told from, and for which steps it had to look further back, as too few came of late."""
    usual, least = assumed.get("window"), DEFAULTS.min_subjects
    if usual is None:
        return  # all entries are asked, or a computation of an earlier version kept no settings
    spans: dict[str, list[str]] = {}
    for kind, steps in conversion.items():
        for step, row in steps.items():
            days = row.get("window_days", usual)
            if days not in (None, usual) and row["n"]:
                spans.setdefault(say.kind(kind), []).append(f"{say.step(step)} {say.days(days)}")
    comma, semicolon, colon = ("、", "；", "：") if say.language == "ja" else (", ", "; ", ": ")
    told = semicolon.join(kind + colon + comma.join(steps) for kind, steps in spans.items())
    if told:
        text = "n: entries that came to the step in the last {usual} days; where these are fewer than {least}, of a longer time ({spans})."
    else:
        text = "n: entries that came to the step in the last {usual} days."
    out.print(say(text, usual=usual, least=least, spans=escape(told)) + "\n")


def _share(row: Mapping[str, Any], say: Speech) -> str:
    if row["rate"] is None:
        return "-"
    span = say("{low} to {high}", low=f"{100 * row['low']:.0f}", high=f"{100 * row['high']:.0f}")
    return f"{percent(row['rate'])} ({span})"


def other_rates(out: Console, conversion: Steps, say: Speech = ENGLISH) -> None:
    """What stands beside the eventual rate: it without the tilt of skips, the plain ratio of counts, labelled as such, and steps back."""
    right = tuple(map(say, ("corrected", "ratio of counts", "of", "stepped back", "times")))
    shown = table(say("The same steps otherwise"), say("type"), say("step"), *right, right=right)
    for kind, steps in conversion.items():
        for i, (step, row) in enumerate(steps.items()):
            shown.add_row(
                say.kind(kind) if i == 0 else "",
                say.step(step, brief=narrow(out)),
                percent(row["corrected"]),
                percent(row["flow_ratio"]),
                f"{number(row['flow_to'])} / {number(row['flow_from'])}",
                number(row.get("regressed")),  # computations of older versions did not count them
                number(row.get("regressions")),
            )
        shown.add_section()
    out.print(shown)
    out.print(
        say(
            "Corrected: without the tilt that unrecorded milestones give a rate. "
            "Ratio of counts: those that came to the later milestone over those that came to the earlier one in the same time; not a probability, it can exceed 100 %. "
            "Stepped back: of the entries that the rate is told from, those that went back to an earlier milestone, and how often in all; a milestone counts when it is first reached."
        )
        + "\n"
    )
