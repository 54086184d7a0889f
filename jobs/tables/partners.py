"""Tables on what partners do, for a person at a terminal."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from rich.console import Console

from jobs.speech import ENGLISH, Speech
from jobs.tables.shape import SHOWN, likely, number, percent, signed, table
from models.labels import named

_WHAT = {"regular_meeting": "a regular meeting", "touch": "a light touch", "any_contact": "a touch or a meeting"}


def activation(out: Console, document: Mapping[str, Any]) -> None:
    """Rates per type, then what is asked of the tiers, then the whole."""
    right = ("base", "active", "activation", "interval", "engaged", "deals", "each")
    shown = table(f"Activation, 90 days to {document['as_of']}", "type", *right, right=right)
    for a in document["activation"]:
        interval = "-" if a["activation"] is None else f"{100 * a['low']:.0f} to {100 * a['high']:.0f} %"
        each = "-" if a["deals_per_active"] is None else f"{a['deals_per_active']:.1f}"
        shown.add_row(
            a["type"], number(a["base"]), number(a["active"]), percent(a["activation"]), interval,
            percent(a["engagement"]), number(a["deals"]), each,
        )  # fmt: skip
    out.print(shown)
    counted = ("due", "met", "kept")
    shown = table("Meetings and touches, 90 days", "tier", "expects", *counted, right=counted)
    for d in document["cadence"]:
        shown.add_row(
            d["tier"], f"{_WHAT[d['what']]} a {d['per']}", number(d["due"]), number(d["met"]), percent(d["rate"])
        )
    out.print(shown)
    leaked, share, crowd = document["leaks"], document["sourced"], document["concentration"]
    kinds = ", ".join(f"{named(k, 'en')} {n}" for k, n in leaked["by_kind"].items())
    out.print(
        f"Pushes on tier D: {number(leaked['on_d'])} of {number(leaked['pushes'])} ({percent(leaked['share'])})"
        + (f": {kinds}." if kinds else ".")
    )
    if share["status"] == "ok":
        out.print(
            f"Partner-sourced: {number(share['partner_sourced'])} of {number(share['deals_all_channels'])} deals of all channels in a year, "
            f"{percent(share['share'])} ({100 * share['low']:.1f} to {100 * share['high']:.1f} %)."
        )
    else:
        out.print("Partner-sourced share: no deal of any channel in a year, by the mapping's deals_all_channels.")
    if share["status"] == "ok" and "won" in share:  # reports of older versions say nothing of won deals
        out.print(won_words(share))
    if crowd["top_share"] is not None:
        out.print(
            f"Concentration: the top five of {number(crowd['partners'])} partners brought {percent(crowd['top_share'])}; as if "
            f"{crowd['effective']:.1f} partners brought as many each."
        )
    for f in document["first_deal"]:
        if f["partners"]:
            median = "half have not come to one yet" if f["median"] is None else f"median {f['median']} days"
            out.print(f"Contract to first deal, {f['type']}: {median} ({f['events']} of {f['partners']} partners).")
    load = document["capacity"]
    if load["status"] == "over":
        out.print(
            f"[yellow]The tiers ask for {load['per_week']:g} contacts a week, {load['per_person']:.1f} for each of {load['team']} people; "
            f"more than {load['limit']:g} is too many. Raise the thresholds, or the team.[/]"
        )
    else:
        each = "" if load["per_person"] is None else f", {load['per_person']:.1f} for each of {load['team']} people"
        out.print(f"The tiers ask for {load['per_week']:g} contacts a week{each}.")
    for c in document["cutoffs"]:
        if c["explained"] > c["today"] + 0.05:
            out.print(
                f"Cut-offs of {c['type']}: {c['a_up']} valid rows for A and {c['b_up']} for B would tell {percent(c['explained'])} of what "
                f"expected deals differ by; today's tell {percent(c['today'])}. That is for a person to decide."
            )
    moved = document["tiers"]
    if moved["flap_rate"] is not None:
        out.print(f"Tiers moved {moved['flap_rate']:.2f} times a partner and quarter; under 0.5 is steady.")


def won_words(share: Mapping[str, Any]) -> str:
    """What is said of won deals: their share, or why there is none."""
    won = share["won"]
    if won["status"] == "no_condition":
        return "Of won deals: not known; say in the mapping what makes a deal won (won, beside partner_sourced in deals_all_channels)."
    judged, every = won["judged"], share["deals_all_channels"]
    apart = (
        ""
        if judged == every
        else f" {number(every - judged)} deals are left out: their rule does not say what makes a deal won."
    )
    if won["share"] is None:
        return f"Of won deals: none of {number(judged)} deals is won yet.{apart}"
    return (
        f"Of won deals: {number(won['partner_sourced'])} of {number(won['deals_all_channels'])}, {percent(won['share'])} "
        f"({100 * won['low']:.1f} to {100 * won['high']:.1f} %); {number(won['entries'])} entries of partners reached won.{apart}"
    )


def stalled(out: Console, rows: Sequence[Mapping[str, Any]], say: Speech = ENGLISH) -> None:
    """Stalled entries, the most hopeful first."""
    if not rows:
        out.print(say("No entry is stalled."))
        return
    left = tuple(map(say, ("partner", "target", "stands at", "since")))
    right = say("days"), say("chance")
    shown = table(say("Stalled entries, the most hopeful first"), *left, *right, say("next"), right=right)
    for r in rows[:SHOWN]:
        shown.add_row(
            r["partner"], r["target"] or "-", say.name(r["milestone"]), r["since"], number(r["days"]), percent(r["chance"]), say.name(r["next"] or ""),
        )  # fmt: skip
    out.print(shown)
    if len(rows) > SHOWN:
        out.print(say("... and {n} more; --json shows all.", n=f"{len(rows) - SHOWN:,}"))


def actual(out: Console, as_of: str, months: Sequence[Mapping[str, Any]], only: str | None, language: str) -> None:
    """Plan against actual, a table a month."""
    say = Speech(language)
    right = tuple(
        map(
            say,
            ("plan", "plan to date", "actual", "gap", "landing", "80 % range", "chance", "part of the gap in deals"),
        )
    )
    for m in months:
        over = _over(m, as_of)
        told = {"month": m["month"], "day": as_of, "elapsed": percent(m["elapsed"])}
        title = say("{month} as of {day}, {elapsed} of its business days", **told)
        shown = table(title, say("type"), say("milestone"), *right, right=right)
        for r in m["rows"]:
            if only is None or r["type"] == only:
                shown.add_row(
                    say.kind(r["type"]), say.name(r["milestone"]), f"{r['planned']:g}", f"{r['planned_to_date']:.1f}", number(r["actual"]),
                    signed(r["gap"]), "-" if r["landing"] is None else f"{r['landing']:.1f}", _range(r, over, say), _chance(r, over, say),
                    signed(r["effect"]),
                )  # fmt: skip
        out.print(shown)
        _apart(out, m, only or "all", over, say)


def _over(month: Mapping[str, Any], as_of: str) -> bool:
    """Whether the day is the month's last, or after it."""
    return (date.fromisoformat(as_of) + timedelta(days=1)).isoformat()[:7] > str(month["month"])


def _range(row: Mapping[str, Any], over: bool, say: Speech) -> str:
    low, high = row.get("landing_low"), row.get("landing_high")  # reports of older versions have none
    return "-" if over or low is None or high is None else say("{low} to {high}", low=number(low), high=number(high))


def _chance(row: Mapping[str, Any], over: bool, say: Speech) -> str:
    if not over or row["chance_of_target"] is None:
        return likely(row["chance_of_target"])
    return say("met" if row["chance_of_target"] == 1 else "missed")


def _apart(out: Console, month: Mapping[str, Any], kind: str, over: bool, say: Speech) -> None:
    """What stands beside the table of a month: where it would land, and what of the gap time alone will close or widen."""
    gap = month["gap"].get(kind)
    deals = next((r for r in month["rows"] if (r["type"], r["milestone"]) == (kind, "deal")), None)
    if gap is None or deals is None:
        return
    if not any(r["type"] == kind and r["milestone"] == "listed" for r in month["rows"]):
        out.print(say("Not enough data yet to say what the deals ask for at the milestones before them."))
    if not over:
        _ahead(out, month, kind, deals, say)
        if gap["timing"] is not None:
            text = "Timing, apart from the parts of the gap: for the rest of the month {{n}} deals {} planned are under way."
            says = "more than" if gap["timing"] >= 0 else "fewer than"
            out.print(say(text.format(says), n=f"{abs(gap['timing']):.1f}"))
    if gap["zeros"]:
        out.print(say("Some numbers are still 0, so that the parts of the gap are no more than a hint."))
    out.print("")


def _ahead(out: Console, month: Mapping[str, Any], kind: str, deals: Mapping[str, Any], say: Speech) -> None:
    """Where the month's deals would land, of what, and what is not known."""
    if deals.get("landing_new") is not None:
        text = (
            "As entries go and are listed of late, the month would end at {landing} of {planned} deals: {actual} have come, {in_flight} are expected "
            "of entries under way, {new} of new ones. The chance of the plan is {chance}."
        )
        told = {
            "landing": f"{deals['landing']:.1f}",
            "planned": f"{deals['planned']:g}",
            "actual": number(deals["actual"]),
        }
        parts = {"in_flight": f"{deals['landing_in_flight']:.1f}", "new": f"{deals['landing_new']:.1f}"}
        out.print(say(text, chance=likely(deals["chance_of_target"]), **told, **parts))
    if any(r["landing"] is None for r in month["rows"] if r["type"] == kind):
        out.print(
            say("A dash under landing: the steps on the way there have not been watched long enough to foretell it.")
        )
