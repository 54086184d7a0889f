"""The meetings, visits and tasks behind a number: when the last regular meeting was, and what was last done about an entry."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection

from jobs.explaining.moment import When
from models.vocabulary import Activity, ActivityKind
from sync.events import read

MEETING = "next_regular_meeting_due"
ABOUT_ENTRIES = ("stalled", "stalled_entries")


def behind(
    conn: Connection, workspace: str, when: When, partner_id: str, field: str, entry_ids: Iterable[str]
) -> list[Activity]:
    """Those that the field was told from, in the order of their days: of `stalled` the newest about each of the entries."""
    if field not in (MEETING, *ABOUT_ENTRIES):
        return []
    known = None if when.kind == "now" else when.known_at
    theirs = [a for a in read.activities(conn, workspace, when.as_of, known) if a.partner_id == partner_id]
    if field == MEETING:
        found = [a for a in theirs if a.kind == ActivityKind.REGULAR_MEETING]
        return sorted(found, key=_by_day)[-1:]
    about = set(entry_ids)
    newest = {a.entry_id: a for a in sorted(theirs, key=_by_day) if a.entry_id in about}
    return sorted(newest.values(), key=_by_day)


def as_document(activity: Activity) -> dict[str, Any]:
    return {
        "activity_id": activity.activity_id,
        "entry_id": activity.entry_id,
        "kind": str(activity.kind),
        "occurred_on": activity.occurred_on.isoformat(),
        "rule": activity.rule,
        "source": str(activity.source),
    }


def _by_day(activity: Activity) -> tuple[Any, str]:
    return activity.occurred_on, activity.activity_id
