"""Rows of a reply as records and history, values untouched but for a needless decimal point."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sync.errors import BadReply
from sync.records import CrmRecord, HistoryRow
from sync.salesforce.describe import Facts
from sync.salesforce.ids import is_id, long_id
from sync.salesforce.stamps import moment
from sync.writes import Value

_WITH_POINT = re.compile(r"([+-]?[0-9]+)[.]0*")


def record(row: Mapping[str, Any], facts: Facts, fields: Sequence[str], object_name: str) -> CrmRecord:
    """One record; BadReply where the reply lacks what was asked for."""
    absent = [f for f in (*facts.columns(), *fields) if f not in row]
    if absent:
        raise BadReply(
            f"Salesforce left {', '.join(absent)} out of a record of {object_name}.",
            remedy="Try again later; a missing value is never read as an empty one.",
        )
    master = row.get("MasterRecordId") if facts.has_master else None
    return CrmRecord(
        id=key(row["Id"], object_name),
        version=moment(row[facts.stamp]),
        values=values_of(row, facts, fields),
        deleted=facts.has_deleted and bool(row["IsDeleted"]),
        merged_into=key(master, object_name) if master else None,
    )


def values_of(row: Mapping[str, Any], facts: Facts, fields: Sequence[str]) -> dict[str, Value]:
    """The values of these fields; numbers have come as texts."""
    values: dict[str, Value] = {f: row[f] for f in fields}
    for name in facts.whole:
        if isinstance(text := values.get(name), str):
            values[name] = whole_number(text)
    return values


def history_row(row: Mapping[str, Any], parent: str) -> HistoryRow:
    """One change of one field, old and new as text."""
    try:
        return HistoryRow(
            record_id=key(row[parent], "its parent"),
            field=row["Field"],
            change_id=row["Id"],
            old=as_text(row["OldValue"]),
            new=as_text(row["NewValue"]),
            changed_at=moment(row["CreatedDate"]),
        )
    except KeyError as e:
        raise BadReply(f"Salesforce left {e} out of a row of history.", remedy="Try again later.") from e


def key(text: object, object_name: str) -> str:
    """A record's id in its long form; BadReply where it is none."""
    if not isinstance(text, str) or not is_id(text):
        raise BadReply(f"Salesforce sent a record of {object_name} without a proper id.", remedy="Try again later.")
    return long_id(text)


def whole_number(text: str) -> str:
    """A whole number without the decimal point that Salesforce writes it with at times, in files of bulk jobs above all."""
    found = _WITH_POINT.fullmatch(text)
    return found[1] if found else text


def as_text(value: Value) -> str | None:
    """A value of any type as text: anyType columns hold text, numbers and booleans."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
