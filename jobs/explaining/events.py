"""Events as documents of `explain`: those of a partner or of some entries, as they were known and had happened at a moment."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from psycopg import Connection

from indicators.paths import CLAMP_DAYS as MOVED
from jobs import views

Event = dict[str, Any]


def of_partner(raw: Connection[Any], workspace: str, partner_id: str, known_at: datetime, as_of: date) -> list[Event]:
    """All events of the partner; `stands` where nothing known took it back."""
    return _read(raw, workspace, "partner_id = %(whose)s", partner_id, known_at, as_of)


def of_entries(
    raw: Connection[Any], workspace: str, entry_ids: Iterable[str], known_at: datetime, as_of: date
) -> list[Event]:
    """All events of the entries, in the same form."""
    return _read(raw, workspace, "entry_id = any(%(whose)s)", sorted(entry_ids), known_at, as_of)


def _read(
    raw: Connection[Any], workspace: str, where: str, whose: str | list[str], known_at: datetime, as_of: date
) -> list[Event]:
    found = views.rows(
        raw,
        f"""select event_id, entry_id, milestone, occurred_on, known_at, op, supersedes, evidence, reconstructed, rule, mapping_hash,
            connection || '.' || object || '/' || record_id as source, source_change_id, run_id as run,
            op = 'assert' and not exists (select from sakigake.event r where r.workspace = e.workspace
                and r.supersedes = e.event_id and r.known_at <= %(known)s) as stands
        from sakigake.event e where workspace = %(w)s and {where} and known_at <= %(known)s and occurred_on <= %(as_of)s
        order by occurred_on, milestone, known_at, event_id""",  # noqa: S608 - the condition is one of two above
        {"w": workspace, "whose": whose, "known": known_at, "as_of": as_of},
    )
    return [{**event, "change": None} for event in found]


class Standing:
    """Looks up the event that says that an entry came to a milestone on a day."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._of_entry: dict[str, list[Event]] = {}
        for event in events:
            if event["stands"]:
                self._of_entry.setdefault(event["entry_id"], []).append(event)

    def find(self, entry_id: str, milestone: str | None, day: date) -> str | None:
        """The id of the standing event of that day; of any milestone where None is asked for, since the one meant was skipped.

        A milestone that was recorded a few days after the next one counts on that one's day: then its own later event is meant.
        """
        mine = [e for e in self._of_entry.get(entry_id, ()) if milestone in (None, e["milestone"])]
        first, last = day.isoformat(), (day + timedelta(days=MOVED if milestone else 0)).isoformat()
        found = min(
            (e for e in mine if first <= e["occurred_on"] <= last), key=lambda e: e["occurred_on"], default=None
        )
        return None if found is None else str(found["event_id"])
