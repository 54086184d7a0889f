"""Reading the sandbox's Salesforce over HTTP: pages, deleted rows, describes, feeds of change."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from sandbox.server import running
from tests.contract.salesforce_org import TINY, Org

LOCATOR = re.compile(r"/services/data/v62\.0/query/0r8\w{15}-\d+")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running(TINY) as base:
        yield base


@pytest.fixture
def org(server: str) -> Org:
    return Org.fresh(server)


@pytest.fixture(scope="module")
def large() -> Iterator[Org]:
    with running(replace(TINY, rows={"AttackListEntry__c": 4500, "Account": 1200})) as base:
        yield Org(base)


def now(org: Org) -> datetime:
    return parsedate_to_datetime(org.call("GET", "limits").headers["date"])


def window(org: Org, kind: str, name: str, start: datetime, end: datetime) -> dict[str, Any]:
    return dict(org.get(f"sobjects/{name}/{kind}/", start=start.isoformat(), end=end.isoformat()))


class TestPages:
    def test_two_thousand_rows_a_page_and_the_full_count_on_each(self, large: Org):
        page = large.get("query", q="SELECT Id FROM AttackListEntry__c")
        sizes, urls, seen = [], [], set()
        while True:
            sizes.append(len(page["records"]))
            seen |= {r["Id"] for r in page["records"]}
            assert page["totalSize"] == 4500
            if page["done"]:
                break
            assert LOCATOR.fullmatch(page["nextRecordsUrl"])
            urls.append(page["nextRecordsUrl"])
            page = large.get(page["nextRecordsUrl"])
        assert sizes == [2000, 2000, 500]
        assert "nextRecordsUrl" not in page
        assert len(seen) == 4500
        assert [u.rsplit("-")[1] for u in urls] == ["2000", "4000"]
        assert len({u.rsplit("-")[0] for u in urls}) == 1

    def test_a_page_can_be_read_again(self, large: Org):
        url = large.get("query", q="SELECT Id FROM AttackListEntry__c")["nextRecordsUrl"]
        assert large.get(url) == large.get(url)

    def test_a_long_text_area_makes_pages_of_a_thousand(self, large: Org):
        page = large.get("query", q="SELECT Id, Description FROM Account")
        assert len(page["records"]) == 1000
        assert page["nextRecordsUrl"].endswith("-1000")

    @pytest.mark.parametrize(("asked", "given"), [("200", 200), ("5", 200), ("9999", 2000), ("500", 500)])
    def test_the_batch_size_option_is_heeded_within_its_bounds(self, large: Org, asked: str, given: int):
        headers = {"Sforce-Query-Options": f"batchSize={asked}"}
        reply = large.call("GET", "query", params={"q": "SELECT Id FROM AttackListEntry__c"}, headers=headers)
        assert len(reply.json()["records"]) == given

    @pytest.mark.parametrize("locator", ["0r8xx5R2yF2gs3VASQ-2000", "01gxx-2000", "nonsense"])
    def test_an_unknown_locator_is_refused(self, large: Org, locator: str):
        reply = large.call("GET", f"query/{locator}")
        assert reply.status_code == 400
        assert reply.json() == [{"message": "invalid query locator", "errorCode": "INVALID_QUERY_LOCATOR"}]

    def test_a_cursor_keeps_its_rows_while_others_change(self, large: Org):
        first = large.get("query", q="SELECT Id FROM AttackListEntry__c")
        gone = large.query("SELECT Id FROM AttackListEntry__c ORDER BY Id DESC LIMIT 1")[0]["Id"]
        large.manual("delete", object="AttackListEntry__c", id=gone)
        page, read = first, 2000
        while not page["done"]:
            page = large.get(page["nextRecordsUrl"])
            read += len(page["records"])
        assert read == first["totalSize"]
        large.manual("undelete", object="AttackListEntry__c", id=gone)

    def test_counting_returns_no_rows(self, large: Org):
        page = large.get("query", q="SELECT COUNT() FROM AttackListEntry__c")
        assert page == {"totalSize": 4500, "done": True, "records": []}
        counts = large.get("limits/recordCount", sObjects="AttackListEntry__c,Nope")
        assert counts == {"sObjects": [{"count": 4500, "name": "AttackListEntry__c"}]}


class TestRows:
    def test_values_look_as_they_do_on_the_wire(self, org: Org):
        row = org.query(
            "SELECT Id, Amount, IsWon, CloseDate, CreatedDate, Account.Name, PartnerAccount__r.Owner.Name FROM Opportunity LIMIT 1"
        )[0]
        reply = org.call("GET", "query", params={"q": "SELECT Amount FROM Opportunity LIMIT 1"})
        assert re.search(r'"Amount": \d+\.0', reply.text)
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", row["CloseDate"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000\+0000", row["CreatedDate"])
        assert isinstance(row["IsWon"], bool)
        assert row["attributes"] == {
            "type": "Opportunity",
            "url": f"/services/data/v62.0/sobjects/Opportunity/{row['Id']}",
        }
        assert row["Account"]["attributes"]["type"] == "Account"
        assert list(row)[:4] == ["attributes", "Id", "Amount", "IsWon"]

    def test_an_integer_has_no_decimal_point_and_a_missing_parent_is_null(self, org: Org):
        org.create("Account", Name="alone", NumberOfEmployees=5)
        reply = org.call(
            "GET", "query", params={"q": "SELECT NumberOfEmployees, Parent.Name FROM Account WHERE Name = 'alone'"}
        )
        assert '"NumberOfEmployees": 5,' in reply.text
        assert reply.json()["records"][0]["Parent"] is None

    def test_a_polymorphic_parent_shows_name_and_type(self, org: Org):
        row = org.query("SELECT What.Name, What.Type FROM Event WHERE IsArchived = false LIMIT 1")[0]
        assert row["What"]["Type"] == row["What"]["attributes"]["type"] == "Account"
        assert org.refused("SELECT What.Industry FROM Event")["errorCode"] == "INVALID_FIELD"

    def test_query_hides_what_query_all_shows(self, org: Org):
        made = org.create("Account", Name="short-lived")
        org.call("DELETE", f"sobjects/Account/{made}")
        soql = f"SELECT Id, IsDeleted FROM Account WHERE Id = '{made}'"
        assert org.query(soql) == []
        assert [r["IsDeleted"] for r in org.query(soql, "queryAll")] == [True]
        org.manual("purge", object="Account", id=made)
        assert org.query(soql, "queryAll") == []

    def test_activities_of_more_than_a_year_ago_are_archived(self, org: Org):
        today = now(org).date()
        for name, age in (("old", 380), ("young", 300)):
            org.create("Task", Subject=name, ActivityDate=str(today - timedelta(days=age)))
        soql = "SELECT Subject, IsArchived FROM Task WHERE Subject IN ('old', 'young') ORDER BY Subject"
        assert [(r["Subject"], r["IsArchived"]) for r in org.query(soql)] == [("young", False)]
        assert [(r["Subject"], r["IsArchived"]) for r in org.query(soql, "queryAll")] == [
            ("old", True),
            ("young", False),
        ]

    def test_a_formula_follows_the_day_and_moves_no_stamp(self, org: Org):
        made = org.create("Account", Name="f", AttackListSubmittedOn__c=str((now(org) + timedelta(hours=9)).date()))
        before = org.get(f"sobjects/Account/{made}")
        org.advance(3)
        after = org.get(f"sobjects/Account/{made}")
        assert (before["DaysSinceAttackList__c"], after["DaysSinceAttackList__c"]) == (0.0, 3.0)
        assert after["SystemModstamp"] == before["SystemModstamp"]

    def test_a_record_is_read_by_id_with_all_or_some_fields(self, org: Org):
        made = org.create("Account", Name="one", BillingCity="新宿区", CorporateNumber__c="9999999999999")
        whole = org.get(f"sobjects/Account/{made[:15]}")
        assert whole["BillingAddress"]["city"] == "新宿区"
        some = org.get(f"sobjects/Account/{made}", fields="Name,Industry")
        assert set(some) == {"attributes", "Name", "Industry"}
        assert org.get("sobjects/Account/CorporateNumber__c/9999999999999")["Id"] == made
        reply = org.call("GET", "sobjects/Account/001000000000000AAA")
        assert reply.json() == [{"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}]


class TestDescribe:
    def test_an_unchanged_describe_is_not_sent_again_until_the_schema_changes(self, org: Org):
        first = org.call("GET", "sobjects/Account/describe")
        since = {"If-Modified-Since": first.headers["last-modified"]}
        again = org.call("GET", "sobjects/Account/describe", headers=since)
        assert (again.status_code, again.content) == (304, b"")
        org.advance(1)
        org.new_field("Account.Later__c", type="Checkbox", defaultValue="false")
        org.grant("Account.Later__c")
        assert org.call("GET", "sobjects/Account/describe", headers=since).status_code == 200

    def test_labels_are_those_a_japanese_rep_reads(self, org: Org):
        fields = {f["name"]: f for f in org.get("sobjects/AttackListEntry__c/describe")["fields"]}
        statuses = {v["value"]: v["label"] for v in fields["Status__c"]["picklistValues"]}
        assert statuses["Requested"] == "打診依頼済"
        assert fields["Partner__c"]["referenceTo"] == ["Account"]
        account = {f["name"]: f for f in org.get("sobjects/Account/describe")["fields"]}
        assert account["DaysSinceAttackList__c"]["calculated"]
        assert account["BillingCity"]["compoundFieldName"] == "BillingAddress"

    def test_the_list_of_all_objects_names_each_with_its_prefix(self, org: Org):
        listed = {o["name"]: o for o in org.get("sobjects")["sobjects"]}
        assert listed["AttackListEntry__c"]["keyPrefix"] == "a01"
        assert listed["AttackListEntry__History"]["keyPrefix"] is None
        assert not listed["AttackListEntry__History"]["replicateable"]
        assert "CustomField" not in listed


class TestFeeds:
    def test_updated_and_deleted_ids_of_a_window(self, org: Org):
        start = now(org) - timedelta(minutes=1)
        kept, gone = org.create("Account", Name="kept"), org.create("Account", Name="gone")
        org.call("DELETE", f"sobjects/Account/{gone}")
        end = now(org) + timedelta(minutes=2)
        updated = window(org, "updated", "Account", start, end)
        assert kept in updated["ids"]
        assert gone not in updated["ids"]
        deleted = window(org, "deleted", "Account", start, end)
        assert [d["id"] for d in deleted["deletedRecords"]] == [gone]
        assert set(deleted) == {"deletedRecords", "earliestDateAvailable", "latestDateCovered"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:00\.000\+0000", deleted["latestDateCovered"])
        assert datetime.fromisoformat(deleted["latestDateCovered"]) <= now(org)

    def test_a_hard_deleted_record_is_in_no_feed(self, org: Org):
        gone = org.create("Account", Name="gone")
        org.call("DELETE", f"sobjects/Account/{gone}")
        org.manual("purge", object="Account", id=gone)
        end = now(org) + timedelta(minutes=2)
        assert window(org, "deleted", "Account", end - timedelta(minutes=5), end)["deletedRecords"] == []

    @pytest.mark.parametrize(
        ("kind", "days", "minutes", "code"),
        [
            ("deleted", 14, 0, None),
            ("deleted", 16, 0, "INVALID_REPLICATION_DATE"),
            ("updated", 29, 0, None),
            ("updated", 31, 0, "INVALID_REPLICATION_DATE"),
            ("updated", 0, 0, "INVALID_REPLICATION_DATE"),  # less than a minute
            ("updated", 0, -5, "INVALID_REPLICATION_DATE"),
        ],
    )
    def test_windows_have_their_rules(self, org: Org, kind: str, days: int, minutes: int, code: str | None):
        end = now(org)
        start = end - timedelta(days=days, minutes=minutes)
        params = {"start": start.isoformat(), "end": end.isoformat()}
        reply = org.call("GET", f"sobjects/Account/{kind}", params=params)
        assert (reply.json()[0]["errorCode"] if reply.status_code != 200 else None) == code

    def test_seconds_are_ignored_and_an_unescaped_plus_is_understood(self, org: Org):
        end = now(org).replace(second=59) + timedelta(minutes=1)
        text = f"start={(end - timedelta(hours=1)).isoformat()}&end={end.isoformat()}"
        assert "+00:00" in text
        assert org.call("GET", f"sobjects/Account/updated/?{text}").status_code == 200

    def test_history_has_no_feed(self, org: Org):
        end = now(org)
        params = {"start": (end - timedelta(hours=1)).isoformat(), "end": end.isoformat()}
        assert org.call("GET", "sobjects/AttackListEntry__History/updated", params=params).status_code == 400

    def test_a_slow_commit_is_neither_seen_nor_vouched_for(self, org: Org):
        """A row whose stamp is older than a reader's watermark appears late: only latestDateCovered protects from losing it."""
        org.advance(1)
        before = now(org)
        made = org.manual("create", object="Account", fields={"Name": "slow"}, visible_after_s=300)["id"]
        edited = org.query("SELECT Id, Name FROM Account WHERE Name != 'slow' LIMIT 1")[0]
        org.manual("edit", object="Account", id=edited["Id"], fields={"Name": "new name"}, visible_after_s=300)
        soql = f"SELECT Name FROM Account WHERE Id IN ('{made}', '{edited['Id']}')"
        org.advance(4 / 1440)  # four minutes on, both are still not committed
        assert [r["Name"] for r in org.query(soql)] == [edited["Name"]]
        around = (before - timedelta(minutes=5), before + timedelta(minutes=9))
        feed = window(org, "updated", "Account", *around)
        assert not {made, edited["Id"]} & set(feed["ids"])
        assert datetime.fromisoformat(feed["latestDateCovered"]) <= before
        org.advance(2 / 1440)
        assert {r["Name"] for r in org.query(soql)} == {"slow", "new name"}
        feed = window(org, "updated", "Account", *around)
        assert {made, edited["Id"]} <= set(feed["ids"])
        assert datetime.fromisoformat(feed["latestDateCovered"]) > before

    def test_a_slow_commits_history_is_not_seen_before_it(self, org: Org):
        entry = org.create("AttackListEntry__c", Status__c="Listed")
        org.advance(1)
        org.manual("edit", object="AttackListEntry__c", id=entry, fields={"Status__c": "Agreed"}, visible_after_s=60)
        soql = f"SELECT Field FROM AttackListEntry__History WHERE ParentId = '{entry}'"
        assert [r["Field"] for r in org.query(soql)] == ["created"]
        assert org.query(f"SELECT Status__c FROM AttackListEntry__c WHERE Id = '{entry}'")[0]["Status__c"] == "Listed"

    def test_the_recycle_bin_keeps_a_record_for_15_days(self, org: Org):
        gone = org.create("Account", Name="gone")
        org.call("DELETE", f"sobjects/Account/{gone}")
        soql = f"SELECT COUNT() FROM Account WHERE Id = '{gone}'"
        org.advance(14)
        org = Org(org.base)
        assert org.count(soql, "queryAll") == 1
        org.advance(2)
        assert org.count(soql, "queryAll") == 0

    def test_a_merge_leaves_a_loser_that_names_the_winner_and_takes_its_children_along(self, org: Org):
        winner, loser = org.create("Account", Name="w"), org.create("Account", Name="l")
        entry = org.create("AttackListEntry__c", Partner__c=loser, TargetName__c="t")
        org.manual("merge", object="Account", id=winner, merge_id=loser)
        row = org.query(f"SELECT IsDeleted, MasterRecordId FROM Account WHERE Id = '{loser}'", "queryAll")[0]
        assert (row["IsDeleted"], row["MasterRecordId"]) == (True, winner)
        assert org.get(f"sobjects/AttackListEntry__c/{entry}")["Partner__c"] == winner
        end = now(org) + timedelta(minutes=2)
        deleted = window(org, "deleted", "Account", end - timedelta(minutes=5), end)
        assert loser in {d["id"] for d in deleted["deletedRecords"]}
        (truth,) = (r for r in org.ledger("Account")["records"] if r["id"] == loser)
        assert truth["merged_into"] == winner

    def test_deleting_an_account_takes_deals_along_and_empties_lookups_and_undeleting_restores_both(self, org: Org):
        account = org.create("Account", Name="a")
        deal = org.create("Opportunity", Name="d", StageName="Proposal", CloseDate="2026-12-01", AccountId=account)
        entry = org.create("AttackListEntry__c", Partner__c=account)
        org.manual("delete", object="Account", id=account)
        assert org.query(f"SELECT Id FROM Opportunity WHERE Id = '{deal}'") == []
        assert org.get(f"sobjects/AttackListEntry__c/{entry}")["Partner__c"] is None
        org.manual("undelete", object="Account", id=account)
        assert org.query(f"SELECT Id FROM Opportunity WHERE Id = '{deal}'") != []
        assert org.get(f"sobjects/AttackListEntry__c/{entry}")["Partner__c"] == account
