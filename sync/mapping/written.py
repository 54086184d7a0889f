"""How days, numbers and patterns are written, as expressions for the published schema: ECMA-262, which editors read, and Python's `re`."""

_LEAP_YEAR = r"(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
WRITTEN_DAY = (
    rf"^(?!0000)(?:\d{{4}}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)"
    rf"|02-(?:0[1-9]|1\d|2[0-8]))|{_LEAP_YEAR}-02-29)$"
)
_DIGITS = r"[\d,_]*\d[\d,_]*"  # commas and underscores part thousands, wherever they stand
WRITTEN_NUMBER = rf"^[\s,_]*[+-]?[,_]*(?:{_DIGITS}(?:\.[\d,_]*)?|\.{_DIGITS})(?:[eE][,_]*[+-]?{_DIGITS})?[\s,_]*$"

# What RE2 reads, as far as an expression can tell: no look-around and no reference back, every bracket of a set closed, nothing after a lone
# backslash left out. Parentheses that are not in pairs, and repetition of repetition, it cannot count.
_QUOTED = r"\\Q(?:(?!\\E)[\s\S])*(?:\\E|$)"
_ESCAPED = r"\\(?:[^1-9Q]|[1-7][0-7])"
_SET = r"\[\^?\]?(?:\[:\^?\w+:\]|[^\]\\]|\\[\s\S])*\]"
WRITTEN_PATTERN = rf"^(?:[^\\\[(]|{_QUOTED}|{_ESCAPED}|{_SET}|\((?!\?(?:=|!|<=|<!)))*$"
