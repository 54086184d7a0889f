"""From the mirror's records to facts, by a mapping. Pure: no clock, no database; equal records make equal facts."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import date
from operator import attrgetter
from typing import Any

from models.vocabulary import LISTS, Event, Milestone, Partner
from sync.mapping.activities import derive_activities
from sync.mapping.customers import customer_facts
from sync.mapping.deals import derive_deals
from sync.mapping.entries import derive_entries
from sync.mapping.facts import Facts, IssueKind, Issues, in_order
from sync.mapping.grammar import Mapping
from sync.mapping.matching import Decision
from sync.mapping.partners import Partners, derive_partners
from sync.mapping.reader import MirrorReader
from sync.mapping.same_target import join_entries
from sync.mapping.share import WHOLE, Share


def derive(
    mapping: Mapping,
    source: MirrorReader,
    decisions: Sequence[Decision] = (),
    share: Share = WHOLE,
    *,
    bare: bool = False,
) -> Facts:
    """Partners, entries, events, activities, deals of all channels and customers, and every record or value that said nothing.

    `decisions` are a person's, on which records are one company, oldest first. A deleted record yields nothing. Calendar days are days of the mapping's time zone. Nothing depends on the order of rows.
    The facts of shares that make up the whole are together those of the whole. `bare`: without `entry_matches` and `met`, which only who stores facts asks for.
    """
    issues, elsewhere = Issues(), Issues()
    partners = derive_partners(mapping, source, issues if share.others else elsewhere, decisions)
    facts = _of_partners(mapping, source, partners, decisions, issues, share, bare=bare)
    if not share.others:
        return replace(facts, **_said(issues, bare=bare))
    return replace(
        facts,
        deals_all_channels=tuple(sorted(derive_deals(mapping, source, issues))),
        customers=customer_facts(mapping, source),
        **_said(issues, bare=bare),
    )


def derive_some(
    mapping: Mapping, source: MirrorReader, partners: Partners, decisions: Sequence[Decision], only: AbstractSet[str]
) -> Facts:
    """The facts of these partners, by a reader of all the records that speak of them. `partners` are all partners.

    `met` tells of all records that were read, of which the caller knows which were read whole. Deals of all channels and customers, which are nobody's, are left out.
    """
    issues = Issues()
    facts = _of_partners(mapping, source, partners, decisions, issues)
    return replace(
        facts,
        partners=tuple(p for p in facts.partners if p.partner_id in only),
        matches=tuple(m for m in facts.matches if m.partner_id in only),
        entries=tuple(e for e in facts.entries if e.partner_id in only),
        entry_matches=tuple(m for m in facts.entry_matches if m.partner_id in only),
        events=tuple(e for e in facts.events if e.partner_id in only),
        activities=tuple(a for a in facts.activities if a.partner_id in only),
        **_said(issues),
    )


def _said(issues: Issues, *, bare: bool = False) -> dict[str, Any]:
    return {"issues": issues.listed(), "met": () if bare else tuple(issues.met())}


def _of_partners(
    mapping: Mapping,
    source: MirrorReader,
    partners: Partners,
    decisions: Sequence[Decision],
    issues: Issues,
    share: Share = WHOLE,
    *,
    bare: bool = False,
) -> Facts:
    """Entries, events and activities of these partners, as far as they are of the share."""
    entries = derive_entries(mapping, source, partners.index, issues, share)
    activities = derive_activities(mapping, source, partners.index, entries, issues if share.others else Issues())
    told = [*entries.events, *(e for e in activities.events if share.has(e.partner_id))]
    joined = join_entries(entries.entries, told, entries.made, decisions, bare=bare)
    for suggestion in joined.suggestions:
        issues.add(IssueKind.ENTRY_SUGGESTED, "entries", suggestion.left, field=suggestion.why)
    of = joined.renamed
    events = [replace(e, entry_id=of[e.entry_id]) if e.entry_id in of else e for e in told]
    events.sort(key=attrgetter("event_id"))
    mine = (a for a in activities.activities if share.has(a.partner_id))
    done = [replace(a, entry_id=of[a.entry_id]) if a.entry_id in of else a for a in mine]
    return Facts(
        partners=_submitted(mapping, tuple(p for p in partners.partners if share.has(p.partner_id)), events),
        matches=tuple(m for m in partners.matches if share.has(m.partner_id)),
        entries=tuple(sorted(joined.entries, key=attrgetter("entry_id"))),
        entry_matches=() if bare else tuple(sorted(joined.matches, key=lambda match: in_order(match.source))),
        events=tuple(events),
        activities=tuple(sorted(done, key=lambda activity: activity.activity_id)),
    )


def _submitted(mapping: Mapping, partners: tuple[Partner, ...], events: list[Event]) -> tuple[Partner, ...]:
    """The day of the newest list: what the partner's field says or the newest imported list, whichever is later.

    Partners whose rules name no field take the day of their newest `listed`.
    """
    said = {(rule.connection, rule.object) for rule in mapping.partners if rule.attributes.submitted_on}
    newest: dict[str, date] = {}
    imported: dict[str, date] = {}
    for event in events:
        if event.milestone is Milestone.LISTED:
            for days in (newest, *([imported] if event.source.connection == LISTS else ())):
                days[event.partner_id] = max(days.get(event.partner_id, date.min), event.occurred_on)
    return tuple(
        with_list_of(partner, imported.get(partner.partner_id))
        if any((s.connection, s.object) in said for s in partner.sources)
        else with_list_of(partner, newest.get(partner.partner_id))
        for partner in partners
    )


def with_list_of(partner: Partner, day: date | None) -> Partner:
    """The partner, who handed in a list on that day too."""
    if day is None or (partner.submitted_on is not None and partner.submitted_on >= day):
        return partner
    return replace(partner, submitted_on=day)
