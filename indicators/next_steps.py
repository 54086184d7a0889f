"""What to do next with a partner, in one sentence: the first of these that applies.

    1  tiers A to C: stalled entries: the milestone that most of them wait for, and since when the longest has waited
    2  tiers A and B: open entries: the earliest milestone that waits for our move
    3  tiers A and B with none but entries beyond the horizon: close them, or list them anew
    4  tiers A and B without an open entry, tier C: ask for an attack list
    5  tier D: no push

Entries beyond the horizon (by default 180 days at one milestone) are no longer worth a push, so that those which still have a chance come first.
Days stand in it as dates and not as ages, so that the field changes only when something happened.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from indicators.inputs import (
    AGREED,
    DEAL,
    EXECUTED,
    LISTED,
    MILESTONES,
    NO_DAY,
    REQUESTED,
    Codes,
    Days,
    EntryTable,
    day_date,
)
from indicators.stalled import BEYOND, STALLED, StalledEntries
from models.counted import agreeing, counted
from models.labels import named
from models.vocabulary import Tier

Language = Literal["ja", "en"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A partner's open entries at one milestone: how many within the horizon, how many of them are stalled, and since when the longest of
    these has waited; and how many are beyond it.
    """

    milestone: int
    open: int
    stalled: int
    since: int
    beyond: int = 0


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do, and the milestone it leads to (None where it leads to none). `beyond`: entries beyond the horizon, which are not among `entries`;
    together with those that are stalled they are what `stalled_entries` counts.
    """

    what: str  # move_stalled, move_on, tidy_up, ask_for_list, no_push
    milestone: int | None = None
    entries: int = 0
    since: int | None = None
    beyond: int = 0


def waiting_by_partner(
    entries: EntryTable, stalled: StalledEntries, milestone: Codes, since: Days, n_partners: int
) -> list[list[Waiting]]:
    """For each partner its open entries by milestone, in the order of the funnel."""
    found: list[list[Waiting]] = [[] for _ in range(n_partners)]
    late, old = stalled.status == STALLED, stalled.status == BEYOND
    for code in range(LISTED, DEAL):
        all_here = stalled.open & (milestone == code)
        here = all_here & ~old
        n = np.bincount(entries.partner[here], minlength=n_partners)
        gone = np.bincount(entries.partner[all_here & old], minlength=n_partners)
        waits = np.bincount(entries.partner[here & late], minlength=n_partners)
        longest = np.full(n_partners, np.iinfo(np.int32).max, np.int64)
        np.minimum.at(longest, entries.partner[here & late], since[here & late])
        for partner in np.flatnonzero(n + gone):
            since_when = int(longest[partner]) if waits[partner] else NO_DAY
            found[partner].append(Waiting(code, int(n[partner]), int(waits[partner]), since_when, int(gone[partner])))
    return found


def advise(tier: Tier, waiting: Sequence[Waiting]) -> Advice:
    """What to do next with a partner of this tier."""
    if tier is Tier.D:
        return Advice("no_push")
    late, old = [w for w in waiting if w.stalled], sum(w.beyond for w in waiting)
    if late:
        most = max(late, key=lambda w: (w.stalled, w.milestone))
        stuck, since = sum(w.stalled for w in late), min(w.since for w in late)
        return Advice("move_stalled", most.milestone + 1, stuck, since, old)
    moving = [w for w in waiting if w.open]
    if tier is not Tier.C and moving:
        return Advice("move_on", moving[0].milestone + 1, moving[0].open, beyond=old)
    if tier is not Tier.C and waiting:
        return Advice("tidy_up", None, old)
    return Advice("ask_for_list")


def told(advice: Advice, language: Language) -> str:
    """The advice as one sentence for a field of 255 characters."""
    say = _SAY[language]
    if advice.milestone is None:
        return say[advice.what].format(n=advice.entries, entries=agreeing(advice.entries, "entry"))
    name = named(MILESTONES[advice.milestone].value, language)
    action = say[str(advice.milestone)]
    n, old = advice.entries, say[f"{advice.what} beyond"].format(n=advice.beyond) if advice.beyond else ""
    if language == "ja":
        text = say[advice.what].format(n=n, name=name, action=action, since=day_date(advice.since or 0), old=old)
    else:
        which = counted(n, "stalled entry" if advice.what == "move_stalled" else "open entry")
        text = say[advice.what].format(
            which=which, name=name, action=action, since=day_date(advice.since or 0), old=old
        )
    return text


_SAY: dict[Language, dict[str, str]] = {
    "en": {
        "move_stalled": "{which}, the longest since {since}{old}: {action} (next milestone: {name}).",
        "move_stalled beyond": ", besides {n} that waited too long",
        "move_on": "{which}{old}: {action} (next milestone: {name}).",
        "move_on beyond": ", besides {n} that waited too long",
        "tidy_up": "Close {n} {entries} that waited too long to convert, or list them anew.",
        "ask_for_list": "Ask for an attack list.",
        "no_push": "No push; answer when they come.",
        str(REQUESTED): "ask by name for an introduction",
        str(AGREED): "agree who does what for each target",
        str(EXECUTED): "carry out what was agreed",
        str(DEAL): "get the meeting booked",
    },
    "ja": {
        "move_stalled": "停滞{n}件（最長{since}から{old}）：{action}（次は「{name}」）",
        "move_stalled beyond": "、ほかに長期停滞{n}件",
        "move_on": "進行中{n}件{old}：{action}（次は「{name}」）",
        "move_on beyond": "（ほかに長期停滞{n}件）",
        "tidy_up": "長く動きのない{n}件を見送りにするか、リストを更新",
        "ask_for_list": "アタックリストの提出を依頼",
        "no_push": "プッシュ不要（先方からの連絡に対応）",
        str(REQUESTED): "打診先をバイネームで依頼",
        str(AGREED): "打診先ごとのアクションを合意",
        str(EXECUTED): "合意したアクションを実施",
        str(DEAL): "商談を設定",
    },
}
