"""Salesforce record ids: a key prefix, a serial in base 62, and the suffix that makes 15 characters safe to compare without case."""

import string
from functools import lru_cache

_DIGITS = (
    string.digits + string.ascii_uppercase + string.ascii_lowercase
)  # ids of one object ascend in order of creation
_SUFFIX = string.ascii_uppercase + "012345"
_CHARACTERS = frozenset(_DIGITS)
_IS_UPPER = str.maketrans({c: "1" if c.isupper() else "0" for c in _DIGITS})


def with_suffix(id15: str) -> str:
    """The 18-character form: of each group of five characters, which ones are upper case."""
    upper = id15.translate(_IS_UPPER)  # bit k of a group belongs to its character k, hence the groups backwards
    groups = (upper[4::-1], upper[9:4:-1], upper[14:9:-1])
    return id15 + "".join([_SUFFIX[int(group, 2)] for group in groups])


def mint(prefix: str, serial: int) -> str:
    """An 18-character id; serials up to 62**6."""
    high, low = divmod(serial, 62**3)
    return with_suffix(f"{prefix}5g0000{_three(high)}{_three(low)}")


@lru_cache(maxsize=1 << 18)
def _three(number: int) -> str:
    return _DIGITS[number // 3844] + _DIGITS[number // 62 % 62] + _DIGITS[number % 62]


def full(text: str) -> str | None:
    """The 18-character form of an id of 15 or 18 characters; None where it is neither or its suffix is wrong."""
    if len(text) not in (15, 18) or not _CHARACTERS.issuperset(text):
        return None
    whole = with_suffix(text[:15])
    if len(text) == 18 and text[15:].upper() != whole[15:]:
        return None
    return whole
