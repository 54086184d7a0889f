"""The sandbox's HubSpot beside what real servers sent: the same keys, the same kinds of values, the same words in refusals."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.sandbox_hubspot import Portal, check_reply, operation, portal
from tests.shared_folder import shared

SOURCE = "amp-labs+connectors__"


@pytest.fixture(scope="module")
def hubspot() -> Iterator[Portal]:
    with portal() as running:
        yield running


def recorded(name: str) -> Any:
    return json.loads(shared("recordings", "hubspot", f"{SOURCE}{name}.json").read_text())


def shape(value: Any) -> Any:
    """Keys and kinds of values; a list by what its first item looks like."""
    if isinstance(value, dict):
        return {key: shape(found) for key, found in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def fits(ours: Any, real: Any, path: str = "") -> list[str]:
    """Where our shape lacks a key of the real one, or has another kind of value there."""
    if isinstance(real, dict) and isinstance(ours, dict):
        found = [f"{path}.{key} is missing" for key in real.keys() - ours.keys()]
        return found + [
            line for key in real.keys() & ours.keys() for line in fits(ours[key], real[key], f"{path}.{key}")
        ]
    if isinstance(real, list) and isinstance(ours, list):
        return fits(ours[0], real[0], f"{path}[]") if real and ours else []
    return [] if ours == real else [f"{path} is {ours}, real servers send {real}"]


def assert_like(ours: Any, real: Any, *, but: tuple[str, ...] = ()) -> None:
    lines = [line for line in fits(shape(ours), shape(real)) if not any(part in line for part in but)]
    assert not lines, lines


def test_a_batch_update_with_unknown_ids(hubspot: Portal) -> None:
    real = recorded("test__batch__update__contacts__err-partial-success")
    made = hubspot.create("contacts", email="a@sample.invalid")
    rows = [{"id": i, "properties": {"firstname": "Siena", "lastname": "D"}} for i in (made, "unknownIdentifier888")]
    ours = hubspot.post("/crm/v3/objects/contacts/batch/update", {"inputs": rows}, 207)
    assert_like(ours, real, but=("hs_is_unworked", "hs_pipeline", "lifecyclestage"))
    assert ours["errors"] == real["errors"]


def test_a_batch_create_with_a_conflict(hubspot: Portal) -> None:
    real = recorded("test__batch__create__contacts__err-partial-success")
    held = hubspot.create("contacts", email="held@sample.invalid")
    rows = [
        {"properties": {"email": "held@sample.invalid"}, "objectWriteTraceId": "0"},
        {"properties": {"email": "new@sample.invalid", "firstname": "S", "lastname": "D"}, "objectWriteTraceId": "1"},
    ]
    ours = hubspot.post("/crm/v3/objects/contacts/batch/create", {"inputs": rows}, 207)
    assert_like(ours, real)
    told = json.loads(json.dumps(real["errors"]).replace("171591000198", held))
    assert ours["errors"] == told


def test_refusals_in_the_real_words(hubspot: Portal) -> None:
    real = recorded("test__batch__update__contacts__err-many-invalid-properties")
    made = [hubspot.create("contacts", email=f"w{n}@sample.invalid") for n in range(2)]
    wrong = {"first000name": "x", "last000name": "y"}
    body = {"inputs": [{"id": i, "properties": wrong} for i in made]}
    ours = hubspot.post("/crm/v3/objects/contacts/batch/update", body, 400)
    assert ours["message"] == real["message"]
    assert ours["errors"][:3] == real["errors"]
    for path, given, name in (
        (
            "/crm/v3/objects/contacts/batch/update",
            {"inputs": [{"id": "123456", "properties": {}}] * 2},
            "test__batch__update__contacts__err-duplicate-ids",
        ),
        ("/crm/v3/objects/butterflies/search", {}, "test__search__error-invalid-object"),
    ):
        ours, real = hubspot.post(path, given, 400), recorded(name)
        assert {**ours, "correlationId": ""} == {**real, "correlationId": ""}


def test_a_missing_scope_in_the_real_words() -> None:
    real = recorded("test__metadata-err-schemas-scope")
    with portal(partners=2, entries=4, months=2, hubspot_scopes=("oauth",)) as hubspot:
        ours = hubspot.get("/crm-object-schemas/v3/schemas", 403)
    assert_like(ours, real)
    assert (ours["message"], ours["category"]) == (real["message"], real["category"])


def test_pages_of_search_and_list(hubspot: Portal) -> None:
    real = recorded("test__search__contacts__1-first-page")
    ours = hubspot.search(
        "contacts", limit=1, properties=["company", "email", "firstname", "lastname", "phone", "website"]
    )
    real["results"][0]["properties"].pop("website")  # not a property of this portal
    for page in (ours, real):
        page["results"][0]["properties"] = {k: v for k, v in page["results"][0]["properties"].items() if v is not None}
    assert_like(ours, real)
    assert ours["paging"]["next"].keys() == real["paging"]["next"].keys()
    assert_like(
        hubspot.get("/crm/v3/objects/contacts", limit=1), recorded("test__read__objects-api__contacts-response")
    )


def test_links_read_in_a_batch(hubspot: Portal) -> None:
    real = recorded("test__search__contacts__contacts-to-companies")
    linked, company = hubspot.create("contacts", email="l@sample.invalid"), hubspot.create("companies", name="c")
    lonely = hubspot.create("contacts", email="m@sample.invalid")
    hubspot.call(
        "PUT",
        f"/crm/v4/objects/contacts/{linked}/associations/companies/{company}",
        [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}],
    )
    body = {"inputs": [{"id": linked}, {"id": lonely}]}
    ours = hubspot.post("/crm/v4/associations/contacts/companies/batch/read", body, 207)
    assert_like(ours, real)
    assert ours["results"][0]["to"][0]["associationTypes"] == real["results"][0]["to"][0]["associationTypes"]
    assert ours["errors"] == json.loads(json.dumps(real["errors"]).replace("103107104018", lonely))


def test_links_made_in_a_batch(hubspot: Portal) -> None:
    real = recorded("internal__associations__test__contact-to-company-resp")
    contact, company = hubspot.create("contacts", email="n@sample.invalid"), hubspot.create("companies", name="c")
    row = {
        "from": {"id": contact},
        "to": {"id": company},
        "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}],
    }
    ours = hubspot.post("/crm/v4/associations/contacts/companies/batch/create", {"inputs": [row]}, 201)
    assert_like(ours, real)
    refusals = recorded("internal__associations__test__err-contact-to-contact")
    plain = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 449}]
    rows = [
        {"from": {"id": contact}, "to": {"id": "unknown_id_123456798"}, "types": plain},
        {"from": {"id": contact}, "to": {"id": contact}, "types": plain},
    ]
    ours = hubspot.post("/crm/v4/associations/contacts/contacts/batch/create", {"inputs": rows}, 207)
    assert ours["errors"] == json.loads(json.dumps(refusals["errors"]).replace("211762804612", contact))


def test_definitions_of_properties_pipelines_and_the_account(hubspot: Portal) -> None:
    real = {p["name"]: p for p in recorded("test__metadata-deals-properties-sampled")["results"]}
    for name in ("pipeline", "dealstage"):
        ours = hubspot.get(f"/crm/v3/properties/deals/{name}")
        assert_like(ours, real[name], but=("readOnlyOptions",))
        assert ours["externalOptions"] is real[name]["externalOptions"]
    assert_like(hubspot.get("/crm/v3/pipelines/deals"), recorded("test__metadata-deals-external-pipelines"))
    assert_like(hubspot.get("/account-info/v3/details"), recorded("test__post-auth__account-info"))
    group = recorded("test__custom__create__2-response-create-property-group")
    asked = recorded("test__custom__create__1-payload-create-property-group")
    assert_like(hubspot.post("/crm/v3/properties/contacts/groups", asked, 201), group)
    asked = recorded("test__custom__create__3-payload-batch-create-properties")
    real = recorded("test__custom__create__4-response-batch-create-properties")
    ours = hubspot.post("/crm/v3/properties/contacts/batch/create", asked, 201)
    assert_like(ours, real)
    again = recorded("test__custom__update__3-response-batch-create-properties")
    asked = recorded("test__custom__update__2-payload-batch-create-properties")
    ours = hubspot.post("/crm/v3/properties/contacts/batch/create", asked, 207)
    assert_like(ours, again)
    assert ours["errors"] == again["errors"]


def test_the_specifications_are_really_held_against_replies(hubspot: Portal) -> None:
    """The check that every other test relies on refuses a reply with a number for a record id."""
    shared("openapi", "hubspot")
    for path in (
        "/crm/v3/objects/deals",
        "/crm/objects/2026-09/deals",
        "/crm/v3/objects/companies/1",
        "/crm/v3/owners",
    ):
        assert operation("GET", path) is not None, path
    reply = hubspot.session.get(f"{hubspot.base}/crm/v3/objects/deals", timeout=10)
    check_reply("GET", "/crm/v3/objects/deals", reply)
    broken = reply.json()
    broken["results"][0]["id"] = 5
    reply._content = json.dumps(broken).encode()
    with pytest.raises(AssertionError, match="does not fit the specification"):
        check_reply("GET", "/crm/v3/objects/deals", reply)


@pytest.mark.parametrize("version", ["v3", "2026-09"])
def test_every_operation_of_the_specifications_that_matters_answers_as_told(hubspot: Portal, version: str) -> None:
    """One walk over each family of paths; the check of each reply is in `call`."""
    shared("openapi", "hubspot")
    dated = version != "v3"
    root = "/crm/objects/2026-09" if dated else "/crm/v3/objects"
    for kind in ("companies", "deals", "contacts", "meetings", "tasks", "calls", "notes"):
        path, name = f"{root}/{kind}", {"companies": "name", "deals": "dealname", "contacts": "email"}.get(kind)
        name = (
            name
            or {
                "meetings": "hs_meeting_title",
                "tasks": "hs_task_subject",
                "calls": "hs_call_title",
                "notes": "hs_note_body",
            }[kind]
        )
        value = f"{version}@sample.invalid"
        made = hubspot.post(path, {"properties": {name: value}}, 201)["id"]
        other = hubspot.post(f"{path}/batch/create", {"inputs": [{"properties": {name: f"b{value}"}}]}, 201)["results"][
            0
        ]["id"]
        hubspot.get(path, limit=20, properties=name, propertiesWithHistory=name, associations="companies,contacts")
        hubspot.get(f"{path}/{made}")
        hubspot.patch(f"{path}/{made}", {"properties": {name: f"c{value}"}})
        hubspot.post(f"{path}/search", {"limit": 200})
        hubspot.post(f"{path}/batch/read", {"inputs": [{"id": made}, {"id": "1"}], "properties": [name]}, 207)
        hubspot.post(f"{path}/batch/update", {"inputs": [{"id": made, "properties": {name: f"d{value}"}}]})
        hubspot.post(f"{path}/batch/upsert", {"inputs": [{"id": made, "properties": {name: f"e{value}"}}]})
        if kind in ("companies", "deals", "contacts"):
            made = hubspot.post(f"{path}/merge", {"primaryObjectId": made, "objectIdToMerge": other})["id"]
        assert hubspot.call("POST", f"{path}/batch/archive", {"inputs": [{"id": made}]}).status_code == 204
        hubspot.get(path, archived="true")
    links = "/crm/associations/2026-09/deals/companies" if dated else "/crm/v4/associations/deals/companies"
    deals = [{"id": r.id} for r in hubspot.crm.store.live("deals")]
    linked = hubspot.post(f"{links}/batch/read", {"inputs": [*deals[:100], {"id": "1"}]}, 207)
    assert linked["results"]
    for path in ("properties/deals", "pipelines/deals", "owners", "limits/records"):
        family, _, rest = path.partition("/")
        hubspot.get(f"/crm/{family}/2026-09{rest and '/' + rest}" if dated else f"/crm/v3/{path}")
    hubspot.get(f"/account-info/{version}/details")
    hubspot.get(f"/crm-object-schemas/{version}/schemas")
