"""The HubSpot connector against the sandbox's HubSpot, under both of its version prefixes, with the ledger as the oracle."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from sandbox.server import running
from sandbox.settings import SandboxSettings
from sync.hubspot import AccessToken, HubspotConnector, OAuthRefresh
from sync.records import ReadSpec
from tests.contract.connector_suite import ConnectorSuite, CrmUser, Subject, history_of, newest, read_all
from tests.contract.sweep_suite import SweepSuite
from tests.known import Known

SETTINGS = SandboxSettings(
    partners=12, months=6, entries=120, rows={"contacts": 2500}, hubspot_search_lag_s=0.2, limits=False
)


@pytest.fixture(scope="module", params=["2026-09", "v3"])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    """A sandbox for each version: the dated paths with a private app's token, v3 and v4 with OAuth."""
    with running(SETTINGS) as url:
        yield subject_of(url, request.param, oauth=request.param == "v3")


def subject_of(url: str, version: str, *, oauth: bool) -> Subject:
    def connect(secret: str | None = None, **changes: Any) -> HubspotConnector:
        auth: AccessToken | OAuthRefresh = AccessToken(secret or SETTINGS.hubspot_token)
        if oauth:
            auth = OAuthRefresh(
                SETTINGS.hubspot_client_id,
                secret or SETTINGS.hubspot_client_secret,
                SETTINGS.hubspot_refresh_token,
            )
        options = {
            "url": url,
            "api_version": version,
            "sleep": lambda _seconds: None,
            "ten_second_limit": 100_000,
            "searches_per_second": 100_000,
        }
        return HubspotConnector("hubspot", auth, **{**options, **changes})

    return Subject(
        connect=connect,
        user=CrmUser(url, "hubspot"),
        object="companies",
        fields=("name", "domain", "phone", "numberofemployees", "corporate_number", "partner_since", "partner_flag"),
        new={"name": "株式会社テスト"},
        text="domain",
        number="numberofemployees",
        history_object="deals",
        history_field="dealstage",
        history_values=("1001", "1002", "1003"),
        history_new={"dealname": "対象", "pipeline": "partner"},
        many="contacts",
        many_fields=("lastname",),
        write_path="/batch/update$",
        read_path="/companies",
        deletes_told=False,
        renews=oauth,
        unknown_id="999999999999",
        again=timedelta(seconds=3),  # the lag of its search, the second that its clock is told to, and a reply's delay
    )


class TestHubspot(ConnectorSuite):
    @pytest.fixture
    def subject(self, subject: Subject) -> Subject:
        return subject


class TestHubspotSweep(SweepSuite):
    @pytest.fixture
    def subject(self, subject: Subject) -> Subject:
        return subject


def test_every_object_of_the_world_is_read_as_the_ledger_has_it(subject: Subject) -> None:
    connector = subject.connect()
    for name in ("companies", "deals", "meetings", "tasks", "contacts"):
        fields = tuple(f.name for f in connector.describe(name).fields if not f.calculated)
        held = newest(read_all(connector, ReadSpec(name, fields)))
        truth = subject.user.records(name)
        assert {i for i, r in held.items() if not r.deleted} == {i for i, r in truth.items() if not r["deleted"]}, name
        for i, record in held.items():
            told = truth.get(i)
            if told is None or record.deleted:
                continue
            for field in set(told["fields"]) & set(record.values):
                assert (record.values[field] or None) == (told["fields"][field] or None), (name, i, field)


def test_links_of_deals_carry_the_partner_s_label_and_the_primary_company(subject: Subject) -> None:
    connector = subject.connect()
    pages = read_all(connector, ReadSpec("deals", ("pipeline", "external_id"), ("dealstage",), ("companies",)))
    rows = [r for p in pages for s in p.associations for r in s.rows]
    entries = {r.id for p in pages for r in p.records if r.values["external_id"] and not r.deleted}
    assert entries
    assert {r.from_id for r in rows if r.label == "partner" and r.category == "USER_DEFINED"} == entries
    asked = {i for p in pages for s in p.associations for i in s.from_ids}
    assert entries <= asked
    one = min(entries)
    assert history_of(pages, one)[0].old is None


def test_the_labels_of_links_are_told_and_none_of_objects_that_hubspot_does_not_know(subject: Subject) -> None:
    connector = subject.connect()
    assert {"partner", "Primary"} <= (connector.labels("deals", "companies") or set())
    assert connector.labels("tasks", "deals") == frozenset()
    assert connector.labels("deals", "nowhere") is None


def test_deleted_and_merged_records_come_by_the_sweep_and_by_the_survivor(subject: Subject) -> None:
    connector = subject.connect()
    spec = ReadSpec("companies", ("name",))
    gone, winner, loser = (subject.user.create("companies", {"name": f"会社{n}"}) for n in range(3))
    pages = read_all(connector, spec)
    subject.user.delete("companies", gone)
    stays = subject.user.merge("companies", winner, loser)
    pages += ConnectorSuite.until(subject, connector, pages[-1].cursor, lambda got: stays in newest(got), spec)
    pages += read_all(connector, spec, {**pages[-1].cursor, "sweep_due": True})
    held = newest(pages)
    assert held[gone].deleted
    assert held[loser].deleted
    assert held[loser].merged_into == stays
    assert not held[stays].deleted
    truth = {i for i, r in subject.user.records("companies").items() if not r["deleted"]}
    assert {i for i, r in held.items() if not r.deleted} == truth


def test_live_values_of_lists_have_an_entry_for_every_id(subject: Subject) -> None:
    connector = subject.connect()
    one = min(one.id for some in connector.identities("owners") for one in some)
    read = connector.read("owners", [one, "77"], ["email"])
    assert "@" in str(read[one].values["email"])
    assert read["77"].missing


def test_owners_and_pipelines_are_read_as_lists(subject: Subject) -> None:
    connector = subject.connect()
    owners = newest(read_all(connector, ReadSpec("owners", ("email", "userId"))))
    assert owners
    pipelines = newest(read_all(connector, ReadSpec("pipelines_deals", ("label", "stages"))))
    assert {"partner", "default"} <= set(pipelines)
    stage = connector.describe("deals").field("dealstage")
    assert stage is not None
    assert dict(stage.options)["1004"] == "実施"


def test_a_cycle_after_a_week_costs_no_more_than_the_windows(subject: Subject) -> None:
    connector = subject.connect()
    spec = ReadSpec("meetings", ("hs_meeting_title",), (), ("companies",))
    first = read_all(connector, spec)
    subject.user._call("POST", "advance", {"days": 7})
    known = newest(first)
    later = subject.connect()
    later.crm_now()
    pages = list(later.pages(spec, first[-1].cursor, Known(known)))
    held = newest([*first, *pages])
    truth = {i for i, r in subject.user.records("meetings").items() if not r["deleted"]}
    assert truth - set(known)
    assert {i for i, r in held.items() if not r.deleted} == truth
    assert later.calls()["read"] <= 4


def test_with_the_accounts_limits_on_the_pace_is_held_without_a_refusal() -> None:
    with running(SandboxSettings(partners=4, months=2, entries=20, hubspot_ten_second_limit=60)) as url:
        connector = HubspotConnector(
            "hubspot", AccessToken(SETTINGS.hubspot_token), url=url, ten_second_limit=60, searches_per_second=5
        )
        cursor = read_all(connector, ReadSpec("companies", ("name",)))[-1].cursor
        for _ in range(8):
            read_all(connector, ReadSpec("companies", ("name",)), cursor)
        assert connector._transport._searches.allowed == 5
        assert connector._transport._calls.allowed == 60
        connector.close()


def test_lists_without_a_feed_are_swept_too(subject: Subject) -> None:
    connector = subject.connect()
    owners = {one.id for some in connector.identities("owners") for one in some}
    assert owners
    assert connector.count("owners") is None
    one = min(owners)
    (page,) = connector.fetch(ReadSpec("owners", ("email",)), [one, "77"])
    assert one in {r.id for r in page.records}
    assert page.gone == ("77",)


def test_links_are_swept_a_thousand_records_a_call(subject: Subject) -> None:
    connector = subject.connect()
    spec = ReadSpec("deals", ("dealname",), (), ("companies", "contacts"))
    deals = sorted(i for i, r in subject.user.records("deals").items() if not r["deleted"])
    partner = subject.user.create("companies", {"name": "取引先"})
    subject.user._act(
        "edit",
        object="deals",
        id=deals[0],
        associate=[{"to_object": "companies", "to_id": partner, "label": "partner"}],
    )
    connector.greet()
    subject.user.forget_calls()
    # what is no record has no links, and costs the same
    many = [*deals, *(str(10**11 + n) for n in range(2001 - len(deals)))]
    sets = connector.links(spec, many)
    assert subject.user.calls() == 2 * 3
    for to in ("companies", "contacts"):
        assert {i for s in sets if s.to_object == to for i in s.from_ids} >= set(deals)
    assert (deals[0], partner, "partner") in {(r.from_id, r.to_id, r.label) for s in sets for r in s.rows}


def test_what_is_no_hubspot_id_is_gone_and_harms_no_batch(subject: Subject) -> None:
    one = subject.user.create("companies", {"name": "取引先"})
    pages = list(subject.connect().fetch(ReadSpec("companies", ("name",)), ["no-id", one]))
    assert [i for p in pages for i in p.gone] == ["no-id"]
    assert one in newest(pages)


def test_what_was_erased_is_told_apart_from_what_was_archived(subject: Subject) -> None:
    erased, archived = (subject.user.create("companies", {"name": f"会社{n}"}) for n in range(2))
    subject.user._act("purge", object="companies", id=erased)
    subject.user.delete("companies", archived)
    (page,) = subject.connect().fetch(ReadSpec("companies", ("name",)), [erased, archived])
    assert page.forgotten == (erased,)
    assert [(r.id, r.deleted, r.values) for r in page.records] == [(archived, True, {"name": "会社1"})]
