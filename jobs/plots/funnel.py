"""The funnel: conversion of each step with its interval, a panel a partner type."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from indicators.assumptions import DEFAULTS
from jobs.plots.canvas import BLUE, FAINT, GREY, INK, Drawing, blank, in_lines, plain, titled
from models.labels import named

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, FigureBase

COLUMNS = 2
_SAY = {
    "en": {
        "title": "Conversion within {horizon} days",
        "below": "As of {as_of}. Whiskers: 95 % interval; n: entries; grey: too young or too few to be final.",
        "own": "{name} itself (80 % interval; grey: mostly its type's rate)",
        "all": "all",
        "nothing": "no entries yet",
    },
    "ja": {
        "title": "{horizon}日以内の転換率",
        "below": "{as_of}時点。ひげは95%区間、nはエントリー数。灰色は期間または件数が不足。",
        "own": "{name}自身（80%区間。灰色は主にタイプの値）",
        "all": "全タイプ",
        "nothing": "エントリーなし",
    },
}


def draw(as_of: str, conversion: Mapping[str, Mapping[str, Mapping[str, Any]]], language: str) -> Drawing:
    """Conversions by type and step, as `sakigake indicators --json` has them, as a picture."""
    return lambda: _figure(as_of, conversion, language)


def _figure(as_of: str, conversion: Mapping[str, Mapping[str, Mapping[str, Any]]], language: str) -> "Figure":
    figure = blank(5.6 * min(max(len(conversion), 1), COLUMNS), height(len(conversion)))
    fill(figure, as_of, conversion, language)
    return figure


def height(kinds: int) -> float:
    """Inches that so many types need."""
    return 1.2 + 2.5 * -(-max(kinds, 1) // COLUMNS)


def fill(
    figure: "FigureBase",
    as_of: str,
    conversion: Mapping[str, Mapping[str, Mapping[str, Any]]],
    language: str,
    horizon: int = DEFAULTS.horizon,
    partner: Mapping[str, Any] | None = None,
) -> None:
    """The picture on a figure, or on a part of one; `horizon` in days. `partner`: as an `indicators` document has it, beside its type."""
    say = _SAY[language]
    kinds = [k for k in conversion if k == "all"] + [k for k in conversion if k != "all"]
    panels = len(kinds) + (partner is not None)
    columns = min(max(panels, 1), COLUMNS)
    rows = -(-max(panels, 1) // columns)
    titled(figure, say["title"].format(horizon=horizon), say["below"].format(as_of=as_of))
    for at, kind in enumerate(kinds):
        title = say["all"] if kind == "all" else kind
        panel(figure.add_subplot(rows, columns, at + 1), conversion[kind], title, language)
    if partner is not None:
        own = {step: {**row, "status": _told_by(row)} for step, row in partner["rates"].items()}
        title = say["own"].format(name=partner["name"])
        panel(figure.add_subplot(rows, columns, panels), own, in_lines(title, 3.4, 11), language)
    if not kinds:
        axes = figure.add_subplot()
        axes.text(0.5, 0.5, say["nothing"], ha="center", color=FAINT)
        axes.set_axis_off()


def _told_by(row: Mapping[str, Any]) -> str:
    """As a type's status: a rate that leans more on the type than on the partner's own entries is not the partner's yet."""
    return "ok" if row["own_data"] >= 0.5 else "few"


def panel(axes: "Axes", steps: Mapping[str, Mapping[str, Any]], title: str, language: str) -> None:
    """One partner type."""
    plain(axes)
    axes.set_title(title, loc="left", fontsize=11)
    names = []
    for at, (step, c) in enumerate(steps.items()):
        first, last = step.split(">")
        names.append(f"{named(first, language)} → {named(last, language)}")
        if c["rate"] is None:
            axes.text(1, at, "-", va="center", color=FAINT)
            continue
        rate = 100 * c["rate"]
        final = c["status"] == "ok"
        axes.barh(at, rate, color=BLUE if final else GREY, height=0.55, alpha=0.9)
        high = rate
        if c["low"] is not None:
            high = max(rate, 100 * c["high"])
            axes.plot([100 * c["low"], 100 * c["high"]], [at, at], color=INK, linewidth=1.3)
            for end in (c["low"], c["high"]):
                axes.plot([100 * end] * 2, [at - 0.12, at + 0.12], color=INK, linewidth=1.3)
        axes.text(high + 1.5, at, f"{rate:.0f} %  n={c['n']:,}", va="center", fontsize=9)
    axes.set_yticks(range(len(names)), names, fontsize=9)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(0, 125)
    axes.set_xticks(range(0, 101, 25), [f"{t} %" for t in range(0, 101, 25)])
