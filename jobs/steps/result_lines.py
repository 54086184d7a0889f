"""Results as rows of COPY's binary form: a subject with its fields, and what is beside them. Pure.

Entries are told in few words, in which only days and percentages differ: those are put in entry by entry, and the words are made once.
Where there are a million of them, putting each into words would cost more than all that is computed.

PostgreSQL takes the binary form in a sixth less time than text, in which it has to look for where each row and column ends.
"""

import json
import re
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from jobs.steps.entry_rows import NAMED, Said, patterns, told_alike
from jobs.steps.results import Language, Row
from sync.events.ids import WRITTEN, Ids

BEGIN, END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
"""What stands before all rows, and behind them."""
Ends = tuple[tuple[str, ...], tuple[str, ...]]
"""Columns before and behind what each row holds."""
_JSONB = b"\1"  # the version of the form in which PostgreSQL takes JSON
_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_AT_ONCE = 1_000  # entries: few, so that PostgreSQL has work while the next are put into words
# Numbers stand without the quotes of their marks.
_MARK = re.compile(b'<(since|due|day)>|"<(chance|at_entry|probability)>"')
_Pattern = tuple[bytes, Callable[[Sequence[bytes]], Any]]
"""A document with `%b` in place of each mark, and what picks those of what is named in an entry that belong there."""
_length = struct.Struct(">i").pack


def subject_lines(rows: Iterable[Row], *, ends: Ends = ((), ())) -> Iterator[bytes]:
    """A row a subject, in the order of their kinds and ids."""
    for (subject, subject_id), of_it in groupby(sorted(rows, key=itemgetter(0, 1, 2)), itemgetter(0, 1)):
        head, tail = _around(ends, subject)
        yield b"".join((head, _cell(subject_id.encode()), *map(_cell, _documents(of_it)), tail))


def entry_blocks(
    ids: Ids, said: Said, language: Language, horizon: int, groups: NDArray[np.bool_], *, ends: Ends = ((), ())
) -> Iterator[bytes]:
    """The rows of `subject_lines` of all that `entry_rows` gives, many together, in the order of `ids`."""
    head, tail = _around(ends, "entry")
    head += _length(WRITTEN)
    known: dict[bytes, tuple[_Pattern, _Pattern] | None] = {}
    written = [_Written(tell) for tell in NAMED.values()]
    for first in range(0, len(said), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        part, asked = said[some], groups[some]
        keys = told_alike(part, asked).tolist()
        new = {key: at for at, key in enumerate(keys) if key not in known}
        places = list(new.values())
        known.update(zip(new, _patterns(part[places], language, horizon, asked[places]), strict=True))
        columns = [map(of.__getitem__, part[name].tolist()) for name, of in zip(NAMED, written, strict=True)]
        rows: list[bytes] = []
        for entry_id, key, *given in zip(ids[some].written.tolist(), keys, *columns, strict=True):
            if (told := known[key]) is not None:
                (text, wanted), (beside, wanted_beside) = told
                value, inputs = text % wanted(given), beside % wanted_beside(given)
                rows += (head, entry_id, _length(len(value)), value, _length(len(inputs)), inputs, tail)
        yield b"".join(rows)


class _Written(dict[int, bytes]):
    """The days or percentages of a column, as they stand in JSON."""

    def __init__(self, tell: Callable[[int], str | float | None]) -> None:
        super().__init__()
        self.tell = tell

    def __missing__(self, number: int) -> bytes:
        told = self.tell(number)
        self[number] = told.encode() if isinstance(told, str) else _json(told)
        return self[number]


def _patterns(
    said: Said, language: Language, horizon: int, groups: NDArray[np.bool_]
) -> list[tuple[_Pattern, _Pattern] | None]:
    """The two documents of each entry, None of whom nothing is told."""
    made: list[tuple[_Pattern, _Pattern] | None] = [None] * len(said)
    for at, of_it in groupby(patterns(said, language, horizon, groups), itemgetter(1)):
        value, inputs = _documents(of_it)
        made[int(at)] = _pattern(value), _pattern(inputs)
    return made


def _pattern(document: bytes) -> _Pattern:
    places = [tuple(NAMED).index((day or percent).decode()) for day, percent in _MARK.findall(document)]
    return _MARK.sub(b"%b", document.replace(b"%", b"%%")), itemgetter(*places) if places else _nothing


def _nothing(_: Sequence[bytes]) -> tuple[()]:
    return ()


def _around(ends: Ends, subject: str) -> tuple[bytes, bytes]:
    """What stands before a subject's id, how many columns there are first of all, and behind its documents."""
    before, behind = ends
    columns = len(before) + len(("subject", "id", "value", "inputs")) + len(behind)
    head = [_cell(text.encode()) for text in (*before, subject)]
    return columns.to_bytes(2, "big") + b"".join(head), b"".join(_cell(text.encode()) for text in behind)


def _cell(told: bytes) -> bytes:
    return _length(len(told)) + told


def _documents(rows: Iterable[Row]) -> tuple[bytes, bytes]:
    """Of one subject's rows the values by field, and what is beside them, as PostgreSQL takes JSON."""
    members = [(_json({field: value})[1:-1], _json({field: inputs})[1:-1]) for _, _, field, value, inputs in rows]
    values, beside = (b",".join(those) for those in zip(*members, strict=True))
    return b"%b{%b}" % (_JSONB, values), b"%b{%b}" % (_JSONB, beside)


def _json(value: Any) -> bytes:
    """ValueError where a number is none: the quick writer says null of it, so where that stands the other one is asked."""
    try:
        told = orjson.dumps(value)
    except TypeError:  # a number or a name of a kind that it does not know
        told = b"null"
    return _ENCODE(value).encode() if b"null" in told else told
