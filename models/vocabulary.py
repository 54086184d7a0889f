"""The words of partner sales as types. Standard library only; one word a thing, the same in code, columns, log keys and pages."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from itertools import pairwise


class Crm(StrEnum):
    SALESFORCE = "salesforce"
    HUBSPOT = "hubspot"


class Milestone(StrEnum):
    """What an entry reaches, in order; `lost` ends it before `deal`, `won` after."""

    LISTED = "listed"
    REQUESTED = "requested"
    AGREED = "agreed"
    EXECUTED = "executed"
    DEAL = "deal"
    WON = "won"
    LOST = "lost"


FUNNEL = (Milestone.LISTED, Milestone.REQUESTED, Milestone.AGREED, Milestone.EXECUTED, Milestone.DEAL)
STEPS = tuple(pairwise(FUNNEL))


class Tier(StrEnum):
    A = "A"
    B = "B"
    C = "C"
    D = "D"


class Willingness(StrEnum):
    """A partner's answer when asked for an attack list."""

    REFUSED = "refused"
    UNKNOWN = "unknown"
    VERBAL_YES = "verbal_yes"


class ActivityKind(StrEnum):
    """What a partner manager does with a partner; `approach` is the agreed action on one entry's target."""

    REGULAR_MEETING = "regular_meeting"
    CO_VISIT = "co_visit"
    STUDY_SESSION = "study_session"
    DINNER = "dinner"
    WEBINAR = "webinar"
    TOUCH = "touch"
    APPROACH = "approach"


class EventOp(StrEnum):
    ASSERT = "assert"
    RETRACT = "retract"


class Evidence(StrEnum):
    """`direct`: a record says so. `inferred`: a later milestone implies it."""

    DIRECT = "direct"
    INFERRED = "inferred"


LISTS, LIST_ROW = "lists", "row"
"""The source of imported attack lists, as mappings name it: `lists.row`. No CRM stands behind it."""


class Step(StrEnum):
    """The five steps of a run, each safe to repeat alone."""

    PULL = "pull"
    MAP = "map"
    COMPUTE = "compute"
    PLAN = "plan"
    DELIVER = "deliver"


class RunStatus(StrEnum):
    """How a run, a step or the reading of an object stands or ended; `quota`: the day's API calls are used up, and the next run goes on.

    `waiting`: the CRM still works at what was asked for, and the next run asks again.
    """

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    HELD = "held"
    QUOTA = "quota"
    WAITING = "waiting"
    FAILED = "failed"


class PlanStatus(StrEnum):
    """`planned` may be delivered; `held` waits for a person; `superseded` lost its turn to a newer plan; `answered`: persons keep theirs."""

    PLANNED = "planned"
    HELD = "held"
    DELIVERED = "delivered"
    SUPERSEDED = "superseded"
    ANSWERED = "answered"


class PlanKind(StrEnum):
    """`write`: results to CRMs. `question`: edits of persons that the policy asks about. `undo`: what a run wrote, taken back.

    `create`: records that rows of imported lists become.
    """

    WRITE = "write"
    QUESTION = "question"
    UNDO = "undo"
    CREATE = "create"


class ChangeStatus(StrEnum):
    """The journal of one change. `sent` without an answer is resolved by reading back before anything is sent again."""

    PLANNED = "planned"
    SENT = "sent"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, order=True)
class RecordRef:
    """One record of one CRM account, written `connection.Object/ID`."""

    connection: str
    object: str
    id: str

    def __str__(self) -> str:
        return f"{self.connection}.{self.object}/{self.id}"

    @classmethod
    def parse(cls, text: str) -> "RecordRef":
        """Reads `connection.Object/ID`; ValueError names what was met."""
        place, slash, record_id = text.partition("/")
        connection, dot, object_name = place.partition(".")
        if not (slash and dot and connection and object_name and record_id):
            raise ValueError(
                f"{text!r} does not name a record; write connection.Object/ID, such as salesforce.Account/001..."
            )
        return cls(connection, object_name, record_id)


@dataclass(frozen=True, slots=True)
class Partner:
    """One company that introduces customers, whatever CRM it stands in. `sources` are its records, in order."""

    partner_id: str
    name: str
    type: str
    sources: tuple[RecordRef, ...]
    willingness: Willingness = Willingness.UNKNOWN
    submitted_on: date | None = None
    joined_on: date | None = None
    attributes: dict[str, str | None] = field(default_factory=dict)

    @property
    def ended_on(self) -> date | None:
        """The last day of the contract; None while it goes on."""
        said = self.attributes.get("ended_on")
        return date.fromisoformat(said) if said else None


@dataclass(frozen=True, slots=True)
class Target:
    """The company on the attack list, by its marks of identity."""

    name: str | None = None
    corporate_number: str | None = None
    domain: str | None = None
    phone: str | None = None
    prefecture: str | None = None
    city: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One target company on one partner's attack list, one attempt.

    `source` is the record that names it; `sources` all records that are it, in order, where it stands in several CRMs.
    """

    entry_id: str
    partner_id: str
    source: RecordRef
    target: Target = Target()
    sources: tuple[RecordRef, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """An entry reached a milestone. `rule` is the mapping's path that said so, `source` the record it was read from."""

    event_id: str
    entry_id: str
    partner_id: str
    milestone: Milestone
    occurred_on: date
    source: RecordRef
    source_change_id: str  # the CRM's own id of the change, or the field that holds the date
    rule: str
    stamped_at: datetime | None = None  # the CRM's stamp of that change
    evidence: Evidence = Evidence.DIRECT
    reason: str | None = None  # why it was lost, where the mapping names a field for it


@dataclass(frozen=True, slots=True)
class Activity:
    """A meeting, visit, session or touch with a partner, perhaps about one entry."""

    activity_id: str
    partner_id: str
    entry_id: str | None
    kind: str
    occurred_on: date
    source: RecordRef
    rule: str


def aware(moment: datetime, what: str = "a time") -> datetime:
    """The moment in UTC; ValueError when it names no zone, since a naive time has been the wrong hour too often."""
    if moment.tzinfo is None:
        raise ValueError(f"{what} must carry its zone, got the naive {moment.isoformat()}")
    return moment.astimezone(UTC)
