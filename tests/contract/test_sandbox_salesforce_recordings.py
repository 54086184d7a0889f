"""The sandbox's replies beside those that real Salesforce servers gave: same keys, same types, same words."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.server import running
from tests.contract.salesforce_org import TINY, Org
from tests.shared_folder import shared

_CUMULUS = "SFDO-Tooling+CumulusCI__cumulusci_"
_AMP = "amp-labs+connectors__providers_salesforce_test_"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running(TINY) as base:
        yield base


@pytest.fixture
def org(server: str) -> Org:
    return Org.fresh(server)


def recorded(name: str) -> Path:
    return shared("recordings", "salesforce", name)


def amp(name: str) -> Any:
    return json.loads(recorded(f"{_AMP}{name}").read_text())


def described(name: str) -> dict[str, Any]:
    path = recorded(f"{_CUMULUS}tests_shared_cassettes_GET_sobjects_{name}_describe.yaml")
    return dict(json.loads(yaml.safe_load(path.read_text())["response"]["body"]["string"]))


def cassette(name: str) -> list[Any]:
    """The JSON bodies of a cassette's replies."""
    document = yaml.safe_load(recorded(f"{_CUMULUS}{name}").read_text())
    return [json.loads(i["response"]["body"]["string"]) for i in document["interactions"] if "response" in i]


def shape(value: Any) -> Any:
    """Keys and types, not values; null fits anything."""
    if isinstance(value, dict):
        return {k: shape(v) for k, v in value.items()}
    if isinstance(value, list):
        return [shape(v) for v in value[:1]]
    return type(value).__name__


_KNOWN = {"Account": {"Name"}}  # recorded in an org with person accounts, where an Account's name is a compound


class TestDescribe:
    @pytest.mark.parametrize("name", ["Opportunity", "Event", "Lead"])
    def test_an_object_and_its_fields_have_the_keys_of_real_ones(self, org: Org, name: str):
        real, ours = described(name), org.get(f"sobjects/{name}/describe")
        assert set(ours) == set(real)
        assert {frozenset(f) for f in ours["fields"]} == {frozenset(f) for f in real["fields"]}
        assert set(
            ours["childRelationships"][0] if ours["childRelationships"] else real["childRelationships"][0]
        ) == set(real["childRelationships"][0])
        assert set(ours["recordTypeInfos"][0]) == set(real["recordTypeInfos"][0])

    @pytest.mark.parametrize("name", ["Account", "Opportunity", "Event", "Contact", "Lead"])
    def test_standard_fields_are_described_as_in_a_real_org(self, org: Org, name: str):
        """Type, length, precision and the flags a connector decides by."""
        keys = (
            "type", "soapType", "length", "precision", "scale", "digits", "calculated", "filterable", "sortable",
            "nillable", "createable", "updateable", "custom", "compoundFieldName", "relationshipName", "autoNumber",
        )  # fmt: skip
        real = {f["name"]: f for f in described(name)["fields"]}
        ours = {f["name"]: f for f in org.get(f"sobjects/{name}/describe")["fields"]}
        differing = {
            n: {k: (f[k], real[n][k]) for k in keys if f[k] != real[n][k]}
            for n, f in ours.items()
            if n in real and any(f[k] != real[n][k] for k in keys)
        }
        assert {n: d for n, d in differing.items() if n not in _KNOWN.get(name, {})} == {}
        assert len(ours.keys() & real.keys()) >= 10

    def test_a_custom_object_is_described_as_in_a_real_org(self, org: Org):
        real = described("Custom__c")
        ours = org.get("sobjects/AttackListEntry__c/describe")
        assert set(ours) >= set(real) - {"sobjectDescribeOption"}
        assert {frozenset(f) for f in ours["fields"]} == {frozenset(f) for f in real["fields"]}

    def test_the_global_list_has_the_keys_of_a_real_one(self, org: Org):
        real, ours = described("Global"), org.get("sobjects")
        assert set(ours) == set(real)
        assert set(ours["sobjects"][0]) == set(real["sobjects"][0])


class TestQueries:
    def test_rows_have_the_shape_of_recorded_ones(self, org: Org):
        org.create("Account", Name="x")
        real = amp("read-opportunity-with-account.json")
        ours = org.get(
            "query", q="SELECT Id, Name, AccountId, Amount, StageName FROM Opportunity WHERE AccountId != null LIMIT 2"
        )
        assert shape(ours) == shape(real)
        assert list(ours["records"][0]) == list(real["records"][0])

    def test_counts_and_unknown_objects_in_a_composite(self, org: Org):
        (real,) = cassette("utils_salesforce_tests_cassettes_TestCountSObjects.test_count_sobjects__errors.yaml")
        asked = [
            {"referenceId": f"ref{n}", "method": "GET", "url": f"/services/data/v62.0/query/?q=select count() from {n}"}
            for n in ("Account", "XYZZY")
        ]
        ours = org.call("POST", "composite", {"compositeRequest": asked}).json()
        count, error = ours["compositeResponse"]
        assert shape(ours) == shape(real)
        assert error == real["compositeResponse"][1]
        count["body"]["totalSize"] = real["compositeResponse"][0]["body"]["totalSize"]
        assert count == real["compositeResponse"][0]

    def test_an_unknown_resource_in_a_composite(self, org: Org):
        (real,) = cassette("utils_http_tests_cassettes_TestCompositeParallelSalesforce.test_errors.yaml")
        asked = {"referenceId": "CCI__RefId__0__", "method": "GET", "url": "/services/data/v62.0/sobjects/Foo"}
        assert org.call("POST", "composite", {"compositeRequest": [asked]}).json() == real

    def test_an_unchanged_describe_in_a_composite_is_304_with_its_headers(self, org: Org):
        (real,) = cassette(
            "utils_http_tests_cassettes_ManualEditTestCompositeParallelSalesforce.test_http_headers.yaml"
        )
        since = {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}
        asked = {
            "referenceId": "CCI__RefId__0__",
            "method": "GET",
            "url": "/services/data/v62.0/sobjects",
            "httpHeaders": since,
        }
        ours = org.call("POST", "composite", {"compositeRequest": [asked]}).json()["compositeResponse"][0]
        assert shape(ours) == shape(real["compositeResponse"][0])

    def test_an_unknown_object_is_refused_in_the_recorded_words(self, org: Org):
        (real,) = amp("unknown-object.json")
        assert org.refused("SELECT Id,Name,BillingCity,IsDeleted FROM Accout") == real


class TestWrites:
    def test_created_updated_and_failed_records_of_a_collection(self, org: Org):
        payload = amp("batch_create_contacts_payload.json")
        created = org.call("POST", "composite/sobjects", payload).json()
        assert shape(created) == shape(amp("batch_create_contacts_success.json"))
        update = amp("batch_update_contacts_payload.json")
        without = {"records": [{k: v for k, v in r.items() if k != "id"} for r in update["records"]]}
        assert org.call("PATCH", "composite/sobjects", without).json() == amp(
            "batch_update_contacts_err-each-no-ids.json"
        )
        first, second = ({**r, "id": made["id"]} for r, made in zip(update["records"], created, strict=True))
        assert shape(org.call("PATCH", "composite/sobjects", {"records": [first, second]}).json()) == shape(
            amp("batch_update_contacts_success.json")
        )
        wrong = {**second, "unknownField_LastName": "x"}
        rolled_back = org.call("PATCH", "composite/sobjects", {"allOrNone": True, "records": [first, wrong]}).json()
        assert rolled_back == amp("batch_update_contacts_partial-but-allOrNone.json")

    def test_missing_fields_and_records(self, org: Org):
        contact = {"attributes": {"type": "Contact"}}
        body = {"allOrNone": True, "records": [{**contact, "FirstName": "x"}, {**contact, "LastName": "y"}]}
        assert org.call("POST", "composite/sobjects", body).json() == amp(
            "batch_create_contacts_partial-but-allOrNone.json"
        )
        assert org.call("POST", "composite/sobjects", {"records": []}).json() == amp(
            "batch_create_contacts_err-bad-request.json"
        )

    def test_single_records(self, org: Org):
        reply = org.call("POST", "sobjects/Account", {"Name": "x"})
        assert shape(reply.json()) == shape(amp("create-ok.json"))
        org.call("DELETE", f"sobjects/Account/{reply.json()['id']}")
        again = org.call("DELETE", f"sobjects/Account/{reply.json()['id']}")
        assert again.json() == amp("crm_delete_not-found.json")
        barred = org.call("POST", "sobjects/Account", {"Name": "x", "MasterRecordId": "001ak00000OQTieAAH"})
        assert barred.json() == amp("invalid-field-upsert.json")
        unknown = org.call("POST", "sobjects/Account", {"Name": "x", "AccountNumer": "1"})
        assert unknown.json() == amp("unknown-field.json")

    def test_upserts_by_id_tell_what_was_created(self, org: Org):
        bodies = [{"attributes": {"type": "Account"}, "Name": "Sitwell-Bluth", "AccountNumber": "420", "Id": None}]
        (ours,) = org.call("PATCH", "composite/sobjects/Account/Id", {"records": bodies}).json()
        assert list(ours) == ["id", "success", "errors", "created"]

    def test_a_repeated_assignment(self, org: Org):
        granted = org.grant()
        user = org.get("/services/oauth2/userinfo")["user_id"]
        reply = org.call("POST", "sobjects/PermissionSetAssignment", {"AssigneeId": user, "PermissionSetId": granted})
        (real,) = amp("metadata_write_err-duplicate-permission-assignment.json")
        (ours,) = reply.json()
        assert shape(ours) == shape(real)
        assert ours["message"].split(":")[0] == real["message"].split(":")[0]
        assert ours["fields"] == real["fields"]


class TestBulk:
    def test_a_query_job_at_its_launch(self, org: Org):
        ours = org.call("POST", "jobs/query", {"operation": "query", "query": "SELECT Id FROM Account"}).json()
        real = amp("bulk_read-launch-job-account.json")
        assert shape(ours) == shape(real)
        assert list(ours) == list(real)

    def test_an_ingest_job_from_launch_to_end(self, org: Org):
        body = {
            "object": "AttackListEntry__c",
            "operation": "upsert",
            "externalIdFieldName": "ExternalId__c",
            "contentType": "CSV",
        }
        job = org.call("POST", "jobs/ingest", body).json()
        assert shape(job) == shape(amp("bulk_write_launch-job-opportunity.json"))
        org.call("PUT", f"jobs/ingest/{job['id']}/batches", data=b"ExternalId__c,Nope\nx,y\n")
        closed = org.call("PATCH", f"jobs/ingest/{job['id']}", {"state": "UploadComplete"}).json()
        assert shape(closed) == shape(amp("bulk_write_update-job-opportunity.json"))
        failed = org.get(f"jobs/ingest/{job['id']}")
        assert shape(failed) == shape(amp("bulk_info_complete-failure.json"))
        assert failed["errorMessage"] == "InvalidBatch : Field name not found : Nope"


def test_userinfo_says_at_least_what_a_real_one_says_of_the_user(org: Org):
    ours = org.get("/services/oauth2/userinfo")
    real = amp("metadata_write_user-info.json")
    assert set(real) - {"address"} <= set(ours)
