"""The target plan by week: what must be reached in each week, a row a milestone, with what was reached so far."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobs.plots.canvas import BLUE, FAINT, GREEN, GREY, INK, ORANGE, Drawing, blank, plain, titled
from models.labels import named

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SAY = {
    "en": {
        "title": "Plan for {deals:g} deals in {month}",
        "below": "Bars: what must be reached in the week, as of {as_of}.",
        "reached": " Green: reached.",
        "capacity": " Dashed: the most that can be listed.",
        "week": "week from",
        "latest": "latest useful week",
        "nothing": "no weeks are left",
        "little": "not enough data for a plan",
    },
    "ja": {
        "title": "{month} 商談{deals:g}件の計画",
        "below": "棒はその週に到達すべき件数（{as_of}時点）。",
        "reached": "緑は実績。",
        "capacity": "破線は掲載できる上限。",
        "week": "週の開始日",
        "latest": "最終有効週",
        "nothing": "残りの週がありません",
        "little": "計画を立てるにはデータが足りません",
    },
}


def draw(
    as_of: str,
    month: str,
    deals: float,
    weeks: Sequence[str],
    planned: Mapping[str, Sequence[float]],
    language: str,
    *,
    reached: Mapping[str, Sequence[float | None]] | None = None,
    capacity: float | None = None,
    latest: Mapping[str, str | None] | None = None,
    little: bool = False,
) -> Drawing:
    """By milestone, a number for each of `weeks` (Mondays as YYYY-MM-DD), as a picture.

    `reached` holds what was, None for weeks to come; `capacity` is of `listed` a week; `latest` the last week that still helps.
    `little`: there are no weeks since there is not enough data.
    """
    if not weeks:
        return lambda: _empty(month, deals, _SAY[language], "little" if little else "nothing")
    return lambda: _figure(as_of, month, deals, weeks, planned, language, reached or {}, capacity, latest or {})


def draw_document(document: Mapping[str, Any], language: str) -> Drawing:
    """What `sakigake targets --json` prints, as a picture: all its types together."""
    weeks = [week["from"] for week in document["weeks"]]
    planned = {name: [float(week["goals"][name]["all"]) for week in document["weeks"]] for name in document["totals"]}
    limits = [kind["capacity"] for kind in document["a_week"].values()]
    latest = {name: _from(total["latest_week"]) for name, total in document["totals"].items()}
    capacity = float(sum(limits)) if limits and all(limit is not None for limit in limits) else None
    tight = capacity is not None and capacity <= 2 * max([*planned.get("listed", []), 1.0])
    return draw(
        document["as_of"],
        document["month"],
        document["deals"],
        weeks,
        planned,
        language,
        capacity=capacity if tight else None,
        latest=latest,
        little=document["verdict"] == "not_enough_data",
    )


def _from(week: Mapping[str, Any] | None) -> str | None:
    return str(week["from"]) if week else None


def _empty(month: str, deals: float, say: Mapping[str, str], why: str) -> "Figure":
    figure = blank(7.0, 2.5)
    titled(figure, say["title"].format(deals=deals, month=month), "")
    axes = figure.add_subplot()
    axes.text(0.5, 0.5, say[why], ha="center", color=FAINT)
    axes.set_axis_off()
    return figure


def _figure(
    as_of: str,
    month: str,
    deals: float,
    weeks: Sequence[str],
    planned: Mapping[str, Sequence[float]],
    language: str,
    reached: Mapping[str, Sequence[float | None]],
    capacity: float | None,
    latest: Mapping[str, str | None],
) -> "Figure":
    say = _SAY[language]
    figure = blank(max(7.0, 1.8 + 0.55 * len(weeks)), 1.3 + 1.25 * max(len(planned), 1))
    below = say["below"].format(as_of=as_of)
    below += (say["reached"] if reached else "") + (say["capacity"] if capacity is not None else "")
    titled(figure, say["title"].format(deals=deals, month=month), below)
    panels = figure.subplots(len(planned), 1, sharex=True, squeeze=False)[:, 0]
    place = list(range(len(weeks)))
    for axes, (milestone, numbers) in zip(panels, planned.items(), strict=True):
        plain(axes, grid="y")
        done = reached.get(milestone, [None] * len(weeks))
        axes.bar(place, numbers, color=[GREY if d is not None else BLUE for d in done], width=0.66, alpha=0.9)
        known = [(at, d) for at, d in zip(place, done, strict=True) if d is not None]
        axes.bar([at for at, _ in known], [d for _, d in known], color=GREEN, width=0.3)
        top = float(max([*numbers, *(d for _, d in known), 1.0]))
        clear = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
        for at, (n, d) in enumerate(zip(numbers, done, strict=True)):
            if n >= 0.05:
                above = max(n, d or 0.0) + 0.05 * top
                axes.text(
                    at, above, f"{n:.0f}" if n >= 10 or n == int(n) else f"{n:.1f}", ha="center", fontsize=8, bbox=clear
                )
        if milestone == "listed" and capacity is not None:
            axes.axhline(capacity, color=ORANGE, linestyle="--", linewidth=1.2)
            top = max(top, capacity)
        week = latest.get(milestone)
        if week in weeks:
            edge = list(weeks).index(str(week)) + 0.5
            axes.axvline(edge, color=INK, linewidth=0.9, linestyle=":")
            axes.text(edge + 0.06, top * 1.36, say["latest"], fontsize=7.5, color=FAINT, va="top")
        axes.set_ylim(0, top * 1.38)
        axes.set_yticks([])
        axes.set_ylabel(named(milestone, language), rotation=0, ha="right", va="center", color=INK)
    panels[-1].set_xticks(place, [w[5:].replace("-", "/") for w in weeks], fontsize=8.5)
    panels[-1].set_xlabel(say["week"], loc="right", fontsize=8.5)
    return figure
