"""From records to facts: the small world of two CRMs, read by the sandbox's mapping."""

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.presets.texts import mapping_text
from models.vocabulary import Milestone, RecordRef, Willingness
from sync.mapping.derive import derive
from sync.mapping.facts import IssueKind
from sync.mapping.loading import load_mapping
from tests.fake_mirror import FakeMirror
from tests.mapping_world import (
    DEAL,
    ENTRY,
    NUMBERS,
    OPPORTUNITY,
    account,
    company,
    deal,
    entry,
    jst,
    preset,
    preset_text,
    small_world,
)  # fmt: skip

MAPPING = preset()
E1, E2 = (RecordRef("salesforce", "AttackListEntry__c", name) for name in ("E1", "E2"))


def events_of(facts, ref):
    entry_id = next(e.entry_id for e in facts.entries if e.source == ref)
    found = [(e.milestone.value, e.occurred_on) for e in facts.events if e.entry_id == entry_id]
    return sorted(found, key=lambda pair: (pair[1], list(Milestone).index(Milestone(pair[0]))))


def issues(facts, kind):
    return [(i.rule, i.field, i.value, i.count) for i in facts.issues if i.kind is kind]


def test_an_entry_reaches_its_milestones_by_field_stage_activity_and_linked_record():
    assert events_of(derive(MAPPING, small_world()), E1) == [
        ("listed", date(2026, 1, 5)),
        ("requested", date(2026, 1, 9)),  # the field says the 9th, the history the 10th
        ("agreed", date(2026, 1, 12)),  # the field is empty: the history dates it
        ("executed", date(2026, 1, 15)),
        ("deal", date(2026, 1, 20)),
        ("won", date(2026, 3, 1)),
    ]


def test_every_event_carries_its_rule_its_record_its_change_and_the_crms_stamp():
    facts = derive(MAPPING, small_world())
    found = {
        e.milestone.value: e
        for e in facts.events
        if e.entry_id == next(x.entry_id for x in facts.entries if x.source == E1)
    }
    assert found["requested"].rule == "entries[0].milestones.requested"
    assert found["requested"].source_change_id == "RequestedOn__c"
    assert found["requested"].stamped_at == jst("2026-01-10")
    assert (found["agreed"].source, found["agreed"].source_change_id) == (E1, "h2")
    assert found["executed"].source == RecordRef("salesforce", "Task", "T1")
    assert found["won"].source == RecordRef("salesforce", "Opportunity", "O1")
    assert found["listed"].stamped_at == jst("2026-01-05")


def test_a_lost_entry_says_why():
    facts = derive(MAPPING, small_world())
    (lost,) = [e for e in facts.events if e.milestone is Milestone.LOST]
    assert (lost.occurred_on, lost.reason, lost.stamped_at) == (date(2026, 2, 1), "budget", jst("2026-02-02"))


def test_a_company_in_both_crms_is_one_partner_with_both_records():
    facts = derive(MAPPING, small_world())
    both = next(p for p in facts.partners if len(p.sources) == 2)
    assert [str(ref) for ref in both.sources] == ["hubspot.companies/501", "salesforce.Account/A1"]
    assert both.name == "Partner A1"
    assert {m.matched_by for m in facts.matches if m.partner_id == both.partner_id} == {"corporate_number"}
    assert {m.matched_by for m in facts.matches if m.partner_id != both.partner_id} == {"itself"}


def test_types_follow_industry_and_size_and_the_first_that_fits():
    mirror = FakeMirror()
    for record, industry, employees in (
        ("1", "consulting", 50), ("2", "consulting", 49), ("3", "real_estate", 400), ("4", "restaurant_services", None),
        ("5", "Retail", 10), ("6", "consulting", None),
    ):  # fmt: skip
        account(mirror, record, Industry=industry, NumberOfEmployees=employees)
    facts = derive(MAPPING, mirror)
    types = {p.sources[0].id: p.type for p in facts.partners}
    assert types == {"1": "growth1", "2": "growth2", "3": "growth2", "4": "legacy", "5": "unclassified", "6": "growth2"}
    assert issues(facts, IssueKind.UNMAPPED_VALUE) == [("partners[0].attributes.industry", "Industry", "Retail", 1)]


def test_willingness_is_a_known_word_or_reported():
    mirror = FakeMirror()
    account(mirror, "1", AttackListWillingness__c="refused")
    account(mirror, "2", AttackListWillingness__c="maybe")
    account(mirror, "3", AttackListWillingness__c=None)
    facts = derive(MAPPING, mirror)
    assert {p.sources[0].id: p.willingness for p in facts.partners} == {
        "1": Willingness.REFUSED, "2": Willingness.UNKNOWN, "3": Willingness.UNKNOWN,
    }  # fmt: skip
    assert issues(facts, IssueKind.UNMAPPED_VALUE) == [
        ("partners[0].attributes.willingness", "AttackListWillingness__c", "maybe", 1)
    ]


def test_a_value_may_be_called_otherwise_in_the_crm():
    text = preset_text().replace(
        "willingness: AttackListWillingness__c",
        "willingness: {field: AttackListWillingness__c, values: {口頭OK: verbal_yes}}",
    )
    mirror = FakeMirror()
    account(mirror, "1", AttackListWillingness__c="口頭OK")
    assert derive(load_mapping(text), mirror).partners[0].willingness is Willingness.VERBAL_YES


def test_a_stage_entered_twice_is_two_events_and_only_the_first_is_dated_by_the_field():
    mirror = FakeMirror()
    account(mirror, "A1")
    entry(mirror, "E1", "A1", "Requested", RequestedOn__c=date(2026, 1, 9))
    for n, (old, new) in enumerate([("Listed", "Requested"), ("Requested", "Listed"), ("Listed", "Requested")]):
        mirror.changed(ENTRY, "E1", "Status__c", jst(f"2026-01-{10 + 5 * n}"), old, new)
    assert events_of(derive(MAPPING, mirror), E1) == [
        ("listed", date(2026, 1, 5)), ("requested", date(2026, 1, 9)), ("listed", date(2026, 1, 15)), ("requested", date(2026, 1, 20)),
    ]  # fmt: skip


def test_a_history_that_comes_later_changes_nothing_but_the_stamp():
    mirror = FakeMirror()
    account(mirror, "A1")
    entry(mirror, "E1", "A1", "Requested", RequestedOn__c=date(2026, 1, 9))
    before = derive(MAPPING, mirror)
    mirror.changed(ENTRY, "E1", "Status__c", jst("2026-01-10"), "Listed", "Requested")
    after = derive(MAPPING, mirror)
    assert {e.event_id for e in before.events} <= {e.event_id for e in after.events}


def test_a_day_is_a_day_of_the_mappings_time_zone():
    mirror = FakeMirror()
    account(mirror, "A1")
    entry(mirror, "E1", "A1", "Agreed", ListedOn__c=None)
    mirror.changed(ENTRY, "E1", "Status__c", datetime(2026, 1, 11, 15, 0, tzinfo=UTC), "Listed", "Agreed")
    assert events_of(derive(MAPPING, mirror), E1) == [("listed", date(2026, 1, 5)), ("agreed", date(2026, 1, 12))]


def test_a_stage_that_nothing_dates_is_reported_not_guessed():
    mapping = load_mapping(preset_text().replace("  salesforce: CreatedDate\n", ""))
    mirror = FakeMirror()
    account(mirror, "A1")
    entry(mirror, "E1", "A1", "Agreed", ListedOn__c=None)
    facts = derive(mapping, mirror)
    assert not facts.events
    assert issues(facts, IssueKind.STAGE_UNDATED) == [("entries[0].milestones.agreed", "Status__c", "", 1)]


def test_stages_dated_by_the_records_making_are_reported_where_no_history_is_kept():
    mirror = FakeMirror()
    account(mirror, "A1")
    entry(mirror, "E1", "A1", "Agreed")
    facts = derive(MAPPING, mirror)
    assert ("agreed", date(2026, 1, 5)) in events_of(facts, E1)
    assert issues(facts, IssueKind.HISTORY_MISSING) == [("entries[0].milestones.agreed", "Status__c", "", 1)]


def test_a_stage_that_no_rule_names_is_counted_by_value():
    mirror = small_world()
    entry(mirror, "E9", "A2", "On hold")
    mirror.changed(ENTRY, "E9", "Status__c", jst("2026-02-01"), "Parked", "On hold")
    assert issues(derive(MAPPING, mirror), IssueKind.UNMAPPED_VALUE) == [
        ("entries[0].milestones", "Status__c", "On hold", 1), ("entries[0].milestones", "Status__c", "Parked", 1),
    ]  # fmt: skip
    assert not issues(derive(MAPPING, small_world()), IssueKind.UNMAPPED_VALUE)


def test_an_entry_without_partner_or_with_several_is_an_issue_and_no_entry():
    mirror = FakeMirror()
    account(mirror, "A1")
    company(mirror, "501")
    company(mirror, "502")
    entry(mirror, "E1", "X9")
    entry(mirror, "E2", None)
    deal(mirror, "701", "501")
    mirror.link(DEAL, "701", "companies", "502", "partner")
    deal(mirror, "702", "501")
    mirror.link(DEAL, "702", "companies", "502", "target")
    facts = derive(MAPPING, mirror)
    assert [e.source.id for e in facts.entries] == ["702"]
    assert issues(facts, IssueKind.ENTRY_WITHOUT_PARTNER) == [("entries[0].partner", "Partner__c", "", 2)]
    assert issues(facts, IssueKind.ENTRY_SEVERAL_PARTNERS) == [("entries[1].partner", "companies", "", 1)]
    (issue,) = [i for i in facts.issues if i.kind is IssueKind.ENTRY_WITHOUT_PARTNER]
    assert [str(ref) for ref in issue.examples] == [
        "salesforce.AttackListEntry__c/E1",
        "salesforce.AttackListEntry__c/E2",
    ]


def test_activities_belong_to_partners_and_what_belongs_to_nobody_is_counted():
    mirror = small_world()
    mirror.put("salesforce.Event", "V2", Subject="定例", WhatId="X1", ActivityDate=date(2026, 1, 8))
    mirror.put("salesforce.Event", "V3", Subject="昼食", WhatId="A1", ActivityDate=date(2026, 1, 8))
    mirror.put("salesforce.Event", "V4", Subject="会食", WhatId="A1", ActivityDate=None)
    facts = derive(MAPPING, mirror)
    assert sorted((a.kind, a.occurred_on) for a in facts.activities) == [
        ("approach", date(2026, 1, 15)), ("co_visit", date(2026, 1, 8)), ("regular_meeting", date(2026, 1, 7)),
    ]  # fmt: skip
    assert issues(facts, IssueKind.ACTIVITY_WITHOUT_PARTNER) == [("activities[0]", "", "", 1)]
    assert issues(facts, IssueKind.RECORD_UNMATCHED) == [("activities from salesforce.Event", "", "", 1)]
    assert issues(facts, IssueKind.DATE_UNREADABLE) == [("activities[3].at", "ActivityDate", "", 1)]


def test_a_session_with_two_partners_is_an_activity_with_each():
    mirror = small_world()
    company(mirror, "502")
    mirror.link("hubspot.meetings", "M1", "companies", "502")
    found = [a for a in derive(MAPPING, mirror).activities if a.kind == "co_visit"]
    assert len({a.partner_id for a in found}) == len({a.activity_id for a in found}) == 2


def test_a_deleted_record_says_nothing():
    mirror = small_world()
    mirror.delete("salesforce.Task", "T1")
    mirror.delete(OPPORTUNITY, "O1")
    mirror.delete(ENTRY, "E2")
    facts = derive(MAPPING, mirror)
    assert [name for name, _ in events_of(facts, E1)] == ["listed", "requested", "agreed"]
    assert all(e.source != E2 for e in facts.entries)
    assert Counter(i.kind for i in facts.issues)[IssueKind.LINK_MISSING] == 2


def test_deals_of_all_channels_are_counted_once_each_with_their_source():
    mirror = small_world()
    mirror.put(OPPORTUNITY, "O2", CreatedDate=jst("2026-02-01"), LeadSource="Web")
    deal(mirror, "702", "501", "1007", deal_on=date(2026, 2, 3), deal_source="partner")
    mirror.put(DEAL, "703", pipeline="default", createdate=jst("2026-02-04"), deal_source="event")
    found = [(d.occurred_on, d.partner_sourced, d.source.id) for d in derive(MAPPING, mirror).deals_all_channels]
    assert found == [
        (date(2026, 1, 20), True, "O1"), (date(2026, 2, 1), False, "O2"),
        (date(2026, 2, 3), True, "702"), (date(2026, 2, 4), False, "703"),
    ]  # fmt: skip


def test_a_deal_is_won_by_the_condition_of_its_own_rule_and_neither_where_it_says_none():
    mirror = small_world()
    mirror.put(OPPORTUNITY, "O2", CreatedDate=jst("2026-02-01"), LeadSource="Web", IsWon=True)
    mirror.put(OPPORTUNITY, "O3", CreatedDate=jst("2026-02-02"), LeadSource="Web", IsWon=False)
    deal(mirror, "702", "501", "1006", deal_on=date(2026, 2, 3), deal_source="partner")
    mirror.put(DEAL, "703", pipeline="default", createdate=jst("2026-02-04"), deal_source="event", dealstage="1006")
    mirror.put(DEAL, "704", pipeline="default", createdate=jst("2026-02-05"), dealstage="closedwon")

    def won(text):
        return {d.source.id: d.won for d in derive(load_mapping(text), mirror).deals_all_channels}

    assert won(preset_text()) == {"O1": False, "O2": True, "O3": False, "702": True, "703": False, "704": True}
    silent = preset_text().replace(", won: {IsWon: true}", "")
    assert won(silent) == {"O1": None, "O2": None, "O3": None, "702": True, "703": False, "704": True}
    linked = preset_text().replace("won: {IsWon: true}", "won: {related: {by: AccountId, where: {Type: Customer}}}")
    account = mirror.put("salesforce.Account", "A8", Type="Customer", Name="x")
    account.put(OPPORTUNITY, "O4", CreatedDate=jst("2026-02-06"), AccountId="A8")
    assert won(linked)["O4"] is True


def test_where_no_field_says_when_the_list_came_the_newest_listed_does():
    text = (
        preset_text()
        .replace("      submitted_on: AttackListSubmittedOn__c\n", "")
        .replace("      submitted_on: attack_list_submitted_on\n", "")
    )
    mirror = small_world()
    assert {p.submitted_on for p in derive(MAPPING, mirror).partners} == {None}
    assert {p.submitted_on for p in derive(load_mapping(text), mirror).partners} == {date(2026, 1, 5), date(2026, 1, 6)}


def test_a_partner_s_contract_ends_with_the_newest_day_that_its_records_say():
    text = preset_text().replace(
        "joined_on: PartnerSince__c", "joined_on: PartnerSince__c\n      ended_on: Ended__c", 1
    )
    mirror = FakeMirror()
    number = NUMBERS[0]
    account(mirror, "A1", Ended__c=date(2026, 3, 31), CorporateNumber__c=number)
    account(mirror, "A2", Ended__c=date(2027, 3, 31), CorporateNumber__c=number)
    account(mirror, "A3")
    partners = derive(load_mapping(text), mirror).partners
    assert {len(p.sources): p.ended_on for p in partners} == {2: date(2027, 3, 31), 1: None}
    assert {p.ended_on for p in derive(MAPPING, mirror).partners} == {None}


@pytest.mark.parametrize(
    ("stated", "day"),
    [(date(2026, 2, 1), date(2026, 3, 1)), (None, date(2026, 3, 1)), (date(2026, 4, 1), date(2026, 4, 1))],
)
def test_an_imported_list_was_handed_in_too_whatever_the_crms_field_still_says(stated, day):
    mirror = FakeMirror()
    account(mirror, "A1", AttackListSubmittedOn__c=stated)
    account(mirror, "A2", AttackListSubmittedOn__c=stated)
    entry(mirror, "E1", "A1", "Listed", ListedOn__c=date(2026, 6, 1))  # a rep's own entry is no list
    for n, on in enumerate([date(2026, 2, 20), date(2026, 3, 1)]):
        mirror.put("lists.row", f"r{n}", partner="salesforce.Account/A1", name=f"店{n}", listed_on=on)
    found = {p.sources[0].id: p.submitted_on for p in derive(MAPPING, mirror).partners}
    assert found == {"A1": day, "A2": stated}


def test_a_target_is_kept_by_its_marks():
    (target,) = {e.target for e in derive(MAPPING, small_world()).entries if e.source == E1}
    assert (target.name, target.domain, target.phone) == ("株式会社 青空", "aozora.example", None)


@given(st.integers(0, 2**32))
@settings(max_examples=25)
def test_the_order_of_rows_does_not_matter(seed):
    assert derive(MAPPING, small_world().shuffled(seed)) == derive(MAPPING, small_world())


def test_a_linked_object_is_found_by_the_fields_name_where_it_is_not_named():
    text = preset_text().replace("linked: Opportunity__c, object: Opportunity, at", "linked: Opportunity__c, at")
    assert derive(load_mapping(text), small_world()).events == derive(MAPPING, small_world()).events


def test_a_linked_record_may_be_found_by_association():
    text = preset_text().replace(
        'deal: {enters: {dealstage: "1005"}, at: deal_on}',
        "deal: {linked: {association: meetings}, at: hs_meeting_start_time}",
    )
    mirror = small_world()
    mirror.link(DEAL, "701", "meetings", "M1")
    facts = derive(load_mapping(text), mirror)
    assert ("deal", date(2026, 1, 8)) in events_of(facts, RecordRef("hubspot", "deals", "701"))


# --- links that go on through a record in between -------------------------------------------------------------------------

CAMPAIGN = load_mapping(mapping_text("salesforce-campaign"))


def campaign_world() -> FakeMirror:
    mirror = FakeMirror()
    account(mirror, "A1")
    mirror.put("salesforce.Campaign", "C1", Partner__c="A1")
    mirror.put("salesforce.Campaign", "C2", Partner__c=None)
    mirror.put("salesforce.Campaign", "C3", Partner__c="X9")
    mirror.put("salesforce.Lead", "L1", ConvertedOpportunityId="O1")
    mirror.put("salesforce.Lead", "L2", ConvertedOpportunityId=None)
    mirror.put(OPPORTUNITY, "O1", CreatedDate=jst("2026-02-01"), StageName="Prospecting", LeadSource="Partner")
    for member, campaign, lead in (("M1", "C1", "L1"), ("M2", "C1", "L2"), ("M3", "C2", "L2"), ("M4", "C3", "L2")):
        mirror.put(
            "salesforce.CampaignMember", member, CampaignId=campaign, LeadId=lead, Status="Listed", ListedOn__c=date(2026, 1, 5), CompanyOrAccount=member,
        )  # fmt: skip
    return mirror


def test_a_member_belongs_to_the_partner_of_its_campaign_and_becomes_the_deal_of_its_lead():
    facts = derive(CAMPAIGN, campaign_world())
    member = RecordRef("salesforce", "CampaignMember", "M1")
    assert sorted(e.source.id for e in facts.entries) == ["M1", "M2"]
    assert events_of(facts, member) == [("listed", date(2026, 1, 5)), ("deal", date(2026, 2, 1))]
    assert issues(facts, IssueKind.ENTRY_WITHOUT_PARTNER) == [("entries[0].partner", "CampaignId", "", 1)]
    assert issues(facts, IssueKind.LINK_MISSING) == []


def test_a_record_in_between_that_is_deleted_leads_nowhere():
    mirror = campaign_world()
    mirror.delete("salesforce.Lead", "L1")
    mirror.delete("salesforce.Campaign", "C1")
    facts = derive(CAMPAIGN, mirror)
    assert facts.entries == ()
    assert derive(CAMPAIGN, campaign_world().shuffled(3)) == derive(CAMPAIGN, campaign_world())


# --- partners across CRMs ---------------------------------------------------------------------------------------------


def test_a_domain_joins_where_a_number_is_missing():
    mirror = FakeMirror()
    account(mirror, "A1", CorporateNumber__c=NUMBERS[0], Website="https://www.one.example/")
    company(mirror, "501", domain="one.example")
    facts = derive(MAPPING, mirror)
    assert len(facts.partners) == 1
    assert {m.matched_by for m in facts.matches} == {"domain"}


def test_a_domain_shared_by_two_numbers_joins_nothing_and_is_listed():
    mirror = FakeMirror()
    account(mirror, "A1", CorporateNumber__c=NUMBERS[0], Website="group.example")
    account(mirror, "A2", CorporateNumber__c=NUMBERS[1], Website="group.example")
    company(mirror, "501", domain="group.example")
    facts = derive(MAPPING, mirror)
    assert len(facts.partners) == 3
    assert issues(facts, IssueKind.PARTNER_AMBIGUOUS) == [("partners", "domain", "group.example", 3)]


def test_a_wrong_corporate_number_joins_nothing_and_is_counted():
    mirror = FakeMirror()
    account(mirror, "A1", CorporateNumber__c="8000012050002")
    company(mirror, "501", corporate_number="8000012050002")
    facts = derive(MAPPING, mirror)
    assert len(facts.partners) == 2
    assert sum(i.count for i in facts.issues if i.kind is IssueKind.CORPORATE_NUMBER_INVALID) == 2


def test_a_merge_keeps_the_partners_name_and_what_still_points_at_the_old_record():
    mirror = FakeMirror()
    account(mirror, "A1")
    account(mirror, "A2")
    entry(mirror, "E1", "A1")
    before = derive(MAPPING, mirror)
    mirror.delete("salesforce.Account", "A1", merged_into="A2")
    after = derive(MAPPING, mirror)
    (partner,) = after.partners
    assert [ref.id for ref in partner.sources] == ["A2"]
    assert after.entries == before.entries
    assert partner.partner_id == before.entries[0].partner_id


def test_records_that_disagree_give_the_first_rules_word_and_are_listed():
    mirror = FakeMirror()
    account(mirror, "A1", CorporateNumber__c=NUMBERS[0], Industry="real_estate")
    company(mirror, "501", corporate_number=NUMBERS[0], partner_industry="consulting")
    facts = derive(MAPPING, mirror)
    assert facts.partners[0].attributes["industry"] == "real_estate"
    assert issues(facts, IssueKind.ATTRIBUTES_DIFFER) == [("partners[1].attributes.industry", "industry", "", 1)]


def test_a_partner_twice_in_one_object_is_one_partner_and_listed():
    mirror = FakeMirror()
    account(mirror, "A1", CorporateNumber__c=NUMBERS[0])
    account(mirror, "A2", CorporateNumber__c=NUMBERS[0])
    facts = derive(MAPPING, mirror)
    assert len(facts.partners) == 1
    assert issues(facts, IssueKind.PARTNER_DUPLICATE) == [("partners", "", "", 2)]


MARKS = st.tuples(st.sampled_from([None, *NUMBERS[:2]]), st.sampled_from([None, "a.example", "b.example", "c.example"]))


@given(st.lists(st.tuples(st.booleans(), MARKS), max_size=7), st.integers(0, 2**32))
@settings(max_examples=60)
def test_matching_is_an_equivalence_that_never_joins_two_numbers(records, seed):
    mirror = FakeMirror()
    for n, (in_salesforce, (number, web)) in enumerate(records):
        if in_salesforce:
            account(mirror, f"A{n}", CorporateNumber__c=number, Website=web)
        else:
            company(mirror, f"5{n}", corporate_number=number, domain=web)
    facts = derive(MAPPING, mirror)
    assert derive(MAPPING, mirror.shuffled(seed)) == facts
    matched = [ref for partner in facts.partners for ref in partner.sources]
    assert len(matched) == len(set(matched)) == len(records)
    numbers = dict(_numbers(records))
    for partner in facts.partners:
        assert len({numbers[ref.id] for ref in partner.sources} - {None}) <= 1
    for number in NUMBERS[:2]:
        holders = [partner for partner in facts.partners if any(numbers[ref.id] == number for ref in partner.sources)]
        assert len(holders) <= 1


def _numbers(records):
    for n, (in_salesforce, (number, _)) in enumerate(records):
        yield (f"A{n}" if in_salesforce else f"5{n}"), number


# --- speed --------------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(60)
def test_ten_thousand_entries_become_thirty_thousand_events():
    mirror = FakeMirror()
    chance = random.Random(7)
    for n in range(100):
        account(mirror, f"A{n}")
    for n in range(10_000):
        entry(mirror, f"E{n}", f"A{chance.randrange(100)}", "Agreed", RequestedOn__c=date(2026, 1, 9))
        mirror.changed(ENTRY, f"E{n}", "Status__c", jst("2026-01-10"), "Listed", "Requested")
        mirror.changed(ENTRY, f"E{n}", "Status__c", jst("2026-01-12"), "Requested", "Agreed")
    assert len(derive(MAPPING, mirror).events) == 30_000


def test_facts_of_equal_records_are_equal_and_of_others_are_not():
    one, other = derive(MAPPING, small_world()), derive(MAPPING, small_world())
    assert one == other
    assert replace(one, events=()) != other
