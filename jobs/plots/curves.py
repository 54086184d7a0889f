"""Lead time: of those that convert, the share that had by each day; a panel a step, a line a partner type."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from jobs.plots.canvas import CYCLE, FAINT, INK, STROKES, Drawing, blank, in_lines, plain, titled
from models.labels import named

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, FigureBase

Curve = Sequence[tuple[int, float]]
COLUMNS = 3
_SAY = {
    "en": {
        "title": "Lead time of those that convert",
        "below": "As of {as_of}. Dots: half had by then (median), and 80 %. Calendar days.",
        "axis": "days",
        "all": "all",
        "nothing": "too few conversions yet",
    },
    "ja": {
        "title": "リードタイム（転換したもの）",
        "below": "{as_of}時点。点は半数（中央値）と80%が到達した日。暦日。",
        "axis": "日数",
        "all": "全タイプ",
        "nothing": "転換の件数が不足",
    },
}


def draw(as_of: str, curves: Mapping[str, Mapping[str, Curve]], language: str) -> Drawing:
    """By type and step, (day, share) points that begin at day 0 and end at share 1, as a picture."""
    return lambda: _figure(as_of, curves, language)


def _figure(as_of: str, curves: Mapping[str, Mapping[str, Curve]], language: str) -> "Figure":
    figure = blank(4.0 * COLUMNS, height(len(next(iter(curves.values()), ()))))
    fill(figure, as_of, curves, language)
    return figure


def height(steps: int) -> float:
    """Inches that so many steps and the legend need."""
    return 1.2 + 2.7 * -(-(steps + 1) // COLUMNS)


def fill(figure: "FigureBase", as_of: str, curves: Mapping[str, Mapping[str, Curve]], language: str) -> None:
    """The picture on a figure, or on a part of one."""
    say = _SAY[language]
    steps = list(dict.fromkeys(step for by_step in curves.values() for step in by_step))
    columns = min(len(steps) + 1, COLUMNS)
    rows = -(-(len(steps) + 1) // columns)
    titled(figure, say["title"], say["below"].format(as_of=as_of))
    kinds = [k for k in curves if k != "all"] + [k for k in curves if k == "all"]
    pens = {kind: (CYCLE[i % len(CYCLE)], STROKES[i // len(CYCLE) % len(STROKES)]) for i, kind in enumerate(kinds)}
    if "all" in kinds:
        pens["all"] = INK, "--"
    drawn: dict[str, Artist] = {}
    for at, step in enumerate(steps):
        axes = figure.add_subplot(rows, columns, at + 1)
        plain(axes, grid="y")
        first, last = step.split(">")
        axes.set_title(f"{named(first, language)} → {named(last, language)}", loc="left", fontsize=10)
        longest = 10
        if not any(curves[kind].get(step) for kind in kinds):
            axes.text(0.5, 0.3, say["nothing"], ha="center", color=FAINT, transform=axes.transAxes)
        for kind, (colour, stroke) in pens.items():
            points = curves[kind].get(step, ())
            if not points:
                continue
            days, shares = [d for d, _ in points], [100 * s for _, s in points]
            (line,) = axes.plot(
                [*days, 2 * days[-1] + 2 * longest],  # all have by then, beyond the edge of the picture too
                [*shares, shares[-1]],
                color=colour,
                linewidth=1.8,
                drawstyle="steps-post",
                linestyle=stroke,
            )
            drawn.setdefault(say["all"] if kind == "all" else kind, line)
            for share in (50.0, 80.0):
                day = next((d for d, s in zip(days, shares, strict=True) if s >= share - 1e-9), None)
                if day is not None:
                    axes.plot(day, share, "o", color=colour, markersize=4.5)
            longest = max(longest, next((d for d, s in zip(days, shares, strict=True) if s >= 98), days[-1]))
        axes.set_xlim(-0.03 * longest, longest * 1.05)  # a dot on day 0 is seen whole
        axes.set_ylim(0, 102)
        axes.set_yticks([0, 50, 80, 100], ["0 %", "50 %", "80 %", "100 %"])
        axes.set_xlabel(say["axis"], loc="right", fontsize=8.5)
    if drawn:
        _legend(figure.add_subplot(rows, columns, rows * columns), drawn)
    else:
        axes = figure.add_subplot()
        axes.text(0.5, 0.5, say["nothing"], ha="center", color=FAINT)
        axes.set_axis_off()


def _legend(axes: "Axes", drawn: Mapping[str, "Artist"]) -> None:
    """In a cell of its own, so that many types and long names have room."""
    axes.set_axis_off()
    names = [in_lines(name, 2.9, 9) for name in drawn]
    axes.legend(list(drawn.values()), names, loc="center left", frameon=False, fontsize=9 if len(names) <= 13 else 7)
