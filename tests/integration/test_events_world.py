"""The sandbox's world, whose truth is known, as its two CRMs hold it: the sandbox's mapping must find that truth again."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from typing import Any

import pytest

from sandbox.clock import Clock
from sandbox.generate import generate_world
from sandbox.settings import SandboxSettings
from sandbox.state import ZONE, both_vendors
from sync.mapping.derive import derive
from sync.mapping.facts import IssueKind
from sync.mapping.reader import MirrorRow
from sync.records import HistoryRow
from tests.mapping_world import preset

MADE = ("CreatedDate", "createdate", "hs_createdate")


class SandboxMirror:
    """The sandbox's records as a mirror would hold them, without HTTP between."""

    def __init__(self, settings: SandboxSettings) -> None:
        self.world = generate_world(settings)
        salesforce, hubspot = both_vendors(Clock(datetime.combine(self.world.as_of, time(19), ZONE)), settings)
        for half in (salesforce, hubspot):
            half.populate(self.world)
        self.stores = {"salesforce": salesforce.store, "hubspot": hubspot.store}
        self.hubspot = hubspot.records

    def rows(
        self, connection: str, object_name: str, fields: Sequence[str], *, deleted: bool = False
    ) -> Iterator[MirrorRow]:
        for r in self._live(connection, object_name):
            beside = {**dict.fromkeys(MADE, r.created_at), "IsWon": r.fields.get("StageName") == "Closed Won"}
            values = {name: r.fields.get(name) or beside.get(name) for name in fields}
            yield MirrorRow(r.id, r.modified_at, False, values)

    def history(self, connection: str, object_name: str, fields: Sequence[str]) -> Iterator[HistoryRow]:
        """HubSpot tells of the first value too; Salesforce only of changes."""
        for r in self._live(connection, object_name):
            for change in r.changes:
                first = change.old is None and change.at == r.created_at
                if change.field in fields and not (first and connection == "salesforce"):
                    yield HistoryRow(r.id, change.field, str(change.seq), change.old, change.new, change.at)

    def associations(
        self, connection: str, from_object: str, to_object: str
    ) -> Iterator[tuple[str, str, str | None, str]]:
        source, target = (self.hubspot.kinds.find(name) for name in (from_object, to_object))
        types = self.hubspot.associations.types(source, target)
        for one, others in self.hubspot.associations.between(source, target).items():
            for other, specs in others.items():
                for spec in specs:
                    yield str(one), str(other), types[spec].label, str(spec)

    def _live(self, connection: str, object_name: str) -> Iterator[Any]:
        """Lists from files are no CRM's, and there are none here."""
        yield from self.stores[connection].live(object_name) if connection in self.stores else ()

    def external_id(self, connection: str, object_name: str, record_id: str) -> str:
        record = self.stores[connection].get(object_name, record_id)
        assert record is not None
        return str(record.fields.get("ExternalId__c") or record.fields.get("external_id"))


@pytest.fixture(scope="module", params=["clean", "messy"])
def told(request):
    """(scenario, world, facts, steps found per entry, steps that truly happened per entry)"""
    mirror = SandboxMirror(SandboxSettings(partners=40, entries=500, scenario=request.param))
    facts = derive(preset(), mirror)
    # an entry that stands in both CRMs has a record, and an external id, in each
    outside = {
        (m.entry_id, m.source.connection): mirror.external_id(m.source.connection, m.source.object, m.source.id)
        for m in facts.entry_matches
    }
    found, true = defaultdict(list), defaultdict(list)
    for event in facts.events:
        found[outside[event.entry_id, event.source.connection]].append((event.milestone.value, event.occurred_on))
    recorded = [e for e in mirror.world.events if e.recorded_on <= mirror.world.as_of]
    taken_back = {e.supersedes for e in recorded if e.op == "retract"}
    for event in recorded:
        if event.op == "assert" and event.id not in taken_back:
            true[event.external_id].append((event.step, event.occurred_on))
    return request.param, mirror.world, facts, found, true, outside


def first(steps: list[tuple[str, date]], but: str = "") -> dict[str, date]:
    days: dict[str, date] = {}
    for step, day in steps:
        if step != but:
            days[step] = min(day, days.get(step, day))
    return days


def test_every_partner_is_found_once_with_its_type_its_records_and_its_answer(told):
    _, world, facts, *_ = told
    true = [p for p in world.partners if p.joined_on <= world.as_of]
    assert Counter(p.type for p in facts.partners) == Counter(p.type for p in true)
    assert Counter(len(p.sources) for p in facts.partners) == Counter(len(p.crms) for p in true)
    assert Counter(p.willingness.value for p in facts.partners) == Counter(p.willingness for p in true)
    assert {p.joined_on for p in facts.partners} == {p.joined_on for p in true}


def test_every_milestone_is_found_on_its_day(told):
    scenario, _, _, found, true, _ = told
    assert set(found) == set(true)
    if scenario == "clean":
        assert {key: sorted(steps) for key, steps in found.items()} == {
            key: sorted(steps) for key, steps in true.items()
        }
        return
    # a step entered late, after it was already reached a second time, finds its date field taken: that day stands nowhere in the CRM
    wrong = [key for key, steps in true.items() if first(found[key], but="won") != first(steps, but="won")]
    assert len(wrong) <= len(true) // 100


def test_the_entries_that_stand_in_both_crms_are_one_and_no_others(told):
    scenario, world, facts, *_, outside = told
    known = {e.external_id for e in world.entries if e.listed_on <= world.as_of} & set(outside.values())
    pairs = {frozenset((name.removeprefix("dup-"), name)) for name in known if name.startswith("dup-")}
    together = defaultdict(set)
    for (entry_id, _), name in outside.items():
        together[entry_id].add(name)
    assert {frozenset(names) for names in together.values() if len(names) > 1} == pairs
    assert len(facts.entries) == len(known) - len(pairs)
    assert bool(pairs) == (scenario == "messy")
    assert {m.matched_by for m in facts.entry_matches} <= {"itself", "corporate_number", "domain", "name_and_phone"}


def test_every_activity_is_found(told):
    _, world, facts, *_ = told
    true = Counter(a.kind for a in world.activities if a.occurred_on <= world.as_of and a.kind != "approach")
    assert Counter(a.kind for a in facts.activities if a.kind != "approach") == true


def test_nothing_of_the_sandbox_goes_unmapped(told):
    _, _, facts, *_ = told
    unknown = (
        IssueKind.UNMAPPED_VALUE,
        IssueKind.RECORD_UNMATCHED,
        IssueKind.ENTRY_WITHOUT_PARTNER,
        IssueKind.STAGE_UNDATED,
    )
    assert [issue for issue in facts.issues if issue.kind in unknown] == []


def test_the_partner_sourced_share_is_of_all_deals(told):
    _, world, facts, found, *_ = told
    others = [d for d in world.other_deals if d.created_on <= world.as_of]
    counted = Counter(deal.partner_sourced for deal in facts.deals_all_channels)
    assert counted[False] == len(others)
    assert counted[True] == sum("deal" in first(steps) for steps in found.values())
    won = Counter(deal.partner_sourced for deal in facts.deals_all_channels if deal.won)
    assert won[False] == sum(d.won is True for d in others) > 0
    assert won[True] == sum("won" in first(steps) for steps in found.values()) > 0
    assert None not in {deal.won for deal in facts.deals_all_channels}
