"""What record of a CRM a row of a list becomes, and what of a rule that makes records is refused before any CRM is asked."""

from dataclasses import replace
from datetime import date

import pytest

from jobs.presets.texts import SANDBOX, mapping_text
from models.vocabulary import RecordRef, Target
from sync.described import FieldDescription, FieldType, ObjectDescription
from sync.lists.people import Person
from sync.lists.records import NO_RECORD, NO_RULE, Wanted, choose, new_record
from sync.lists.understand import ListRow
from sync.mapping.check import check
from sync.mapping.loading import load_mapping
from sync.mapping.problems import MappingError
from sync.record_maker import Link
from tests.unit.test_mapping_check import described

PLAIN = mapping_text(SANDBOX)
SALESFORCE = "    ignored: {Status__c"
HUBSPOT = "    partner: {association: companies, label: partner}\n"
ACCOUNT, COMPANY = RecordRef("salesforce", "Account", "001A"), RecordRef("hubspot", "companies", "501")


def making(*, salesforce: str = "", hubspot: str = "") -> str:
    text = PLAIN
    if salesforce:
        text = text.replace(SALESFORCE, f"    create: {salesforce}\n{SALESFORCE}", 1)
    if hubspot:
        text = text.replace(HUBSPOT, f"{HUBSPOT}    create: {hubspot}\n", 1)
    return text


STAGE = '{set: {dealname: {row: name}, pipeline: partner, dealstage: "1001", amount: 5, vip: true, since: {row: listed_on}}}'
ROW = ListRow(2, Target(name="=青葉'); DROP", domain="aoba.example", phone="03-1234-5678"), None)


def description(**types: FieldType) -> ObjectDescription:
    fields = tuple(FieldDescription(n, t, n, "x", creatable=True) for n, t in types.items())
    return ObjectDescription("deals", "deals", fields)


def test_a_row_becomes_a_record_with_its_target_day_partner_and_what_is_set():
    rules = load_mapping(making(salesforce="{set: {Status__c: Listed}}", hubspot=STAGE))
    index, partner = choose(rules, [COMPANY])
    there = description(amount=FieldType.NUMBER, vip=FieldType.BOOLEAN, since=FieldType.DATETIME)
    made = new_record(rules, Wanted("row-1", ROW, date(2026, 4, 1), "march.csv", index, partner), there)
    assert (made.key, made.links) == ("row-1", (Link("companies", "501", "partner"),))
    assert made.values == {
        "target_name": "=青葉'); DROP", "target_domain": "aoba.example", "target_phone": "03-1234-5678", "listed_on": "2026-04-01",
        "dealname": "=青葉'); DROP", "pipeline": "partner", "dealstage": "1001", "amount": 5, "vip": True,
        "since": "2026-04-01T00:00:00+09:00",
    }  # fmt: skip
    index, partner = choose(rules, [COMPANY, ACCOUNT])  # the first rule of the file in whose CRM the partner stands
    made = new_record(rules, Wanted("row-1", ROW, date(2026, 4, 1), "march.csv", index, partner), description())
    assert (made.values["Partner__c"], made.values["Status__c"], made.links) == ("001A", "Listed", ())


def test_where_no_rule_or_no_record_fits_the_reason_is_told():
    assert choose(load_mapping(PLAIN), [ACCOUNT]) == NO_RULE
    assert choose(load_mapping(making(salesforce="{}")), [COMPANY]) == NO_RECORD


REFUSED = [
    (making(hubspot="{set: {dealname: {row: name}}}"), "a new record would hold nothing in pipeline"),
    (making(hubspot="{set: {pipeline: other}}"), "a new record would hold 'other' in pipeline"),
    (making(salesforce="{set: {Partner__c: x}}"), "'Partner__c' holds the partner; take it out of set"),
    (making(salesforce="{set: {Name: {row: nam}}}"), "did you mean 'name'?"),
    (making(salesforce="{set: {Name: {row: [city, nam]}}}"), "'nam' is not known as row; did you mean 'name'?"),
    (making(salesforce="{named: Name}"), "'partner' of this rule goes through no record in between, which could have a name"),
    (making(salesforce="{first: {Lead__c: {target: {name: Company}, instead: {Contact__c: {}}}}}"), "'target' names no field for the name, by which such a record is found"),
    (
        making(salesforce="{first: {Lead__c: {target: {name: Company}, instead: {Partner__c: {target: {name: Name}}}}}}"),
        "'Partner__c' holds something else already; another field names what is taken instead",
    ),
    (making(salesforce="{set: {Name: []}}"), "write one value, or {row: name}"),
    (making(salesforce="{set: {Name: {row: name, value: x}}}"), "write one value, or {row: name}"),
    (making(salesforce="{sets: {}}"), "unknown key 'sets' in create; did you mean 'set'?"),
    (making(salesforce="{}").replace("  - from: lists.row", "  # - from: lists.row"), "no rule reads them; add '- from: lists.row'"),
    (PLAIN.replace("  - from: lists.row", "  - from: lists.row\n    create: {}\n    #"), "rows of lists become records of a CRM"),
    (making(salesforce="{}").replace("      name: TargetName__c\n", ""), "'target' names no field for the name"),
    (
        mapping_text("salesforce-lead").replace(
            "    partner: Partner__c\n", "    partner: {association: campaigns, then: Partner__c}\n    create: {}\n"
        ),
        "a new record is tied to its partner by one field or association",
    ),
    (making(salesforce="{among: {Type: x}}"), "'partner' of this rule goes through no record in between"),
    (making(salesforce="{first: {Lead__c: {}}}"), "'target' names no field for the name, by which such a record is found or made"),
    (
        making(salesforce="{set: {Lead__c: x}, first: {Lead__c: {target: {name: Company}}}}"),
        "'Lead__c' holds the record that comes first; take it out of set",
    ),
    (
        making(salesforce="{first: {Partner__c: {target: {name: Company}}}}"),
        "'Partner__c' leads to the partner; another field names the record that comes first",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), REFUSED)
def test_a_rule_that_could_make_no_such_record_is_refused_with_its_line(text, sentence):
    with pytest.raises(MappingError) as refused:
        load_mapping(text, "mapping.yaml")
    assert sentence in str(refused.value)
    assert str(refused.value).startswith("mapping.yaml:")


def test_check_tells_fields_that_cannot_be_filled_values_that_are_none_and_types_that_do_not_fit():
    rules = load_mapping(making(salesforce="{set: {Status__c: Lsted, Extra__c: 1, Rank__c: high, On__c: {row: name}}}"))
    found = described(rules)
    place = ("salesforce", "AttackListEntry__c")
    kept = [FieldDescription(f.name, f.type, f.label, f.crm_type, options=f.options, references=f.references,
                             creatable=f.name != "TargetCity__c") for f in found[place].fields]  # fmt: skip
    kept += [FieldDescription("Rank__c", FieldType.NUMBER, "Rank", "double", creatable=True)]
    kept += [FieldDescription("On__c", FieldType.DATE, "On", "date", creatable=True)]
    described_so = {**found, place: ObjectDescription(place[1], place[1], tuple(kept))}
    said = [p.sentence for p in check(rules, described_so)]
    assert len(said) == 5
    assert any("'TargetCity__c' cannot be filled by our user" in s for s in said)
    assert any("'Lsted' is no value of Status__c; did you mean 'Listed'?" in s for s in said)
    assert any("no field 'Extra__c'" in s for s in said)
    assert any("'high' is no number" in s for s in said)
    assert any("'On__c' is no text (date), and name is one" in s for s in said)


CAMPAIGN = mapping_text("salesforce-campaign").replace("    # create: ", "    create: ")


@pytest.mark.parametrize(
    ("right", "wrong", "sentence"),
    [
        ("named: Name", "named: Nmae", "Campaign has no field 'Nmae' that our user can see; did you mean 'Name'?"),
        ("of: AccountId, email", "of: {field: AcountId, object: Account}, email", "Contact has no field 'AcountId' that our user can see; did you mean 'AccountId'?"),
        ("email: Email, target: {name: Company", "email: Emial, target: {name: Company", "Lead has no field 'Emial' that our user can see; did you mean 'Email'?"),
        ("prefecture: BillingState, city: BillingCity", "prefecture: BillingState, city: BillingTown", "Account has no field 'BillingTown'"),
        ("{ContactId: {of", "{ContctId: {object: Contact, of", "CampaignMember has no field 'ContctId' that our user can see; did you mean 'ContactId'?"),
    ],
)  # fmt: skip
def test_check_tells_what_the_crm_lacks_of_campaigns_leads_and_contacts(right, wrong, sentence):
    there = described(load_mapping(CAMPAIGN))
    there = {
        place: replace(d, fields=tuple(replace(f, creatable=True) for f in d.fields)) for place, d in there.items()
    }
    before = {
        p.sentence for p in check(load_mapping(CAMPAIGN), there)
    }  # fields that a new Lead is given and nothing reads
    assert right in CAMPAIGN
    found = [
        p.sentence for p in check(load_mapping(CAMPAIGN.replace(right, wrong, 1)), there) if p.sentence not in before
    ]
    assert any(said.startswith(sentence) for said in found), found


def test_what_a_record_holds_of_the_person_is_the_first_column_that_says_something():
    rules = load_mapping(
        making(salesforce="{set: {Who__c: {row: [contact_last_name, name]}, Mail__c: {row: contact_email}}}")
    )
    index, partner = choose(rules, [ACCOUNT])
    held = [
        new_record(
            rules, Wanted("r", replace(ROW, person=who), date(2026, 4, 1), "f.csv", index, partner), description()
        ).values
        for who in (Person("山田 太郎", "山田", "太郎", "t@x.example"), Person())
    ]
    assert [(v["Who__c"], v.get("Mail__c")) for v in held] == [("山田", "t@x.example"), ("=青葉'); DROP", None)]
