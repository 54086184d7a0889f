"""Which texts are taken for a number, a date or a time: fewer than PostgreSQL would.

It reads `now`, `today`, `infinity` and a bare 991231 as dates, 01/02/2026 by the server's settings, and `NaN` as a number. No CRM means that:
such a value is parked like any other that does not fit.
"""

from collections.abc import Sequence

from psycopg import sql

from sync.described import FieldType
from sync.writes import Value

_NUMBER = r"[+-]?(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][+-]?[0-9]+)?"
_DAY = "[0-9]{4,6}-[0-9]{1,2}-[0-9]{1,2}"
_TIME = "[T ][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]+)?)? ?(?:Z|z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
SHAPES = {
    FieldType.NUMBER: _NUMBER,
    FieldType.INTEGER: _NUMBER,
    FieldType.DATE: f"{_DAY}(?:{_TIME})?",
    FieldType.DATETIME: f"{_DAY}(?:{_TIME})?",
}
_DAYS = (FieldType.DATE, FieldType.DATETIME)
_LETTERS = dict.fromkeys((FieldType.NUMBER, FieldType.INTEGER), b"0123456789.+-eE\n") | dict.fromkeys(
    (FieldType.DATE, FieldType.DATETIME), b"0123456789.+-:TZ \n"
)


def odd(kind: FieldType, values: Sequence[Value]) -> bool:
    """Whether some text may be of no shape that the kind has: a quick look at many; `fits` has the last word."""
    try:
        together = "\n".join(filter(None, values))  # type: ignore[arg-type]
    except TypeError:  # numbers, which are what they are, stand between
        return odd(kind, [v for v in values if isinstance(v, str)])
    if together.encode("utf-8", "replace").translate(None, _LETTERS[kind]):  # another letter is left
        return True
    return kind in _DAYS and not _dashed(together)


def _dashed(together: str) -> bool:
    """Whether each line has a dash behind four letters, or ends before."""
    length = together.find("\n") + 1
    if length and (len(together) + 1) % length == 0:  # lines of one length, as a CRM writes times, are seen at once
        lines = (len(together) + 1) // length
        ends = together[length - 1 :: length] == "\n" * (lines - 1) and together.count("\n") == lines - 1
        if ends and length > 4 and together[4::length] == "-" * lines:
            return True
    return {v[4:5] for v in together.split("\n")} <= {"-", ""}


def fits(column: sql.Composable, kind: FieldType) -> sql.Composed:
    """SQL: whether the text in the column can be taken for the kind."""
    valid = sql.SQL("pg_input_is_valid({}, {})").format(column, sql.Literal(kind.value))
    if kind not in SHAPES:
        return valid
    return sql.SQL("({} ~ {} and {})").format(column, sql.Literal(f"^ *(?:{SHAPES[kind]}) *$"), valid)
