"""Forecasts, partner rates and drift as tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from indicators.assumptions import DEFAULTS
from jobs.speech import ENGLISH, Speech
from jobs.tables.shape import SHOWN, interval, number, percent, table

STATUS = {
    "ok": "Earlier forecasts came true: {expected:.0f} deals were expected of entries under way on {n} past days, {came} came.",
    "miscalibrated": "Take it with care: {expected:.0f} deals were expected of entries under way on {n} past days, {came} came, more than {limit:.0f} apart.",
    "unchecked": "No past day has enough behind it to check such forecasts yet.",
    "not_enough_data": "No entry has gone the whole way to a deal yet, so nothing can be expected.",
}


def forecast(
    out: Console,
    found: Mapping[str, Any],
    partner: Mapping[str, Any] | None,
    partner_type: str | None = None,
    say: Speech = ENGLISH,
) -> None:
    """Expected deals of all, of one type, or of one partner."""
    right = tuple(map(say, ("expected", "80 % interval", "under way", "new entries")))
    ahead = partner["forecast"] if partner else found["ahead"]
    of_type = say("partners of type {kind}", kind=partner_type) if partner_type else None
    who = partner["name"] if partner else of_type
    title = say("Deals to expect from {who}", who=escape(who)) if who else say("Deals to expect")
    shown = table(title, say("within"), *right, right=right)
    for days, row in ahead.items():
        span = "-" if row["low"] is None else say("{low} to {high}", low=f"{row['low']:,}", high=f"{row['high']:,}")
        shown.add_row(say.days(int(days)), _one(row["expected"]), span, _one(row["in_flight"]), _one(row["new"]))
    out.print(shown)
    checked = found["checked"]
    of_all = say("All types: ") if who and checked["origins"] else ""
    out.print(of_all + say(STATUS[found["status"]], **{**checked, "n": len(checked["origins"])}) + "\n")


def partner_rates(out: Console, partner: Mapping[str, Any], say: Speech = ENGLISH) -> None:
    """One partner's own conversions, and how much its own data says."""
    right = tuple(map(say, ("rate", "80 % interval", "own data", "n", "open")))
    title = say(
        "Own conversion of {name} ({kind}, tier {tier})",
        name=escape(partner["name"]),
        kind=escape(partner["type"]),
        tier=partner["tier"],
    )
    shown = table(title, say("step"), *right, right=right)
    for step, row in partner["rates"].items():
        shown.add_row(
            say.step(step), percent(row["rate"]), interval(row["low"], row["high"], say),
            "-" if row["rate"] is None else f"{100 * row['own_data']:.0f} %", number(row["n"]), number(row["open"]),
        )  # fmt: skip
    out.print(shown)


def entries(out: Console, rows: Sequence[Mapping[str, Any]], say: Speech = ENGLISH) -> None:
    """One partner's entries under way, the likeliest first; those beyond all that is known are counted."""
    old = [row for row in rows if row["state"] == "beyond_support"]
    rows = [row for row in rows if row["state"] != "beyond_support"]
    if rows:
        _chances(out, rows, say)
    if old:
        text = "{n} {n:entry has|entries have} stood still so long that none that old is known to become a deal."
        out.print(say(text, n=f"{len(old):,}") + "\n")


def _chances(out: Console, rows: Sequence[Mapping[str, Any]], say: Speech) -> None:
    right = (*(say.days(int(days)) for days in rows[0]["deal_within"]), say("ever"))
    titles = say("target"), say("stands at")
    ends = say("half by"), say("80 % by")
    title = say("Chance of a deal, entries under way; days hold if it happens")
    shown = table(title, *titles, *right, *ends, right=right)
    for row in rows[:SHOWN]:
        shares = (*row["deal_within"].values(), row["deal_eventually"])
        name = row["target"] or row["record"] or row["entry"]
        days = row["half_by"] or "-", row["most_by"] or "-"
        shown.add_row(name, say.name(row["milestone"]), *map(percent, shares), *days)
    out.print(shown)
    if len(rows) > SHOWN:
        out.print(say("... and {n} more; --json shows all.", n=f"{len(rows) - SHOWN:,}") + "\n")


def other_rates(out: Console, conversion: Mapping[str, Mapping[str, Any]], say: Speech = ENGLISH) -> None:
    """What stands beside the eventual rate: the share of cohorts old enough within so many days, and the plain ratio of counts, labelled as such."""
    windows = [w["days"] for w in next(iter(next(iter(conversion.values())).values()))["within"]]
    within = [say("within {n} {n:day|days}", n=days) for days in windows]
    right = (say("corrected"), *within, say("ratio of counts"), say("of"))
    shown = table(say("The same steps otherwise"), say("type"), say("step"), *right, right=right)
    for kind, steps in conversion.items():
        for i, (step, row) in enumerate(steps.items()):
            shown.add_row(
                say.kind(kind) if i == 0 else "",
                say.step(step),
                percent(row["corrected"]),
                *(_share(w, say) for w in row["within"]),
                percent(row["flow_ratio"]),
                f"{number(row['flow_to'])} / {number(row['flow_from'])}",
            )
        shown.add_section()
    out.print(shown)
    out.print(
        say(
            "Corrected: without the tilt that unrecorded milestones give a rate. Within: of entries old enough, with their 95 % interval. "
            "Ratio of counts: those that came to the later milestone over those that came to the earlier one in the same time; not a probability, it can exceed 100 %."
        )
        + "\n"
    )


def lead_time_note(
    out: Console,
    conversion: Mapping[str, Mapping[str, Any]],
    lead_time: Mapping[str, Mapping[str, Any]],
    say: Speech = ENGLISH,
) -> None:
    """Why a lead time is a dash, where one is."""
    if any(lead["median"] is None for steps in lead_time.values() for lead in steps.values()):
        least = DEFAULTS.min_conversions
        out.print(
            say(
                "A dash: nothing to go by. A lead time is told from {n} conversions on, whose days are recorded at both ends.",
                n=least,
            )
        )
    for kind in conversion:
        gaps = [step for step, lead in lead_time.get(kind, {}).items() if lead["status"] == "skips"]
        if gaps:
            _note(out, say, "Days unknown too often for a lead time:", say("{kind}: {steps}.", kind=escape(say.kind(kind)), steps=say.steps(gaps)))  # fmt: skip
    out.print("")


def _share(row: Mapping[str, Any], say: Speech) -> str:
    if row["rate"] is None:
        return "-"
    span = say("{low} to {high}", low=f"{100 * row['low']:.0f}", high=f"{100 * row['high']:.0f}")
    return f"{percent(row['rate'])} ({span})"


ASIDE = {
    "after_as_of": "{n} {n:event is dated after the day and waits|events are dated after the day and wait} for it",
    "before_2000": "{n} {n:event is dated before 2000 and is|events are dated before 2000 and are} left out",
    "inversions": "{n} {n:milestone is dated over 3 days after a later one and counts|milestones are dated over 3 days after a later one and count} as skipped",
    "lost_first": "{n} {n:loss comes before anything else of its entry and is|losses come before anything else of their entry and are} left out",
    "not_listed": "{n} {n:entry was never listed; it counts as listed with its|entries were never listed; they count as listed with their} first milestone",
    "only_lost": "{n} {n:entry has nothing but a loss and is|entries have nothing but a loss and are} left out of rates",
    "no_events": "{n} {n:entry has|entries have} no milestone dated up to the day",
    "before_history": "{n} {n:entry began before the history and is|entries began before the history and are} left out of rates",
}


def notes(out: Console, document: Mapping[str, Any], say: Speech = ENGLISH) -> None:
    """What a reader of the tables should know: changes of late, steps that hang together, numbers too young to be trusted, dates that cannot be."""
    if document.get("reconstructed"):
        text = "this lies before the first run; it is what the CRMs' own histories date before then."
        _note(out, say, "Reconstructed:", say(text))
    aside = [say(text, n=number(document["issues"][key])) for key, text in ASIDE.items() if document["issues"].get(key)]
    if aside:
        japanese = say.language == "ja"
        _note(
            out, say, "Dates that do not fit:", ("；" if japanese else "; ").join(aside) + ("。" if japanese else ".")
        )
    for kind, steps in document.get("drift", {}).items():
        for step, row in steps.items():
            if row["status"] == "changed":
                told = {"recent": percent(row["recent"]), "before": percent(row["before"]), "days": row["at_days"]}
                text = "{kind}, {step}: {recent} within {days} days of late, {before} before."
                _note(out, say, "Changed:", say(text, kind=escape(say.kind(kind)), step=say.step(step), **told))
    late = document.get("reporting_delay", {})
    if late.get("provisional_from"):
        text = "what happened since {day}; half of the events are known within {median} days, nine of ten within {p90}."
        told = {"day": late["provisional_from"], "median": late["median"], "p90": late["p90"]}
        _note(out, say, "Provisional:", say(text, **told))
    for kind, steps in document["conversion"].items():
        who = escape(say.kind(kind))
        whole = steps.get("listed>deal", {})
        if whole.get("product_disagrees"):
            told = {"product": percent(whole["product_of_steps"]), "whole": percent(whole["rate"])}
            text = "{kind}: multiplied they give {product}, the whole way {whole}."
            _note(out, say, "Steps hang together:", say(text, kind=who, **told))
        for status, heading in (("few", "Too few to be trusted:"), ("immature", "Too young to be trusted:")):
            names = [step for step, row in steps.items() if row["status"] == status]
            if names:
                _note(out, say, heading, say("{kind}: {steps}.", kind=who, steps=say.steps(names)))


def _note(out: Console, say: Speech, heading: str, text: str) -> None:
    out.print(f"[yellow]{say(heading)}[/]{'' if say.language == 'ja' else ' '}{text}")


def _one(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"
