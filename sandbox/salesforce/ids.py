"""Salesforce record ids: a key prefix, a serial in base 62, and the suffix that makes 15 characters safe to compare without case."""

import string

_DIGITS = (
    string.digits + string.ascii_uppercase + string.ascii_lowercase
)  # ids of one object ascend in order of creation
_SUFFIX = string.ascii_uppercase + "012345"
_CHARACTERS = frozenset(_DIGITS)


def with_suffix(id15: str) -> str:
    """The 18-character form: of each group of five characters, which ones are upper case."""
    groups = (id15[0:5], id15[5:10], id15[10:15])
    return id15 + "".join(_SUFFIX[sum(1 << k for k, char in enumerate(g) if "A" <= char <= "Z")] for g in groups)


def mint(prefix: str, serial: int) -> str:
    """An 18-character id; serials up to 62**6."""
    rest = ""
    for _ in range(6):
        serial, digit = divmod(serial, 62)
        rest = _DIGITS[digit] + rest
    return with_suffix(f"{prefix}5g0000{rest}")


def full(text: str) -> str | None:
    """The 18-character form of an id of 15 or 18 characters; None where it is neither or its suffix is wrong."""
    if len(text) not in (15, 18) or not _CHARACTERS.issuperset(text):
        return None
    whole = with_suffix(text[:15])
    if len(text) == 18 and text[15:].upper() != whole[15:]:
        return None
    return whole
