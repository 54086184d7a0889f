"""What a mapping covers: every value that a rule reads, what it means, and what it contradicts."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.vocabulary import RecordRef
from sync.mapping.contradictions import contradictions, listed_twice
from sync.mapping.coverage import coverage
from sync.mapping.derive import derive
from sync.mapping.facts import IssueKind
from sync.mapping.linkage import linkage
from sync.mapping.loading import load_mapping
from sync.mapping.matching import Decision
from tests.fake_mirror import FakeMirror
from tests.mapping_world import account, company, deal, entry, jst, preset, preset_text, small_world

MAPPING = preset()
TODAY = date(2026, 6, 1)


def values(found, connection, name, field):
    of = next(f for f in found.fields if (f.connection, f.object, f.field) == (connection, name, field))
    return {v.value: (v.records, v.mapped_to, v.unmapped) for v in of.values}


def taken(found, part):
    return {(t.object, t.rule): t.records for t in found.taken if t.part == part}


def world() -> FakeMirror:
    mirror = small_world()
    account(mirror, "A3", Industry="Retail", NumberOfEmployees=30)
    entry(mirror, "E3", "A3", "On hold")
    entry(mirror, "E4", "A3", None)
    entry(mirror, "E5", "A3", "Executed")
    mirror.put("hubspot.deals", "790", pipeline="default", dealstage="9001", createdate=jst("2026-02-01"))
    mirror.put("salesforce.Event", "V9", Subject="昼食", WhatId="A1", ActivityDate=date(2026, 1, 8))
    return mirror


def test_every_value_of_a_stage_is_counted_with_what_it_means():
    assert values(coverage(MAPPING, world()), "salesforce", "AttackListEntry__c", "Status__c") == {
        "": (1, (), False),
        "Deal": (1, ("ignored",), False),
        "Declined": (1, ("lost",), False),
        "Executed": (1, ("ignored",), False),
        "On hold": (1, (), True),
    }


def test_a_stage_counts_only_where_the_rule_takes_the_record():
    found = coverage(MAPPING, world())
    assert values(found, "hubspot", "deals", "dealstage") == {
        "1002": (1, ("requested",), False), "9001": (1, (), False),
    }  # fmt: skip
    assert values(found, "hubspot", "deals", "pipeline") == {
        "partner": (1, ("entries[1]",), False),
        "default": (1, ("deals_all_channels[2]",), False),
    }


def test_an_attribute_is_counted_with_the_types_it_leads_to():
    found = coverage(MAPPING, world())
    assert values(found, "salesforce", "Account", "Industry") == {
        "Retail": (1, (), True),
        "consulting": (1, ("growth1", "growth2"), False),
        "restaurant_services": (1, ("legacy",), False),
    }
    assert values(found, "salesforce", "Account", "NumberOfEmployees") == {
        "": (1, (), False), "0 to 49": (1, ("small",), False), "50 to 299": (1, ("medium",), False),
    }  # fmt: skip
    assert values(found, "salesforce", "Account", "AttackListWillingness__c") == {
        "verbal_yes": (3, ("verbal_yes",), False)
    }


def test_who_takes_which_record_is_counted_and_what_nobody_takes():
    found = coverage(MAPPING, world())
    assert taken(found, "partners") == {
        ("Account", "partners[0]"): 3, ("Account", ""): 1, ("companies", "partners[1]"): 1,
    }  # fmt: skip
    assert taken(found, "activities")["Event", ""] == 1
    assert taken(found, "activities")["Event", "activities[0]"] == 1
    assert values(found, "salesforce", "Account", "Type") == {
        "Channel Partner / Reseller": (3, ("partners[0]",), False), "Customer": (1, (), False),
    }  # fmt: skip
    assert values(found, "salesforce", "Event", "Subject")["昼食"] == (1, (), False)


def test_a_linked_stage_and_the_channel_of_a_deal_are_counted():
    mirror = world().put(
        "salesforce.Opportunity", "O2", StageName="Won", LeadSource="Web", CreatedDate=jst("2026-02-01")
    )
    found = coverage(MAPPING, mirror)
    assert values(found, "salesforce", "Opportunity", "StageName") == {
        "Closed Won": (1, ("won",), False), "Won": (1, (), False),
    }  # fmt: skip
    assert values(found, "salesforce", "Opportunity", "LeadSource") == {
        "Partner": (1, ("partner-sourced",), False), "Web": (1, ("other channels",), False),
    }  # fmt: skip


def test_what_makes_a_deal_won_is_counted_with_what_does_not():
    mirror = world()
    for name, stage in (("791", "closedwon"), ("792", "closedlost")):
        mirror.put("hubspot.deals", name, pipeline="default", dealstage=stage, createdate=jst("2026-02-01"))
    for name, won in (("O2", True), ("O3", False)):
        mirror.put("salesforce.Opportunity", name, IsWon=won, LeadSource="Web", CreatedDate=jst("2026-02-01"))
    found = coverage(MAPPING, mirror)
    assert values(found, "hubspot", "deals", "dealstage")["closedwon"] == (1, ("won deal",), False)
    assert values(found, "hubspot", "deals", "dealstage")["closedlost"] == (1, (), False)
    of_won = values(found, "salesforce", "Opportunity", "IsWon")
    assert of_won["true"] == (1, ("won deal",), False)
    assert of_won["false"] == (1, (), False)
    (field,) = (f for f in found.fields if f.field == "IsWon")
    assert field.read_by == ("deals_all_channels[0].IsWon",)


def test_every_field_that_a_rule_reads_is_there_with_how_far_it_is_filled():
    found = coverage(MAPPING, world())
    by_field = {(f.connection, f.object, f.field): f for f in found.fields}
    listed = by_field["salesforce", "AttackListEntry__c", "ListedOn__c"]
    assert (listed.records, listed.filled, listed.lowest, listed.highest) == (5, 5, "2026-01-05", "2026-01-05")
    assert listed.read_by == ("entries[0].milestones.listed",)
    name = by_field["salesforce", "Account", "Name"]
    assert (name.filled, name.lowest, name.values) == (4, "", ())


def test_unmapped_values_come_first_by_how_many_records_hold_them():
    mirror = world()
    for n in range(3):
        entry(mirror, f"E2{n}", "A1", "Parked")
    found = [(of.field, v.value, v.records, v.example) for of, v in coverage(MAPPING, mirror).unmapped]
    assert found == [
        ("Status__c", "Parked", 3, "E20"),
        ("Industry", "Retail", 1, "A3"),
        ("Status__c", "On hold", 1, "E3"),
    ]


def test_conditions_on_linked_records_count_record_by_record():
    where = "where: {related: {by: {association: companies, label: partner}, where: {partner_flag: true}}}"
    mapping = load_mapping(preset_text().replace("where: {pipeline: partner}\n", f"{where}\n"))
    mirror = world()
    mirror.link("hubspot.deals", "790", "companies", "501", "other")
    assert taken(coverage(mapping, mirror), "entries")["deals", "entries[1]"] == 1


def test_a_label_that_no_link_bears_is_told_beside_those_that_links_bear():
    mapping = load_mapping(preset_text().replace("label: partner}", "label: partnr}"))
    mirror = world()
    mirror.link("hubspot.deals", "701", "companies", "501")
    found = {(link.label, link.links, link.followed_by) for link in linkage(mapping, mirror) if link.object == "deals"}
    assert found == {("", 1, ()), ("partner", 1, ()), ("partnr", 0, ("entries[1].partner",))}
    (right,) = [link for link in linkage(MAPPING, mirror) if link.object == "deals" and link.followed_by]
    assert (right.label, right.links, right.followed_by) == ("partner", 1, ("entries[1].partner",))


STAGES = st.sampled_from(["Listed", "Requested", "On hold", "Parked", "Declined", None])


@given(st.lists(STAGES, max_size=12), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_coverage_and_mapping_agree_on_what_is_unmapped_whatever_the_order(stages, seed):
    mirror = FakeMirror()
    account(mirror, "A1")
    for n, stage in enumerate(stages):
        entry(mirror, f"E{n}", "A1", stage)
    said = {
        i.value: i.count
        for i in derive(MAPPING, mirror).issues
        if i.kind is IssueKind.UNMAPPED_VALUE and i.field == "Status__c"
    }
    found = coverage(MAPPING, mirror.shuffled(seed))
    assert {v.value: v.records for of, v in found.unmapped if of.field == "Status__c"} == said
    assert found == coverage(MAPPING, mirror)


# --- what contradicts itself ----------------------------------------------------------------------------------------------


def ref(record):
    return RecordRef("salesforce", "AttackListEntry__c", record)


def test_milestones_in_an_order_that_cannot_be_and_days_to_come_are_listed():
    mirror = FakeMirror()
    account(mirror, "A1")
    entry(
        mirror,
        "E1",
        "A1",
        "Agreed",
        ListedOn__c=date(2026, 3, 1),
        RequestedOn__c=date(2026, 2, 1),
        AgreedOn__c=date(2026, 3, 5),
    )
    entry(mirror, "E2", "A1", "Requested", ListedOn__c=date(2026, 3, 3), RequestedOn__c=date(2026, 3, 1))
    entry(mirror, "E3", "A1", "Declined", ListedOn__c=date(2026, 3, 1), DeclinedOn__c=date(2026, 1, 1))
    entry(mirror, "E4", "A1", "Listed", ListedOn__c=TODAY + timedelta(1))
    found = [
        (c.entry.id, c.milestone.value, c.than and c.than.value) for c in contradictions(derive(MAPPING, mirror), TODAY)
    ]
    assert sorted(found) == [("E1", "requested", "listed"), ("E3", "lost", "listed"), ("E4", "listed", None)]


def test_one_target_twice_on_one_partners_list_is_listed_unless_it_was_lost_between():
    mirror = FakeMirror()
    account(mirror, "A1")
    account(mirror, "A2")
    entry(mirror, "E1", "A1", ListedOn__c=date(2026, 1, 5))
    entry(mirror, "E2", "A1", ListedOn__c=date(2026, 1, 6))
    entry(mirror, "E3", "A2", ListedOn__c=date(2026, 1, 6))
    for record, day in (("E4", 1), ("E5", 20)):
        entry(
            mirror,
            record,
            "A2",
            "Declined",
            TargetWebsite__c=None,
            TargetName__c="株式会社　ｱｵ",
            ListedOn__c=date(2026, 2, day),
            DeclinedOn__c=date(2026, 2, day + 3),
        )
    entry(mirror, "E6", "A2", TargetWebsite__c=None, TargetName__c="株式会社 アオ", ListedOn__c=date(2026, 2, 21))
    found = [(twice.by, twice.entries) for twice in listed_twice(derive(MAPPING, mirror))]
    assert sorted(found) == [("domain", (ref("E1"), ref("E2"))), ("name", (ref("E5"), ref("E6")))]


def test_what_stands_twice_is_told_by_the_marks_and_decisions_that_tell_which_partners_are_one():
    mirror = FakeMirror()
    account(mirror, "A1")
    nameless = {"TargetWebsite__c": None, "ListedOn__c": date(2026, 1, 5)}
    entry(mirror, "E1", "A1", TargetName__c="㈱青葉", TargetPhone__c="03-1234-5678", **nameless)
    entry(mirror, "E2", "A1", TargetName__c="青葉 株式会社", TargetPhone__c="０３（１２３４）５６７８", **nameless)
    entry(mirror, "E3", "A1", TargetName__c="青葉", TargetPhone__c="06-9999-0000", **nameless)  # a name alone
    entry(mirror, "E4", "A1", TargetName__c="若葉食堂", **nameless)
    entry(mirror, "E5", "A1", TargetName__c="わかば亭", **nameless)
    facts = derive(MAPPING, mirror)
    first, second, third, fourth, fifth = (ref(f"E{n}") for n in range(1, 6))
    by_phone, by_name = ("name_and_phone", (first, second)), ("name", (first, second, third))
    assert [(t.by, t.entries) for t in listed_twice(facts)] == sorted([by_phone, by_name])
    decided = [
        Decision(first, third, same=False),
        Decision(second, third, same=False),
        Decision(fourth, fifth, same=True),
    ]
    assert [(t.by, t.entries) for t in listed_twice(facts, decided)] == [("decision", (fourth, fifth)), by_phone]


def test_nothing_in_a_world_in_order_contradicts_itself():
    mirror = small_world()
    company(mirror, "502")
    deal(mirror, "702", "502", target_domain="other.example", listed_on=date(2026, 1, 6))
    facts = derive(MAPPING, mirror)
    assert list(contradictions(facts, TODAY)) == list(listed_twice(facts)) == []


def test_a_field_that_only_has_to_be_filled_is_not_listed_value_by_value():
    mapping = load_mapping(preset_text().replace("    partner: Partner__c\n", "    where: {Partner__c: {empty: false}}\n    partner: Partner__c\n"))  # fmt: skip
    mirror = world()
    entry(mirror, "E30", None)
    assert values(coverage(mapping, mirror), "salesforce", "AttackListEntry__c", "Partner__c") == {
        "(filled)": (5, ("entries[0]",), False), "": (1, (), False),
    }  # fmt: skip


@pytest.mark.timeout(30)
def test_twenty_thousand_distinct_subjects_do_not_fill_the_memory():
    mirror = FakeMirror()
    for n in range(20_000):
        mirror.put("salesforce.Event", f"V{n}", Subject=f"訪問 {n}", WhatId="A1", ActivityDate=date(2026, 1, 8))
    found = next(f for f in coverage(MAPPING, mirror).fields if f.field == "Subject" and f.object == "Event")
    assert len(found.values) == 2000
    assert found.more == 18_000


def test_the_mirror_is_only_read():
    mirror = world()
    before = {place: dict(rows) for place, rows in mirror.records.items()}
    coverage(MAPPING, mirror)
    assert mirror.records == before
