"""Makes the records of a plan: looked up first, intent journalled, sent, every answer looked at, lost answers looked up.

Which step may repeat, and why that is harmless: `mark_sent` commits before the call; a process killed after it leaves `sent` rows, which
`resolve_made` looks up by their key. Sent twice, a record is made once, since the CRM refuses the second one with that key; and what is
there is never written over.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from models.vocabulary import ChangeStatus
from sync.connector import Connector
from sync.errors import BadReply, PermissionMissing, Stop, SyncError
from sync.record_maker import Made, RecordMaker
from sync.writeback import making_journal as journal
from sync.writeback.answers import GAVE_UP
from sync.writeback.making_journal import THERE, OpenCreation, Outcome
from sync.writeback.sending import TRIES, Delivery
from sync.writes import WriteOutcome

LOST = "the answer was lost; looked up"
NOT_MADE = "the answer was lost, and no such record is there; import the list again"


@dataclass(slots=True)
class MakeCounts:
    """Records by what became of them, and the calls that made them."""

    confirmed: int = 0
    failed: int = 0
    dropped: int = 0
    batches: int = 0

    def document(self) -> dict[str, int]:
        return {"confirmed": self.confirmed, "failed": self.failed, "dropped": self.dropped}


def maker_of(connector: Connector) -> RecordMaker:
    """The connector's way of making records; Stop where it has none."""
    if connector.maker is None:
        raise Stop(
            f"{connector.connection} is no CRM in which records can be made.",
            remedy="Take `create` out of the mapping's rule.",
        )
    return connector.maker


def resolve_made(delivery: Delivery) -> MakeCounts:
    """Settles what was sent and never answered, by whether the CRM has it now."""
    counts = MakeCounts()
    with delivery.connect() as conn:
        lost = journal.sent(conn, delivery.workspace)
    for (connection, _), group in groupby(lost, key=lambda c: (c.connection, c.object)):
        connector = delivery.connectors.get(connection)
        if connector is None:
            continue
        some = list(group)
        making = _Making(delivery, connector, counts)
        there = making.look_up(some)
        making.settle([_known(c, there, LOST) or Outcome(c, ChangeStatus.DROPPED, cause=NOT_MADE) for c in some])
    return counts


def make(
    delivery: Delivery, plan_id: str, *, progress: Callable[[MakeCounts], None] = lambda _counts: None
) -> MakeCounts:
    """Makes what the plan still has open. Raises Stop where a connection cannot go on, after the others came to their end."""
    counts = MakeCounts()
    failures: list[SyncError] = []
    with delivery.connect() as conn:
        wanted = journal.places(conn, delivery.workspace, plan_id)
    for connection, object_name in wanted:
        making = _Making(delivery, delivery.connectors[connection], counts)
        try:
            with delivery.connect() as conn:
                for batch in journal.planned(
                    conn, delivery.workspace, plan_id, connection, object_name, making.maker.batch_size
                ):
                    making.batch(batch)
                    progress(counts)
        except SyncError as e:
            failures.append(e)
    with delivery.connect() as conn:
        journal.finish_plan(conn, delivery.workspace, plan_id)
    if failures:
        raise failures[0]
    return counts


@dataclass(slots=True)
class _Making:
    """Records on their way to one CRM."""

    delivery: Delivery
    connector: Connector
    counts: MakeCounts
    maker: RecordMaker = field(init=False)

    def __post_init__(self) -> None:
        self.maker = maker_of(self.connector)

    def look_up(self, some: Sequence[OpenCreation]) -> dict[str, str]:
        """Key -> id of those that the CRM has this moment."""
        return self.maker.found(some[0].object, some[0].key_field, [c.record.key for c in some])

    def tied(self, batch: Sequence[OpenCreation]) -> list[OpenCreation]:
        """Those whose records that come first are there, with their ids filled in; the others are settled as failed, and why."""
        places = [(c.connection, a.object, a.key) for c in batch for a in c.record.after]
        if not places:
            return list(batch)
        with self.delivery.connect() as conn:
            made = journal.made_under(conn, self.delivery.workspace, places)
        tied: list[OpenCreation] = []
        for c in batch:
            found = {a: made.get((c.connection, a.object, a.key), (None, "")) for a in c.record.after}
            lacking = next((a for a, (record_id, _) in found.items() if record_id is None), None)
            if lacking is not None:
                cause = f"its {lacking.object} was not made: {found[lacking][1] or NOT_MADE}"
                self.settle([Outcome(c, ChangeStatus.FAILED, cause=cause)])
                continue
            values = {**c.record.values, **{a.field: record_id for a, (record_id, _) in found.items()}}
            tied.append(replace(c, record=replace(c.record, values=values)))
        return tied

    def batch(self, batch: Sequence[OpenCreation]) -> None:
        there = self.look_up(batch)
        self.settle([o for c in batch if (o := _known(c, there, THERE))])
        open_now = self.tied([c for c in batch if c.record.key not in there])
        made: list[Outcome] = []
        for attempt in range(TRIES):
            if not open_now:
                break
            if attempt:
                self.delivery.sleep(min(0.5 * 2**attempt, 8.0))
            outcomes = self._sent(open_now, last=attempt == TRIES - 1)
            made += [o for o in outcomes if o.status is ChangeStatus.CONFIRMED]
            open_now = [o.creation for o in outcomes if o.status is ChangeStatus.PLANNED]
        self._note_as_made(made)

    def _sent(self, some: list[OpenCreation], *, last: bool) -> list[Outcome]:
        """One sending, settled: what is PLANNED of it may be sent again."""
        d = self.delivery
        d.reached("before the intent")
        with d.connect() as conn, conn.transaction():
            journal.mark_sent(conn, d.workspace, some, d.clock(), d.run_id)
        self.counts.batches += 1
        d.reached("intent journalled")
        try:
            results = self.maker.make(some[0].object, some[0].key_field, [c.record for c in some])
        except BadReply:
            results = []  # what was answered is no answer: looking up tells
        except Stop as e:
            self.settle([Outcome(c, ChangeStatus.PLANNED, cause=e.message) for c in some])
            raise
        d.reached("answered")
        outcomes = self._judged(some, results)
        outcomes = [_given_up(o) if last else o for o in outcomes]
        self.settle(outcomes)
        d.reached("answers settled")
        fault = next((r for r in results if r.ours and r.outcome is WriteOutcome.REFUSED), None)
        if fault is not None:
            raise PermissionMissing(
                f"{self.connector.connection} refuses fields that a new record of {some[0].object} is given: {fault.cause}.",
                remedy="Grant the integration user the right to edit them, or take them out of the mapping's rule.",
            )
        return outcomes

    def _judged(self, some: Sequence[OpenCreation], results: Sequence[Made]) -> list[Outcome]:
        """What the answers say; a refusal, like no answer, may hide that the record is there: that is looked up."""
        answered = {r.key: r for r in results}
        doubtful = [
            c
            for c in some
            if (r := answered.get(c.record.key)) is None
            or r.outcome in (WriteOutcome.UNKNOWN, WriteOutcome.REFUSED)
            or r.id is None
        ]
        there = self.look_up(doubtful) if doubtful else {}
        outcomes: list[Outcome] = []
        for c in some:
            r = answered.get(c.record.key)
            if r is not None and r.outcome is WriteOutcome.APPLIED and r.id is not None:
                outcomes.append(Outcome(c, ChangeStatus.CONFIRMED, r.id, request_id=r.request_id))
            elif known := _known(c, there, LOST):
                outcomes.append(known)
            elif r is not None and r.outcome is WriteOutcome.REFUSED:
                outcomes.append(Outcome(c, ChangeStatus.FAILED, cause=r.cause, request_id=r.request_id))
            else:
                outcomes.append(Outcome(c, ChangeStatus.PLANNED, cause=r.cause if r else ""))
        return outcomes

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Journals what became of these."""
        if not outcomes:
            return
        d = self.delivery
        with d.connect() as conn, conn.transaction():
            journal.settle(conn, d.workspace, outcomes, d.clock())
        for o in outcomes:
            self.counts.confirmed += o.status is ChangeStatus.CONFIRMED
            self.counts.failed += o.status is ChangeStatus.FAILED
            self.counts.dropped += o.status is ChangeStatus.DROPPED

    def _note_as_made(self, made: Sequence[Outcome]) -> None:
        """What they hold now, so that it shows later whether somebody has touched them."""
        if not made:
            return
        object_name = made[0].creation.object
        held = as_they_stand(self.connector, object_name, [str(o.record_id) for o in made])
        noted = [(o.creation, held[str(o.record_id)]) for o in made if held.get(str(o.record_id)) is not None]
        with self.delivery.connect() as conn:
            journal.note_as_made(conn, self.delivery.workspace, [(c, h) for c, h in noted if h is not None])


def as_they_stand(connector: Connector, object_name: str, ids: Sequence[str]) -> dict[str, dict[str, str] | None]:
    """Hashes of what the records hold in all fields that somebody may write, ours besides; None for one that is not there."""
    fields = [f.name for f in connector.describe(object_name).fields if f.writable]
    live = connector.read(object_name, ids, fields)
    return {
        i: None if record.missing or record.merged_into else journal.hashes(record.values) for i, record in live.items()
    }


def _known(creation: OpenCreation, there: dict[str, str], cause: str) -> Outcome | None:
    found = there.get(creation.record.key)
    return Outcome(creation, ChangeStatus.CONFIRMED, found, cause) if found is not None else None


def _given_up(outcome: Outcome) -> Outcome:
    if outcome.status is not ChangeStatus.PLANNED:
        return outcome
    return Outcome(outcome.creation, ChangeStatus.FAILED, cause=outcome.cause or GAVE_UP, request_id=outcome.request_id)
