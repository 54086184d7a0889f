"""Where a line of Japanese is broken: between phrases, never within a number or before a full stop. Other text breaks at its spaces."""

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.containers import Lines
from rich.text import Text

if TYPE_CHECKING:
    from budoux import Parser

_JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")


class Folded(Text):
    """A text whose lines are broken where a reader of Japanese expects it. Without Japanese it is a Text like any other."""

    def wrap(self, console: Console, width: int, **options: Any) -> Lines:
        if options.get("no_wrap") or self.no_wrap or not is_japanese(self.plain):
            return super().wrap(console, width, **options)
        return Lines(line for part in folded(self, width) for line in Text.wrap(part, console, width, **options))


def is_japanese(text: str) -> bool:
    return _JAPANESE.search(text) is not None


def folded(text: Text, width: int) -> list[Text]:
    """The lines of a text, each at most `width` cells where its phrases allow."""
    lines: list[Text] = []
    for line in text.split(allow_blank=True):
        lines += line.divide(breaks(line.plain, width))
    for line in lines:
        line.rstrip()
    return lines


def phrases(text: str) -> list[str]:
    """The pieces that stay whole, each with the spaces behind it: words, and of Japanese what BudouX takes for a phrase, a model of where its
    sentences may be broken (github.com/google/budoux).
    """
    words = re.findall(r"^\s+|\S+(?:\s+→)?\s*", text)  # an arrow begins no line
    return [phrase for word in words for phrase in (_parsed(word) if is_japanese(word) else [word])]


def _parsed(word: str) -> list[str]:
    """The phrases of a run without spaces; the model was made from Japanese, and a word in Latin letters within it stays whole."""
    found: list[str] = []
    for phrase in _parser().parse(word):
        if found and re.search(r"[\w.%-]\Z", found[-1], re.ASCII) and re.match(r"[\w.%-]", phrase, re.ASCII):
            found[-1] += phrase
        else:
            found.append(phrase)
    return found


def breaks(text: str, width: int) -> list[int]:
    """The places in one line at which it is broken into lines of at most `width` cells."""
    found: list[int] = []
    used = at = 0
    for phrase in phrases(text):
        for part in _fitting(phrase, width):
            if used and used + cell_len(part.rstrip()) > width:
                found.append(at)
                used = 0
            used += cell_len(part)
            at += len(part)
    return found


def pieces(phrase: str) -> list[str]:
    """A phrase where it turns from katakana to something else, or back: as a word of several does."""
    return re.findall(r"[\u30a1-\u30ff]+|[^\u30a1-\u30ff]+", phrase)


def _fitting(phrase: str, width: int) -> list[str]:
    """The phrase, or the pieces of one that is too wide; where one of these is too wide itself, the phrase broken anywhere."""
    for parts in ([phrase], pieces(phrase)):
        if all(cell_len(part.rstrip()) <= width for part in parts):
            return parts
    return chop_cells(phrase, width)


@cache
def _parser() -> "Parser":
    import budoux  # only where Japanese is printed

    return budoux.load_default_japanese_parser()
