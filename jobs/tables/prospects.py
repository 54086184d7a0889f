"""Forecasts, partner rates and drift as tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from jobs.speech import ENGLISH, Speech
from jobs.tables.shape import SHOWN, interval, likely, narrow, noted, number, percent, provisional, table

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
        shown.add_row(say.days(int(days)), _one(row["expected"]), span, *map(_one, _parts(row)))
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
            say.step(step, brief=narrow(out)), percent(row["rate"]), interval(row["low"], row["high"], say),
            "-" if row["rate"] is None else f"{100 * row['own_data']:.0f} %", number(row["n"]), number(row["open"]),
        )  # fmt: skip
    out.print(shown)


def entries(out: Console, rows: Sequence[Mapping[str, Any]], say: Speech = ENGLISH) -> None:
    """One partner's entries under way, the likeliest first; those beyond all that is known are counted."""
    old = [row for row in rows if row["state"] == "beyond_support"]
    rows = [row for row in rows if row["state"] != "beyond_support"]
    if rows:
        _chances(out, rows, say)
    elif not old:
        out.print(say("No entry is under way.") + "\n")
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
        shown.add_row(name, say.name(row["milestone"], brief=narrow(out)), *map(likely, shares), *days)
    out.print(shown)
    if len(rows) > SHOWN:
        out.print(say("... and {n} more; --json and --csv show all.", n=f"{len(rows) - SHOWN:,}") + "\n")


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


def late_history(late: Mapping[str, Any], say: Speech = ENGLISH) -> str:
    """Since when a history tells of everything, by what that was found, and what is left out."""
    text = (
        "{history} tells of everything from {start} on: of {before} {n:entry|entries} begun before, {further} stood further than listed when first heard of, "
        "of {since} begun since {further_since}. Steps from milestones reached before are left out of rates and lead times; assumptions.history_from sets another day."
    )
    counts = {key: number(late[key]) for key in ("before", "since")}
    further = {"further": number(late["further_before"]), "further_since": number(late["further_since"])}
    return say(text, history=late["history"], start=late["start"], n=late["before"], **counts, **further)


def notes(out: Console, document: Mapping[str, Any], say: Speech = ENGLISH) -> None:
    """What a reader of the tables should know: changes of late, steps that hang together, numbers too young to be trusted, dates that cannot be."""
    if document.get("reconstructed"):
        text = "this lies before the first run; it is what the CRMs' own histories date before then."
        noted(out, say, "Reconstructed:", say(text))
    aside = [
        say(text, n=number(document["issues"][key]))
        for key, text in ASIDE.items()
        # of a moment before the first run it is not known which entries there were: those of later days have nothing amiss
        if document["issues"].get(key) and not (key == "no_events" and document.get("reconstructed"))
    ]
    if aside:
        japanese = say.language == "ja"
        noted(
            out, say, "Dates that do not fit:", ("；" if japanese else "; ").join(aside) + ("。" if japanese else ".")
        )
    for late in document.get("late_histories", ()):
        noted(out, say, "History that begins late:", late_history(late, say))
    for kind, steps in document.get("drift", {}).items():
        for step, row in steps.items():
            if row["status"] == "changed":
                told = {"recent": percent(row["recent"]), "before": percent(row["before"]), "days": row["at_days"]}
                text = "{kind}, {step}: {recent} within {days} days of late, {before} before."
                noted(out, say, "Changed:", say(text, kind=escape(say.kind(kind)), step=say.step(step), **told))
    provisional(out, document.get("reporting_delay"), say)
    for kind, steps in document["conversion"].items():
        who = escape(say.kind(kind))
        whole = steps.get("listed>deal", {})
        if whole.get("product_disagrees"):
            told = {"product": percent(whole["product_of_steps"]), "whole": percent(whole["rate"])}
            text = "{kind}: multiplied they give {product}, the whole way {whole}."
            noted(out, say, "Steps hang together:", say(text, kind=who, **told))
        for status, heading in (("few", "Too few to be trusted:"), ("immature", "Too young to be trusted:")):
            names = [step for step, row in steps.items() if row["status"] == status]
            if names:
                noted(out, say, heading, say("{kind}: {steps}.", kind=who, steps=say.steps(names)))


def _parts(row: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Of entries under way and of new ones, as much as is printed in all."""
    if row["expected"] is None:
        return None, None
    under_way = round(row["in_flight"], 1)
    return under_way, round(row["expected"], 1) - under_way


def _one(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"
