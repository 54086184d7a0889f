"""From tests to a verdict and one plain sentence, in Japanese and English (METHODS 3k).

leading           T1 holds after Holm, x comes first by a week or more, and the reverse does not hold (or is later and weaker)
leading, useful   and it forecasts at least 5 % better than the best simple forecast
mechanical        a milestone: it leads by construction, so only its use as a forecast is graded
two-way           both directions hold
lagging           only the reverse holds
no lead found     T1 does not hold, though an effect worth having would have shown
not enough data   a floor is not reached, or such an effect would not have shown; about how many more weeks it takes
"""

import math
from dataclasses import dataclass
from typing import Literal

from indicators.assumptions import Floors
from indicators.leading.backtest import FIRST_ORIGIN, MIN_TESTS, MIN_TRAINING, Skill
from indicators.leading.describe import Description
from indicators.leading.panel import LONGEST_LAG
from indicators.leading.panel_scores import PanelTest
from models.counted import counted
from models.labels import named

Language = Literal["ja", "en"]
Kind = Literal["activity", "milestone", "rate"]
LEADING, USEFUL, MECHANICAL = "leading", "leading, useful", "mechanical"
TWO_WAY, LAGGING, NO_LEAD, NOT_ENOUGH = "two-way", "lagging", "no lead found", "not enough data"
VERDICTS = (LEADING, USEFUL, MECHANICAL, TWO_WAY, LAGGING, NO_LEAD, NOT_ENOUGH)
ALPHA, USEFUL_SKILL, USEFUL_P = 0.05, 0.05, 0.10
LONGEST_WAIT = 520  # weeks; to wait for longer is to wait for ever


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of one indicator, for all partners or one type.

    holm, reverse_holm  p-values of T1 and its reverse, adjusted over all activities and types tested; None where a floor is not reached
    explore             the forward p adjusted after Benjamini and Hochberg, for lists that are explored at q = .10
    short_of            the floors that are not reached: `weeks`, `partners`, `deals`, `actions`; `effect` where an effect would not have shown
    more_weeks          about how many more weeks it takes; None where nothing is missing or it cannot be told
    """

    indicator: str
    kind: Kind
    type: str
    verdict: str
    forward: PanelTest
    reverse: PanelTest
    holm: float | None
    reverse_holm: float | None
    explore: float | None
    skills: tuple[Skill, ...]
    description: Description
    short_of: tuple[str, ...] = ()
    more_weeks: int | None = None

    @property
    def lead_weeks(self) -> int | None:
        """By how many weeks x comes first, where it is said to; None for a milestone with fewer deals than a verdict takes."""
        if self.verdict == MECHANICAL and "deals" in self.short_of:
            return None
        return self.forward.peak_lag if self.verdict in (LEADING, USEFUL, MECHANICAL) else None

    @property
    def skill(self) -> Skill:
        """Of the next four weeks."""
        return self.skills[0]


def short_of(test: PanelTest, floors: Floors) -> tuple[str, ...]:
    """The floors that this much data does not reach."""
    have = {
        "weeks": (test.usable_weeks, floors.weeks),
        "partners": (test.partners, floors.partners),
        "deals": (test.n_y, floors.deals),
        "actions": (test.n_x, floors.actions),
    }
    return tuple(name for name, (found, needed) in have.items() if found < needed)


def weeks_missing(test: PanelTest, floors: Floors) -> int | None:
    """About how many more weeks until the floors are reached and an effect of interest would show, at the pace so far; None: not told."""
    weeks, seen = test.usable_weeks, test.usable_weeks + LONGEST_LAG
    needed = [float(floors.weeks - weeks)]
    for found, floor in ((test.n_y, floors.deals), (test.n_x, floors.actions)):
        if found < floor:
            if not found:
                return None
            needed.append(seen * (floor / found - 1))
    if test.partners < floors.partners:
        if not test.partners:
            return None
        needed.append(seen * (floors.partners / test.partners - 1))
    if weeks < floors.weeks:  # what so few weeks leave to see an effect by is no measure of what more of them would
        if test.pace is not None:
            needed.append((test.pace / floors.smallest_effect) ** 2 - weeks)
    elif test.mde is not None and test.mde > floors.smallest_effect:
        needed.append(weeks * ((test.mde / floors.smallest_effect) ** 2 - 1))
    most = math.ceil(max(needed) - 1e-9)
    return max(most, 1) if most <= LONGEST_WAIT else None


def skill_weeks_missing(weeks: int, horizon: int) -> int | None:
    """How many more weeks until forecasts can be graded; None where they can."""
    needed = FIRST_ORIGIN + MIN_TRAINING - 1 + 2 * horizon + MIN_TESTS - weeks
    return needed if needed > 0 else None


def judge(
    forward: PanelTest,
    reverse: PanelTest,
    holm: float | None,
    reverse_holm: float | None,
    skill: Skill,
    floors: Floors,
) -> str:
    """The verdict on an activity; `holm` is None where a floor is not reached."""
    if holm is None or reverse_holm is None:
        return NOT_ENOUGH
    back = reverse.p <= ALPHA
    if holm <= ALPHA:
        if (forward.peak_lag or 0) >= 1 and (not back or _later_and_weaker(reverse, forward)):
            return USEFUL if _skilled(skill) and _proven(skill) else LEADING
        return TWO_WAY if back else NO_LEAD  # closest in the same week: which comes first cannot be told
    if reverse_holm <= ALPHA:
        return LAGGING
    return NO_LEAD if forward.mde is not None and forward.mde <= floors.smallest_effect else NOT_ENOUGH


def _skilled(skill: Skill) -> bool:
    return skill.deviance is not None and skill.deviance >= USEFUL_SKILL


def _proven(skill: Skill) -> bool:
    return skill.p is not None and skill.p <= USEFUL_P


def _later_and_weaker(reverse: PanelTest, forward: PanelTest) -> bool:
    return (reverse.peak_lag or 0) > (forward.peak_lag or 0) and max(reverse.z) < max(forward.z)


def sentence(finding: Finding, language: Language, floors: Floors) -> str:
    """The verdict as a manager reads it."""
    say = _SAY[language]
    name = named(finding.indicator, language)
    who = {
        "name": name,
        "Name": name[:1].upper() + name[1:],
        "weeks": _weeks(finding.forward.peak_lag, language),
        "back": _weeks(finding.reverse.peak_lag, language),
        "more": _weeks(finding.more_weeks, language, more=True),
        "effect": _figure(finding.forward.effect),
        "floor": _figure(floors.smallest_effect),
        "mde": _figure(finding.forward.mde),
        "horizon": finding.skill.horizon,
        "skill": _percent(finding.skill.deviance),
    }
    verdict = finding.verdict
    if verdict == MECHANICAL:
        lead = say["mechanical"] if finding.lead_weeks is not None else say["mechanical_unknown"]
        lead = say["rate"] if finding.kind == "rate" else lead
        if not finding.skill.testable:
            graded = say["untestable"] if finding.more_weeks else say["untestable_unknown"]
        elif _skilled(finding.skill):
            graded = say["better"] if _proven(finding.skill) else say["better_perhaps"]
        else:
            graded = say["no_better"]
        return (lead + graded).format(**who)
    if verdict == NOT_ENOUGH and finding.more_weeks is None:
        return say["not enough data, no pace"].format(**who)
    if verdict == NO_LEAD and (finding.holm or 1) <= ALPHA:
        return say["same week"].format(**who)
    return say[verdict].format(**who)


def _weeks(n: int | None, language: Language, *, more: bool = False) -> str:
    if language == "ja":
        return f"{n}週"
    return "" if n is None else counted(n, "more week" if more else "week")


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f}"


_SAY: dict[Language, dict[str, str]] = {
    "en": {
        LEADING: "{Name} lead deals by about {weeks}: each is followed by about {effect} more deals at the same partner than partner and season explain.",
        USEFUL: "{Name} lead deals by about {weeks} (about {effect} more deals each), and knowing them makes the forecast of the next {horizon} weeks {skill} % better.",
        TWO_WAY: "{Name} and deals follow each other in both directions, so {name} cannot be read as the cause.",
        LAGGING: "{Name} follow deals, by about {back}; they do not lead them.",
        NO_LEAD: "{Name} show no lead: {floor} more deals each would have been seen ({mde} would have been enough).",
        "same week": "{Name} and deals come in the same week, so which leads cannot be told.",
        NOT_ENOUGH: "Not enough data on {name}: about {more}.",
        "not enough data, no pace": "Not enough data on {name}, and at the pace so far it cannot be said when there will be.",
        "mechanical": "`{name}` comes before deals by construction, most closely {weeks} before; ",
        "mechanical_unknown": "`{name}` comes before deals by construction; ",
        "rate": "The conversion {name} acts on deals by construction; ",
        "better": "knowing it makes the forecast of the next {horizon} weeks {skill} % better.",
        "better_perhaps": "knowing it made past forecasts of {horizon} weeks {skill} % better, which may still be chance.",
        "no_better": "beyond recent deals and season it did not make forecasts of {horizon} weeks better.",
        "untestable": "whether it makes forecasts better can be told after about {more}.",
        "untestable_unknown": "whether it makes forecasts better cannot be told yet.",
    },
    "ja": {
        LEADING: "{name}は商談に約{weeks}先行しています。1回につき、パートナーと季節では説明できない商談が約{effect}件増えています。",
        USEFUL: "{name}は商談に約{weeks}先行し（1回につき約{effect}件増）、今後{horizon}週の予測を{skill}%改善します。",
        TWO_WAY: "{name}と商談は互いに前後しているため、{name}が原因とは言えません。",
        LAGGING: "{name}は商談の約{back}後に続くもので、商談に先行していません。",
        NO_LEAD: "{name}の先行は認められません。1回につき商談{floor}件の増加があれば検出できました（検出限界{mde}件）。",
        "same week": "{name}と商談は同じ週に動いており、どちらが先かは言えません。",
        NOT_ENOUGH: "{name}はデータが足りません。判断できるまで、あと約{more}です。",
        "not enough data, no pace": "{name}はデータが足りません。今のペースでは、いつ判断できるか言えません。",
        "mechanical": "「{name}」は構造上、商談の前に来ます（最も近いのは{weeks}前）。",
        "mechanical_unknown": "「{name}」は構造上、商談の前に来ます。",
        "rate": "転換率（{name}）は構造上、商談を左右します。",
        "better": "今後{horizon}週の予測を{skill}%改善します。",
        "better_perhaps": "過去の{horizon}週予測を{skill}%改善しましたが、偶然の可能性が残ります。",
        "no_better": "直近の商談数と季節だけによる{horizon}週予測より良くはなりません。",
        "untestable": "予測に役立つかは、あと約{more}で判断できます。",
        "untestable_unknown": "予測に役立つかは、まだ判断できません。",
    },
}
