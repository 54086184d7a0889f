"""Entry fields: what is said of each entry as a row of one width, and those rows as catalogue values. Pure.

Rows of one width are compared whole, so that words are made only for entries of which something else is said than before.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from indicators.entry_forecast import BEYOND_SUPPORT, CLOSED, NO_DATA
from indicators.inputs import LOST, MILESTONES, NO_DAY, EntryTable, day_date
from indicators.own import Own
from indicators.stalled import BEYOND, STATUSES, WARN
from jobs.computing_code import CODE_VERSION
from models.catalogue import BY_NAME

Language = Literal["ja", "en"]
Row = tuple[str, str, str, Any, dict[str, Any]]
Said = NDArray[np.void]

SAID = np.dtype(
    [
        ("milestone", "<i1"),  # -1: the entry has no event, so that nothing is said of it
        ("since", "<i4"),
        ("unplaced", "?"),
        ("status", "<i1"),  # code of STATUSES; -1 where the entry is not open
        ("stalled", "?"),
        # the next four tell nothing while nothing is wrong, but for whether a chance is known; days and not ages, whole percents: what changes every day tells nothing
        ("due", "<i4"),  # by when 80 % had moved on; NO_DAY where that is still to come
        ("next", "<i1"),
        ("chance", "<i2"),  # in percent; UNKNOWN where limits are defaults
        ("at_entry", "<i2"),
        ("forecast", "<i1"),  # code of entry_forecast.STATES
        ("probability", "<i2"),  # in percent
        ("day", "<i4"),
    ]
)

FIELDS: dict[str, tuple[str, ...]] = {
    "deal_probability": ("milestone", "forecast", "probability"),
    "expected_deal_on": ("milestone", "forecast", "day"),
    "milestone": ("milestone",),
    "milestone_since": ("milestone", "since"),
    "stalled": ("milestone", "unplaced", "since", "status", "stalled", "due", "next", "chance", "at_entry"),
}
"""The columns that each field is told from. Fields are told in the order of their names, which is that of the index they go into."""
GROUPS = tuple(FIELDS.values())
_SINCE, _STALLED = (tuple(FIELDS).index(name) for name in ("milestone_since", "stalled"))

_PERCENT, UNKNOWN = 100, -1  # as NO_DAY is
_SUNK, _ROUNDED = 4, 3  # a chance below a quarter of the first, both rounded to whole percents
_WHY = {
    "en": {
        "milestone": "the newest milestone that this entry reached",
        "stalled": "{0}: at `{1}` since {2}, 80 % had moved on by {3}; next: {4}",
        "faint": "{0}: at `{1}` since {2}, its chance has sunk below a quarter; next: {4}",
        "default": "{0}: at `{1}` since {2}, past {3}, a limit by default: too few have gone on from there to tell one; next: {4}",
        "kept": "{0}: at `{1}` since {2}, as an earlier month-end's limit had it, and nothing has been done about it since; next: {4}",
        "is_stalled": "stalled",
        "beyond": "beyond",
        "moving": "at `{0}` since {1}: no longer than 80 % of those that went on, or something was done about it lately",
        "warn": "at `{0}` since {1}: longer than 80 % of those that went on, not yet than 95 %, so not called stalled",
        "moving_default": "at `{0}` since {1}: within a limit by default, since too few have gone on from there to tell one, or something was done about it lately",
        "warn_default": "at `{0}` since {1}: past the first of two limits by default, since too few have gone on from there to tell them, so not called stalled",
        "closed": "the entry is at `{0}`",
        "unplaced": "the record stands in a stage that the mapping does not name, so nobody knows whether it moves",
        "no_curve": "no entry has gone the whole way to a deal yet, so nothing can be expected",
        "chance": "from `{0}`, at this partner's rates, for the time it has waited",
        "old": "has stood at `{0}` for {1} days or more; no entry that old is known to become a deal",
        "unlikely": "the chance is below 5 %, too little to name a day",
        "day": "the day by which half of such entries are a deal, if they become one",
    },
    "ja": {
        "milestone": "このエントリーが到達した最新のマイルストーン",
        "stalled": "{0}：{2}から「{1}」のまま、80%は{3}までに次へ進んだ。次は「{4}」",
        "faint": "{0}：{2}から「{1}」のまま、見込みが当初の4分の1未満に低下。次は「{4}」",
        "default": "{0}：{2}から「{1}」のまま、期限{3}を超過（次へ進んだ件数が少ないため既定の日数による）。次は「{4}」",
        "kept": "{0}：{2}から「{1}」のまま、以前の月末時点の期限を超過し、その後の活動なし。次は「{4}」",
        "is_stalled": "停滞",
        "beyond": "期限超過",
        "moving": "{1}から「{0}」。次へ進んだものの80%が要した期間内か、最近の活動あり",
        "warn": "{1}から「{0}」。次へ進んだものの80%より長いが、95%は超えていないため停滞とはしない",
        "moving_default": "{1}から「{0}」。既定の日数内（次へ進んだ件数が少ないため）、または最近の活動あり",
        "warn_default": "{1}から「{0}」。既定の日数の一つ目を超過（次へ進んだ件数が少ないため）、停滞とはしない",
        "closed": "エントリーは「{0}」",
        "unplaced": "マッピングにないステージにあるため、進んでいるか判断できません",
        "no_curve": "商談まで到達したエントリーがまだなく、予測できません",
        "chance": "「{0}」から、このパートナーの転換率と経過日数による",
        "old": "「{0}」のまま{1}日以上。この経過日数から商談になった例なし",
        "unlikely": "確率が5%未満のため日付なし",
        "day": "商談になる場合、半数が商談になる日",
    },
}


def said_of(told: Own, entries: EntryTable) -> Said:
    """What is said of each entry, in the order of the table."""
    columns, stalled, made = told.entries, told.entries.stalled, told.forecast
    wrong = stalled.is_stalled & stalled.open
    rows = np.zeros(len(entries), SAID)
    rows["milestone"], rows["since"], rows["unplaced"] = columns.milestone, columns.since, entries.unplaced
    rows["status"], rows["stalled"] = np.where(stalled.open, stalled.status, -1), wrong
    rows["due"] = np.where(wrong & (stalled.days_over > 0), told.as_of - stalled.days_over, NO_DAY)
    rows["next"] = np.where(wrong, stalled.next, 0)
    for name, share in (("chance", stalled.chance), ("at_entry", stalled.chance_at_entry)):
        told_share = np.where(stalled.known, np.where(wrong, np.rint(share * _PERCENT), 0), UNKNOWN)
        rows[name] = np.where(stalled.open, told_share, 0)
    rows["forecast"], rows["probability"], rows["day"] = made.state, np.rint(100 * made.eventual), made.p50
    return rows


def basis(language: Language, horizon: int) -> str:
    """Changes whenever the words do that rows are told in, or the code that finds them."""
    told = (CODE_VERSION, _WHY[language], _labels(language), horizon, SAID.descr)
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()[:16]


def differing(now: Said, then: Said) -> NDArray[np.bool_]:
    """[n, groups]: which groups of fields say something else in two columns of the same entries."""
    return np.column_stack([np.logical_or.reduce([now[c] != then[c] for c in group]) for group in GROUPS])


def told_from(said: Said, group: int) -> NDArray[np.bytes_]:
    """What this field is told from, as one key for each row: of very many entries few keys differ, and what is told of one is told of all."""
    whole = np.ascontiguousarray(said).view(np.uint8).reshape(len(said), SAID.itemsize)
    part = whole.take(_places(GROUPS[group]), axis=1)  # many times as fast as column by column
    if group == _SINCE:
        part[:, 0] = np.minimum(said["milestone"], 0).view(np.uint8)  # whether there is one
    if group == _STALLED:
        told = (said["status"] >= 0) & ~said["unplaced"]
        part[:, np.isin(_places(GROUPS[group]), _places(("since",)))] *= told[:, None]
    return part.view(f"S{part.shape[1]}").reshape(-1)


@lru_cache
def _places(columns: tuple[str, ...]) -> NDArray[np.int64]:
    """Of the columns' bytes, in their order."""
    begins = {name: place[1] for name, place in (SAID.fields or {}).items()}
    return np.concatenate([begins[name] + np.arange(SAID[name].itemsize) for name in columns])


def entry_rows(
    ids: Iterable[str], said: Said, language: Language, horizon: int, groups: NDArray[np.bool_] | None = None
) -> Iterator[Row]:
    """Every field of each entry that has an event; with `groups` [n, groups] only those of the groups that are asked for."""
    asked = np.ones((len(said), len(GROUPS)), np.bool_) if groups is None else groups
    columns = {name: list(map(tell, said[name].tolist())) for name, tell in NAMED.items()}
    return _in_words(ids, said, columns, asked, language, horizon)


def patterns(said: Said, language: Language, horizon: int, groups: NDArray[np.bool_]) -> Iterator[Row]:
    """What `entry_rows` gives of entries numbered from 0, with its column's mark, as `<since>`, in place of each day and percentage."""
    columns = {
        name: [None if tell(number) is None else f"<{name}>" for number in said[name].tolist()]
        for name, tell in NAMED.items()
    }
    return _in_words(map(str, range(len(said))), said, columns, groups, language, horizon)


def told_alike(said: Said, groups: NDArray[np.bool_]) -> NDArray[np.bytes_]:
    """A key for each entry: where it is one, so are the `patterns`. Of very many entries few keys differ."""
    known = [said[name] != UNKNOWN if name in NAMED else said[name] for name in SAID.names or ()]
    key = np.column_stack([*known, _has_sunk(said), *groups.T]).astype(np.int8)
    return key.view(f"S{key.shape[1]}").reshape(-1)


def _in_words(
    ids: Iterable[str],
    said: Said,
    columns: Mapping[str, Sequence[Any]],
    asked: NDArray[np.bool_],
    language: Language,
    horizon: int,
) -> Iterator[Row]:
    """The rows of entries, with what `columns` hold instead of their days and percentages."""
    labels, words = _labels(language), _WHY[language]
    told = [columns[name] if name in NAMED else said[name].tolist() for name in SAID.names or ()]
    rows = zip(*told, _has_sunk(said).tolist(), strict=True)
    for entry_id, row, (chance, day, milestone, since, stalled) in zip(ids, rows, asked.tolist(), strict=True):
        if row[0] < 0:
            continue
        if chance or day:
            value, on, why_chance, why_day = _expected(row, labels[row[0]], words, horizon)
            if chance:
                yield "entry", entry_id, "deal_probability", value, {"why": why_chance}
            if day:
                yield "entry", entry_id, "expected_deal_on", on, {"why": why_day}
        if milestone:
            yield "entry", entry_id, "milestone", MILESTONES[row[0]].value, {"why": words["milestone"]}
        if since:
            yield "entry", entry_id, "milestone_since", row[1], {"why": words["milestone"]}
        if stalled:
            yield "entry", entry_id, "stalled", *_stalled(row, labels, words)


def _stalled(row: tuple[Any, ...], labels: tuple[str, ...], words: dict[str, str]) -> tuple[bool, dict[str, Any]]:
    milestone, since, unplaced, status, stalled, due, following, chance, at_entry, *_, sunk = row
    label = labels[milestone]
    if unplaced:
        return False, {"why": words["unplaced"], "status": "unplaced"}
    if status < 0:
        return False, {"why": words["closed"].format(label), "status": "closed"}
    if not stalled:
        waits = words[("warn" if status == WARN else "moving") + ("_default" if chance is None else "")]
        return False, {"status": STATUSES[status], "why": waits.format(label, since)}
    return True, {
        "status": STATUSES[status],
        "why": words[_why(due, chance, sunk)].format(
            words["beyond" if status == BEYOND else "is_stalled"], label, since, due, labels[following]
        ),
        "next": MILESTONES[following].value,
        "due": due,
        "chance": chance,
        "chance_at_entry": at_entry,
    }


def _why(due: str | None, chance: float | str | None, sunk: bool) -> str:
    """The words for what makes it stalled: its age, its chance, or what was said of it before."""
    if due is not None:
        return "default" if chance is None else "stalled"
    return "faint" if sunk else "kept"


def _has_sunk(said: Said) -> NDArray[np.bool_]:
    """Of each entry: its chance is known, and has sunk far below what it was."""
    chance, at_entry = said["chance"].astype(np.int64), said["at_entry"].astype(np.int64)
    sunk: NDArray[np.bool_] = (chance != UNKNOWN) & (_SUNK * chance <= at_entry + _ROUNDED)
    return sunk


def _expected(row: tuple[Any, ...], label: str, words: dict[str, str], horizon: int) -> tuple[Any, Any, str, str]:
    """The chance in percent, the day, and why either is what it is."""
    milestone, (state, percent, day) = row[0], row[-4:-1]
    if state == CLOSED:
        why = words["closed"].format(label)
        return (0.0 if milestone == LOST else 100.0), None, why, why
    if state == NO_DATA:
        return None, None, words["no_curve"], words["no_curve"]
    why = words["old"].format(label, horizon) if state == BEYOND_SUPPORT else words["chance"].format(label)
    return percent, day, why, words["day" if day else "unlikely"]


@lru_cache
def _labels(language: Language) -> tuple[str, ...]:
    told = {value: ja if language == "ja" else en for value, en, ja in BY_NAME["milestone"].choices}
    return tuple(told[m.value] for m in MILESTONES)


@lru_cache(8192)
def _iso(day: int) -> str | None:
    found = None if day == NO_DAY else day_date(day)
    return found.isoformat() if found else None


def _share(percent: int) -> float | None:
    return None if percent == UNKNOWN else percent / _PERCENT


NAMED: dict[str, Callable[[int], str | float | None]] = {
    "since": _iso,
    "due": _iso,
    "day": _iso,
    "chance": _share,
    "at_entry": _share,
    "probability": float,
}
"""The columns of days and percentages, and how they are told; None where there is none. All other columns take few values."""
