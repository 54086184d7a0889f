"""Where a line of Japanese is broken: between phrases, never within a number or before a full stop. Other text breaks at its spaces."""

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.containers import Lines
from rich.text import Text

from models.plain import plain

if TYPE_CHECKING:
    from budoux import Parser

_JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_WHOLE = r"(株式会社|有限会社|合同会社)"  # of companies' names
_CLOSING, _NO_END = frozenset("、。）」』】〕"), frozenset("（「『【〔")  # brackets stay with what they enclose
_PIECE = r"株式会社|有限会社|合同会社|マイル(?=ストーン)|[\u30a1-\u30ff]+|[^\u30a1-\u30ff]+"
_NO_START = frozenset(
    "ーァィゥェォッャュョヮヵヶぁぃぅぇぉっゃゅょゎンん々、。）」』】〕・：；！？"
)  # JIS X 4051: begin no line


class Folded(Text):
    """A text whose lines are broken where a reader of Japanese expects it. Without Japanese it is a Text like any other, and always a plain one."""

    def __init__(self, text: str = "", *given: Any, **options: Any) -> None:
        super().__init__(plain(text), *given, **options)

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
    """A phrase where it turns from katakana to something else, or back: as a word of several does. A milestone is a mile and a stone."""
    found: list[str] = []
    for piece in (piece for part in re.split(_WHOLE, phrase) for piece in re.findall(_PIECE, part)):
        opened = found[-1][-1:] if found and found[-1][-1] in _NO_END else ""
        if opened:
            found[-1] = found[-1][:-1]
        closing = len(piece) - len(piece.lstrip("".join(_CLOSING))) if found and not opened else 0
        if closing:
            found[-1] += piece[:closing]
        found.append(opened + piece[closing:])
    return [piece for piece in found if piece]


def _fitting(phrase: str, width: int) -> list[str]:
    """The phrase, or the pieces of one that is too wide; where one of these is too wide itself, the phrase broken where the line is full."""
    for parts in ([phrase], pieces(phrase)):
        if all(cell_len(part.rstrip()) <= width for part in parts):
            return parts
    return [part for unit in re.split(_WHOLE, phrase) for part in _chopped(unit, width)]


def _chopped(phrase: str, width: int) -> list[str]:
    """A phrase broken wherever the line is full, but not before what begins no line."""
    found = []
    while phrase:
        at = max(len(chop_cells(phrase, width)[0]), 1)
        while 1 < at < len(phrase) and (phrase[at] in _NO_START or phrase[at - 1] in _NO_END):
            at -= 1
        found.append(phrase[:at])
        phrase = phrase[at:]
    return found


@cache
def _parser() -> "Parser":
    import budoux  # only where Japanese is printed

    return budoux.load_default_japanese_parser()
