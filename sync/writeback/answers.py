"""What a CRM's answers say of each change: done, refused with a cause, to be sent again, or known to nobody. Reads only where records went."""

from collections.abc import Sequence
from dataclasses import replace

from models.vocabulary import ChangeStatus
from sync.connector import Connector
from sync.writeback.changes import OpenChange, Settled
from sync.writeback.live import gone, where_they_went
from sync.writes import WriteOutcome, WriteResult

GAVE_UP = "the CRM took none of several tries"


def judged(
    connector: Connector, changes: Sequence[OpenChange], results: Sequence[WriteResult]
) -> tuple[list[Settled], list[OpenChange]]:
    """What the answers say of each change; and those of which nobody knows."""
    answered = {r.id: r for r in results}
    outcomes: list[Settled] = []
    unknown: list[OpenChange] = []
    for c in changes:
        r = answered.get(c.record.id)
        if r is None or r.outcome is WriteOutcome.UNKNOWN:
            unknown.append(c)
        elif r.outcome is WriteOutcome.APPLIED:
            outcomes.append(Settled(c, ChangeStatus.CONFIRMED, request_id=r.request_id))
        elif r.outcome is WriteOutcome.REFUSED:
            keep = not (r.ours or r.gone)
            outcomes.append(Settled(c, ChangeStatus.FAILED, r.cause, r.request_id, withhold=keep))
        else:
            outcomes.append(Settled(c, ChangeStatus.PLANNED, r.cause, r.request_id))
    lost = [c for c in changes if (r := answered.get(c.record.id)) is not None and r.gone]
    if lost:
        went = where_they_went(connector, lost)
        outcomes = [
            replace(s, cause=gone(record), merged_into=record.merged_into)
            if s.status is ChangeStatus.FAILED and (record := went.get(s.change.record.id)) is not None
            else s
            for s in outcomes
        ]
    return outcomes, unknown


def given_up(outcome: Settled) -> Settled:
    """After the last try: what is still to be sent has failed."""
    if outcome.status is not ChangeStatus.PLANNED:
        return outcome
    return replace(outcome, status=ChangeStatus.FAILED, cause=outcome.cause or GAVE_UP)


def decided_anew(outcome: Settled) -> Settled:
    """Of an earlier run: what did not take effect is left to the next plan, which compares again."""
    if outcome.status is not ChangeStatus.PLANNED:
        return outcome
    cause = outcome.cause or "it was sent, and did not take effect"
    return replace(outcome, status=ChangeStatus.DROPPED, cause=f"{cause}; the next plan decides again")
