"""Texts of records as a page may show them: a CRM takes any character, and a terminal obeys some of them."""

import re

_LINE_END = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_OBEYED = re.compile("[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")


def plain(text: str) -> str:
    """The text without what colours, moves or rings a terminal or turns the rest of a line round; every end of a line is one, a tab a space."""
    return _OBEYED.sub("", _LINE_END.sub("\n", text)).replace("\t", " ")
