"""Results as lines that COPY takes. Pure.

What a group of fields says of one entry, it says of many: it is put into words once, and entries are lines of their id and such pieces.
Where there are a million of them, a row each would cost more than all that is computed.
"""

import json
from collections.abc import Callable, Iterator
from itertools import chain, compress, count
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from jobs.steps.entry_rows import GROUPS, Said, entry_rows, told_from
from jobs.steps.results import Language, Row
from sync.events.ids import Ids

_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_AT_ONCE = 1_000  # entries: few, so that PostgreSQL has work while the next are put into words


def lines_of() -> Callable[[Row], str]:
    """What turns a row into a line as COPY's text form has it.

    JSON holds no tab and no line break as such, but backslashes, which COPY reads itself. What most rows say, many rows say: a text or
    number that was written before is not written out again.
    """
    known: dict[tuple[type, Any], str] = {}

    def value_of(value: Any) -> str:
        if isinstance(value, float):
            return _ENCODE(value)  # 0.0 and -0.0 would be one key
        key = (type(value), value)
        if key not in known:
            known[key] = _ENCODE(value).replace("\\", "\\\\")
        return known[key]

    def line(row: Row) -> str:
        subject, subject_id, field, value, inputs = row
        if len(inputs) == 1 and isinstance(why := inputs.get("why"), str):
            said = f'{{"why":{value_of(why)}}}'
        else:
            said = _document(inputs).replace("\\", "\\\\")
        return f"{subject}\t{subject_id}\t{field}\t{value_of(value)}\t{said}\n"

    return line


def _document(inputs: dict[str, Any]) -> str:
    """As JSON. ValueError where a number is none: the quick writer says null of it, so where that stands the other one is asked."""
    try:
        told = orjson.dumps(inputs)
    except TypeError:  # a number or a name of a kind that it does not know
        return _ENCODE(inputs)
    return _ENCODE(inputs) if b"null" in told else told.decode()


def entry_blocks(
    ids: Ids,
    said: Said,
    language: Language,
    horizon: int,
    groups: NDArray[np.bool_],
    *,
    ends: tuple[str, str] = ("", ""),
) -> Iterator[bytes]:
    """The lines of `lines_of` of all that `entry_rows` gives, many together; `ends` are put before and behind what each line holds."""
    pieces = [_Pieces(group, language, horizon, ends[1]) for group in range(len(GROUPS))]
    head = f"{ends[0]}entry\t".encode()
    for first in range(0, len(said), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        named = [head + name + b"\t" for name in ids[part].written.tolist()]
        told = zip(*[of.told(said[part], groups[part, at]) for at, of in enumerate(pieces)], strict=True)
        # what stands behind the id in each line, with the id put between: before the first, there is nothing
        yield b"".join([name.join([b"", *chain(*lines)]) for name, lines in zip(named, told, strict=True)])


class _Pieces:
    """What one group of fields says, by the columns that it is told from."""

    def __init__(self, group: int, language: Language, horizon: int, tail: str) -> None:
        self.group = group
        self.language, self.horizon, self.tail = language, horizon, tail
        self.line = lines_of()
        self.known: dict[bytes, list[bytes]] = {}

    def told(self, said: Said, asked: NDArray[np.bool_]) -> list[list[bytes]]:
        """What is behind the id in the lines of each entry; none where the group is not asked for, or where nothing is said of the entry."""
        keys, wanted = told_from(said, self.group).tolist(), asked.tolist()
        one_of_each = dict(zip(compress(keys, wanted), compress(count(), wanted), strict=False))
        new = {key: at for key, at in one_of_each.items() if key not in self.known}
        self.known.update(zip(new, self._worded(said[list(new.values())]), strict=True))
        return [self.known[key] if wants else [] for key, wants in zip(keys, wanted, strict=True)]

    def _worded(self, rows: Said) -> list[list[bytes]]:
        made: list[list[bytes]] = [[] for _ in rows]
        asked = np.zeros((len(rows), len(GROUPS)), np.bool_)
        asked[:, self.group] = True
        for row in entry_rows(map(str, range(len(rows))), rows, self.language, self.horizon, asked):
            line = self.line(row)
            made[int(row[1])].append(f"{line[len('entry') + len(row[1]) + 2 : -1]}{self.tail}\n".encode())
        return made
