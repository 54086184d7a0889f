"""Lead time: of those that convert, the share that had by each day; a panel a step, a line a partner type, or the other way round."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from jobs.plots.canvas import CYCLE, FAINT, INK, Drawing, blank, in_lines, plain, titled
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
    figure = blank(4.0 * COLUMNS, height(curves))
    fill(figure, as_of, curves, language)
    return figure


def height(curves: Mapping[str, Mapping[str, Curve]]) -> float:
    """Inches that the panels and the legend need."""
    panels = len(curves) if by_type(curves) else len(_steps(curves))
    return 1.2 + 2.7 * -(-(panels + 1) // COLUMNS)


def by_type(curves: Mapping[str, Mapping[str, Curve]]) -> bool:
    """Whether there are more types than colours: then a panel is a type, and a line a step."""
    return len([kind for kind in curves if kind != "all"]) > len(CYCLE)


def _steps(curves: Mapping[str, Mapping[str, Curve]]) -> list[str]:
    return list(dict.fromkeys(step for of_type in curves.values() for step in of_type))


def fill(figure: "FigureBase", as_of: str, curves: Mapping[str, Mapping[str, Curve]], language: str) -> None:
    """The picture on a figure, or on a part of one."""
    say = _SAY[language]
    steps = _steps(curves)
    kinds = [k for k in curves if k != "all"] + [k for k in curves if k == "all"]
    named_kinds = {kind: say["all"] if kind == "all" else kind for kind in kinds}
    named_steps = {step: named(step, language) for step in steps}
    transposed = by_type(curves)
    if transposed:
        named_kinds = {kind: named_kinds[kind] for kind in sorted(kinds, key=lambda kind: kind != "all")}
    panels, lines = (named_kinds, named_steps) if transposed else (named_steps, named_kinds)
    pens = {name: (CYCLE[i % len(CYCLE)], "-") for i, name in enumerate(lines)}
    if "all" in lines or "listed>deal" in lines:
        pens[next(name for name in ("all", "listed>deal") if name in lines)] = INK, "--"  # of all the others together
    columns = min(len(panels) + 1, COLUMNS)
    rows = -(-(len(panels) + 1) // columns)
    titled(figure, say["title"], say["below"].format(as_of=as_of))
    drawn: dict[str, Artist] = {}
    until: dict[Axes, int] = {}
    for at, (panel, title) in enumerate(panels.items()):
        axes = figure.add_subplot(rows, columns, at + 1)
        points = {
            line: curves[panel].get(line, ()) if panel in curves else curves[line].get(panel, ()) for line in lines
        }
        found, until[axes] = _panel(axes, points, pens, say)
        for line, artist in found.items():
            drawn.setdefault(lines[line], artist)
        axes.set_title(in_lines(title, 3.4, 10), loc="left", fontsize=10)
    for axes, longest in until.items():
        right = max(until.values()) if transposed else longest  # on one scale types can be compared
        axes.set_xlim(-0.03 * right, 1.05 * right)  # a dot on day 0 is seen whole
    if drawn:
        _legend(figure.add_subplot(rows, columns, rows * columns), {n: drawn[n] for n in lines.values() if n in drawn})
    elif not panels:
        axes = figure.add_subplot()
        axes.text(0.5, 0.5, say["nothing"], ha="center", color=FAINT)
        axes.set_axis_off()


def _panel(
    axes: "Axes", lines: Mapping[str, Curve], pens: Mapping[str, tuple[str, str]], say: Mapping[str, str]
) -> "tuple[dict[str, Artist], int]":
    """The lines of one panel, each with a dot at half and at 80 %, and the day by which they have come to 98 %."""
    from matplotlib.ticker import MaxNLocator

    plain(axes, grid="y")
    drawn: dict[str, Artist] = {}
    longest = 10
    if not any(lines.values()):
        axes.text(0.5, 0.3, say["nothing"], ha="center", color=FAINT, transform=axes.transAxes)
    for name, points in lines.items():
        if not points:
            continue
        colour, stroke = pens[name]
        days, shares = [d for d, _ in points], [100 * s for _, s in points]
        (drawn[name],) = axes.plot(
            [*days, 100_000],  # all have by then, beyond the edge of the picture too
            [*shares, shares[-1]],
            color=colour,
            linewidth=1.8,
            drawstyle="steps-post",
            linestyle=stroke,
        )
        for share in (50.0, 80.0):
            day = next((d for d, s in zip(days, shares, strict=True) if s >= share - 1e-9), None)
            if day is not None:
                axes.plot(day, share, "o", color=colour, markersize=4.5)
        longest = max(longest, next((d for d, s in zip(days, shares, strict=True) if s >= 98), days[-1]))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.set_ylim(0, 102)
    axes.set_yticks([0, 50, 80, 100], ["0 %", "50 %", "80 %", "100 %"])
    axes.set_xlabel(say["axis"], loc="right", fontsize=8.5)
    return drawn, longest


def _legend(axes: "Axes", drawn: Mapping[str, "Artist"]) -> None:
    """In a cell of its own, so that long names have room."""
    axes.set_axis_off()
    names = [in_lines(name, 2.9, 9) for name in drawn]
    axes.legend(list(drawn.values()), names, loc="center left", frameon=False, fontsize=9)
