"""The sandbox's HubSpot: search and its ceilings, operators, and lateness."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.sandbox_hubspot import Portal, portal


@pytest.fixture(scope="module")
def hubspot() -> Iterator[Portal]:
    with portal(rows={"hubspot.contacts": 10_300}) as running:
        for n, (name, city, staff, since) in enumerate(
            [
                ("株式会社 Alpha Trade", "Osaka", "10", "2026-01-10"),
                ("Beta", "osaka", "200", "2026-02-10"),
                ("Gamma", None, None, None),
                ("Delta Trade", "Kobe", "30.5", "2026-03-10"),
            ]
        ):
            marks = {
                "name": name,
                "city": city,
                "numberofemployees": staff,
                "partner_since": since,
                "description": "mark",
            }
            marks["partner_contract"] = ("referral", "mutual", None, "reseller")[n]
            running.create("companies", **{k: v for k, v in marks.items() if v is not None})
        yield running


def names(hubspot: Portal, *filters: dict[str, Any], **body: Any) -> set[str]:
    marked = {"propertyName": "description", "operator": "EQ", "value": "MARK"}
    found = hubspot.search("companies", filterGroups=[{"filters": [marked, *filters]}], properties=["name"], **body)
    return {r["properties"]["name"].split()[-2 if "Trade" in r["properties"]["name"] else -1] for r in found["results"]}


def by(name: str, operator: str, **values: Any) -> dict[str, Any]:
    return {"propertyName": name, "operator": operator, **values}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (by("city", "EQ", value="OSAKA"), {"Alpha", "Beta"}),
        (by("city", "NEQ", value="osaka"), {"Delta"}),
        (by("city", "IN", values=["osaka"]), {"Alpha", "Beta"}),
        (by("city", "IN", values=["Osaka"]), set()),
        (by("city", "NOT_IN", values=["osaka"]), {"Delta"}),
        (by("city", "HAS_PROPERTY"), {"Alpha", "Beta", "Delta"}),
        (by("city", "NOT_HAS_PROPERTY"), {"Gamma"}),
        (by("numberofemployees", "GT", value="30"), {"Beta", "Delta"}),
        (by("numberofemployees", "BETWEEN", value=10, highValue=31), {"Alpha", "Delta"}),
        (by("numberofemployees", "LTE", value="10"), {"Alpha"}),
        (by("partner_since", "GTE", value="2026-02-10"), {"Beta", "Delta"}),
        (by("partner_since", "LT", value="1770681600000"), {"Alpha"}),
        (by("partner_contract", "IN", values=["referral", "mutual"]), {"Alpha", "Beta"}),
        (by("partner_contract", "EQ", value="Referral"), set()),
        (by("name", "CONTAINS_TOKEN", value="trade"), {"Alpha", "Delta"}),
        (by("name", "CONTAINS_TOKEN", value="al*"), {"Alpha"}),
        (by("name", "NOT_CONTAINS_TOKEN", value="trade"), {"Beta", "Gamma"}),
    ],
)
def test_each_operator_finds_what_it_says(hubspot: Portal, asked: dict[str, Any], expected: set[str]) -> None:
    assert names(hubspot, asked) == expected


def test_groups_are_joined_by_or_and_top_level_filters_are_a_group(hubspot: Portal) -> None:
    one, two = [by("name", "EQ", value="beta")], [by("name", "EQ", value="gamma")]
    found = hubspot.search("companies", filterGroups=[{"filters": one}], filters=two, properties=["name"])
    assert {r["properties"]["name"] for r in found["results"]} == {"Beta", "Gamma"}


def test_query_looks_into_the_names(hubspot: Portal) -> None:
    assert {r["properties"]["name"] for r in hubspot.search("companies", query="delta tra")["results"]} == {
        "Delta Trade"
    }


def test_ten_results_by_default_and_offsets_without_a_link(hubspot: Portal) -> None:
    page = hubspot.search("contacts")
    assert len(page["results"]) == 10
    assert page["paging"] == {"next": {"after": "10"}}
    following = hubspot.search("contacts", after=10, limit="5")
    assert int(following["results"][0]["id"]) > int(page["results"][-1]["id"])
    assert following["paging"]["next"]["after"] == "15"


@pytest.mark.parametrize("body", [{"limit": 201}, {"after": "10000"}, {"after": 9_900, "limit": 200}])
def test_nothing_lies_beyond_ten_thousand_and_two_hundred_a_page(hubspot: Portal, body: dict[str, Any]) -> None:
    hubspot.search("contacts", 400, **body)
    assert hubspot.search("contacts", after=9_800, limit=200)["paging"]["next"]["after"] == "10000"


def test_a_sweep_by_id_passes_ten_thousand(hubspot: Portal) -> None:
    seen: list[str] = []
    lowest = 0
    while True:
        window = [by("lastmodifieddate", "GTE", value=0), by("hs_object_id", "GTE", value=str(lowest))]
        sorts = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
        body = {"filterGroups": [{"filters": window}], "sorts": sorts, "limit": 200}
        page = hubspot.session.post(f"{hubspot.base}/crm/v3/objects/contacts/search", json=body, timeout=10).json()
        assert page["total"] == 10_300 - len(seen)
        seen += [r["id"] for r in page["results"]]
        if len(page["results"]) < 200:
            break
        lowest = int(seen[-1]) + 1
    assert len(seen) == len(set(seen)) == 10_300


def test_contacts_are_found_by_lastmodifieddate_and_never_by_the_other_stamp(hubspot: Portal) -> None:
    assert hubspot.search("contacts", filters=[by("hs_lastmodifieddate", "GTE", value=0)])["total"] == 0
    assert hubspot.search("contacts", filters=[by("lastmodifieddate", "GTE", value="0")])["total"] == 10_300
    assert (
        hubspot.search("deals", filters=[by("hs_lastmodifieddate", "GTE", value="2001-01-01T00:00:00+09:00")])["total"]
        > 0
    )


@pytest.mark.parametrize("shape", [[[1] * 7], [[1]] * 6, [[1] * 5] * 4])
def test_too_many_filters_are_refused(hubspot: Portal, shape: list[list[int]]) -> None:
    groups = [{"filters": [by("name", "HAS_PROPERTY") for _ in group]} for group in shape]
    assert hubspot.search("companies", 400, filterGroups=groups)["category"] == "VALIDATION_ERROR"


@pytest.mark.parametrize(
    "body",
    [
        {"sorts": [{"propertyName": "name"}, {"propertyName": "city"}]},
        {"sorts": [{"propertyName": "nonsense"}]},
        {"filters": [by("nonsense", "EQ", value="1")]},
        {"filters": [by("name", "LIKE", value="1")]},
        {"filters": [by("numberofemployees", "EQ", value="many")]},
        {"filters": [by("name", "IN", value="x")]},
        {"query": "q" * 3_001},
        {"limit": "many"},
    ],
)
def test_what_search_does_not_know_it_refuses(hubspot: Portal, body: dict[str, Any]) -> None:
    hubspot.search("companies", 400, **body)


def test_one_sort_upwards_or_downwards_with_the_unset_last(hubspot: Portal) -> None:
    marked = [by("description", "EQ", value="mark")]
    for direction, expected in (
        ("ASCENDING", ["10", "30.5", "200", None]),
        ("DESCENDING", ["200", "30.5", "10", None]),
    ):
        sorts = [{"propertyName": "numberofemployees", "direction": direction}]
        found = hubspot.search("companies", filters=marked, sorts=sorts, properties=["numberofemployees"])
        assert [r["properties"]["numberofemployees"] for r in found["results"]] == expected


def test_records_can_be_found_by_what_they_are_linked_to(hubspot: Portal) -> None:
    company, meeting = hubspot.create("companies", name="linked"), hubspot.create("meetings", hs_meeting_title="m")
    hubspot.call("PUT", f"/crm/v4/objects/meetings/{meeting}/associations/default/companies/{company}")
    found = hubspot.search("meetings", filters=[by("associations.company", "EQ", value=company)])
    assert [r["id"] for r in found["results"]] == [meeting]


def test_archived_records_are_never_found(hubspot: Portal) -> None:
    made = hubspot.create("companies", name="to be archived")
    hubspot.call("DELETE", f"/crm/v3/objects/companies/{made}")
    assert hubspot.search("companies", query="to be archived")["total"] == 0


def test_search_sees_a_new_version_late_and_the_old_one_until_then() -> None:
    """Creation, change and archive all arrive the lag's seconds after a read by id shows them."""
    with portal(hubspot_search_lag_s=2.0, entries=5, partners=2) as hubspot:
        now = 100.0
        hubspot.crm.records.lag._passed = lambda: now
        made = hubspot.create("companies", name="first")

        def seen() -> list[str]:
            found = hubspot.search("companies", filters=[by("hs_object_id", "EQ", value=made)])["results"]
            return [r["properties"]["name"] for r in found]

        assert seen() == []
        now += 1.9
        assert seen() == []
        hubspot.patch(f"/crm/v3/objects/companies/{made}", {"properties": {"name": "second"}})
        assert hubspot.get(f"/crm/v3/objects/companies/{made}")["properties"]["name"] == "second"
        now += 0.2
        assert seen() == ["first"]
        now += 2
        assert seen() == ["second"]
        hubspot.call("DELETE", f"/crm/v3/objects/companies/{made}")
        assert seen() == ["second"]
        now += 2.1
        assert seen() == []


def test_what_the_world_does_while_the_clock_leaps_is_found_at_once() -> None:
    with portal(hubspot_search_lag_s=60.0) as hubspot:
        assert hubspot.search("deals")["total"] == sum(1 for _ in hubspot.crm.store.live("deals"))
