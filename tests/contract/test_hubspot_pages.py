"""What of an object is new: nothing is missed and nothing loops, whatever the index hides and however many records share a stamp."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync.errors import BadReply, FieldMissing
from sync.hubspot import AccessToken, HubspotConnector
from sync.records import CrmRecord, Page, ReadSpec
from tests.fake_hubspot import FakeHubspot, Row, iso
from tests.known import Known
from tests.scripted_http import Answer, Asked, Script, scripted

NOW = datetime(2026, 10, 31, 0, 0, tzinfo=UTC)
SPEC = ReadSpec("companies", ("name",))


class Mirror:
    """What a mirror would hold: the newest version of each record, by the CRM's stamp."""

    def __init__(self) -> None:
        self.rows: dict[str, CrmRecord] = {}
        self.cursor: dict[str, Any] | None = None
        self.known = Known(self.rows)

    def take(self, page: Page) -> None:
        for record in page.records:
            held = self.rows.get(record.id)
            if held is None or held.version <= record.version:
                self.rows[record.id] = record
        self.cursor = page.cursor

    def live(self) -> dict[int, str]:
        return {int(r.id): str(r.values.get("name")) for r in self.rows.values() if not r.deleted}


@contextmanager
def reading(answer: Callable[[Asked], Answer], **options: Any) -> Iterator[tuple[HubspotConnector, Script]]:
    with scripted(answer) as script:
        connector = HubspotConnector(
            "hubspot",
            AccessToken("t"),
            url=script.url,
            ten_second_limit=100_000,
            searches_per_second=100_000,
            sleep=lambda _seconds: None,
            monotonic=lambda: 0.0,  # HubSpot's clock stands still between replies
            **options,
        )
        yield connector, script
        connector.close()


def pull(connector: HubspotConnector, mirror: Mirror, spec: ReadSpec = SPEC) -> list[Page]:
    pages = []
    for page in connector.pages(spec, mirror.cursor, mirror.known):
        mirror.take(page)
        pages.append(page)
    return pages


def filled(count: int, *, stamp: datetime | None = None) -> FakeHubspot:
    crm = FakeHubspot(NOW)
    for i in range(1, count + 1):
        crm.put(Row(i * 7, stamp or NOW - timedelta(days=30) + timedelta(seconds=i // 3), {"name": f"n{i}"}))
    return crm


def truth(crm: FakeHubspot) -> dict[int, str]:
    return {r.id: str(r.properties.get("name")) for r in crm.rows.values() if r.archived_at is None}


def test_a_first_load_brings_every_record_and_ends_with_the_time_it_began() -> None:
    crm = filled(2345)
    with reading(crm) as (connector, script):
        mirror = Mirror()
        pages = pull(connector, mirror)
    assert mirror.live() == truth(crm)
    assert [p.loaded for p in pages] == [False, False, False, True]
    assert pages[-1].covered_until == NOW
    lists = [a for a in script.asked if a.path == "/crm/objects/2026-09/companies"]
    assert len(lists) == 24 + 1


def test_an_empty_crm_is_loaded_at_once() -> None:
    with reading(FakeHubspot(NOW)) as (connector, _):
        pages = pull(connector, Mirror())
    assert pages[-1].loaded
    assert not any(p.records for p in pages)


def test_a_load_goes_on_after_any_page_that_was_stored() -> None:
    crm = filled(3100)
    mirror = Mirror()
    for _ in range(12):  # each time one page, then the process dies
        with reading(crm) as (connector, _):
            for page in connector.pages(SPEC, mirror.cursor, mirror.known):
                mirror.take(page)
                break
    assert mirror.live() == truth(crm)


def test_an_unchanged_cycle_makes_one_search_and_an_hour_later_two() -> None:
    crm = filled(300)
    with reading(crm) as (connector, _):
        mirror = Mirror()
        pull(connector, mirror)
        spent = []
        for minutes in (5, 5, 60, 10, 10):
            crm.now += timedelta(minutes=minutes)
            connector.greet()  # hears of the new time, as a later cycle would
            before = crm.searches
            pages = pull(connector, mirror)
            spent.append(crm.searches - before)
            assert not any(p.history or p.associations for p in pages)
            assert pages[-1].covered_until == crm.now
    assert spent == [1, 1, 2, 2, 2]


def test_changes_are_found_and_carry_only_what_changed() -> None:
    crm = filled(500)
    with reading(crm) as (connector, _):
        mirror = Mirror()
        pull(connector, mirror)
        crm.now += timedelta(days=7)
        crm.put(Row(70, crm.now - timedelta(days=2), {"name": "new name"}))
        crm.put(Row(999_999, crm.now - timedelta(days=1), {"name": "newcomer"}))
        pages = pull(connector, mirror)
    assert mirror.live() == truth(crm)
    assert sum(len(p.records) for p in pages) == 2


def test_fifteen_thousand_records_with_one_stamp_pass_the_cap_without_a_loop() -> None:
    crm = filled(10)
    with reading(crm) as (connector, _):
        mirror = Mirror()
        pull(connector, mirror)
        crm.now += timedelta(hours=2)
        same = crm.now - timedelta(minutes=30)
        for i in range(15_000):
            crm.put(Row(100_000 + i, same, {"name": f"s{i}"}))
        pages = pull(connector, mirror)
    assert mirror.live() == truth(crm)
    assert crm.searches == 1 + 1 + 75  # the first told that the clock had gone on, the second showed the newest page
    assert max(len(p.records) for p in pages) <= 1200
    assert pages[-1].expected == 15_000


def test_a_window_cut_off_between_pages_is_finished_with_its_own_bounds() -> None:
    crm = filled(10)
    mirror = Mirror()
    with reading(crm) as (connector, _):
        pull(connector, mirror)
    crm.now += timedelta(hours=2)
    for i in range(3000):
        crm.put(Row(100_000 + i, crm.now - timedelta(minutes=30), {"name": f"s{i}"}))
    with reading(crm) as (connector, _):
        mirror.take(next(iter(connector.pages(SPEC, mirror.cursor, mirror.known))))
    assert len(mirror.live()) < len(truth(crm))
    crm.now += timedelta(minutes=1)
    crm.put(Row(5, crm.now, {"name": "changed while we were away"}))
    with reading(crm) as (connector, _):
        pull(connector, mirror)
    assert mirror.live() == truth(crm)


def test_an_overlap_full_of_what_the_mirror_holds_costs_one_search_a_window() -> None:
    crm = filled(10)
    mirror = Mirror()
    with reading(crm) as (connector, _):
        pull(connector, mirror)
        crm.now += timedelta(hours=2)
        for i in range(1, 901):
            crm.put(Row(i, crm.now - timedelta(seconds=1), {"name": f"written by us {i}"}))
        connector.greet()
        pull(connector, mirror)
        assert mirror.live() == truth(crm)
        crm.now += timedelta(minutes=1)
        before = crm.searches
        connector.greet()
        pull(connector, mirror)
        assert crm.searches - before <= 2
        crm.put(Row(850, crm.now - timedelta(seconds=1), {"name": "and then by a person"}))
        crm.now += timedelta(minutes=1)
        connector.greet()
        pull(connector, mirror)
    assert mirror.live() == truth(crm)


def test_a_late_record_among_many_held_ones_is_still_found() -> None:
    crm = filled(10)
    mirror = Mirror()
    with reading(crm) as (connector, _):
        pull(connector, mirror)
        crm.now += timedelta(minutes=20)
        for i in range(1, 901):
            late = crm.now + timedelta(minutes=2) if i == 700 else None
            crm.put(Row(i, crm.now - timedelta(seconds=1), {"name": f"n{i}"}, seen_from=late))
        for _ in range(3):
            connector.greet()
            pull(connector, mirror)
            crm.now += timedelta(minutes=1)
        connector.greet()
        pull(connector, mirror)
    assert mirror.live() == truth(crm)


def test_a_record_the_index_shows_forty_minutes_late_is_found_by_the_delayed_reading() -> None:
    crm = filled(10)
    with reading(crm) as (connector, _):
        mirror = Mirror()
        pull(connector, mirror)
        crm.now += timedelta(minutes=10)
        crm.put(Row(5, crm.now, {"name": "late"}, seen_from=crm.now + timedelta(minutes=40)))
        for _ in range(20):
            crm.now += timedelta(minutes=5)
            connector.greet()
            pull(connector, mirror)
    assert mirror.live() == truth(crm)


def test_a_stamp_of_the_future_does_not_move_the_watermark_and_is_read_when_its_time_comes() -> None:
    crm = filled(10)
    with reading(crm) as (connector, _):
        mirror = Mirror()
        pull(connector, mirror)
        crm.now += timedelta(minutes=10)
        crm.put(Row(5, crm.now + timedelta(hours=1), {"name": "from the future"}))
        connector.greet()
        pages = pull(connector, mirror)
        assert pages[-1].covered_until == crm.now
        crm.now += timedelta(hours=2)
        pull(connector, mirror)
    assert mirror.live() == truth(crm)


def test_contacts_are_searched_by_their_own_stamp() -> None:
    crm = FakeHubspot(NOW, stamp="lastmodifieddate")
    crm.put(Row(1, NOW - timedelta(days=1), {"firstname": "a"}))
    with reading(crm) as (connector, script):
        mirror = Mirror()
        spec = ReadSpec("contacts", ("firstname",))
        pull(connector, mirror, spec)
        crm.now += timedelta(hours=1)
        crm.put(Row(1, crm.now, {"firstname": "b"}))
        pull(connector, mirror, spec)
    assert mirror.rows["1"].values == {"firstname": "b"}
    body = next(a.body for a in script.asked if a.path.endswith("/search"))
    assert body["filterGroups"][0]["filters"][0]["propertyName"] == "lastmodifieddate"


def test_archived_records_are_deleted_ones_at_first_and_by_the_sweep_only() -> None:
    crm = filled(20)
    crm.rows[7].archived_at = NOW - timedelta(days=3)
    with reading(crm) as (connector, script):
        mirror = Mirror()
        pull(connector, mirror)
        assert mirror.rows["7"].deleted
        crm.rows[14].archived_at = crm.now
        crm.now += timedelta(minutes=30)
        connector.greet()
        script.asked.clear()
        pull(connector, mirror)
        assert not any(a.query.get("archived") == "true" for a in script.asked)
        crm.now += timedelta(hours=6)
        connector.greet()
        pull(connector, mirror)
        assert mirror.live() == truth(crm)
        mirror.cursor = {**(mirror.cursor or {}), "sweep_due": True}
        crm.rows[21].archived_at = crm.now
        pull(connector, mirror)
        assert "sweep_due" not in (mirror.cursor or {})
    assert mirror.live() == truth(crm)


def test_a_merge_leaves_its_former_ids_as_deleted_records_that_point_at_the_survivor() -> None:
    crm = filled(10)
    with reading(crm) as (connector, _):
        mirror = Mirror()
        pull(connector, mirror)
        del crm.rows[7], crm.rows[14]
        crm.now += timedelta(hours=1)
        crm.put(Row(500, crm.now, {"name": "both", "hs_merged_object_ids": "7;14"}))
        pull(connector, mirror)
    assert mirror.live() == truth(crm)
    assert {mirror.rows["7"].merged_into, mirror.rows["14"].merged_into} == {"500"}
    assert mirror.rows["500"].values == {"name": "both"}


STAGES = [
    {"value": "1002", "timestamp": "2026-10-03T00:00:00.500Z", "sourceType": "CRM_UI"},
    {"value": "1001", "timestamp": "2026-10-01T00:00:00Z", "sourceType": "INTEGRATION"},
]
LINK = {
    "toObjectId": 77,
    "associationTypes": [
        {"category": "HUBSPOT_DEFINED", "typeId": 341, "label": None},
        {"category": "USER_DEFINED", "typeId": 101, "label": "partner"},
    ],
}
DEALS = ReadSpec("deals", ("dealname", "dealstage"), ("dealstage",), ("companies",))


def deals(count: int) -> FakeHubspot:
    crm = FakeHubspot(NOW)
    crm.known = ("dealname", "dealstage")
    for i in range(1, count + 1):
        links = {"companies": [LINK]} if i % 2 else {}
        crm.put(Row(i, NOW - timedelta(days=9), {"dealname": "d"}, history={"dealstage": STAGES}, links=links))
    return crm


def test_histories_and_links_come_with_the_load_and_later_only_for_new_versions() -> None:
    crm = deals(120)
    with reading(crm) as (connector, script):
        mirror = Mirror()
        pages = pull(connector, mirror, DEALS)
        assert sum(len(p.history) for p in pages) == 240
        assert sum(len(s.rows) for p in pages for s in p.associations) == 120
        assert {i for p in pages for s in p.associations for i in s.from_ids} == {str(i) for i in range(1, 121)}
        crm.now += timedelta(hours=2)
        crm.put(Row(3, crm.now, {"dealname": "d"}, history={"dealstage": STAGES}))
        pages = pull(connector, mirror, DEALS)
        assert [p.associations[0].from_ids for p in pages if p.associations] == [("3",)]
        assert not any(s.rows for p in pages for s in p.associations)
        script.asked.clear()
        crm.now += timedelta(minutes=2)
        connector.greet()
        pages = pull(connector, mirror, DEALS)
    assert [len(p.records) for p in pages] == [1]  # read again by the overlap, and nothing beside it
    assert not any(a.path.endswith("/batch/read") for a in script.asked)


def test_a_change_has_one_id_at_every_reading_and_its_old_value_is_the_one_before() -> None:
    def changes() -> list[Any]:
        with reading(deals(1)) as (connector, _):
            return [h for p in pull(connector, Mirror(), DEALS) for h in p.history]

    first, second = changes(), changes()
    assert first == second
    assert [(h.old, h.new) for h in first] == [(None, "1001"), ("1001", "1002")]
    assert len({h.change_id for h in first}) == 2
    assert first[0].changed_at == datetime(2026, 10, 1, tzinfo=UTC)


def test_changes_of_one_instant_keep_the_order_they_were_made_in() -> None:
    crm = FakeHubspot(NOW)
    crm.known = DEALS.fields
    entries = [
        {"value": v, "timestamp": "2026-10-03T00:00:00Z"} for v in ("1004", "1003", "1002", "1001")
    ]  # newest first
    crm.put(Row(1, NOW - timedelta(days=9), {"dealname": "d"}, history={"dealstage": entries}))
    with reading(crm) as (connector, _):
        changes = [h for p in pull(connector, Mirror(), DEALS) for h in p.history]
    assert [(h.old, h.new) for h in changes] == [(None, "1001"), ("1001", "1002"), ("1002", "1003"), ("1003", "1004")]


def test_links_carry_every_type_of_a_pair() -> None:
    with reading(deals(1)) as (connector, _):
        rows = [r for p in pull(connector, Mirror(), DEALS) for s in p.associations for r in s.rows]
    assert [(r.from_id, r.to_id, r.type_id, r.category, r.label) for r in rows] == [
        ("1", "77", "341", "HUBSPOT_DEFINED", None),
        ("1", "77", "101", "USER_DEFINED", "partner"),
    ]


def test_properties_that_do_not_fit_the_address_are_fetched_by_batch() -> None:
    names = tuple(f"property_with_a_long_name_{i:04d}" for i in range(900))
    crm = FakeHubspot(NOW)
    for i in range(1, 151):
        crm.put(Row(i, NOW - timedelta(days=1), {n: f"{i}.{n[-4:]}" for n in names}))
    with reading(crm) as (connector, script):
        mirror = Mirror()
        pull(connector, mirror, ReadSpec("companies", names))
    assert all(len(a.query.get("properties", "")) < 16_000 for a in script.asked)
    assert all(mirror.rows[str(i)].values == {n: f"{i}.{n[-4:]}" for n in names} for i in range(1, 151))


def test_a_list_that_comes_round_in_a_circle_is_stopped_after_two_pages() -> None:
    crm = filled(300)

    def circle(asked: Asked) -> Answer:
        query = {k: v for k, v in asked.query.items() if k != "after"}
        return crm(Asked(asked.method, asked.path, query, asked.headers, asked.raw, asked.at))

    with reading(circle) as (connector, script), pytest.raises(BadReply, match="circle"):
        pull(connector, Mirror())
    assert len(script.asked) <= 4


def test_a_page_that_is_sent_twice_once_is_asked_for_again() -> None:
    crm = filled(300)
    sent: list[Answer] = []

    def twice(asked: Asked) -> Answer:
        answer = crm(asked)
        if asked.query.get("after") and len(sent) == 1:
            sent.append(answer)
            return sent[0]
        if "after" not in asked.query and asked.query.get("archived") == "false":
            sent.append(answer)
        return answer

    with reading(twice) as (connector, _):
        mirror = Mirror()
        pull(connector, mirror)
    assert mirror.live() == truth(crm)


def test_a_search_that_ignores_where_we_are_is_stopped() -> None:
    crm = filled(10)

    def deaf(asked: Asked) -> Answer:
        if asked.path.endswith("/search"):
            rows = [crm._wire(r, ["name"], []) for r in list(crm.rows.values())[:5]]
            return Answer({"total": 400, "results": rows})
        return crm(asked)

    with reading(deaf) as (connector, script):
        mirror = Mirror()
        pull(connector, mirror)
        script.asked.clear()
        crm.now += timedelta(hours=1)
        with pytest.raises(BadReply, match="does not move on"):
            pull(connector, mirror)
    assert len(script.asked) <= 4


def test_a_search_that_counts_records_and_sends_none_is_no_empty_window() -> None:
    crm = filled(10)

    def empty(asked: Asked) -> Answer:
        return Answer({"total": 3, "results": []}) if asked.path.endswith("/search") else crm(asked)

    with reading(empty) as (connector, _):
        mirror = Mirror()
        pull(connector, mirror)
        held = mirror.cursor
        crm.now += timedelta(hours=1)
        with pytest.raises(BadReply, match="sent none"):
            pull(connector, mirror)
    assert mirror.cursor == held


def test_a_link_that_failed_for_another_reason_is_not_taken_for_no_link() -> None:
    crm = deals(4)

    def partly(asked: Asked) -> Answer:
        answer = crm(asked)
        if "/associations/" in asked.path:
            failed = {
                "status": "error",
                "category": "INTERNAL_ERROR",
                "message": "-",
                "context": {"fromObjectId": ["2"]},
            }
            return Answer({**answer.body, "errors": [failed]}, 207)
        return answer

    with reading(partly) as (connector, _):
        pages = pull(connector, Mirror(), DEALS)
    assert [s.from_ids for p in pages for s in p.associations] == [("1", "3", "4")]


def test_many_links_of_one_record_are_paged_to_their_end() -> None:
    def answer(asked: Asked) -> Answer:
        if "/associations/" not in asked.path:
            return crm(asked)
        after = int(asked.body["inputs"][0].get("after", 0))
        to = [{**LINK, "toObjectId": after + n} for n in range(2)]
        row: dict[str, Any] = {"from": {"id": "1"}, "to": to}
        if after < 4:
            row["paging"] = {"next": {"after": str(after + 2)}}
        return Answer({"results": [row]})

    crm = deals(1)
    with reading(answer) as (connector, _):
        rows = [r for p in pull(connector, Mirror(), DEALS) for s in p.associations for r in s.rows]
    assert {r.to_id for r in rows} == {"0", "1", "2", "3", "4", "5"}


def test_a_record_without_any_stamp_stops_the_page_and_is_named_by_id() -> None:
    def stampless(asked: Asked) -> Answer:
        return Answer({"portalId": 1, "results": [{"id": "42", "properties": {"name": "secret name"}}]})

    with reading(stampless) as (connector, _), pytest.raises(BadReply, match="42") as met:
        pull(connector, Mirror())
    assert "secret" not in str(met.value)


def test_a_property_that_is_gone_or_hidden_is_named_and_never_read_as_empty() -> None:
    crm = FakeHubspot(NOW)
    crm.known = ("name", "phone")
    crm.put(Row(1, NOW - timedelta(days=1), {"name": "a", "phone": None}))
    with reading(crm) as (connector, _):
        mirror = Mirror()
        with pytest.raises(FieldMissing, match=r"'phones'.*nearest are phone"):
            pull(connector, mirror, ReadSpec("companies", ("name", "phones")))
        assert mirror.cursor is None
        crm.known = ("name", "phone", "sparse")
        pull(connector, mirror, ReadSpec("companies", ("name", "phone", "sparse")))
    assert mirror.rows["1"].values == {"name": "a", "phone": None}


def test_the_delayed_window_is_skipped_where_the_fast_one_covers_it() -> None:
    crm = filled(3)
    with reading(crm) as (connector, script):
        mirror = Mirror()
        pull(connector, mirror)
        crm.now += timedelta(days=30)
        connector.greet()
        pull(connector, mirror)
    assert crm.searches == 1
    assert iso(crm.now)[:16] in str((mirror.cursor or {})["watermark"]) + "Z"
    assert script.url


def test_a_cursor_of_an_unknown_shape_is_refused_with_the_way_out() -> None:
    with reading(filled(1)) as (connector, _), pytest.raises(BadReply, match="--full"):
        list(connector.pages(SPEC, {"phase": "moon"}, Known()))
