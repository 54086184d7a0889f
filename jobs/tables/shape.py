"""How a table and a value look."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Column, Table
from rich.text import Text

from jobs.speech import ENGLISH, Speech
from jobs.tables.folding import Folded, is_japanese, phrases, pieces

WHOLE = frozenset(
    {"step", "since run", "started", "occurred", "plan", "as of", "when", "found", "field"}
    | {"実行", "発生日", "日時", "検出", "項目", "マイルストーン"}
)  # never folded, whatever the width
NARROW = 100  # pages of fewer cells have labels in one word
SHOWN = 40  # rows of a long list before "... and n more"
GIVING = (  # cells of a word or name, and of a word of a heading, that stay in one piece; the next where a page has no room for one.
    (14, 14, True),
    (14, 10, True),  # true: a longer word of a heading is broken only where it is made of several
    (10, 10, True),
    (10, 10, False),
)
LONG = 32  # cells of a name without a space, from which on it is broken where the page has no room
WIDE = 10_000  # characters: as wide as nothing is
_COPIED = re.compile(r"[\w-]+\.\w+/[\w-]+|\b(?:run|plan|decision)-[\w-]+|\b\d{4}-\d\d-\d\d\b")


class PlainTable(Table):
    """Cells say what they say: square brackets in a record's text are no markup, and cannot break a page.

    Where the page is too narrow, headings and texts fold, and names in Japanese. Numbers, days, and ids of records, runs and plans stand in one
    piece, since people read them as one and copy them: where nothing more gives way the table is wider than the page, and no column is lost.
    """

    def add_row(self, *cells: Any, **options: Any) -> None:
        super().add_row(*(Folded(cell) if isinstance(cell, str) else cell for cell in cells), **options)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wide = options.update(width=WIDE)
        self.min_width = min(
            self.min_width or 0, options.max_width
        )  # a long name in a title makes no table wider than the page
        if self.__rich_measure__(console, wide).maximum > options.max_width:
            self.padding = 0
            room = options.max_width - self._extra_width
            most = [self._measure_column(console, wide, column).maximum for column in self.columns]
            for giving in GIVING:
                least = [_least(column, *giving) for column in self.columns]
                if sum(least) <= room:
                    break
            for column, width in zip(self.columns, _given(most, least, room), strict=True):
                column.width, column.no_wrap = width, False
        return super().__rich_console__(console, wide)

    def fits(self, console: Console) -> bool:
        """Whether the page has room for it with no word or name broken that is not very long."""
        return sum(_least(column, *GIVING[1]) for column in self.columns) + len(self.columns) + 1 <= console.width


def narrow(console: Console) -> bool:
    return console.width < NARROW


def _least(column: Column, together: int, heading: int, whole: bool) -> int:
    """The cells that a column cannot do without, where names and phrases of more than `together` may be broken, and its heading as GIVING says."""
    found = _together(str(column.header), heading, whole=whole)
    for cell in column.cells:
        text = str(cell)
        if column.justify == "right":
            found = max(found, cell_len(text))
        elif not column.no_wrap or is_japanese(text):
            found = max(found, _together(text, together))
        else:
            found = max(
                found, cell_len(text) if together == GIVING[0][0] else max(map(_unbroken, text.split()), default=0)
            )
    return found


def _unbroken(word: str) -> int:
    """Cells of a word of a name that stay in one piece: all of an id, of another only so many that a page has room for them."""
    return cell_len(word) if _COPIED.search(word) else min(cell_len(word), LONG)


def _together(text: str, most: int, *, whole: bool = False) -> int:
    """Cells of the widest part of a text that stays in one piece: an id or a day, or a phrase or word of not more than `most`.

    `whole`: a longer one is broken only where it is made of several words.
    """
    widths = [cell_len(found) for found in _COPIED.findall(text)]
    for phrase in phrases(text):
        width = cell_len(phrase.strip())
        if width > most:
            width = max(cell_len(piece.strip()) for piece in pieces(phrase))
            width = width if whole else min(most, width)
        widths.append(width)
    return max(widths, default=0)


def _given(most: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Widths that fit where they can: the widest column gives way first, down to what it needs."""
    widths = [max(pair) for pair in zip(most, least, strict=True)]
    while sum(widths) > room and (yielding := [at for at, width in enumerate(widths) if width > least[at]]):
        widths[max(yielding, key=widths.__getitem__)] -= 1
    return widths


def table(title: str, *columns: str, right: Sequence[str] = ()) -> PlainTable:
    """A table with plain rules; the columns in `right` hold numbers. Names and numbers stay in one piece where there is room, texts fold."""
    said = Folded(Text.from_markup(title).plain, "bold")
    made = PlainTable(
        title=said, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0),
        min_width=cell_len(said.plain),  # or the title of a narrow table would be broken
    )  # fmt: skip
    for at, name in enumerate(columns):
        whole = name in right or at == 0 or name in WHOLE
        made.add_column(Folded(name), justify="right" if name in right else "left", overflow="fold", no_wrap=whole)
    return made


def items(sentences: Iterable[str]) -> Table:
    """One sentence after the other, each behind a dash; further lines of one begin below its first."""
    made = Table.grid(padding=(0, 1, 0, 0))
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for sentence in sentences:
        made.add_row("-", Folded(sentence))
    return made


def number(value: Any) -> str:
    """Whole numbers with separators, nothing as a dash."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)


def moment(iso: str, zone: ZoneInfo) -> str:
    """A moment in the workspace's time zone, in which `--known-at` is read too."""
    return f"{datetime.fromisoformat(iso).astimezone(zone):%Y-%m-%d %H:%M %Z}"


def add_up(whole: float, parts: Sequence[float], digits: int = 1) -> list[float]:
    """The parts rounded so that, as printed, they sum to the whole as printed: those that rounding moves most give way (largest remainder)."""
    unit = 10**digits
    want = round(round(whole, digits) * unit)  # as it is printed: 0.65 as 0.7, though 6.5 rounds to 6
    exact = [part * unit for part in parts]
    found = [math.floor(part) for part in exact]
    by_rest = sorted(range(len(parts)), key=lambda i: (found[i] - exact[i], i))
    lacking = want - sum(found)
    if not 0 <= lacking <= len(parts):
        return [round(part, digits) for part in parts]  # they are no parts of it
    for i in by_rest[:lacking]:
        found[i] += 1
    return [n / unit for n in found]


def noted(out: Console, say: Speech, heading: str, text: str) -> None:
    """A line below the tables that a reader should not miss."""
    out.print(f"[yellow]{say(heading)}[/]{'' if say.language == 'ja' else ' '}{text}")


def known_short(out: Console, document: Mapping[str, Any], say: Speech, zone: ZoneInfo) -> None:
    """That what happened on the last days up to the as-of day was not known at the moment whose knowledge counts, where that is so."""
    known = datetime.fromisoformat(document["known_at"]).astimezone(zone).date()
    days = (date.fromisoformat(document["as_of"]) - known).days
    if days > 0:
        text = "what happened in the {n} {n:day|days} after {known} was not known by then and is missing here."
        noted(out, say, "Known only in part:", say(text, n=days, known=known.isoformat()))


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
    """With its sign and one decimal; what rounds to nothing has none."""
    if value is None:
        return "-"
    rounded = round(value, 1)
    return f"{rounded:+.1f}" if rounded else "0.0"


def span(seconds: float | None) -> str:
    """A length of time in its largest unit: 40 s, 12 min, 5 h, 3 d."""
    if seconds is None:
        return "-"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def value(held: Any, say: Speech = ENGLISH) -> str:
    """A field's value as a person reads it."""
    if held is None or held == "":
        return say("(empty)")
    if isinstance(held, bool):
        return say("yes" if held else "no")
    if isinstance(held, float) and held.is_integer():
        return str(int(held))  # one number is written in one way, whether the CRM or we hold it
    return str(held)
