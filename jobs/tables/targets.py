"""A target as tables that a manager reads from top to bottom: the verdict, the plans, the weeks, the partners."""

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape

from jobs.speech import Speech
from jobs.tables.shape import PlainTable, known_short, likely, moment, narrow, number, percent, table

WEEKS_SHOWN, FEW_WEEKS = 8, 4  # as many as the page has room for, within these
PARTNERS_SHOWN = 15


def targets(out: Console, document: Mapping[str, Any], language: str, zone: ZoneInfo) -> None:
    """All of it in the language asked for; moments in the workspace's time zone."""
    say = Speech(language)
    who = document["scope"]["name"] or document["scope"]["type"]
    text = f"{{deals}} {{deals:deal|deals}} in {{month}}{' from {who}' if who else ''}, as of {{day}}, known {{moment}}"
    axes = {"day": document["as_of"], "moment": moment(document["known_at"], zone)}
    told = {"deals": document["deals"], "month": document["month"], "who": escape(str(who)), **axes}
    out.print(f"[bold]{say(text, **told)}[/]")
    if document["month_by"] == "next":
        text = "{month} was taken, since under a week is left of the month of {day}; --month names another."
        out.print(say(text, month=document["month"], day=document["as_of"]))
    if document["deals_by"] == "share":
        text = "{deals} of the {all} {all:deal|deals} that sakigake.yaml asks of all partners fall to {who}; --deals asks for another number."
        out.print(say(text, deals=document["deals"], all=document["deals_of_all"], who=escape(str(who))))
    out.print(escape(document["says_ja" if language == "ja" else "says"]) + "\n")
    if document["mix_said"]:
        shares = [f"{escape(kind)} {percent(share)}" for kind, share in document["mix_said"].items()]
        text = "Assumed by targets.mix: new entries are {shares}."
        out.print(say(text, shares=("、" if say.language == "ja" else ", ").join(shares)) + "\n")
    ahead = (
        document["deals"] and document["month"] >= document["as_of"][:7]
    )  # of a month that is over, and of no deals, nothing is planned
    if ahead and document["plans"]["safe"] is not None:
        _plans(out, document, say)
    if ahead:
        _static(out, document, say)
    typed = document["scope"]["type"] is None and document["scope"]["partner"] is None
    if ahead and document["weeks"]:
        _weeks(out, document, say)
    if document["partners"]:
        _partners(out, document["partners"], say, typed=typed)
    elif not document["a_week"]:
        out.print(say("There is no partner to share it out to."))
    _next(out, document["next_month"], document["as_of"], say, typed=typed)
    known_short(out, document, say, zone)


def _plans(out: Console, document: Mapping[str, Any], say: Speech) -> None:
    right = tuple(map(say, ("new entries", "expected deals", "chance")))
    shown = table(say("What it takes"), "", *right, "", right=right)
    text = "{achieved} achieved, {in_flight} expected from entries under way"
    shown.add_row(
        say("nothing new"), "0", _one(document["achieved"] + document["in_flight"]), likely(document["chance_without_new"]),
        say(text, achieved=document["achieved"], in_flight=_one(document["in_flight"])),
    )  # fmt: skip
    sure = f"{100 * ((document['assumptions'] or {}).get('sure') or 0.8):g}{'' if say.language == 'ja' else ' '}%"
    for name, title in (("mean", say("on average")), ("safe", say("with {sure}", sure=sure))):
        plan = document["plans"][name]
        note = _note(name, plan, document["verdict"])
        shown.add_row(
            title, number(plan["entries"]), _one(plan["expected"]), likely(plan["chance"]), say(note) if note else ""
        )
    out.print(shown)
    right = tuple(map(say, ("now", "plan", "at most")))
    shown = table(say("New entries a week"), say("type"), *right, right=right)
    for kind, pace in document["a_week"].items():
        limit = say("no limit known") if pace["capacity"] is None else _one(pace["capacity"])
        shown.add_row(kind, _one(pace["now"]), _one(pace["plan"]), limit)
    out.print(shown)
    if document["mix_assumed"]:
        text = "No entry was listed in the last 13 weeks; new ones are shared out by the number of partners."
        out.print(say(text) + "\n")


def _note(name: str, plan: Mapping[str, Any], verdict: str) -> str:
    """What to think of a number of new entries; nothing where the table says it all."""
    if plan["entries"] is None:
        return "no number of new entries is enough"
    if plan["entries"] == 0:
        return "nothing new is needed"
    if plan["over_capacity"]:
        return "more than can be listed"
    if verdict == "infeasible_time":
        return ""  # nobody plans what comes too late
    if name == "safe":
        return "the plan"
    return "a coin toss" if 0.4 <= plan["chance"] <= 0.6 else ""


def _static(out: Console, document: Mapping[str, Any], say: Speech) -> None:
    right = tuple(map(say, ("needed", "80 % range", "goes on", "by")))
    title = say("Deals divided by conversions (knows neither time nor what is under way)")
    shown = table(title, say("milestone"), *right, right=right)
    for row in document["static"]:
        unknown = row["low"] is None and row["high"] is None
        span = "-" if unknown else say("{low} to {high}", low=number(row["low"]), high=number(row["high"]))
        shown.add_row(say.name(row["milestone"]), number(row["goal"]), span, percent(row["rate"]), row["by"] or "-")
    out.print(shown)


def _weeks(out: Console, document: Mapping[str, Any], say: Speech) -> None:
    most = next(
        (n for n in range(WEEKS_SHOWN, FEW_WEEKS, -1) if _of_weeks(document, n, say, brief=narrow(out)).fits(out)),
        FEW_WEEKS,
    )
    out.print(_of_weeks(document, most, say, brief=narrow(out)))
    text = "Chance at this pace: that as many are reached if new entries go on being listed as in the last 13 weeks."
    out.print(say(text) + "\n")
    if document["weeks"][0]["from"][:7] < document["month"]:
        text = "Deals of the weeks before {month} are no part of its {deals}."
        out.print(say(text, month=document["month"], deals=document["deals"]) + "\n")
    if len(document["weeks"]) > most:
        text = "... and {n} more of the weeks; --json and --csv show all."
        out.print(say(text, n=len(document["weeks"]) - most) + "\n")


def _of_weeks(document: Mapping[str, Any], most: int, say: Speech, *, brief: bool) -> PlainTable:
    """The goals of the first weeks, their sum over all, and the chance of that."""
    weeks = document["weeks"][:most]
    names = tuple(_day(week["to"]) for week in weeks)
    right = (*names, say("in all"), say("chance at this pace"))
    titles = say("milestone"), say("type")
    shown = table(say("To be reached in the week up to"), *titles, *right, say("useful until"), right=right)
    for milestone, total in document["totals"].items():
        kinds = list(weeks[0]["goals"][milestone])
        kinds = ["all"] if len(kinds) == 2 else kinds
        for kind in kinds:
            goals = [week["goals"][milestone][kind] for week in document["weeks"]]
            chance = (
                (total["chance"] or {}).get(kind) if sum(goals) else None
            )  # of reaching nothing there is none to tell
            last = _day(total["latest_week"]["to"]) if total["latest_week"] and kind == kinds[0] else ""
            shown.add_row(
                say.name(milestone, brief=brief) if kind == kinds[0] else "",
                say.kind(kind),
                *(number(n) for n in goals[:most]),
                number(sum(goals)),
                likely(chance),
                last,
            )
        if len(kinds) > 1:
            shown.add_section()
    return shown


def _partners(out: Console, rows: Sequence[Mapping[str, Any]], say: Speech, *, typed: bool) -> None:
    right = tuple(map(say, ("deals", "achieved", "under way", "new", "to list")))
    shown = table(say("Deals by partner"), say("partner"), *([say("type")] if typed else []), *right, right=right)
    for row in rows[:PARTNERS_SHOWN]:
        shown.add_row(
            row["name"], *([row["type"]] if typed else []), number(row["target"]), number(row["achieved"]), _one(row["in_flight"]), _one(row["new"]),
            number(row["list_entries"]),
        )  # fmt: skip
    out.print(shown)
    rest = rows[PARTNERS_SHOWN:]
    if rest:
        text = "... and {n} more {n:partner|partners} with {deals} {deals:deal|deals}; --json and --csv show all."
        out.print(say(text, n=len(rest), deals=sum(row["target"] for row in rest)) + "\n")


def _next(out: Console, following: Mapping[str, Any], day: str, say: Speech, *, typed: bool) -> None:
    rows = [row for row in following["partners"] if row["expected"] >= 0.05][:PARTNERS_SHOWN]
    if not rows:
        return
    right = tuple(map(say, ("expected", "under way", "by 10 more entries")))
    title = say("Whom to work on for {month}", month=following["month"])
    shown = table(title, say("partner"), *([say("type")] if typed else []), *right, say("push towards"), right=right)
    for row in rows:
        towards = say.name(row["push"], brief=narrow(out)) if row["push"] else say("new entries")
        more = f"+{row['ten_more_entries']:.1f}"
        shown.add_row(
            row["name"], *([row["type"]] if typed else []), _one(row["expected"]), _one(row["in_flight"]), more, towards
        )
    out.print(shown)
    text = "By 10 more entries: deals more in {month} if ten more are listed in the week after {day}."
    out.print(say(text, month=following["month"], day=day) + "\n")


def _day(text: str) -> str:
    """Of a plan, whose year stands above."""
    return text[5:].replace("-", "/")


def _one(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"
