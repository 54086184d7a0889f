# ruff: noqa: F811 (fixtures are imported)
"""Records that a feed tells late, twice, out of order or not at all: after two clean cycles, or one sweep, the mirror is the ledger."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs import runs
from sandbox.clock import Clock
from sync.errors import BadReply
from tests.acceptance.in_process import Company
from tests.acceptance.in_process_fixtures import (  # noqa: F401
    company,
    loaded_database,
    newcomer,
    reader_of_pages,
    world,
    world_of_pages,
)

ACCOUNT, ENTRY, DEAL, COMPANY = "Account", "AttackListEntry__c", "deals", "companies"
SALESFORCE_PAGE = 2000
MINUTE, DAY = 1 / 1440, 1.0  # as `advance` counts
TICK = 2 / 86400  # the CRMs tell their time in whole seconds


class User:
    """Somebody at one CRM's pages."""

    def __init__(self, company: Company, crm: str) -> None:
        self.sandbox = company.sandbox
        self.crm = crm

    def create(self, kind: str, **fields: Any) -> str:
        made: str = self.sandbox.act(crm=self.crm, action="create", object=kind, fields=fields)["id"]
        return made

    def __call__(self, action: str, kind: str, record: str, **what: Any) -> str:
        done: str = self.sandbox.act(crm=self.crm, action=action, object=kind, id=record, **what)["id"]
        return done

    def live(self, kind: str) -> list[str]:
        records = self.sandbox.control("GET", f"ledger?crm={self.crm}&object={kind}")["records"]
        return sorted(r["id"] for r in records if not (r["deleted"] or r["merged_into"]))

    def many(self, *acts: dict[str, Any]) -> list[str]:
        told = self.sandbox.control("POST", "records", [{"crm": self.crm, **act} for act in acts])
        return [one["id"] for one in told["results"]]


@pytest.fixture
def sf(company: Company) -> User:
    return User(company, "salesforce")


@pytest.fixture
def hs(company: Company) -> User:
    return User(company, "hubspot")


@contextmanager
def crm_clock(moved: timedelta | None = None) -> Iterator[None]:
    """What is stamped inside the block bears a stamp moved so far; without a move, all bear the same."""
    usual, frozen = Clock.now, []

    def now(self: Clock) -> datetime:
        if moved is not None:
            return usual(self) + moved
        frozen[:] = frozen or [usual(self)]
        return frozen[0]

    Clock.now = now  # type: ignore[method-assign]
    try:
        yield
    finally:
        Clock.now = usual  # type: ignore[method-assign]


# pages


LOOPS = {
    "salesforce": {"crm": "salesforce", "path": r"/query/\w+-\d+"},
    "hubspot": {"crm": "hubspot", "path": "/objects/.*tasks$", "query": "after="},
}


@pytest.mark.parametrize("crm", list(LOOPS))
def test_a_cursor_that_leads_back_is_noticed_within_two_pages(reader_of_pages: Company, crm: str) -> None:
    company = reader_of_pages
    company.sandbox.faults({"match": LOOPS[crm], "skip": 1, "times": None, "effect": {"kind": "duplicate_page"}})
    ran = company.run()
    assert isinstance(ran.error, BadReply)
    assert company.sandbox.control("GET", "faults")["faults"][0]["hits"] <= 2
    name = {"salesforce": "salesforce.Opportunity", "hubspot": "hubspot.tasks"}[crm]
    assert not ran.of(name)["loaded"]
    company.recovers()


@pytest.mark.parametrize("crm", list(LOOPS))
def test_a_page_that_comes_twice_once_loses_nothing(reader_of_pages: Company, crm: str) -> None:
    company = reader_of_pages
    company.sandbox.faults({"match": LOOPS[crm], "skip": 1, "times": 1, "effect": {"kind": "duplicate_page"}})
    ran = company.run()
    assert ran.error is None or isinstance(ran.error, BadReply)
    if ran.error is None:
        assert company.differences() == []
    company.recovers()


def test_pages_that_shift_while_they_are_read_lose_nothing(reader_of_pages: Company) -> None:
    """Between any two pages of the first load, what was read and what is still to be read changes, goes and comes."""
    company = reader_of_pages
    sf, hs = User(company, "salesforce"), User(company, "hubspot")
    deals, tasks = iter(sf.live("Opportunity")[::500]), iter(hs.live("tasks")[::25])
    ends = iter(sf.live("Opportunity")[::-700]), iter(hs.live("tasks")[::-40])

    def meddle(connection: str, name: str, count: int) -> None:
        if (connection, name) == ("salesforce", "Opportunity") and count < 4:
            sf("edit", name, next(deals), fields={"StageName": "Closed Won"})
            sf("edit", name, next(ends[0]), fields={"StageName": "Closed Won"})
            sf("delete", name, next(deals))
            sf.create(name, Name="動いた", StageName="Prospecting", CloseDate="2026-12-01")
        if (connection, name) == ("hubspot", "tasks") and count < 4:
            hs("edit", name, next(tasks), fields={"hs_task_subject": "動いた"})
            hs("edit", name, next(ends[1]), fields={"hs_task_subject": "動いた"})
            hs("delete", name, next(tasks))
            hs.create(name, hs_task_subject="動いた", hs_timestamp="2026-10-31T00:00:00Z")

    company.between = meddle
    assert company.run().error is None
    archived = company.differences()  # HubSpot has no feed of what was archived: its list is read with the sweep
    company.sandbox.advance(TICK)
    company.clean()
    assert all("deleted" in d and d.startswith("hubspot.tasks") for d in company.differences()), archived
    company.sweep()
    assert company.differences() == []


# stamps


def test_more_records_than_two_pages_with_one_stamp_survive_a_crash_between_pages(company: Company, sf: User) -> None:
    partner = sf.live(ACCOUNT)[0]
    task = {"Subject": "事例共有", "WhatId": partner, "ActivityDate": "2026-10-30"}
    with crm_clock():
        made = sf.many(*[{"action": "create", "object": "Task", "fields": task}] * 5001)
    ids = set(made)
    tasks = company.sandbox.control("GET", "ledger?crm=salesforce&object=Task")["records"]
    stamps = Counter(r["modified_at"] for r in tasks if r["id"] in ids)
    assert list(stamps.values()) == [5001]

    def crash(connection: str, name: str, count: int) -> None:
        if (connection, name, count) == ("salesforce", "Task", 2):
            raise InterruptedError("as if killed")

    company.between = crash
    assert isinstance(company.run().error, InterruptedError)
    stored = company.one("select count(*) from salesforce.task where id = any(%s)", made)
    assert stored == SALESFORCE_PAGE
    company.recovers()


def test_a_transaction_of_ten_minutes_is_waited_for_and_the_lag_is_shown(company: Company, sf: User) -> None:
    one = sf.live(ACCOUNT)[0]
    sf("edit", ACCOUNT, one, fields={"NumberOfEmployees": 321}, visible_after_s=1800)
    company.sandbox.advance(15 * MINUTE)
    ran = company.clean()
    assert company.differences(), "nobody can see it yet"
    assert ran.of(f"salesforce.{ACCOUNT}")["lag_seconds"] >= 14 * 60
    company.sandbox.advance(16 * MINUTE)
    ran = company.clean()
    assert company.differences() == []
    assert ran.of(f"salesforce.{ACCOUNT}")["lag_seconds"] < 5 * 60


def test_what_search_shows_a_minute_late_is_found_by_the_next_cycle(company: Company, hs: User) -> None:
    one = hs.live(DEAL)[0]
    hs("edit", DEAL, one, fields={"target_name": "遅れて見える"}, visible_after_s=60)
    company.sandbox.advance(TICK)
    company.clean()
    assert company.differences(), "search does not show it yet"
    company.sandbox.advance(1 * MINUTE)
    company.recovers(runs=1)


def test_a_stamp_in_the_future_and_one_out_of_order_lose_nothing(company: Company, sf: User, hs: User) -> None:
    accounts, deals = sf.live(ACCOUNT), hs.live(DEAL)
    with crm_clock(timedelta(days=2)):
        sf("edit", ACCOUNT, accounts[0], fields={"NumberOfEmployees": 1001})
        hs("edit", DEAL, deals[0], fields={"target_name": "未来から"})
    company.sandbox.advance(TICK)
    company.clean()
    with crm_clock(timedelta(minutes=-4)):
        sf("edit", ACCOUNT, accounts[1], fields={"NumberOfEmployees": 1002})
        hs("edit", DEAL, deals[1], fields={"target_name": "過去から"})
    sf("edit", ACCOUNT, accounts[2], fields={"NumberOfEmployees": 1003})
    hs("edit", DEAL, deals[2], fields={"target_name": "今から"})
    company.sandbox.advance(TICK)
    ran = company.clean()
    now = datetime.fromisoformat(company.sandbox.control("GET", "health")["now"])
    for o in ran.status["objects"]:
        assert datetime.fromisoformat(o["covered_until"]) <= now, o["object"]
    assert not [d for d in company.differences() if deals[0] not in d], "only what lies in the future is still to come"
    company.sandbox.advance(2 * DAY + MINUTE)
    company.recovers()


@pytest.mark.parametrize("hours", [-1, 1])
def test_our_own_host_s_clock_may_be_wrong(
    company: Company, sf: User, hs: User, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    monkeypatch.setattr(runs, "utc_now", lambda: datetime.now(UTC) + timedelta(hours=hours))
    for n in range(2):
        sf("edit", ACCOUNT, sf.live(ACCOUNT)[n], fields={"NumberOfEmployees": 2000 + n})
        hs("edit", DEAL, hs.live(DEAL)[n], fields={"target_name": f"時計{n}"})
        company.sandbox.advance(5 * MINUTE)
        company.clean()
        assert company.differences() == []


def test_more_hits_than_search_will_page_are_read_whole(company: Company, hs: User) -> None:
    """HubSpot answers the 10,001st hit of a search with 400."""
    task = {"hs_task_subject": "事例共有", "hs_timestamp": "2026-10-30T00:00:00Z"}
    hs.many(*[{"action": "create", "object": "tasks", "fields": task}] * 10_050)
    company.sandbox.advance(5 * MINUTE)
    company.recovers(runs=1)


# what no stamp tells


def test_a_link_that_changed_alone_is_repaired_by_a_sweep(company: Company, hs: User) -> None:
    deal, partner = hs.create(DEAL, dealname="対象", pipeline="partner", target_name="対象"), hs.live(COMPANY)[0]
    company.sandbox.advance(TICK)
    company.clean()
    hs("edit", DEAL, deal, associate=[{"to_object": COMPANY, "to_id": partner, "label": "partner"}])
    company.sandbox.advance(5 * MINUTE)
    company.clean()
    query = "select count(*) from hubspot.association where from_id = %s and to_id = %s"
    assert company.one(query, deal, partner) == 0, "no stamp moved, so no feed tells it"
    ran = company.sweep()
    assert company.one(query, deal, partner) > 0
    assert ran.of(f"hubspot.{DEAL}")["proven_at"]
    hs("edit", DEAL, deal, dissociate=[{"to_object": COMPANY, "to_id": partner}])
    company.sweep()
    assert company.one(query, deal, partner) == 0
    assert company.differences() == []


def test_archived_erased_and_merged_records_of_hubspot_leave_traces_of_their_own(company: Company, hs: User) -> None:
    archived, erased = (
        hs.create(DEAL, dealname=n, pipeline="partner", target_name=n) for n in ("保管する", "消去する")
    )
    a, b, c = (hs.create(COMPANY, name=n, partner_flag="true") for n in ("甲株式会社", "乙株式会社", "丙株式会社"))
    company.sandbox.advance(TICK)
    company.clean()
    hs("delete", DEAL, archived)
    hs("purge", DEAL, erased)
    first = hs("merge", COMPANY, a, merge_id=b)
    last = hs("merge", COMPANY, first, merge_id=c)
    company.sandbox.advance(MINUTE)
    company.clean()
    company.sweep()
    company.clean()
    assert company.differences() == []
    values = "select target_name from hubspot.deals where id = %s and _deleted"
    assert company.one(values, archived) == "保管する"
    assert company.one("select count(*) from hubspot.deals where id = %s and _deleted", erased) == 1
    assert company.one(values, erased) is None
    assert (
        company.one("select count(*) from hubspot.field_history where record_id = %s and new_value is not null", erased)
        == 0
    )
    for former in (a, b, c, first):
        assert company.one("select _merged_into from hubspot.companies where id = %s", former) == last
    assert (
        company.one("select count(*) from sakigake.partner_source where record_id = any(%s)", [a, b, c, first, last])
        == 1
    )


def test_deleted_undeleted_and_purged_records_of_salesforce(company: Company, sf: User) -> None:
    """Whatever the delete log still tells; what it has forgotten, the sweep."""
    partner = sf.live(ACCOUNT)[0]
    soft, back, hard, old = (
        sf.create(ENTRY, TargetName__c=f"対象{n}", Partner__c=partner, Status__c="Listed", ListedOn__c="2026-10-01")
        for n in ("消す", "戻す", "完全", "古い")
    )
    company.sandbox.advance(TICK)
    company.clean()
    removed = "select removed_at is not null from sakigake.entry where record_id = %s"
    for one in (soft, back):
        sf("delete", ENTRY, one)
    company.sandbox.advance(MINUTE)
    company.clean()
    assert company.differences() == []
    assert company.one(removed, back)
    sf("undelete", ENTRY, back)
    sf("purge", ENTRY, hard)
    company.sandbox.advance(MINUTE)
    company.clean()
    assert not company.one(removed, back), "its milestones are back"
    sf("delete", ENTRY, old)
    company.sandbox.advance(31 * DAY)
    company.clean()
    company.sweep()
    company.clean()
    assert company.differences() == []
    assert [company.one(removed, i) for i in (soft, back, hard, old)] == [True, False, True, True]


def test_a_chain_of_merges_in_salesforce_counts_once(company: Company, sf: User) -> None:
    a, b, c = (sf.create(ACCOUNT, Name=n, Type="Channel Partner / Reseller") for n in ("甲商事", "乙商事", "丙商事"))
    entry = sf.create(ENTRY, TargetName__c="対象", Partner__c=a, Status__c="Listed", ListedOn__c="2026-10-01")
    company.sandbox.advance(TICK)
    company.clean()
    sf("merge", ACCOUNT, b, merge_id=a)
    company.sandbox.advance(MINUTE)
    company.clean()
    sf("merge", ACCOUNT, c, merge_id=b)
    company.sandbox.advance(MINUTE)
    company.recovers()
    rows = "select count(distinct partner_id) from sakigake.partner_source where record_id = any(%s)"
    assert company.one(rows, [a, b, c]) == 1
    whose = "select p.record_id from sakigake.entry e join sakigake.partner_source p using (workspace, partner_id) where e.record_id = %s and p.record_id = %s"
    assert company.one(whose, entry, c) == c


def test_a_merged_record_that_is_undeleted_lives_again_beside_the_last_winner(company: Company, sf: User) -> None:
    """A into B, B into C, then A back from the recycle bin: two partners, and nothing of A is lost or counted twice."""
    a, b, c = (sf.create(ACCOUNT, Name=n, Type="Channel Partner / Reseller") for n in ("甲物産", "乙物産", "丙物産"))
    company.sandbox.advance(TICK)
    company.clean()
    sf("merge", ACCOUNT, b, merge_id=a)
    sf("merge", ACCOUNT, c, merge_id=b)
    company.sandbox.advance(MINUTE)
    company.clean()
    partners = "select count(distinct partner_id) from sakigake.partner_source where record_id = any(%s)"
    assert company.one(partners, [a, b, c]) == 1
    sf("undelete", ACCOUNT, a)
    company.sandbox.advance(MINUTE)
    company.recovers()
    state = "select (_deleted, _merged_into)::text from salesforce.account where id = %s"
    assert [company.one(state, i) for i in (a, b, c)] == ["(f,)", f"(t,{c})", "(f,)"]
    assert company.one("select name from salesforce.account where id = %s", a) == "甲物産"
    assert company.one(partners, [a, b, c]) == 2


def test_ids_of_15_characters_are_those_of_18_and_two_that_differ_in_case_stay_two(company: Company, sf: User) -> None:
    sf.many(*[{"action": "create", "object": ACCOUNT, "fields": {"Name": f"会社{n}"}} for n in range(80)])
    ids = [i[:15] for i in sf.live(ACCOUNT)]
    assert len({i.lower() for i in ids}) < len(set(ids)), "some differ in case alone"
    sf("delete", ACCOUNT, sf.live(ACCOUNT)[-1])
    company.sandbox.advance(MINUTE)
    short = {"kind": "edit", "find": r'"(Id|id)":\s*"(001\w{12})\w{3}"', "replace": r'"\1":"\2"'}
    company.sandbox.faults({"match": {"crm": "salesforce"}, "times": None, "effect": short})
    ran = company.run()
    assert ran.error is None, ran.sentence
    assert company.sandbox.control("GET", "faults")["faults"][0]["hits"] > 0
    assert company.differences() == []
    company.recovers()
