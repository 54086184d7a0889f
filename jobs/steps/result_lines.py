"""Results as lines that COPY takes: a subject with its fields, and what is beside them. Pure.

What a group of fields says of one entry, it says of many: it is put into words once, and entries are lines of their id and such pieces.
Where there are a million of them, putting each into words would cost more than all that is computed.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from itertools import compress, count, groupby
from operator import itemgetter
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from jobs.steps.entry_rows import GROUPS, Said, entry_rows, told_from
from jobs.steps.results import Language, Row
from sync.events.ids import Ids

_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_AT_ONCE = 1_000  # entries: few, so that PostgreSQL has work while the next are put into words
Piece = tuple[str, str]
"""What a field says in its subject's two documents, `"field":value` and `"field":inputs`, as COPY's text form has it."""


def pieces_of() -> Callable[[Row], Piece]:
    """What turns a row into its piece.

    JSON holds no tab and no line break as such, but backslashes, which COPY reads itself. What most rows say, many rows say: a text or
    number that was written before is not written out again.
    """
    known: dict[tuple[type, Any], str] = {}

    def value_of(value: Any) -> str:
        if isinstance(value, float):  # 0.0 and -0.0 would be one key
            return float.__repr__(value) if math.isfinite(value) else _ENCODE(value)
        key = (type(value), value)
        if key not in known:
            known[key] = _escaped(_ENCODE(value))
        return known[key]

    def piece(row: Row) -> Piece:
        _, _, field, value, inputs = row
        if len(inputs) == 1 and isinstance(why := inputs.get("why"), str):
            beside = f'{{"why":{value_of(why)}}}'
        else:
            beside = _escaped(_document(inputs))
        name = value_of(field)
        return f"{name}:{value_of(value)}", f"{name}:{beside}"

    return piece


def _document(inputs: dict[str, Any]) -> str:
    """As JSON. ValueError where a number is none: the quick writer says null of it, so where that stands the other one is asked."""
    try:
        told = orjson.dumps(inputs)
    except TypeError:  # a number or a name of a kind that it does not know
        return _ENCODE(inputs)
    return _ENCODE(inputs) if b"null" in told else told.decode()


def _escaped(told: str) -> str:
    return told.replace("\\", "\\\\")


def subject_lines(rows: Iterable[Row], *, ends: tuple[str, str] = ("", "")) -> Iterator[str]:
    """A line a subject, in the order of their kinds and ids; `ends` are put before and behind what each line holds."""
    piece = pieces_of()
    for (subject, subject_id), of_it in groupby(sorted(rows, key=itemgetter(0, 1, 2)), itemgetter(0, 1)):
        values, beside = zip(*map(piece, of_it), strict=True)
        yield f"{ends[0]}{subject}\t{subject_id}\t{{{','.join(values)}}}\t{{{','.join(beside)}}}{ends[1]}\n"


def entry_blocks(
    ids: Ids,
    said: Said,
    language: Language,
    horizon: int,
    groups: NDArray[np.bool_],
    *,
    ends: tuple[str, str] = ("", ""),
) -> Iterator[bytes]:
    """The lines of `subject_lines` of all that `entry_rows` gives, many together, in the order of `ids`."""
    worded = [_Worded(group, language, horizon) for group in range(len(GROUPS))]
    head, tail = f"{ends[0]}entry\t".encode(), f"}}{ends[1]}\n".encode()
    for first in range(0, len(said), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        told = [of.told(said[part], groups[part, at]) for at, of in enumerate(worded)]
        lines: list[bytes] = []
        for name, *pieces in zip(ids[part].written.tolist(), *told, strict=True):
            values, beside = zip(*pieces, strict=True)
            if any(values):
                lines += (
                    head,
                    name,
                    b"\t{",
                    b",".join(filter(None, values)),
                    b"}\t{",
                    b",".join(filter(None, beside)),
                    tail,
                )
        yield b"".join(lines)


_NOTHING = (b"", b"")


class _Worded:
    """What one group of fields says, by the columns that it is told from."""

    def __init__(self, group: int, language: Language, horizon: int) -> None:
        self.group, self.language, self.horizon = group, language, horizon
        self.piece = pieces_of()
        self.known: dict[bytes, tuple[bytes, bytes]] = {}

    def told(self, said: Said, asked: NDArray[np.bool_]) -> list[tuple[bytes, bytes]]:
        """The piece of each entry; empty where the group is not asked for, or where nothing is said of the entry."""
        keys, wanted = told_from(said, self.group).tolist(), asked.tolist()
        one_of_each = dict(zip(compress(keys, wanted), compress(count(), wanted), strict=False))
        new = {key: at for key, at in one_of_each.items() if key not in self.known}
        self.known.update(zip(new, self._pieces(said[list(new.values())]), strict=True))
        return [self.known[key] if wants else _NOTHING for key, wants in zip(keys, wanted, strict=True)]

    def _pieces(self, rows: Said) -> list[tuple[bytes, bytes]]:
        made = [_NOTHING] * len(rows)
        asked = np.zeros((len(rows), len(GROUPS)), np.bool_)
        asked[:, self.group] = True
        for row in entry_rows(map(str, range(len(rows))), rows, self.language, self.horizon, asked):
            value, why = self.piece(row)
            made[int(row[1])] = value.encode(), why.encode()
        return made
