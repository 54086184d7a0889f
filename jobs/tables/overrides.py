"""Tiers that are set by hand, as a table and in sentences."""

from collections.abc import Sequence
from datetime import date

from rich.console import Console

from jobs.overrides import Override
from jobs.speech import Speech
from jobs.tables.shape import table

COLUMNS = (
    "partner", "partner_id", "tier", "starts_on", "ends_on", "set_by", "set_at", "reason", "state", "ended_on", "ended_by",
    "ended_because",
)  # fmt: skip


def state(one: Override, today: date) -> str:
    """`holds`, `ended` before its time by a person, or `over`."""
    if one.ended_by:
        return "ended"
    return "holds" if one.ends_on >= today else "over"


def listed(out: Console, found: Sequence[Override], today: date, say: Speech, *, everything: bool) -> None:
    """Those that hold, or with `everything` all there ever were, and then what became of each."""
    if not found:
        out.print(say("No tier was ever set by hand." if everything else "No tier is set by hand."))
        return
    states = (say("state"),) if everything else ()
    shown = table(
        say("Tiers set by hand"), *map(say, ("partner", "tier", "from", "until")), *states, *map(say, ("set by", "reason"))
    )  # fmt: skip
    for one in found:
        mine = (say(state(one, today)),) if everything else ()
        days = str(one.starts_on), str(one.ends_on)
        shown.add_row(one.partner, one.tier, *days, *mine, one.set_by, one.reason + _ending(one, say))
    out.print(shown)


def _ending(one: Override, say: Speech) -> str:
    """Who ended it before its time, after which day, and why; one that was set anew within its first day never held."""
    if not one.ended_by or one.ended_on is None:
        return ""
    why = say("set anew") if (one.ended_because or "").startswith("replaced by override-") else one.ended_because
    text = " (ended by {who} on the day it was set: {why})" if one.ended_on < one.starts_on else " (ended by {who}, its last day was {day}: {why})"  # fmt: skip
    return say(text, who=one.ended_by, day=one.ended_on, why=why)
