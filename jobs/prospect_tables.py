"""Forecasts, partner rates and drift as tables."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from jobs.tables import number, percent, table

STATUS = {
    "ok": "Earlier forecasts came true: {expected:.0f} deals were expected of entries under way on {n} past days, {came} came.",
    "miscalibrated": "Take it with care: {expected:.0f} deals were expected of entries under way on {n} past days, {came} came, more than {limit:.0f} apart.",
    "unchecked": "No past day has enough behind it to check such forecasts yet.",
    "not_enough_data": "No entry has gone the whole way to a deal yet, so nothing can be expected.",
}


def forecast(
    out: Console, found: Mapping[str, Any], partner: Mapping[str, Any] | None, partner_type: str | None = None
) -> None:
    """Expected deals of all, of one type, or of one partner."""
    right = ("expected", "80 % interval", "under way", "new entries")
    ahead = partner["forecast"] if partner else found["ahead"]
    who = partner["name"] if partner else f"partners of type {partner_type}" if partner_type else None
    title = f"Deals to expect from {escape(who)}" if who else "Deals to expect"
    shown = table(title, "within", *right, right=right)
    for days, row in ahead.items():
        interval = "-" if row["low"] is None else f"{row['low']:,} to {row['high']:,}"
        shown.add_row(f"{days} days", _one(row["expected"]), interval, _one(row["in_flight"]), _one(row["new"]))
    out.print(shown)
    checked = found["checked"]
    of_all = "All types: " if who and checked["origins"] else ""
    out.print(of_all + STATUS[found["status"]].format(**{**checked, "n": len(checked["origins"])}) + "\n")


def partner_rates(out: Console, partner: Mapping[str, Any]) -> None:
    """One partner's own conversions, and how much its own data says."""
    right = ("rate", "80 % interval", "own data", "n", "open")
    shown = table(
        f"Own conversion of {partner['name']} ({partner['type']}, tier {partner['tier']})", "step", *right, right=right
    )
    for step, row in partner["rates"].items():
        interval = "-" if row["low"] is None else f"{100 * row['low']:.0f} to {100 * row['high']:.0f} %"
        shown.add_row(
            step.replace(">", " → "), percent(row["rate"]), interval, f"{100 * row['own_data']:.0f} %", number(row["n"]), number(row["open"])
        )  # fmt: skip
    out.print(shown)


def other_rates(out: Console, conversion: Mapping[str, Mapping[str, Any]]) -> None:
    """What stands beside the eventual rate: the share of cohorts old enough within so many days, and the plain ratio of counts, labelled as such."""
    windows = [w["days"] for w in next(iter(next(iter(conversion.values())).values()))["within"]]
    right = ("corrected", *(f"within {days} days" for days in windows), "ratio of counts", "of")
    shown = table("The same steps otherwise", "type", "step", *right, right=right)
    for kind, steps in conversion.items():
        for i, (step, row) in enumerate(steps.items()):
            shown.add_row(
                kind if i == 0 else "",
                step.replace(">", " → "),
                percent(row["corrected"]),
                *(_share(w) for w in row["within"]),
                percent(row["flow_ratio"]),
                f"{number(row['flow_to'])} / {number(row['flow_from'])}",
            )
        shown.add_section()
    out.print(shown)
    out.print(
        "Corrected: without the tilt that unrecorded milestones give a rate. Within: of entries old enough, with their 95 % interval. "
        "Ratio of counts: those that came to the later milestone over those that came to the earlier one in the same time; not a probability, it can exceed 100 %.\n"
    )


def _share(row: Mapping[str, Any]) -> str:
    return "-" if row["rate"] is None else f"{percent(row['rate'])} ({100 * row['low']:.0f} to {100 * row['high']:.0f})"


ASIDE = {
    "after_as_of": "{n} events are dated after the day and wait for it",
    "before_2000": "{n} events are dated before 2000 and are left out",
    "inversions": "{n} milestones are dated over 3 days after a later one and count as skipped",
    "lost_first": "{n} losses come before anything else of their entry and are left out",
    "not_listed": "{n} entries were never listed; they count as listed with their first milestone",
    "only_lost": "{n} entries have nothing but a loss and are left out of rates",
    "no_events": "{n} entries have no dated milestone at all",
    "before_history": "{n} entries began before the history and are left out of rates",
}


def notes(out: Console, document: Mapping[str, Any]) -> None:
    """What a reader of the tables should know: changes of late, steps that hang together, numbers too young to be trusted, dates that cannot be."""
    aside = [
        says.format(n=number(document["issues"][key])) for key, says in ASIDE.items() if document["issues"].get(key)
    ]
    if aside:
        out.print(f"[yellow]Dates that do not fit:[/] {'; '.join(aside)}.")
    for kind, steps in document.get("drift", {}).items():
        for step, row in steps.items():
            if row["status"] == "changed":
                out.print(
                    f"[yellow]Changed:[/] {escape(kind)}, {step.replace('>', ' → ')}: {percent(row['recent'])} within {row['at_days']} days of late, {percent(row['before'])} before."
                )
    late = document.get("reporting_delay", {})
    if late.get("provisional_from"):
        out.print(
            f"[yellow]Provisional:[/] what happened since {late['provisional_from']}; half of the events are known within {late['median']} days, nine of ten within {late['p90']}."
        )
    for kind, steps in document["conversion"].items():
        whole = steps.get("listed>deal", {})
        if whole.get("product_disagrees"):
            out.print(
                f"[yellow]Steps hang together:[/] {escape(kind)}: multiplied they give {percent(whole['product_of_steps'])}, the whole way {percent(whole['rate'])}."
            )
        few = [step.replace(">", " → ") for step, row in steps.items() if row["status"] == "few"]
        if few:
            out.print(f"[yellow]Too few to be trusted:[/] {escape(kind)}: {', '.join(few)}.")
        young = [step.replace(">", " → ") for step, row in steps.items() if row["status"] == "immature"]
        if young:
            out.print(f"[yellow]Too young to be trusted:[/] {escape(kind)}: {', '.join(young)}.")


def _one(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"
