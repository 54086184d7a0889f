"""Who buys already, by the rules of `customers`: by a record of their own or through one, and since when."""

from datetime import date

from models.vocabulary import RecordRef, Target
from sync.lists.compare import Known, KnownTargets, Standing
from sync.mapping.customers import customer_facts
from sync.mapping.edges import edges
from sync.mapping.loading import load_mapping
from sync.mapping.needs import needs
from tests.fake_mirror import FakeMirror
from tests.unit.test_mapping_grammar import SMALL

RULES = """\
customers:
  - {from: salesforce.Account, where: {Type: Customer}, name: Name, match_on: {domain: Website}, since: CustomerSince__c}
  - {from: salesforce.Opportunity, where: {IsWon: true}, linked: AccountId, since: CloseDate, name: Name, match_on: {domain: Website}}
"""


def mirror():
    found = FakeMirror()
    for record, kind, since in (
        ("001A", "Customer", date(2026, 3, 1)),
        ("001B", "Customer", None),
        ("001C", "Prospect", None),
    ):
        found.put("salesforce.Account", record, Name=record, Website=f"{record.lower()}.example", Type=kind, CustomerSince__c=since)  # fmt: skip
    deals = (("006A", "001C", True, date(2026, 5, 1)), ("006B", "001C", True, date(2026, 4, 1)), ("006C", "001C", False, date(2026, 1, 1)),
             ("006D", "001X", True, date(2026, 1, 1)), ("006E", None, True, date(2026, 1, 1)))  # fmt: skip
    for record, account, won, day in deals:
        found.put("salesforce.Opportunity", record, AccountId=account, IsWon=won, CloseDate=day)
    return found


def told(found):
    return [(str(f.source), f.target.domain, f.since) for f in customer_facts(load_mapping(SMALL + RULES), found)]


def test_customers_are_told_by_their_own_record_or_by_a_deal_that_leads_to_it_since_the_day_that_it_states():
    found = mirror()
    expected = [
        ("salesforce.Account/001A", "001a.example", date(2026, 3, 1)),
        ("salesforce.Account/001B", "001b.example", None),
        ("salesforce.Opportunity/006A", "001c.example", date(2026, 5, 1)),
        ("salesforce.Opportunity/006B", "001c.example", date(2026, 4, 1)),
    ]
    assert told(found) == expected
    found.delete("salesforce.Account", "001C")
    assert told(found) == expected[:2]


def test_what_such_rules_read_is_pulled_and_a_changed_company_leads_back_to_its_deals():
    rules = load_mapping(SMALL + RULES)
    wanted = needs(rules)["salesforce"]
    assert {"AccountId", "CloseDate", "IsWon"} <= set(wanted["Opportunity"].fields)
    assert {"Name", "Website", "CustomerSince__c"} <= set(wanted["Account"].fields)
    assert ("Opportunity", "AccountId") in {(edge.object, edge.field) for edge in edges(rules)}


def test_a_company_is_reached_by_a_labelled_association_alone():
    text = SMALL.replace("salesforce.Account", "hubspot.companies").replace("salesforce.Entry__c", "hubspot.entries")
    rule = "customers: [{from: hubspot.deals, where: {dealstage: won}, linked: {association: companies, label: buyer}, name: name, match_on: {domain: domain}}]\n"
    found = FakeMirror().put("hubspot.deals", "9", dealstage="won")
    for record, label in (("1", "buyer"), ("2", "partner")):
        found.put("hubspot.companies", record, name=record, domain=f"c{record}.example")
        found.links.append(("hubspot", "deals", "companies", ("9", record, label, label)))
    facts = customer_facts(load_mapping(text + rule), found)
    assert [(f.source, f.target.domain) for f in facts] == [(RecordRef("hubspot", "deals", "9"), "c1.example")]


def test_a_row_of_a_list_from_before_the_company_bought_is_no_customers():
    target = Target(name="青葉", domain="aoba.example")
    known = KnownTargets([Known("", "salesforce.Account/1", target, won=True, since=date(2026, 4, 1))])
    standing = {day: known.look(target, "p", day).standing for day in (date(2026, 3, 31), date(2026, 4, 1), None)}
    assert list(standing.values()) == [Standing.NEW, Standing.CUSTOMER, Standing.CUSTOMER]


def test_a_number_or_a_domain_tells_of_a_company_alone_but_of_a_partners_own_list_with_the_name():
    """As rows are held against customers when they are counted; shops of one company are targets of their own on a list."""
    bought = Target(name="株式会社青葉", corporate_number="7000012050002", domain="aoba.example")
    shop = Target(name="あおば渋谷店", domain="aoba-group.example")
    known = KnownTargets(
        [Known("", "salesforce.Account/1", bought, won=True), Known("p", "P", shop), Known("q", "Q", shop)]
    )
    standing = {
        name: known.look(Target(name=name, corporate_number=number, domain=domain), "p").standing
        for name, number, domain in (
            ("別の呼び名", None, "aoba.example"), ("番号だけ", "7000012050002", None), ("別法人", "3000012010001", "aoba.example"),
            ("あおば新宿店", None, "aoba-group.example"), ("あおば渋谷店", None, "aoba-group.example"), ("ほか", None, "other.example"),
        )
    }  # fmt: skip
    assert list(standing.values()) == [
        Standing.CUSTOMER, Standing.CUSTOMER, Standing.NEW, Standing.ELSEWHERE, Standing.LISTED, Standing.NEW,
    ]  # fmt: skip
