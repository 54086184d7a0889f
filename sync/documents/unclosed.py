"""Brackets and quotes that are not in pairs. What was not closed is told where it was opened: YAML tells of it lines later, where what follows makes no sense any more."""

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.tokens import ScalarToken

_CLOSES = {"[": "]", "{": "}"}


def unclosed(text: str, error: MarkedYAMLError) -> tuple[int, str] | None:
    """(line from 1, sentence) of the quote or bracket that is likely meant to end earlier; None where nothing looks like that."""
    met, opened = error.problem_mark, error.context_mark
    if met is None or opened is None:
        return None
    if str(error.problem).endswith(("found ']'", "found '}'")):
        return met.line + 1, f"a '{_at(text, met.index)}' stands here, and nothing is open that it closes"
    if "quoted scalar" in str(error.context) and "end of stream" in str(error.problem):
        return opened.line + 1, f"the quote ({_at(text, opened.index)}) that opens here is never closed"
    quote = _long_quote(text, met.line)
    if quote is not None:
        return (
            quote[0] + 1,
            f"the quote ({quote[1]}) that opens here is closed on line {met.line + 1} only; close it where its text ends",
        )
    bracket = _at(text, opened.index)
    if "parsing a flow" not in str(error.context) or bracket not in _CLOSES or not _not_closed(text, error):
        return None
    goes_on = met.line > opened.line and "stream end" not in str(error.problem)
    further = f"; line {met.line + 1} is read as part of it" if goes_on else ""
    return opened.line + 1, f"the '{bracket}' that opens here is not closed by a '{_CLOSES[bracket]}'{further}"


def _not_closed(text: str, error: MarkedYAMLError) -> bool:
    """Whether a bracket's end is missing, rather than a comma in it: a key follows, or the end, another bracket's end, or what is not set in."""
    met, opened = error.problem_mark, error.context_mark
    if met is None or opened is None:
        return False
    if str(error.problem).endswith(("':'", "'<stream end>'", "']'", "'}'")):
        return True
    row = text.split("\n")[opened.line]
    return bool(met.line > opened.line and met.column <= len(row) - len(row.lstrip(" -")))


def _long_quote(text: str, line: int) -> tuple[int, str] | None:
    """(line, quote) of the text in quotes that runs over lines and ends on this one."""
    try:
        for token in YAML(typ="safe", pure=True).scan(text):
            begun, ended = token.start_mark, token.end_mark
            if isinstance(token, ScalarToken) and token.style in ('"', "'") and begun.line < ended.line == line:
                return begun.line, token.style
            if begun.line > line:
                break
    except MarkedYAMLError:
        pass
    return None


def _at(text: str, index: int) -> str:
    return text[index : index + 1]
