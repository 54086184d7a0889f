"""HubSpot's own Python client reads and writes the sandbox with nothing changed but the address."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hubspot import HubSpot
from hubspot.crm.associations.v4 import BatchInputPublicFetchAssociationsBatchRequest
from hubspot.crm.deals import (
    ApiException,
    BatchInputSimplePublicObjectBatchInput,
    BatchReadInputSimplePublicObjectId,
    PublicObjectSearchRequest,
    SimplePublicObjectInputForCreate,
)
from hubspot.crm.properties import PropertyCreate

from tests.contract.sandbox_hubspot import Portal, portal


@pytest.fixture(scope="module")
def hubspot() -> Iterator[Portal]:
    with portal() as running:
        yield running


@pytest.fixture(scope="module")
def client(hubspot: Portal) -> Any:
    return HubSpot(access_token=hubspot.crm.settings.hubspot_token, host=hubspot.base)


def test_it_reads_every_deal_by_page(hubspot: Portal, client: Any) -> None:
    deals = client.crm.deals.get_all(properties=["dealname", "dealstage"], properties_with_history=None)
    assert {deal.id for deal in deals} == {r.id for r in hubspot.crm.store.live("deals")}
    assert deals[0].properties["dealname"]


def test_it_reads_history_links_and_the_archive(client: Any) -> None:
    api = client.crm.deals.basic_api
    page = api.get_page(
        limit=50, properties_with_history=["dealstage", "amount"], associations=["companies"], archived=False
    )
    assert page.results[0].properties_with_history["dealstage"][-1].source_type == "CRM_UI"
    assert any(deal.associations and deal.associations["companies"].results for deal in page.results)
    assert api.get_page(archived=True).results == []


def test_it_searches(hubspot: Portal, client: Any) -> None:
    request = PublicObjectSearchRequest(
        filter_groups=[{"filters": [{"propertyName": "pipeline", "operator": "EQ", "value": "partner"}]}],
        sorts=[{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        properties=["dealstage"],
        limit=5,
    )
    found = client.crm.deals.search_api.do_search(public_object_search_request=request)
    assert found.total == sum(r.fields["pipeline"] == "partner" for r in hubspot.crm.store.live("deals"))
    assert found.paging.next.after == "5"


def test_it_creates_updates_and_reads_in_batches(client: Any) -> None:
    body = SimplePublicObjectInputForCreate(
        properties={"dealname": "by the client", "closedate": None}, associations=[]
    )
    made = client.crm.deals.basic_api.create(simple_public_object_input_for_create=body)
    api = client.crm.deals.batch_api
    rows = [{"id": made.id, "properties": {"amount": "7"}}, {"id": "1", "properties": {"amount": "7"}}]
    done = api.update(batch_input_simple_public_object_batch_input=BatchInputSimplePublicObjectBatchInput(inputs=rows))
    assert (done.results[0].properties["amount"], done.num_errors) == ("7", 1)
    read = BatchReadInputSimplePublicObjectId(
        inputs=[{"id": made.id}], properties=["amount"], properties_with_history=[]
    )
    assert api.read(batch_read_input_simple_public_object_id=read).results[0].properties["amount"] == "7"


def test_it_makes_properties_and_reads_definitions(client: Any) -> None:
    told = PropertyCreate(
        name="by_client", label="By client", type="number", field_type="number", group_name="companyinformation"
    )
    made = client.crm.properties.core_api.create(object_type="companies", property_create=told)
    assert made.modification_metadata.read_only_value is False
    assert {p.id for p in client.crm.pipelines.pipelines_api.get_all("deals").results} == {"default", "partner"}
    assert len(client.crm.owners.get_all()) == 4
    assert client.crm.schemas.core_api.get_all().results[0].name == "attack_list_entry"


def test_it_reads_links_of_many_records(hubspot: Portal, client: Any) -> None:
    ids = [{"id": r.id} for r in hubspot.crm.store.live("deals") if r.fields.get("pipeline") == "partner"]
    body = BatchInputPublicFetchAssociationsBatchRequest(inputs=ids)
    raw = client.crm.associations.v4.batch_api.get_page(
        "deals", "companies", batch_input_public_fetch_associations_batch_request=body, _preload_content=False
    )
    labels = {t["label"] for r in json.loads(raw.data)["results"] for link in r["to"] for t in link["associationTypes"]}
    assert labels == {"partner", "Primary", None}


def test_it_logs_in_with_a_refresh_token(hubspot: Portal, client: Any) -> None:
    settings = hubspot.crm.settings
    issued = client.oauth.tokens_api.create(
        grant_type="refresh_token",
        client_id=settings.hubspot_client_id,
        client_secret=settings.hubspot_client_secret,
        refresh_token=settings.hubspot_refresh_token,
    )
    other = HubSpot(access_token=issued.access_token, host=hubspot.base)
    assert other.crm.companies.basic_api.get_page(limit=1).results
    assert "crm.objects.deals.read" in client.oauth.access_tokens_api.get(issued.access_token).scopes


def test_it_raises_what_the_sandbox_refuses(client: Any) -> None:
    with pytest.raises(ApiException) as refused:
        client.crm.deals.basic_api.get_by_id("1")
    assert refused.value.status == 404
    assert json.loads(refused.value.body)["category"] == "OBJECT_NOT_FOUND"


def test_its_generic_request_reaches_dated_paths(hubspot: Portal) -> None:
    generic = HubSpot(access_token=hubspot.crm.settings.hubspot_token, base_url=hubspot.base)
    reply = generic.api_request({"path": "/crm/objects/2026-09/0-3", "qs": {"limit": 1}})
    assert reply.status_code == 200
    assert reply.json()["results"]
