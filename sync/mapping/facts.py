"""What the mirrored records say by a mapping, as plain values; and what they did not say, counted."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from heapq import nsmallest
from operator import attrgetter
from typing import NamedTuple

from models.vocabulary import Activity, Entry, Event, Partner, RecordRef, Target

in_order = attrgetter("connection", "object", "id")  # of records, compared sooner than the records themselves
EXAMPLES = 5  # records shown of an issue; the count is of all


class IssueKind(StrEnum):
    """Why a record or value says nothing, or less than it could. None of these is dropped in silence."""

    UNMAPPED_VALUE = "unmapped_value"  # no rule names this value of the field
    RECORD_UNMATCHED = "record_unmatched"  # of an object that activity rules read, yet no rule takes it
    ENTRY_WITHOUT_PARTNER = "entry_without_partner"
    ENTRY_SEVERAL_PARTNERS = "entry_several_partners"
    ENTRY_SUGGESTED = "entry_suggested"  # two records on one partner's list that may be one target: a person decides
    ACTIVITY_WITHOUT_PARTNER = "activity_without_partner"  # neither a partner nor an entry was found
    PARTNER_AMBIGUOUS = "partner_ambiguous"  # one domain, or one name with phone or place, several corporate numbers
    PARTNER_SUGGESTED = "partner_suggested"  # two records that may be one partner: a person decides
    PARTNER_DUPLICATE = "partner_duplicate"  # one partner stands several times in one object
    ATTRIBUTES_DIFFER = "attributes_differ"  # the records of one partner disagree; the first rule's value is used
    CORPORATE_NUMBER_INVALID = "corporate_number_invalid"
    DATE_UNREADABLE = "date_unreadable"
    LINK_MISSING = "link_missing"  # a field points at a record that is not in the mirror, or deleted
    HISTORY_MISSING = "history_missing"  # stages dated by the record's making: the CRM tells of no change of that field
    STAGE_UNDATED = "stage_undated"  # in a stage, and neither history nor a date field says since when


@dataclass(frozen=True, slots=True, order=True)
class Issue:
    """How often something was met, by rule and field (and value, where values are few and named). `examples` are the first by id."""

    kind: IssueKind
    rule: str
    field: str
    value: str
    count: int
    examples: tuple[RecordRef, ...]


@dataclass(frozen=True, slots=True, order=True)
class SourceMatch:
    """A CRM record that is a partner, and by which mark: see `matching`; `itself` where it is alone so far."""

    source: RecordRef
    partner_id: str
    matched_by: str


@dataclass(frozen=True, slots=True)
class EntryMatch:
    """A CRM record that is an entry, by which mark, and what it alone says of the target."""

    source: RecordRef
    entry_id: str
    partner_id: str
    matched_by: str
    target: Target


@dataclass(frozen=True, slots=True, order=True)
class DealAnyChannel:
    """One deal of any channel: the denominator of the partner-sourced share. `won` is None where its rule does not say what won is."""

    occurred_on: date
    partner_sourced: bool
    source: RecordRef
    won: bool | None = None


@dataclass(frozen=True, slots=True)
class CustomerFact:
    """A company that buys already (`customer`), or has an open deal of the company's own (`open_deal`), by one of its records."""

    source: RecordRef
    stands: str
    target: Target
    since: date | None = None  # as the record states it


class Met(NamedTuple):
    """One issue of one record."""

    ref: RecordRef
    kind: IssueKind
    rule: str
    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it, each part in the order of its ids, so that equal records make equal facts."""

    partners: tuple[Partner, ...] = ()
    matches: tuple[SourceMatch, ...] = ()
    entries: tuple[Entry, ...] = ()
    entry_matches: tuple[EntryMatch, ...] = ()
    events: tuple[Event, ...] = ()
    activities: tuple[Activity, ...] = ()
    deals_all_channels: tuple[DealAnyChannel, ...] = ()
    customers: tuple[CustomerFact, ...] = ()
    issues: tuple[Issue, ...] = ()
    met: tuple[Met, ...] = ()


class Issues:
    """Collects what was met, with counts and the first examples whatever order records come in."""

    def __init__(self) -> None:
        self._where: dict[tuple[IssueKind, str, str, str], list[RecordRef]] = defaultdict(list)

    def add(self, kind: IssueKind, rule: str, ref: RecordRef, *, field: str = "", value: str = "") -> None:
        self._where[kind, rule, field, value].append(ref)

    def add_all(
        self, kind: IssueKind, rule: str, refs: Iterable[RecordRef], *, field: str = "", value: str = ""
    ) -> None:
        for ref in refs:
            self.add(kind, rule, ref, field=field, value=value)

    def met(self) -> Iterator[Met]:
        """Each time, with the record."""
        for key, refs in self._where.items():
            for ref in refs:
                yield Met(ref, *key)

    def listed(self) -> tuple[Issue, ...]:
        return tuple(
            sorted(
                Issue(*key, len(refs), tuple(nsmallest(EXAMPLES, refs, key=in_order)))
                for key, refs in self._where.items()
            )
        )
