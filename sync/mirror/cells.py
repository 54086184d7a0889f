"""Looks through a CSV file on its way into COPY for cells that PostgreSQL would take for numbers, dates or times, and no CRM means so.

`now`, `991231`, `01/02/2026`, `0x1F` or `1_000` would be stored as what they mean to PostgreSQL. Page by page, `sync.mirror.shapes` keeps them
out; a file is never taken apart by us, so its bytes are looked at, column by column, by numpy: what has the usual form passes at
once, and only what has not is held against the very shapes that pages are held against.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sync.described import FieldType
from sync.mirror.shapes import SHAPES

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.intp]
Oks = npt.NDArray[np.bool_]
_QUOTE, _COMMA, _LINE, _RETURN, _POINT = b'",\n\r.'
_LONGEST = 40  # characters of a number that is looked at by numpy
_USUAL = {FieldType.DATE: b"9999-99-99", FieldType.DATETIME: b"9999-99-99T99:99:99.999Z"}  # 9 stands for a digit
_SHAPES = {
    **{kind: re.compile(f" *(?:{shape}) *".encode()) for kind, shape in SHAPES.items()},
    # whole numbers may come with a point, which a column of numbers takes on their behalf: so nothing else may be taken by it
    FieldType.INTEGER: re.compile(rb" *[+-]?[0-9]+ *|[+-]?[0-9]+[.][0-9]*"),
}


_HIGH = np.uint64(0x8080808080808080)


def _picture(usual: bytes) -> tuple[Any, Any, Any]:
    """(the usual letters with 0 for each digit, what may be added before the high bit shows, which letters are looked at)."""
    padded = usual.ljust(-(-len(usual) // 8) * 8, b"\0")
    zeros = padded.replace(b"9", b"0")
    most = bytes(0x80 - 10 if letter == ord("9") else 0x80 - 1 for letter in padded)
    looked = bytes(0xFF if at < len(usual) else 0 for at in range(len(padded)))
    return tuple(np.frombuffer(one, "<u8") for one in (zeros, most, looked))  # type: ignore[return-value]


_PICTURES = {kind: _picture(usual) for kind, usual in _USUAL.items()}


def _letters(of: bytes) -> Oks:
    found = np.zeros(256, bool)
    found[list(of)] = True
    return found


_DIGIT = _letters(b"0123456789")
_NUMERIC = {FieldType.NUMBER: _letters(b"0123456789.+-eE "), FieldType.INTEGER: _letters(b"0123456789.-")}


class OddCell(Exception):
    """A cell would be read as something that it does not say, or rows are of unequal length: the file needs the careful way."""


def in_shape(blocks: Iterable[bytes], kinds: Sequence[FieldType | None]) -> Iterator[bytes]:
    """The blocks as they are, all whole rows of each looked at before it is given on; OddCell where a cell is of no shape its column has.

    `kinds` are the columns in the order of the file; None is text, which may be anything.
    """
    typed = {at: kind for at, kind in enumerate(kinds) if kind in SHAPES}
    if not typed:
        yield from blocks
        return
    begun = b""  # of a row that goes on in the next block
    for block in blocks:
        begun = _looked_at(begun + block, len(kinds), typed)
        yield block
    if begun and _looked_at(begun + b"\n", len(kinds), typed):
        raise OddCell  # a quote is never closed


def _looked_at(text: bytes, width: int, typed: Mapping[int, FieldType | None]) -> bytes:
    """What stands behind the last whole row."""
    seen = np.frombuffer(text + bytes(_LONGEST), np.uint8)
    found = _all_quoted(seen, width)
    if found is None:
        found = _any_way(seen, width)
    starts, ends, left = found
    for at, kind in typed.items():
        if kind is not None and len(ends):
            _column(seen, starts[at::width], ends[at::width], kind)
    return text[left:]


def _all_quoted(seen: Bytes, width: int) -> tuple[Places, Places, int] | None:
    """Where the cells of the whole rows begin and end, and where the rows do, as bulk jobs write them: all cells in quotes.

    None where it is not as simple: a quote within a cell, a line of Windows, a cell without quotes, a row of another length.
    """
    quotes = np.flatnonzero(seen == _QUOTE)
    rows = len(quotes) // (2 * width)
    while rows and seen[quotes[2 * width * rows - 1] + 1] == 0:  # the text ends before the line does
        rows -= 1
    quotes = quotes[: 2 * width * rows]
    starts, ends = quotes[0::2] + 1, quotes[1::2]
    if not rows or starts[0] != 1 or (starts[1:] - ends[:-1] != 3).any():
        return None
    between = seen[ends + 1]
    if (between[width - 1 :: width] != _LINE).any() or np.count_nonzero(between == _COMMA) != rows * (width - 1):
        return None
    return starts, ends, int(ends[-1]) + 2


def _any_way(seen: Bytes, width: int) -> tuple[Places, Places, int]:
    """The same of any file as RFC 4180 has it; OddCell where a row is of another length."""
    marks = np.flatnonzero((seen == _QUOTE) | (seen == _COMMA) | (seen == _LINE))
    quotes = seen[marks] == _QUOTE
    outside = (np.cumsum(quotes, dtype=np.int32) & 1) == 0
    ends = marks[outside & ~quotes]
    lines = seen[ends] == _LINE
    whole = np.flatnonzero(lines)
    if not len(whole):
        return ends[:0], ends[:0], 0
    count = int(whole[-1]) + 1
    if count != width * len(whole) or not lines[width - 1 :: width].all():
        raise OddCell
    ends = ends[:count]
    left = int(ends[-1]) + 1
    starts = np.empty_like(ends)
    starts[0], starts[1:] = 0, ends[:-1] + 1
    ends[width - 1 :: width] -= (seen[ends[width - 1 :: width] - 1] == _RETURN) & (
        ends[width - 1 :: width] > starts[width - 1 :: width]
    )
    quoted = seen[starts] == _QUOTE
    return starts + quoted, ends - quoted, left


def _column(seen: Bytes, starts: Places, ends: Places, kind: FieldType) -> None:
    filled = ends > starts
    if not filled.all():
        starts, ends = starts[filled], ends[filled]
        if not len(starts):
            return
    usual = _usual_number(seen, starts, ends, kind) if kind in _NUMERIC else _usual_day(seen, starts, ends, kind)
    if usual.all():
        return
    shape = _SHAPES[kind]
    for at in np.flatnonzero(~usual):
        if shape.fullmatch(seen[starts[at] : ends[at]].tobytes()) is None:
            raise OddCell


def _usual_day(seen: Bytes, starts: Places, ends: Places, kind: FieldType) -> Oks:
    """Eight letters at a time: what is left of a digit's letter without that of 0 is less than 10, and nothing is left of another."""
    picture = _USUAL[kind]
    zeros, most, looked = _PICTURES[kind]
    words = _windows(seen, starts, 8 * len(zeros)).view("<u8")
    left = (words ^ zeros) & looked
    fits: Oks = ((left | (left + most)) & _HIGH == 0).all(axis=1) & (ends - starts == len(picture))
    return fits


def _usual_number(seen: Bytes, starts: Places, ends: Places, kind: FieldType) -> Oks:
    """Nothing but letters of numbers; PostgreSQL itself refuses those in a wrong order."""
    lengths = ends - starts
    longest = min(int(lengths.max()), _LONGEST)
    found = _windows(seen, starts, longest)
    within = np.arange(longest) < lengths[:, None]
    fits: Oks = (_NUMERIC[kind][found] | ~within).all(axis=1) & (lengths <= _LONGEST)
    if kind is FieldType.INTEGER:
        points = (found == _POINT) & within
        if points.any():  # a digit stands before each
            points[:, 1:] &= ~_DIGIT[found[:, :-1]]
            fits &= ~points.any(axis=1)
    return fits


def _windows(seen: Bytes, starts: Places, length: int) -> Any:
    return np.lib.stride_tricks.sliding_window_view(seen, length)[starts]
