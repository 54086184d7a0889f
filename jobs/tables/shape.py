"""How a table and a value look."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from jobs.speech import ENGLISH, Speech

WHOLE = frozenset(
    {"step", "since run", "started", "occurred", "plan", "as of", "when", "found", "field"}
)  # never folded, whatever the width
LEAST = 6  # characters of a column that gives way
LONGEST = 32  # characters of a name that stands in one piece whatever the width
SHOWN = 40  # rows of a long list before "... and n more"
WIDEST = 1000
_COPIED = re.compile(r"[\w-]+\.\w+/[\w-]+|\b(?:run|plan|decision)-[\w-]+")


class PlainTable(Table):
    """Cells say what they say: square brackets in a record's text are no markup, and cannot break a page.

    Numbers and names, and the ids of records, runs and plans, stand in one piece whatever the width: a number that lost a digit is another one.
    Headings fold and other columns give way, and where none can, the table is wider than the page.
    """

    def add_row(self, *cells: Any, **options: Any) -> None:
        for column, cell in zip(self.columns, cells, strict=False):
            told = cell.plain if isinstance(cell, Text) else cell
            if not isinstance(told, str):
                continue
            copied = _COPIED.findall(told)
            if copied:
                column.min_width = max(column.min_width or 0, *map(cell_len, copied))
                column.no_wrap = column.no_wrap or " " not in told.strip()  # a text beside the id may fold
            elif column.no_wrap and (column.justify == "right" or cell_len(told) <= LONGEST):
                column.min_width = max(column.min_width or 0, cell_len(told))
            elif column.no_wrap:
                column.no_wrap = False
        super().add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells), **options)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if Measurement.get(console, options.update(max_width=WIDEST), self).maximum > options.max_width:
            for column in self.columns:
                if column.no_wrap and isinstance(column.header, str):
                    column.min_width = max(column.min_width or 0, *map(_least, column.header.split()), 1)
                    column.header = Text("\n").join(Text(column.header).wrap(console, column.min_width))
        least = sum((column.min_width or LEAST) + 1 for column in self.columns)
        return super().__rich_console__(console, options.update(width=max(options.max_width, least)))


def _least(word: str) -> int:
    """How narrow a heading's word may stand: Latin words stay whole, others fold where they must."""
    return cell_len(word) if word.isascii() else min(cell_len(word), LEAST)


def table(title: str, *columns: str, right: Sequence[str] = ()) -> PlainTable:
    """A table with plain rules; the columns in `right` hold numbers. Names and numbers stay in one piece, texts fold."""
    made = PlainTable(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0),
        min_width=cell_len(title),  # or the title of a narrow table would be broken
    )  # fmt: skip
    for at, name in enumerate(columns):
        whole = name in right or at == 0 or name in WHOLE
        made.add_column(name, justify="right" if name in right else "left", overflow="fold", no_wrap=whole)
    return made


def number(value: Any) -> str:
    """Whole numbers with separators, nothing as a dash."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)


def noted(out: Console, say: Speech, heading: str, text: str) -> None:
    """A line below the tables that a reader should not miss."""
    out.print(f"[yellow]{say(heading)}[/]{'' if say.language == 'ja' else ' '}{text}")


def provisional(out: Console, delay: Mapping[str, Any] | None, say: Speech) -> None:
    """From which day on numbers may still grow, as far as it is known how late events are told."""
    if delay and delay["provisional_from"]:
        text = "what happened since {day}; half of the events are known within {median} days, nine of ten within {p90}."
        noted(
            out, say, "Provisional:", say(text, day=delay["provisional_from"], median=delay["median"], p90=delay["p90"])
        )


def short(run: str | None) -> str:
    """A run or plan by the end of its id: enough to find it in a list."""
    return "-" if not run else run.rsplit("-", 1)[-1]


def percent(value: float | None) -> str:
    """A share as percent with one decimal."""
    return "-" if value is None else f"{100 * value:.1f} %"


def likely(chance: float | None) -> str:
    """A chance in whole percents; what is not certain is neither 0 nor 100 %."""
    if chance is None:
        return "-"
    if 0 < chance < 0.01:
        return "< 1 %"
    if 0.99 < chance < 1:
        return "> 99 %"
    return f"{100 * chance:.0f} %"


def interval(low: float | None, high: float | None, say: Speech = ENGLISH) -> str:
    """An interval of shares in whole percent; a dash where there is none."""
    if low is None or high is None:
        return "-"
    return say("{low} to {high}", low=f"{100 * low:.0f}", high=f"{100 * high:.0f}") + " %"


def signed(value: float | None) -> str:
    """With its sign and one decimal; what rounds to nothing has no minus."""
    return "-" if value is None else f"{round(value, 1) + 0.0:+.1f}"


def span(seconds: float | None) -> str:
    """A length of time in its largest unit: 40 s, 12 min, 5 h, 3 d."""
    if seconds is None:
        return "-"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def value(held: Any) -> str:
    """A field's value as a person reads it."""
    if held is None or held == "":
        return "(empty)"
    if isinstance(held, bool):
        return "yes" if held else "no"
    return str(held)
