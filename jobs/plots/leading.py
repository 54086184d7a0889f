"""Which indicators lead: a row each, with a mark that many weeks before the deals, or after them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from indicators.leading.verdicts import USEFUL_P, USEFUL_SKILL
from jobs.plots.canvas import BLUE, FAINT, GREEN, GREY, INK, ORANGE, RED, RULE, Drawing, blank, plain, titled
from models.labels import VERDICTS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {
    "leading": GREEN,
    "leading, useful": GREEN,
    "mechanical": BLUE,
    "two-way": ORANGE,
    "lagging": RED,
    "no lead found": GREY,
    "not enough data": GREY,
}
_SAY = {
    "en": {
        "title": "Does it lead? Weeks before deals",
        "below": "{type}, {weeks} weeks to {until}, {deals:,} deals. Bars show the lag that fits best; verdicts as in `sakigake leading`.",
        "deals": "deals",
        "axis": "weeks before (left) and after (right) the deals",
        "more": "about {0} more weeks",
        "effect": "about {0:.2f} deals each",
        "skill": "forecast {0:.0f} % better",
        "skill_perhaps": "forecast {0:.0f} % better, perhaps by chance",
        "no_skill": "forecast no better",
        "nothing": "There is nothing to ask about yet.",
        "all": "All partners",
    },
    "ja": {
        "title": "先行しているか：商談の何週前か",
        "below": "{type}、{until}までの{weeks}週、商談{deals:,}件。棒は最もよく合うずれ。判定は sakigake leading と同じ。",
        "deals": "商談",
        "axis": "商談より前（左）と後（右）の週数",
        "more": "あと約{0}週",
        "effect": "1回につき約{0:.2f}件",
        "skill": "予測を{0:.0f}%改善",
        "skill_perhaps": "予測を{0:.0f}%改善（偶然かもしれない）",
        "no_skill": "予測の改善なし",
        "nothing": "判定の対象がまだありません。",
        "all": "全パートナー",
    },
}
WIDEST = 12.5


def draw(document: Mapping[str, Any], language: str) -> Drawing:
    """What `sakigake leading --json` prints, for its first type, as a picture: what has a lag, so no conversions."""
    kinds = [i["type"] for i in document["indicators"]]
    rows = [i for i in document["indicators"] if i["type"] == kinds[0] and i["kind"] != "rate"] if kinds else []
    return lambda: _figure(document, rows, language)


def _figure(document: Mapping[str, Any], rows: list[Mapping[str, Any]], language: str) -> "Figure":
    say = _SAY[language]
    figure = blank(12, 1.9 + 0.46 * max(len(rows), 3))
    axes = figure.add_subplot()
    name = rows[0]["type"] if rows else "all"
    titled(
        figure,
        say["title"],
        say["below"].format(
            type=say["all"] if name == "all" else name,
            weeks=document["weeks"]["count"],
            until=document["weeks"]["until"],
            deals=document["deals"],
        ),
    )
    plain(axes)
    if not rows:
        axes.text(0.5, 0.5, say["nothing"], transform=axes.transAxes, ha="center", color=FAINT)
        axes.set_xticks([])
        axes.set_yticks([])
        return figure
    axes.plot([0, 0], [-0.6, len(rows) - 0.4], color=INK, linewidth=1.2)
    axes.text(0, -0.7, say["deals"], ha="center", va="bottom", fontsize=9)
    for at, row in enumerate(rows):
        colour = COLOURS[row["verdict"]]
        lag = _lag(row)
        if lag is not None:
            axes.plot([-lag, 0], [at, at], color=colour, linewidth=3, solid_capstyle="round")
            axes.plot(-lag, at, "o", color=colour, markersize=9)
        axes.text(
            WIDEST + 0.6,
            at,
            VERDICTS[row["verdict"]][language == "ja"],
            va="center",
            color=colour if lag is not None else FAINT,
        )
        axes.text(WIDEST + 7.6, at, _detail(row, say), va="center", fontsize=9, color=FAINT)
    axes.set_yticks(range(len(rows)), [i["label"][language] for i in rows])
    axes.set_ylim(len(rows) - 0.4, -1.15)
    axes.set_xlim(-WIDEST, WIDEST + 17)
    axes.set_xticks(range(-12, 13, 4), [str(abs(w)) for w in range(-12, 13, 4)])
    axes.set_xlabel(say["axis"], loc="left", fontsize=9)
    kinds = [i["kind"] for i in rows]
    if "activity" in kinds and "milestone" in kinds:
        axes.axhline(kinds.index("activity") - 0.5, color=RULE, linewidth=1)
    return figure


def _lag(row: Mapping[str, Any]) -> int | None:
    """Weeks before the deals; negative after them."""
    if row["verdict"] == "lagging":
        back = row["reverse"]["peak_lag"]
        return None if back is None else -int(back)
    lead = row["forward"]["peak_lag"] if row["verdict"] == "two-way" else row["lead_weeks"]
    return None if lead is None else int(lead)


def _detail(row: Mapping[str, Any], say: Mapping[str, str]) -> str:
    if row["verdict"].startswith("leading") and row["effect"] is not None:
        return say["effect"].format(row["effect"])
    if row["verdict"] == "mechanical" and row["skill"]["deviance"] is not None:
        skill, p = row["skill"]["deviance"], row["skill"]["p"]
        if skill < USEFUL_SKILL:
            return say["no_skill"]
        return say["skill" if p is not None and p <= USEFUL_P else "skill_perhaps"].format(100 * skill)
    return say["more"].format(row["more_weeks"]) if row["more_weeks"] else ""
