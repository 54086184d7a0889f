"""Record ids: 15 characters that differ by case, or 18 that survive a spreadsheet. One record has one key here, the long one."""

import re
from collections.abc import Iterable

_SHAPE = re.compile(r"[A-Za-z0-9]{15}(?:[A-Z0-5]{3})?")
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def long_id(text: str) -> str:
    """The 18-character form; an id that is long already is kept as the CRM wrote it. ValueError on anything else."""
    if not _SHAPE.fullmatch(text):
        raise ValueError(f"{text!r} is not a Salesforce id; an id has 15 or 18 letters and digits")
    if len(text) == 18:
        return text
    return text + "".join(_suffix(text[i : i + 5]) for i in (0, 5, 10))


def is_id(text: str) -> bool:
    return bool(_SHAPE.fullmatch(text))


def same(one: str, other: str) -> bool:
    """Whether two ids, in whatever form, name one record; case counts."""
    return one[:15] == other[:15]


def _suffix(five: str) -> str:
    return _SUFFIX[sum(1 << k for k, c in enumerate(five) if "A" <= c <= "Z")]


def chunks(ids: Iterable[str], size: int) -> Iterable[list[str]]:
    """The ids in lists of at most `size`."""
    chunk: list[str] = []
    for i in ids:
        chunk.append(i)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
