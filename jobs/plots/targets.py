"""The target plan by week: what must be reached in each week, a row a milestone, under the verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobs.plots.canvas import BLUE, FAINT, INK, ORANGE, Drawing, blank, in_lines, plain, titled
from jobs.target_sentences import alone
from models.labels import named

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SAY = {
    "en": {
        "title": "Plan for {deals:g} deals in {month}",
        "of": "Plan for {deals:g} deals in {month}: {who}",
        "below": "Bars: what must be reached in the week, as of {as_of}.",
        "capacity": " Dashed: the most that can be listed.",
        "week": "week up to",
        "latest": "latest useful week",
        "nothing": "no weeks are left",
        "little": "not enough data for a plan",
    },
    "ja": {
        "title": "{month} 商談{deals:g}件の計画",
        "of": "{month} 商談{deals:g}件の計画：{who}",
        "below": "棒はその週に到達すべき件数（{as_of}時点）。",
        "capacity": "破線は掲載できる上限。",
        "week": "週の最終日",
        "latest": "最終有効週",
        "nothing": "残りの週がありません",
        "little": "計画を立てるにはデータが足りません",
    },
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is drawn.

    who       the partner or type it is asked of; None: all
    says      the verdict in a sentence
    weeks     the last day of each week as YYYY-MM-DD; `planned` holds as many numbers for each milestone
    capacity  entries listed a week at most
    latest    by milestone, the last of `weeks` that still helps
    little    there are no weeks since there is not enough data
    """

    as_of: str
    month: str
    deals: float
    weeks: Sequence[str]
    planned: Mapping[str, Sequence[float]]
    who: str | None = None
    says: str = ""
    capacity: float | None = None
    latest: Mapping[str, str | None] = field(default_factory=dict)
    little: bool = False

    def title(self, language: str) -> str:
        say = _SAY[language]["title" if self.who is None else "of"]
        return say.format(deals=self.deals, month=self.month, who=self.who)


def draw(plan: Plan, language: str) -> Drawing:
    """The plan as a picture."""
    return lambda: _figure(plan, language) if plan.weeks and plan.deals else _empty(plan, language)


def draw_document(document: Mapping[str, Any], language: str) -> Drawing:
    """What `sakigake targets --json` prints, as a picture: all its types together."""
    weeks, totals = document["weeks"], document["totals"]
    planned = {name: [float(week["goals"][name]["all"]) for week in weeks] for name in totals}
    limits = [kind["capacity"] for kind in document["a_week"].values()]
    capacity = float(sum(limits)) if limits and all(limit is not None for limit in limits) else None
    tight = capacity is not None and capacity <= 2 * max([*planned.get("listed", []), 1.0])
    return draw(
        Plan(
            document["as_of"],
            document["month"],
            document["deals"],
            [week["to"] for week in weeks],
            planned,
            who=document["scope"]["name"] or document["scope"]["type"],
            says=alone(document, language),
            capacity=capacity if tight else None,
            latest={n: total["latest_week"]["to"] if total["latest_week"] else None for n, total in totals.items()},
            little=document["verdict"] == "not_enough_data",
        ),
        language,
    )


def _empty(plan: Plan, language: str) -> "Figure":
    figure = blank(7.0, 2.5)
    titled(figure, in_lines(plan.title(language), 6.8, 14), "")
    axes = figure.add_subplot()
    why = plan.says or _SAY[language]["little" if plan.little else "nothing"]
    axes.text(0.5, 0.5, in_lines(why, 6.4, 10), ha="center", va="center", color=FAINT)
    axes.set_axis_off()
    return figure


def _figure(plan: Plan, language: str) -> "Figure":
    say = _SAY[language]
    width = max(7.0, 1.8 + 0.55 * len(plan.weeks))
    figure = blank(width, 1.6 + 1.25 * max(len(plan.planned), 1))
    below = say["below"].format(as_of=plan.as_of) + (say["capacity"] if plan.capacity is not None else "")
    titled(figure, in_lines(plan.title(language), width - 0.3, 14), below)
    panels = figure.subplots(len(plan.planned), 1, sharex=True, squeeze=False)[:, 0]
    if plan.says:
        panels[0].set_title(in_lines(plan.says, width - 1.7, 9), loc="left", fontsize=9)
    for axes, (milestone, numbers) in zip(panels, plan.planned.items(), strict=True):
        plain(axes, grid="y")
        _bars(axes, numbers, plan.capacity if milestone == "listed" else None)
        top = axes.get_ylim()[1]
        week = plan.latest.get(milestone)
        if week in plan.weeks:
            edge = list(plan.weeks).index(str(week)) + 0.5
            axes.axvline(edge, color=INK, linewidth=0.9, linestyle=":")
            last = edge > len(plan.weeks) - 1
            axes.text(
                edge + (-0.06 if last else 0.06), top, say["latest"], fontsize=7.5, color=FAINT, va="top",
                ha="right" if last else "left",
            )  # fmt: skip
        axes.set_ylabel(named(milestone, language), rotation=0, ha="right", va="center", color=INK)
    panels[-1].set_xticks(range(len(plan.weeks)), [w[5:].replace("-", "/") for w in plan.weeks], fontsize=8.5)
    panels[-1].set_xlabel(say["week"], loc="right", fontsize=8.5)
    return figure


def _bars(axes: "Axes", numbers: Sequence[float], capacity: float | None) -> None:
    """One milestone: a bar and its number a week, a 0 too, and the limit."""
    axes.bar(range(len(numbers)), numbers, color=BLUE, width=0.66, alpha=0.9)
    top = float(max([*numbers, 1.0]))
    clear = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
    for at, n in enumerate(numbers):
        shown = f"{n:.0f}" if n >= 10 or n == int(n) else f"{n:.1f}"
        axes.annotate(
            shown,
            (at, n),
            (0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            bbox=clear,
            color=INK if n else FAINT,
        )
    if capacity is not None:
        axes.axhline(capacity, color=ORANGE, linestyle="--", linewidth=1.2, zorder=1)
        top = max(top, capacity)
    axes.set_ylim(0, top * 1.38)
    axes.set_yticks([])
