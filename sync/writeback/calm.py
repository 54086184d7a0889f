"""Which estimates wait before they turn back, so that a field does not go to and fro. Pure.

A field that says how many there are says so at once, and so does advice that names them. An estimate wavers with every entry that anybody
adds: where it would go back by less than three of its steps, towards the value that it came from, what it holds first has to have stood for its `calm` days.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from models.catalogue import CatalogueField, Kind
from sync.writeback.plan import NUMERIC, Stored, blank, same

STEPS = 3  # a turn by so many steps is news, not wavering
WAITS = "it would turn back by little, so soon after it was written; it waits until its value has stood for a while"


@dataclass(frozen=True, slots=True)
class Last:
    """What a field came from, and when it came to what it holds, by the CRM's clock."""

    before: Stored
    at: datetime


def waits(field: CatalogueField, last: Last, held: Stored, new: Stored, now: datetime) -> bool:
    """Whether the field, which holds `held`, stays as it is for now, though `new` was computed."""
    return bool(field.calm) and now - last.at < timedelta(days=field.calm) and turns_back(field, last.before, held, new)


def turns_back(field: CatalogueField, before: Stored, held: Stored, new: Stored) -> bool:
    """Whether `new` leads back, by little, towards where `held` came from. To and from empty is always little."""
    if blank(before) and blank(held):
        return False
    if same(field, before, new) and (blank(held) or blank(new)):
        return True
    if blank(new):
        return False
    if blank(held):
        return True  # emptied a moment ago, and filled again
    if blank(before):
        return False
    here, there, back = (_number(field, value) for value in (held, new, before))
    if here is None or there is None or back is None:
        return False
    return (there - here) * (here - back) < 0 and abs(there - here) < STEPS * max(
        field.step, Decimal(1).scaleb(-field.digits)
    )


def _number(field: CatalogueField, value: Stored) -> Decimal | None:
    try:
        if field.kind is Kind.DATE:
            return Decimal(date.fromisoformat(str(value)).toordinal())
        return Decimal(str(value)) if field.kind in NUMERIC else None
    except (ValueError, InvalidOperation):
        return None
