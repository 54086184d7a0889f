"""The verdict on a target in one sentence, in both languages. Pure."""

from collections.abc import Mapping
from typing import Any

from models.catalogue import BY_NAME
from models.counted import agreeing, counted

_GUIDE = (
    "The table below tells only what the conversions seen so far would ask for.",
    "下の表は現時点の転換率による目安です。",
)
_UNTOLD = (
    "Without those conversions the table below cannot tell how many are needed either.",
    "転換率がそろわないため、下の表の必要件数もまだ出せません。",
)
_JA = {value: ja for value, _, ja in BY_NAME["milestone"].choices}


def sentences(document: Mapping[str, Any]) -> dict[str, str]:
    """`says` and `says_ja` for a target document."""
    english, japanese = _SAYS[document["verdict"]](document)
    return {"says": english, "says_ja": japanese}


def alone(document: Mapping[str, Any], language: str) -> str:
    """What is said of it where no table stands below, as in a picture."""
    said: str = document["says_ja" if language == "ja" else "says"]
    for of_table in (*_GUIDE, *_UNTOLD):
        said = said.removesuffix(of_table)
    return said.rstrip()


def _covered(d: Mapping[str, Any]) -> tuple[str, str]:
    if not d["deals"]:
        return (
            f"No deal is asked for in {d['month']}, so nothing is needed for it.",
            f"{d['month']}の目標は0件のため、必要な件数はありません。",
        )
    if d["achieved"] >= d["deals"]:
        return (
            f"The target of {counted(d['deals'], 'deal')} for {d['month']} is met: {counted(d['achieved'], 'has', 'have')} come.",
            f"{d['month']}の目標{d['deals']}件は達成済みです（実績{d['achieved']}件）。",
        )
    return (
        f"What is under way covers the {counted(d['deals'], 'deal')} of {d['month']} with a chance of {_percent(d['chance_without_new'])}; no new entry is needed.",
        f"{d['month']}の目標{d['deals']}件は進行中のエントリーだけで{_percent_ja(d['chance_without_new'])}の確率で届きます。新規は不要です。",
    )


def _feasible(d: Mapping[str, Any]) -> tuple[str, str]:
    safe, mean = d["plans"]["safe"], d["plans"]["mean"]
    weekly = sum(kind["plan"] for kind in d["a_week"].values())
    even = (
        ""
        if mean["entries"] is None
        else f" ({mean['entries']:,} would do on average, with a chance of {_percent(mean['chance'])})"
    )
    even_ja = (
        "" if mean["entries"] is None else f"（平均で足りる{mean['entries']:,}件では{_percent_ja(mean['chance'])}）"
    )
    return (
        f"List {counted(safe['entries'], 'new entry')} by the end of {d['month']}, about {weekly:.0f} a week: then the {counted(d['deals'], 'deal comes', 'deals come')} with a chance of {_percent(safe['chance'])}{even}.",
        f"{d['month']}末までに新規{safe['entries']:,}件（週約{weekly:.0f}件）をリストに載せれば、{_percent_ja(safe['chance'])}の確率で{d['deals']}件に届きます{even_ja}。",
    )


def _capacity(d: Mapping[str, Any]) -> tuple[str, str]:
    at = d["at_capacity"]
    weekly = sum(kind["plan"] for kind in d["a_week"].values())
    if at["shortfall"] < 0.05:
        sure = (d["assumptions"] or {}).get("sure") or 0.8
        return (
            f"With {weekly:.0f} new entries a week, the most that can be listed, the {counted(d['deals'], 'deal comes', 'deals come')} in {d['month']} on average, but with a chance of {_percent(at['chance'])}, not of {_percent(sure)}.",
            f"上限の週{weekly:.0f}件を載せれば平均では{d['month']}の目標{d['deals']}件に届きますが、その確率は{_percent_ja(at['chance'])}で、{_percent_ja(sure)}には足りません。",
        )
    if at["needed_rate"] is None:
        need, need_ja = "No entry can be listed at all.", "新規を載せる余力がありません。"
    elif at["needed_rate"] > 1:
        need = "Even if every entry listed became a deal, it would not be enough in time."
        need_ja = "載せたエントリーがすべて商談になっても、この月には間に合いません。"
    else:
        need = f"Conversion from listed to deal would have to be {_percent(at['needed_rate'])} instead of {_percent(at['rate'])}."
        need_ja = (
            f"リスト掲載→商談の転換率が{_percent_ja(at['rate'])}ではなく{_percent_ja(at['needed_rate'])}必要です。"
        )
    return (
        f"Even {weekly:.0f} new entries a week, the most that can be listed, bring the {counted(d['deals'], 'deal')} of {d['month']} with a chance of only {_percent(at['chance'])}; {at['shortfall']:.1f} are lacking on average. {need}",
        f"上限の週{weekly:.0f}件を載せても{d['month']}の目標{d['deals']}件に届く確率は{_percent_ja(at['chance'])}、平均で{at['shortfall']:.1f}件不足します。{need_ja}",
    )


def _over(d: Mapping[str, Any]) -> bool:
    return bool(d["month"] < d["as_of"][:7])


def _missed(d: Mapping[str, Any]) -> tuple[str, str]:
    """Of a month that is over, whether or not there is enough data for a plan."""
    lacking = d["deals"] - d["achieved"]
    return (
        f"{d['month']} is over: {counted(d['achieved'], 'deal has', 'deals have')} come of the {d['deals']:,} wanted, {lacking:,} {agreeing(lacking, 'is', 'are')} lacking.",
        f"{d['month']}は終了しました。目標{d['deals']}件に対し実績{d['achieved']}件で、{lacking}件不足です。",
    )


def _time(d: Mapping[str, Any]) -> tuple[str, str]:
    if _over(d):
        return _missed(d)
    if d["earliest_month"] is None:
        sure = (d["assumptions"] or {}).get("sure") or 0.8
        when = f"None of the 12 months after it reaches as many with a chance of {_percent(sure)} at the pace that is possible."
        when_ja = f"以降12か月でも、可能なペースでは{_percent_ja(sure)}の確率で届く月がありません。"
    else:
        when = f"The first month that can is {d['earliest_month']}."
        when_ja = f"最短で届くのは{d['earliest_month']}です。"
    lacking = d["deals"] - d["achieved"]
    return (
        f"New entries come too late for {d['month']}, where {lacking} of {counted(d['deals'], 'deal')} {agreeing(lacking, 'is', 'are')} lacking and {d['in_flight']:.1f} are expected from entries under way. {when}",
        f"{d['month']}には新規では間に合いません（{d['deals']}件中、残り{lacking}件に対し進行中からの見込みは{d['in_flight']:.1f}件）。{when_ja}",
    )


def _little(d: Mapping[str, Any]) -> tuple[str, str]:
    """Steps that nobody has taken yet, and steps of which it was not watched long enough, since time mends the second alone."""
    if _over(d):
        return _missed(d)
    rates = {row["milestone"]: row["rate"] for row in d["static"]}
    unseen = [step for step in d["immature_steps"] if rates[step.partition(">")[0]] is None]
    young = [step for step in d["immature_steps"] if step not in unseen]
    why, why_ja = [], []
    if unseen:
        why.append(f"nobody has yet gone {', '.join(step.replace('>', ' → ') for step in unseen)}")
        why_ja.append(f"{_steps_ja(unseen)}に進んだ例がまだない")
    if young:
        names = ", ".join(step.replace(">", " → ") for step in young)
        why.append(f"{names} {agreeing(len(young), 'has', 'have')} not been watched long enough")
        why_ja.append(f"{_steps_ja(young)}の観察期間が不足")
    untold = any(rate is None for milestone, rate in rates.items() if milestone != "deal")
    table, table_ja = _UNTOLD if untold else _GUIDE
    return (
        f"Not enough data for a plan: {'; '.join(why)}. {table}",
        f"計画にはデータが足りません（{'、'.join(why_ja)}）。{table_ja}",
    )


def _steps_ja(steps: list[str]) -> str:
    return "、".join("→".join(_JA[end] for end in step.split(">")) for step in steps)


_SAYS = {
    "already_covered": _covered,
    "feasible": _feasible,
    "infeasible_capacity": _capacity,
    "infeasible_time": _time,
    "not_enough_data": _little,
}


def _percent(share: float | None) -> str:
    if share is None:
        return "?"
    if 0.995 <= share < 1:
        return "over 99 %"
    return f"{100 * share:.0f} %" if share >= 0.1 or share == 0 else f"{100 * share:.1f} %"


def _percent_ja(share: float | None) -> str:
    return _percent(share).replace("over 99 %", "99%超").replace(" %", "%")
