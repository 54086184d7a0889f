"""Tables on what partners do, for a person at a terminal."""

import itertools
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from rich.console import Console
from rich.markup import escape

from jobs.speech import ENGLISH, Speech
from jobs.tables.shape import SHOWN, add_up, likely, narrow, number, percent, provisional, signed, table
from models.labels import named

_WHAT = {"regular_meeting": "a regular meeting", "touch": "a light touch", "any_contact": "a touch or a meeting"}


def activation(out: Console, document: Mapping[str, Any], say: Speech = ENGLISH) -> None:
    """Rates per type, then what is asked of the tiers, then the whole."""
    right = tuple(map(say, ("base", "active", "activation", "95 % interval", "engaged", "deals", "each")))
    shown = table(say("Activation, 90 days to {day}", day=document["as_of"]), say("type"), *right, right=right)
    for a in document["activation"]:
        span = "-" if a["activation"] is None else _span(a, say, digits=0)
        each = "-" if a["deals_per_active"] is None else f"{a['deals_per_active']:.1f}"
        shown.add_row(
            say.kind(a["type"]), number(a["base"]), number(a["active"]), percent(a["activation"]), span,
            percent(a["engagement"]), number(a["deals"]), each,
        )  # fmt: skip
    out.print(shown)
    counted = tuple(map(say, ("due", "met ", "kept")))
    shown = table(say("Meetings and touches, 90 days"), say("tier"), say("expects"), *counted, right=counted)
    for d in document["cadence"]:
        expects = say(f"{_WHAT[d['what']]} a {d['per']}")
        shown.add_row(d["tier"], expects, number(d["due"]), number(d["met"]), percent(d["rate"]))
    out.print(shown)
    _pushes(out, document["leaks"], say)
    _share(out, document["sourced"], say)
    crowd = document["concentration"]
    if crowd["top_share"] is not None:
        text = "Concentration: the top five of {n} {n:partner|partners} brought {share}; as if {effective} {effective:partner|partners} brought as many each."
        told = {"n": number(crowd["partners"]), "share": percent(crowd["top_share"])}
        out.print(say(text, effective=f"{crowd['effective']:.1f}", **told))
    for f in document["first_deal"]:
        if f["partners"]:
            median = say(
                "half have not come to one yet" if f["median"] is None else "median {n} {n:day|days}", n=f["median"]
            )
            told = {"kind": escape(say.kind(f["type"])), "median": median, "events": f["events"], "n": f["partners"]}
            text = "Contract to first deal, {kind}: {median} ({events} of {n} {n:partner|partners})."
            out.print(say(text, **told))
    older = next((f.get("before_data", 0) for f in document["first_deal"] if f["type"] == "all"), 0)
    if older:
        text = "Contract to first deal leaves out {n} {n:partner|partners} under contract since before the data begin."
        out.print(say(text, n=number(older)))
    _load(out, document["capacity"], say)
    for c in document["cutoffs"]:
        if c["explained"] > c["today"] + 0.05:
            text = (
                "Cut-offs of {kind}: {a} valid rows for A and {b} for B would explain {explained} of the differences in expected deals; "
                "today's explain {today}. A person decides."
            )
            told = {"kind": escape(say.kind(c["type"])), "a": c["a_up"], "b": c["b_up"]}
            out.print(say(text, explained=percent(c["explained"]), today=percent(c["today"]), **told))
    moved = document["tiers"]
    if moved["flap_rate"] is not None:
        text = "Tiers moved {n} {n:time|times} per partner and quarter; under 0.5 is steady."
        out.print(say(text, n=f"{moved['flap_rate']:.2f}"))
    provisional(out, document.get("reporting_delay"), say)  # reports of older versions did not tell


def _pushes(out: Console, leaked: Mapping[str, Any], say: Speech) -> None:
    if not leaked["pushes"]:
        out.print(say("Pushes on tier D: none; no push on anybody is recorded."))
        return
    told = {"n": number(leaked["on_d"]), "all": number(leaked["pushes"]), "share": percent(leaked["share"])}
    kinds = say(", ").join(f"{named(k, say.language)} {n}" for k, n in leaked["by_kind"].items())
    if kinds:
        out.print(say("Pushes on tier D: {n} of {all} ({share}): {kinds}.", kinds=escape(kinds), **told))
    else:
        out.print(say("Pushes on tier D: {n} of {all} ({share}).", **told))


def _share(out: Console, share: Mapping[str, Any], say: Speech) -> None:
    if share["status"] != "ok":
        out.print(say("Partner-sourced share: no deal of any channel in a year, by the mapping's deals_all_channels."))
        return
    text = "Partner-sourced: {n} of {all} {all:deal|deals} of all channels in a year, {share} ({span})."
    told = {"n": number(share["partner_sourced"]), "all": number(share["deals_all_channels"])}
    out.print(say(text, share=percent(share["share"]), span=_span(share, say), **told))
    if "won" in share:  # reports of older versions say nothing of won deals
        out.print(won_words(share, say))


def _load(out: Console, load: Mapping[str, Any], say: Speech) -> None:
    told = {"week": f"{load['per_week']:g}"}
    if load["per_person"] is None:
        out.print(say("The tiers ask for {week} contacts a week.", **told))
        return
    told |= {"each": f"{load['per_person']:.1f}", "team": load["team"]}
    if load["status"] == "over":
        text = (
            "The tiers ask for {week} contacts a week, {each} for each of {team} people; more than {limit} is too many. "
            "Raise the thresholds, or the team."
        )
        out.print(f"[yellow]{say(text, limit=format(load['limit'], 'g'), **told)}[/]")
    else:
        out.print(say("The tiers ask for {week} contacts a week, {each} for each of {team} people.", **told))


def _span(share: Mapping[str, Any], say: Speech, *, digits: int = 1) -> str:
    low, high = (f"{100 * share[end]:.{digits}f}" for end in ("low", "high"))
    return say("{low} to {high}", low=low, high=high) + " %"


def won_words(share: Mapping[str, Any], say: Speech = ENGLISH) -> str:
    """What is said of won deals: their share, or why there is none."""
    won = share["won"]
    if won["status"] == "no_condition":
        return say(
            "Of won deals: not known; say in the mapping what makes a deal won (won, beside partner_sourced in deals_all_channels)."
        )
    judged, every = won["judged"], share["deals_all_channels"]
    text = " {n} {n:deal is left out: its|deals are left out: their} rule does not say what makes a deal won."
    apart = "" if judged == every else say(text, n=number(every - judged))
    if won["share"] is None:
        return say("Of won deals: none of {n} {n:deal|deals} is won yet.", n=number(judged)) + apart
    text = "Of won deals: {n} of {all}, {share} ({span}); {entries} {entries:entry|entries} of partners reached won."
    told = {
        "n": number(won["partner_sourced"]),
        "all": number(won["deals_all_channels"]),
        "share": percent(won["share"]),
    }
    return say(text, span=_span(won, say), entries=number(won["entries"]), **told) + apart


def stalled(out: Console, rows: Sequence[Mapping[str, Any]], say: Speech = ENGLISH, *, past: str | None = None) -> None:
    """Stalled entries, the most hopeful first; `past`: the day, where another one than the newest was asked for."""
    if past is not None:
        out.print(say("As of {day}.", day=f"[bold]{past}[/]") + "\n")
    if not rows:
        out.print(say("No entry is stalled." if past is None else "No entry was stalled."))
        return
    left = tuple(map(say, ("partner", "target", "stands at", "since")))
    right, brief = (say("days"), say("chance to go on")), narrow(out)
    shown = table(say("Stalled entries, the most hopeful first"), *left, *right, say("next"), right=right)
    for r in rows[:SHOWN]:
        shown.add_row(
            r["partner"], r["target"] or r["record"], say.name(r["milestone"], brief=brief), r["since"], number(r["days"]), likely(r["chance"]), say.name(r["next"] or "", brief=brief),
        )  # fmt: skip
    out.print(shown)
    if len(rows) > SHOWN:
        out.print(say("... and {n} more; --json and --csv show all.", n=f"{len(rows) - SHOWN:,}"))


def actual(
    out: Console,
    as_of: str,
    months: Sequence[Mapping[str, Any]],
    only: str | None,
    language: str,
    delay: Mapping[str, Any] | None = None,
) -> None:
    """Plan against actual: a table a month, and one of where it lands while it lasts. Either fits a terminal of 80 columns."""
    say = Speech(language)
    for m in months:
        over = _over(m, as_of)
        told = {"month": m["month"], "day": as_of, "elapsed": percent(m["elapsed"])}
        title = say("{month} as of {day}, {elapsed} of its business days", **told)
        right = tuple(map(say, ("plan", "to date", "actual", "gap", "effect on deals")))
        ended = (say("result"),) if over else ()
        shown = table(title, say("type"), say("milestone"), *right, *ended, right=right)
        rows = _added_up([r for r in m["rows"] if only is None or r["type"] == only])
        for r, kind in zip(rows, _once(rows, say), strict=True):
            shown.add_row(
                kind, say.name(r["milestone"]), f"{r['planned']:g}", f"{r['planned_to_date']:.1f}", number(r["actual"]),
                signed(r["gap"]), signed(r["effect"]), *((_met(r, say),) if over else ()),
            )  # fmt: skip
        out.print(shown)
        if not over:
            _landing(out, m["month"], rows, say)
        _apart(out, m, only or "all", over, say)
    provisional(out, delay, say)


def _once(rows: Sequence[Mapping[str, Any]], say: Speech) -> list[str]:
    """The type of each row, where it begins."""
    before = [None, *(r["type"] for r in rows)]
    return ["" if r["type"] == last else say.kind(r["type"]) for r, last in zip(rows, before, strict=False)]


def _added_up(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows with effects that sum, as printed, to the gap in deals of their type."""
    found: list[Mapping[str, Any]] = []
    for _, of_type in itertools.groupby(rows, key=lambda r: r["type"]):
        mine = list(of_type)
        effects = [r["effect"] for r in mine]
        if None not in effects:
            mine = [{**r, "effect": e} for r, e in zip(mine, add_up(mine[-1]["gap"], effects), strict=True)]
        found += mine
    return found


def _landing(out: Console, month: str, rows: Sequence[Mapping[str, Any]], say: Speech) -> None:
    right = tuple(map(say, ("plan", "landing", "80 % range", "chance")))
    shown = table(say("Where {month} lands", month=month), say("type"), say("milestone"), *right, right=right)
    for r, kind in zip(rows, _once(rows, say), strict=True):
        landing = "-" if r["landing"] is None else f"{r['landing']:.1f}"
        chance = likely(_open(r))
        shown.add_row(kind, say.name(r["milestone"]), f"{r['planned']:g}", landing, _range(r, say), chance)
    out.print(shown)


def _open(row: Mapping[str, Any]) -> float | None:
    """The chance of a plan while its month lasts: it is kept to six digits, and neither missed nor met before it is."""
    chance: float | None = row["chance_of_target"]
    if chance is None or (chance == 1 and row["actual"] >= row["planned"]):
        return chance
    return min(max(chance, 1e-9), 1 - 1e-9)


def _over(month: Mapping[str, Any], as_of: str) -> bool:
    """Whether the day is the month's last, or after it."""
    return (date.fromisoformat(as_of) + timedelta(days=1)).isoformat()[:7] > str(month["month"])


def _range(row: Mapping[str, Any], say: Speech) -> str:
    low, high = row.get("landing_low"), row.get("landing_high")  # reports of older versions have none
    return "-" if low is None or high is None else say("{low} to {high}", low=number(low), high=number(high))


def _met(row: Mapping[str, Any], say: Speech) -> str:
    chance = row["chance_of_target"]
    return "-" if chance is None else say("met" if chance == 1 else "missed")


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
        under_way = round(deals["landing_in_flight"], 1)
        new = round(deals["landing"], 1) - deals["actual"] - under_way  # so that they sum as printed
        parts = {"in_flight": f"{under_way:.1f}", "new": f"{abs(new):.1f}"}
        out.print(say(text, chance=likely(_open(deals)), **told, **parts))
    if any(r["landing"] is None for r in month["rows"] if r["type"] == kind):
        out.print(
            say("A dash under landing: the steps on the way there have not been watched long enough to foretell it.")
        )
