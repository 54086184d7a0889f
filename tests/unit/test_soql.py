"""SOQL as the sandbox's Salesforce reads it: what it finds, in which order, and how it refuses."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.clock import Clock
from sandbox.salesforce import SalesforceCrm, ids
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.org import Org
from sandbox.salesforce.soql import complain, dates
from sandbox.salesforce.soql.parse import parse
from sandbox.salesforce.soql.run import run
from sandbox.settings import SandboxSettings
from sandbox.store import Record

NOW = datetime(2026, 5, 1, 3, 0, tzinfo=UTC)  # noon in Tokyo


def org_with(*accounts: dict[str, Any]) -> Org:
    org = SalesforceCrm(Clock(NOW), SandboxSettings())._org
    for n, fields in enumerate(accounts):
        stamp = fields.pop("stamp", n)
        record = org.store.create("Account", {"Name": f"A{n}", **fields}, NOW - timedelta(hours=1))
        record.modified_at = NOW - timedelta(hours=1) + timedelta(seconds=stamp)
    org.touch("Account")
    return org


def names(org: Org, where: str, **more: Any) -> list[str]:
    found = run(f"SELECT Name FROM Account {where}", org, **more)
    return sorted(r.fields["Name"] for r in found.rows)


def refused(text: str, org: Org | None = None) -> ApiError:
    with pytest.raises(ApiError) as caught:
        run(text, org or org_with())
    return caught.value


@pytest.fixture(scope="module")
def org() -> Org:
    return org_with(
        {"Name": "Alpha", "NumberOfEmployees": 10, "BillingCity": "Tokyo", "PartnerSince__c": "2026-04-30"},
        {"Name": "beta", "NumberOfEmployees": 20, "PartnerSince__c": "2026-05-01", "Type": "Prospect"},
        {"Name": "Gamma_1", "PartnerSince__c": "2026-05-02", "Type": "Customer"},
        {"Name": "it's 100%", "NumberOfEmployees": 0},
    )


class TestConditions:
    @pytest.mark.parametrize(
        ("where", "found"),
        [
            ("Name = 'ALPHA'", ["Alpha"]),  # text compares without regard to case
            ("Name != 'alpha' AND NumberOfEmployees > 5", ["beta"]),
            ("NumberOfEmployees = null", ["Gamma_1"]),
            ("NumberOfEmployees != 10", ["Gamma_1", "beta", "it's 100%"]),  # null is not 10
            ("NumberOfEmployees < 15", ["Alpha", "it's 100%"]),  # null is not below anything
            ("NumberOfEmployees IN (10, 20)", ["Alpha", "beta"]),
            ("Type NOT IN ('Prospect')", ["Alpha", "Gamma_1", "it's 100%"]),
            ("Name LIKE 'g%'", ["Gamma_1"]),
            ("Name LIKE '%\\_%'", ["Gamma_1"]),  # an escaped underscore is itself
            ("Name LIKE '____'", ["beta"]),
            ("Name LIKE '%100\\%'", ["it's 100%"]),
            ("Name = 'it\\'s 100%'", ["it's 100%"]),
            ("NOT (NumberOfEmployees > 5)", ["Gamma_1", "it's 100%"]),
            ("(Name = 'Alpha' OR Name = 'beta') AND NumberOfEmployees >= 20", ["beta"]),
            ("PartnerSince__c = TODAY", ["beta"]),
            ("PartnerSince__c < 2026-05-01", ["Alpha"]),
            ("PartnerSince__c >= YESTERDAY AND PartnerSince__c <= TODAY", ["Alpha", "beta"]),
            ("PartnerSince__c = LAST_N_DAYS:1", ["Alpha", "beta"]),
            ("PartnerSince__c != THIS_MONTH", ["Alpha", "it's 100%"]),
            ("BillingCity = ''", ["Gamma_1", "beta", "it's 100%"]),  # Salesforce keeps no empty text
            ("IsDeleted = false AND BillingCity != null", ["Alpha"]),
            ("SystemModstamp > 2026-05-01T02:00:02Z", ["it's 100%"]),
            ("SystemModstamp = 2026-05-01T11:00:01+09:00", ["beta"]),
            ("CreatedDate = TODAY AND Name <> 'alpha' and name like 'G%'", ["Gamma_1"]),
        ],
    )
    def test_finds_what_salesforce_would(self, org: Org, where: str, found: list[str]):
        assert names(org, f"WHERE {where}") == found

    def test_reads_ids_of_15_and_18_characters_and_minds_their_case(self, org: Org):
        some = run("SELECT Id FROM Account WHERE Name = 'beta'", org).rows[0].id
        assert names(org, f"WHERE Id = '{some}'") == ["beta"]
        assert names(org, f"WHERE Id IN ('{some[:15]}')") == ["beta"]
        assert names(org, f"WHERE Id = '{some[:14].upper()}Z'") == []

    def test_multipicklists_include_and_exclude(self):
        org = org_with({"Kinds": "a;b"}, {"Kinds": "c"}, {})
        field = org.schema.objects["Account"].fields["Type"]
        kinds = type(field)("Kinds", "multipicklist", "Kinds", length=4099)
        org.schema.objects["Account"].fields["Kinds"] = kinds
        assert names(org, "WHERE Kinds INCLUDES ('a;b', 'x')") == ["A0"]
        assert names(org, "WHERE Kinds EXCLUDES ('c')") == ["A0", "A2"]

    def test_semi_joins_and_aggregates(self):
        org = org_with({}, {}, {"NumberOfEmployees": 7})
        first = run("SELECT Id FROM Account WHERE Name = 'A0'", org).rows[0]
        org.store.create("Contact", {"LastName": "x", "AccountId": first.id}, NOW)
        org.touch("Contact")
        assert names(org, "WHERE Id IN (SELECT AccountId FROM Contact)") == ["A0"]
        assert names(org, "WHERE Id NOT IN (SELECT AccountId FROM Contact)") == ["A1", "A2"]
        summed = run("SELECT COUNT(Id), MAX(NumberOfEmployees) most, MIN(SystemModstamp) FROM Account", org)
        assert summed.summary == {"expr0": 3, "most": 7, "expr1": "2026-05-01T02:00:00.000+0000"}


class TestOrder:
    def test_nulls_come_first_unless_told_otherwise_and_text_folds(self):
        org = org_with({"Name": "b", "Phone": "2"}, {"Name": "A", "Phone": "1"}, {"Name": "c"})

        def order(by: str) -> list[str]:
            return [r.fields["Name"] for r in run(f"SELECT Id FROM Account ORDER BY {by}", org).rows]

        assert order("Phone") == ["c", "A", "b"]
        assert order("Phone DESC NULLS LAST") == ["b", "A", "c"]
        assert order("Name") == ["A", "b", "c"]

    def test_rows_of_one_stamp_come_in_no_id_order(self):
        """A client that relies on one loses rows in a real org, and must here."""
        org = org_with(*({"stamp": 5} for _ in range(40)))
        for order in ("", "ORDER BY SystemModstamp"):
            found = [r.id for r in run(f"SELECT Id FROM Account {order}", org).rows]
            assert found != sorted(found)
            assert len(set(found)) == 40
        by_hand = [r.id for r in run("SELECT Id FROM Account ORDER BY SystemModstamp, Id", org).rows]
        assert by_hand == sorted(by_hand)

    def test_limit_and_offset_cut_and_a_far_offset_is_refused(self):
        org = org_with({}, {}, {}, {})
        found = run("SELECT Name FROM Account ORDER BY Name LIMIT 2 OFFSET 1", org)
        assert [r.fields["Name"] for r in found.rows] == ["A1", "A2"]
        assert found.total == 2
        assert refused("SELECT Id FROM Account OFFSET 2001").code == "NUMBER_OUTSIDE_VALID_RANGE"

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.integers(0, 6), max_size=60), st.integers(1, 7))
    def test_a_keyset_reads_every_row_once_whatever_shares_a_stamp(self, stamps: list[int], page: int):
        org = org_with(*({"stamp": s} for s in stamps))
        seen: list[Record] = []
        where = ""
        while True:
            found = run(f"SELECT Id FROM Account {where} ORDER BY SystemModstamp, Id LIMIT {page}", org).rows
            if not found:
                break
            seen += found
            at = found[-1].modified_at.strftime("%Y-%m-%dT%H:%M:%SZ")
            where = f"WHERE (SystemModstamp = {at} AND Id > '{found[-1].id}') OR SystemModstamp > {at}"
        assert len(seen) == len(stamps)
        assert seen == sorted(seen, key=lambda r: (r.modified_at, r.id))

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=30), st.integers(0, 4), st.integers(0, 4))
    def test_starting_within_an_index_finds_the_same_rows_as_reading_all(
        self, rows: list[tuple[int, int]], stamp: int, staff: int
    ):
        org = org_with(*({"stamp": s, "NumberOfEmployees": n} for s, n in rows))
        at = f"2026-05-01T02:00:0{stamp}Z"
        for where, keep in [
            (f"SystemModstamp >= {at} AND NumberOfEmployees > {staff}", lambda s, n: s >= stamp and n > staff),
            (f"SystemModstamp > {at} OR NumberOfEmployees = {staff}", lambda s, n: s > stamp or n == staff),
            (f"NOT (SystemModstamp > {at})", lambda s, _: s <= stamp),
        ]:
            for order in ("", "ORDER BY SystemModstamp, Id", "ORDER BY Id"):
                found = run(f"SELECT Id FROM Account WHERE {where} {order}", org).total
                assert found == sum(1 for s, n in rows if keep(s, n)), (where, order)


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "token"),
        [
            ("SELECT Id FROM Account WHERE a = 1 AND b = 2 OR c = 3", "OR"),  # mixing needs parentheses
            ("SELECT Id FROM Account GROUP BY Name", "GROUP"),
            ("SELECT Id FROM Account WHERE", "<EOF>"),
            ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "("),
            ("SELECT FIELDS(ALL) FROM Account", "("),
            ("SELECT Id FROM Account WHERE Name = 'x' FOR UPDATE", "FOR"),
            ("SELECT Id FROM Account WHERE Name == 'x'", "="),
            ('SELECT Id FROM Account WHERE Name = "x"', '"'),
            ("SELECT Id FROM Account WHERE PartnerSince__c = SOMEDAY", "SOMEDAY"),
            ("SELECT Id FROM Account WHERE Name = x", "x"),
            ("SELECT Id FROM Account LIMIT -1", "-1"),
            ("UPDATE Account", "UPDATE"),
        ],
    )
    def test_what_it_does_not_know_is_malformed_never_guessed(self, text: str, token: str):
        error = refused(text)
        assert (error.status, error.code) == (400, "MALFORMED_QUERY")
        assert error.message.endswith(f"unexpected token: '{token}'")

    @pytest.mark.parametrize(
        ("text", "code", "says"),
        [
            ("SELECT Nope FROM Account", "INVALID_FIELD", "No such column 'Nope' on entity 'Account'."),
            ("SELECT Id FROM Account WHERE Nope = 1", "INVALID_FIELD", "No such column 'Nope' on entity 'Account'."),
            ("SELECT Id FROM Account ORDER BY Nope", "INVALID_FIELD", "No such column 'Nope' on entity 'Account'."),
            ("SELECT Nope__r.Name FROM Account", "INVALID_FIELD", "Didn't understand relationship 'Nope__r'"),
            ("SELECT Id FROM Acount", "INVALID_TYPE", "sObject type 'Acount' is not supported."),
            ("SELECT Id, id FROM Account", "MALFORMED_QUERY", "duplicate field selected: Id"),
            ("SELECT Id FROM Account WHERE Id = 'wonky'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: wonky"),
            ("SELECT Id FROM Account WHERE NumberOfEmployees = '1'", "INVALID_FIELD", "must be of type int"),
            (
                "SELECT Id FROM Account WHERE SystemModstamp > '2026-01-01T00:00:00Z'",
                "INVALID_FIELD",
                "of type dateTime",
            ),
            ("SELECT Id FROM Account WHERE SystemModstamp > 2026-01-01", "INVALID_FIELD", "of type dateTime"),
            ("SELECT Id FROM Account WHERE PartnerSince__c > 2026-01-01T00:00:00Z", "INVALID_FIELD", "of type date "),
            ("SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD", "should be enclosed in quotes"),
            ("SELECT Id FROM Account WHERE Description = 'x'", "INVALID_FIELD", "'Description' can not be filtered"),
            ("SELECT Id FROM Account ORDER BY Description", "INVALID_FIELD", "'Description' can not be sorted"),
            (
                "SELECT Id FROM Account WHERE NumberOfEmployees LIKE '1'",
                "INVALID_QUERY_FILTER_OPERATOR",
                "invalid operator",
            ),
            (
                "SELECT Id FROM Account WHERE SystemModstamp > 2026-13-01T00:00:00Z",
                "MALFORMED_QUERY",
                "Invalid datetime",
            ),
            ("SELECT Name, COUNT(Id) FROM Account", "MALFORMED_QUERY", "must be grouped or aggregated: Name"),
        ],
    )
    def test_other_faults_have_their_own_codes(self, text: str, code: str, says: str):
        error = refused(text)
        assert error.code == code
        assert says in error.message

    def test_a_query_longer_than_the_limit_is_refused(self):
        text = "SELECT Id FROM Account WHERE Name IN (" + ",".join(["'x'"] * 30_000) + ")"
        assert "100000" in refused(text).message

    def test_the_caret_stands_where_recorded_replies_have_it(self):
        """The windows of two real replies, one cut on the left, one on both sides."""
        text = "SELECT Id,Name,BillingCity,IsDeleted FROM Accout"
        assert (
            complain.at(text, 42, "m")
            == f"\nName,BillingCity,IsDeleted FROM Accout\n{' ' * 32}^\nERROR at Row:1:Column:43\nm"
        )
        short = "select count() from XYZZY"
        assert complain.at(short, 20, "m") == f"\n{short}\n{' ' * 20}^\nERROR at Row:1:Column:21\nm"
        lines = "SELECT Id\nFROM Accout"
        assert complain.at(lines, 15, "m") == "\nFROM Accout\n     ^\nERROR at Row:2:Column:6\nm"


class TestDates:
    @pytest.mark.parametrize(
        ("word", "first", "after"),
        [
            ("TODAY", (2026, 5, 1), (2026, 5, 2)),
            ("LAST_N_DAYS:30", (2026, 4, 1), (2026, 5, 2)),  # today included
            ("NEXT_N_DAYS:2", (2026, 5, 2), (2026, 5, 4)),
            ("THIS_WEEK", (2026, 4, 26), (2026, 5, 3)),  # from Sunday
            ("LAST_MONTH", (2026, 4, 1), (2026, 5, 1)),
            ("LAST_N_MONTHS:5", (2025, 12, 1), (2026, 5, 1)),
            ("NEXT_YEAR", (2027, 1, 1), (2028, 1, 1)),
            ("N_DAYS_AGO:1", (2026, 4, 30), (2026, 5, 1)),
        ],
    )
    def test_literals_are_ranges_of_days(self, word: str, first: tuple[int, int, int], after: tuple[int, int, int]):
        assert dates.days(word, date(2026, 5, 1)) == (date(*first), date(*after))

    def test_days_are_the_organizations_not_utc(self):
        org = org_with({})
        org.store.table("Account")
        for r in org.store.live("Account"):
            r.created_at = datetime(2026, 4, 30, 15, 30, tzinfo=UTC)  # half past midnight in Tokyo
        assert names(org, "WHERE CreatedDate = TODAY") == ["A0"]
        assert names(org, "WHERE CreatedDate < TODAY") == []

    def test_unknown_words_are_no_literals(self):
        assert dates.days("LAST_N_DAYS", date(2026, 5, 1)) is None


class TestIds:
    @pytest.mark.parametrize(
        ("short", "whole"), [("003ak000003dQCG", "003ak000003dQCGAA2"), ("0015500001QdQWa", "0015500001QdQWaAAN")]
    )
    def test_the_suffix_is_that_of_recorded_ids(self, short: str, whole: str):
        assert ids.with_suffix(short) == whole
        assert ids.full(short) == ids.full(whole) == whole

    @pytest.mark.parametrize("text", ["", "001", "0015500001QdQWaAAA", "0015500001QdQW!", "0015500001QdQWaAANx"])
    def test_what_is_no_id_is_none(self, text: str):
        assert ids.full(text) is None

    @given(st.integers(0, 62**6 - 2))
    def test_ids_ascend_with_their_serials_and_stay_unique(self, serial: int):
        one, two = ids.mint("001", serial), ids.mint("001", serial + 1)
        assert one < two
        assert ids.full(one[:15]) == one


def test_parsing_is_kept_so_that_pages_of_one_query_parse_once():
    assert parse("SELECT Id FROM Account") is parse("SELECT Id FROM Account")
