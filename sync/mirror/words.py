"""Looks through a CSV file on its way into COPY for words that PostgreSQL takes for dates and numbers, and no CRM means so.

`now`, `today` or `NaN` would be stored as what they mean to PostgreSQL. Page by page, `sync.mirror.shapes` keeps them out; a file is never
taken apart by us, so that only its bytes can be looked at: by numpy, which costs a fiftieth of what COPY does.
"""

import re
from collections.abc import Iterable, Iterator

import numpy as np

_CELL = re.compile(rb'[,\n"][ +-]*(?:now|today|tomorrow|yesterday|epoch|inf(?:inity)?|nan) *[,\r\n"]', re.IGNORECASE)
_STARTS = np.array(
    [int.from_bytes(w, "big") for w in (b"now", b"tod", b"tom", b"yes", b"epo", b"inf", b"nan")], np.uint32
)
_LOWER = np.uint32(0x202020)  # as bits of letters; other characters that they make equal are told apart by `_CELL`
_BLANK = np.zeros(256, bool)
_BLANK[list(b" +-")] = True
_LETTER = np.zeros(256, bool)
_LETTER[list(b"nNtTyYeEiI +-")] = True
_KEPT = 64  # bytes of a block that are looked at again with the next one: a cell may lie across both


class WordMet(Exception):
    """A cell is nothing but such a word; it may stand in a column of text, where it means itself."""


def without_words(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The blocks as they are, each looked through before it is given on; WordMet where a cell is such a word."""
    tail = b"\n"
    for block in blocks:
        text = tail + block
        if _holds(text):
            raise WordMet
        tail = text[-_KEPT:]
        yield block
    if _holds(tail + b"\n"):
        raise WordMet


def _holds(text: bytes) -> bool:
    if len(text) < 5:
        return _CELL.search(text) is not None
    seen = np.frombuffer(text, np.uint8)
    at = np.flatnonzero((seen == 0x2C) | (seen == 0x22) | (seen == 0x0A))
    at = at[at < len(seen) - 4]
    at = at[_LETTER[seen[at + 1]]]
    first, second, third = (seen[at + n].astype(np.uint32) for n in (1, 2, 3))
    begins = np.isin((first << 16 | second << 8 | third) | _LOWER, _STARTS)
    begins |= _BLANK[first] & _LETTER[second]
    return any(_CELL.match(text, int(place)) for place in at[begins])
