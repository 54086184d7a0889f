"""One partner's entry for one target in two CRMs is one entry; a second attempt is another."""

from dataclasses import replace
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from models.vocabulary import RecordRef
from sync.mapping.derive import derive
from sync.mapping.facts import IssueKind
from sync.mapping.matching import Decision
from tests.fake_mirror import FakeMirror
from tests.mapping_world import NUMBERS, account, company, deal, entry, jst, preset

MAPPING = preset()
E1, E2 = (RecordRef("salesforce", "AttackListEntry__c", name) for name in ("E1", "E2"))
D1, D2 = (RecordRef("hubspot", "deals", name) for name in ("701", "702"))
NO_NUMBER = {"TargetWebsite__c": None}


def one_partner() -> FakeMirror:
    """A partner in both CRMs, without entries."""
    mirror = FakeMirror()
    account(mirror, "A1", CorporateNumber__c=NUMBERS[0])
    company(mirror, "501", corporate_number=NUMBERS[0])
    return mirror


def together(facts):
    return sorted([ref.id for ref in e.sources] for e in facts.entries)


def test_the_same_target_in_both_crms_is_one_entry_with_both_records_and_the_first_made_names_it():
    mirror = one_partner()
    entry(mirror, "E1", "A1", RequestedOn__c=date(2026, 1, 9))
    deal(mirror, "701", "501", listed_on=date(2026, 1, 6), target_domain="aozora.example", target_phone="03-1234-5678",
         createdate=jst("2026-01-06"))  # fmt: skip
    facts = derive(MAPPING, mirror)
    (one,) = facts.entries
    assert one.sources == (D1, E1)
    assert one.source == E1
    assert one.target.phone == "03-1234-5678"
    assert {m.matched_by for m in facts.entry_matches} == {"domain"}
    assert {e.entry_id for e in facts.events} == {one.entry_id}
    assert {e.source for e in facts.events} == {D1, E1}


def test_of_another_partner_it_is_another_entry():
    mirror = one_partner()
    account(mirror, "A2", CorporateNumber__c=NUMBERS[1])
    entry(mirror, "E1", "A2")
    deal(mirror, "701", "501", target_domain="aozora.example")
    assert together(derive(MAPPING, mirror)) == [["701"], ["E1"]]


def test_a_second_attempt_after_a_loss_is_an_entry_of_its_own():
    mirror = one_partner()
    entry(mirror, "E1", "A1", "Declined", DeclinedOn__c=date(2026, 2, 1))
    deal(mirror, "701", "501", target_domain="aozora.example", listed_on=date(2026, 5, 1), createdate=jst("2026-05-01"))
    assert together(derive(MAPPING, mirror)) == [["701"], ["E1"]]
    deal(mirror, "702", "501", target_domain="aozora.example", listed_on=date(2026, 1, 7), createdate=jst("2026-01-07"))
    assert together(derive(MAPPING, mirror)) == [["701"], ["702", "E1"]]


def test_two_records_of_one_crm_are_never_one_entry():
    mirror = one_partner()
    entry(mirror, "E1", "A1")
    entry(mirror, "E2", "A1")
    deal(mirror, "701", "501", target_domain="aozora.example", listed_on=date(2026, 1, 5))
    assert together(derive(MAPPING, mirror)) == [["701", "E1"], ["E2"]]


def test_a_name_alone_is_for_a_person_whose_word_counts():
    mirror = one_partner()
    entry(mirror, "E1", "A1", **NO_NUMBER)
    deal(mirror, "701", "501", target_name="青空㈱", listed_on=date(2026, 1, 5))
    facts = derive(MAPPING, mirror)
    assert together(facts) == [["701"], ["E1"]]
    assert [(i.field, i.count) for i in facts.issues if i.kind is IssueKind.ENTRY_SUGGESTED] == [("name", 1)]
    same = derive(MAPPING, mirror, [Decision(D1, E1, same=True)])
    assert together(same) == [["701", "E1"]]
    assert {m.matched_by for m in same.entry_matches} == {"decision"}
    different = derive(MAPPING, mirror, [Decision(D1, E1, same=False)])
    assert together(different) == [["701"], ["E1"]]
    assert not [i for i in different.issues if i.kind is IssueKind.ENTRY_SUGGESTED]


def test_a_person_can_part_what_a_domain_joins():
    mirror = one_partner()
    entry(mirror, "E1", "A1")
    deal(mirror, "701", "501", target_domain="aozora.example")
    assert together(derive(MAPPING, mirror)) == [["701", "E1"]]
    assert together(derive(MAPPING, mirror, [Decision(D1, E1, same=False)])) == [["701"], ["E1"]]


def test_a_record_that_joins_an_entry_moves_no_event_of_the_other():
    mirror = one_partner()
    entry(mirror, "E1", "A1", RequestedOn__c=date(2026, 1, 9))
    before = derive(MAPPING, mirror)
    deal(mirror, "701", "501", target_domain="aozora.example", createdate=jst("2026-02-01"))
    after = derive(MAPPING, mirror)
    assert {replace(e, rule="") for e in before.events} <= {replace(e, rule="") for e in after.events}
    assert after.entries[0].entry_id == before.entries[0].entry_id


PLACES = st.lists(
    st.tuples(st.booleans(), st.sampled_from([None, "one.example", "two.example"]), st.integers(1, 28), st.booleans()),
    min_size=1,
    max_size=7,
)


@given(PLACES, st.integers(0, 2**16))
@settings(max_examples=150, deadline=None)
def test_however_records_come_the_entries_are_the_same_with_at_most_one_record_of_each_crm(places, seed):
    mirror = one_partner()
    for n, (in_hubspot, domain, day, lost) in enumerate(places):
        days = {"listed": date(2026, 1, day), "lost": date(2026, 2, day) if lost else None}
        if in_hubspot:
            deal(mirror, f"7{n}", "501", target_domain=domain, listed_on=days["listed"], lost_on=days["lost"])
        else:
            entry(
                mirror, f"E{n}", "A1", TargetWebsite__c=domain, ListedOn__c=days["listed"], DeclinedOn__c=days["lost"]
            )
    facts = derive(MAPPING, mirror)
    assert derive(MAPPING, mirror.shuffled(seed)) == facts
    assert sorted(ref for e in facts.entries for ref in e.sources) == sorted(m.source for m in facts.entry_matches)
    assert len(facts.entry_matches) == len(places)
    for one in facts.entries:
        assert len({ref.connection for ref in one.sources}) == len(one.sources)
