"""What happens in the sandbox's world, apart from any CRM: partners, their attack lists, events, activities, other deals.

A world is data with a known truth. It also holds a future: what is recorded after `as_of` appears as the clock advances.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

Crm = Literal["salesforce", "hubspot"]
Step = Literal["listed", "requested", "agreed", "executed", "deal", "lost", "won"]


@dataclass(frozen=True, slots=True)
class Company:
    """A company's marks of identity, invented. The corporate number (法人番号) carries a right check digit."""

    name: str
    domain: str
    corporate_number: str
    phone: str
    prefecture: str
    city: str


@dataclass(frozen=True, slots=True)
class WorldPartner:
    id: str
    type: str  # the planted truth: growth1, growth2, legacy
    industry: str  # restaurant_services, sales_agency, consulting, real_estate, opening_support
    scale: str  # small, medium, large
    contract: str  # referral, mutual, reseller
    willingness: str  # refused, unknown, verbal_yes
    submits_list: bool
    joined_on: date
    company: Company
    crms: tuple[Crm, ...]  # where it stands; some stand in both, the first being its home
    elsewhere: Company | None = None  # how its second CRM spells it: a short form, perhaps without the corporate number

    def company_in(self, crm: Crm) -> Company:
        """The marks that this CRM's users typed in. Both spellings share the corporate number, or only the domain."""
        return self.company if self.elsewhere is None or crm == self.crms[0] else self.elsewhere


@dataclass(frozen=True, slots=True)
class WorldEntry:
    id: str
    partner_id: str
    crm: Crm
    external_id: str  # several entries of one id in two CRMs are duplicates of each other ("dup-" prefix)
    attempt: int
    root_id: str
    listed_on: date
    target: Company


@dataclass(frozen=True, slots=True)
class WorldEvent:
    """An entry reached a step; it enters the CRM on `recorded_on`. A retract takes back the event `supersedes`."""

    id: str
    entry_id: str
    external_id: str
    step: Step
    occurred_on: date
    recorded_on: date
    op: Literal["assert", "retract"] = "assert"
    supersedes: str = ""


@dataclass(frozen=True, slots=True)
class WorldActivity:
    id: str
    partner_id: str
    kind: str  # co_visit, study_session, dinner, webinar, regular_meeting, touch, approach
    occurred_on: date
    entry_id: str = ""  # for kind approach: the entry whose action was executed
    crm: Crm | None = (
        None  # the one CRM it is logged in, so that a partner in both is not counted twice; None: its home
    )


@dataclass(frozen=True, slots=True)
class WorldDeal:
    """A deal from another channel: the denominator of the partner-sourced share."""

    id: str
    crm: Crm
    source: str  # web, inside_sales, event, outbound
    created_on: date
    company: Company
    won: bool | None


@dataclass(slots=True)
class World:
    start: date
    as_of: date
    partners: list[WorldPartner]
    entries: list[WorldEntry]
    events: list[WorldEvent]
    activities: list[WorldActivity]
    other_deals: list[WorldDeal]
    truth: dict[str, Any] = field(default_factory=dict)

    def partner_deal_days(self) -> list[date]:
        """The day of each deal a partner introduced, past and future; a date corrected later counts by its last value.

        Entries kept in both CRMs count once.
        """
        duplicates = {e.id for e in self.entries if e.external_id.startswith("dup-")}
        taken_back = {e.supersedes for e in self.events if e.op == "retract"}
        return sorted(
            e.occurred_on
            for e in self.events
            if e.step == "deal" and e.op == "assert" and e.entry_id not in duplicates and e.id not in taken_back
        )

    def happenings(self, after: date, until: date) -> Iterator[WorldEvent | WorldActivity | WorldDeal]:
        """What enters the CRMs in (after, until], in the order of the day it is recorded, then of kind and id."""
        days: list[tuple[date, int, str, WorldEvent | WorldActivity | WorldDeal]] = []
        days += [(e.recorded_on, 0, e.id.zfill(12), e) for e in self.events if after < e.recorded_on <= until]
        days += [(a.occurred_on, 1, a.id.zfill(12), a) for a in self.activities if after < a.occurred_on <= until]
        days += [(d.created_on, 2, d.id.zfill(12), d) for d in self.other_deals if after < d.created_on <= until]
        return (h for *_, h in sorted(days, key=lambda row: row[:3]))
