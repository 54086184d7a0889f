"""Patterns (`regex`) that cannot explode: matched by RE2, whose time grows with the length of the text and with nothing else."""

from collections.abc import Callable
from functools import cache

import re2

LONGEST = 1000  # characters of one pattern
_MEMORY = 1 << 20  # bytes that a compiled pattern may take: `(a{500}){500}` is refused rather than built


def problem_of(pattern: str) -> str | None:
    """Why the pattern cannot be read, as the end of a sentence; None where it can."""
    if len(pattern) > LONGEST:
        return f"it has {len(pattern):,} characters; {LONGEST:,} are the most"
    try:
        _compiled(pattern)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        return (
            f"{text or 'it cannot be read'} (RE2 reads it: no look-around, no back-references, repetition up to 1000)"
        )
    except UnicodeEncodeError:
        return "it holds half a character; save the file as UTF-8"
    return None


def finder(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether one of the patterns is found somewhere in a text."""
    searches = [_compiled(pattern).search for pattern in patterns]
    return lambda text: any(search(_whole(text)) is not None for search in searches)


def _whole(text: str) -> str:
    """The text with lone surrogates, which UTF-8 cannot write, replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


@cache
def _compiled(pattern: str) -> "re2._Regexp":
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    return re2.compile(pattern, options)
