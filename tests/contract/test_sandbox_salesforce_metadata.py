"""The sandbox's Metadata API, driven by simple-salesforce's own client and its WSDL, and by recorded payloads."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from simple_salesforce import Salesforce

from sandbox.server import running
from sandbox.settings import SandboxSettings
from tests.contract.salesforce_org import TINY, VERSION, Org, client_credentials
from tests.shared_folder import shared

RECORDED = "amp-labs+connectors__providers_salesforce_test_metadata_"


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with running(TINY) as url:
        yield url


@pytest.fixture
def org(base: str) -> Org:
    return Org.fresh(base)


@pytest.fixture
def sf(org: Org) -> Salesforce:
    made = client_credentials(org.base)
    made.metadata_url = f"{org.base}/services/Soap/m/{VERSION}/"  # the library's zeep client ignores its session
    return made


def a_field(sf: Salesforce, name: str = "Account.Score__c", **more: Any) -> Any:
    told = {"label": "Score", "type": sf.mdapi.FieldType("Number"), "precision": 18, "scale": 2, **more}
    return sf.mdapi.CustomField(fullName=name, **told)


def a_view(sf: Salesforce, name: str, label: str, column: str = "ACCOUNT.NAME") -> Any:
    scope = sf.mdapi.FilterScope("Everything")
    return sf.mdapi.ListView(fullName=name, label=label, filterScope=scope, columns=[column])


def test_the_real_client_makes_reads_and_deletes_a_field(sf, org):
    sf.mdapi.CustomField.create([a_field(sf)])
    assert sf.mdapi.CustomField.read(["Account.Score__c"]).label == "Score"
    with pytest.raises(Exception, match="DUPLICATE_DEVELOPER_NAME"):
        sf.mdapi.CustomField.create([a_field(sf)])
    sf.mdapi.CustomField.upsert([a_field(sf, label="Score of all")])
    assert sf.mdapi.CustomField.read(["Account.Score__c"]).label == "Score of all"
    sf.mdapi.CustomField.delete(["Account.Score__c"])
    with pytest.raises(Exception, match="INVALID_CROSS_REFERENCE_KEY"):
        sf.mdapi.CustomField.delete(["Account.Score__c"])


def test_eleven_components_are_too_many_and_nothing_is_made(sf, org):
    with pytest.raises(Exception, match="EXCEEDED_ID_LIMIT"):
        sf.mdapi.CustomField.create([a_field(sf, f"Account.S{n}__c", label=f"S{n}") for n in range(11)])
    assert not org.query("SELECT Id FROM CustomField WHERE DeveloperName = 'S1'", "tooling/query")


def test_a_field_that_breaks_a_rule_says_which(sf):
    with pytest.raises(Exception, match="FIELD_INTEGRITY_EXCEPTION"):
        sf.mdapi.CustomField.create([a_field(sf, precision=40)])


def test_a_view_needs_a_column_that_its_maker_sees_and_a_label_of_its_own(sf, org):
    sf.mdapi.ListView.create([a_view(sf, "Account.One", "One")])
    with pytest.raises(Exception, match="DUPLICATE_DEVELOPER_NAME"):
        sf.mdapi.ListView.create([a_view(sf, "Account.Two", "One")])
    org.new_field("Account.Score__c", type="Number", precision=18, scale=2)
    with pytest.raises(Exception, match="Could not resolve list view column"):
        sf.mdapi.ListView.create([a_view(sf, "Account.Two", "Two", "Score__c")])
    org.grant("Account.Score__c")
    sf.mdapi.ListView.create([a_view(sf, "Account.Two", "Two", "Score__c")])
    assert sf.mdapi.ListView.read(["Account.Two"]).columns == ["Score__c"]


def test_a_layout_refuses_a_field_twice_and_one_that_is_not_there(sf):
    name = "Account-Account Layout"
    layout = sf.mdapi.Layout.read([name])
    held = [i.field for s in layout.layoutSections for c in s.layoutColumns for i in c.layoutItems]
    assert "Name" in held
    items = layout.layoutSections[0].layoutColumns[0].layoutItems
    items.append(sf.mdapi.LayoutItem(field=items[0].field))
    with pytest.raises(Exception, match="duplicate"):
        sf.mdapi.Layout.update([layout])
    items[-1] = sf.mdapi.LayoutItem(field="Nobody__c")
    with pytest.raises(Exception, match="INVALID_CROSS_REFERENCE_KEY"):
        sf.mdapi.Layout.update([layout])


def test_labels_are_translated_for_users_of_another_language_only(sf, org):
    told = [{"name": "CorporateNumber__c", "label": "Corporate number"}]
    sf.mdapi.CustomObjectTranslation.update([sf.mdapi.CustomObjectTranslation(fullName="Account-en_US", fields=told)])
    labels = {f["name"]: f["label"] for f in org.get("sobjects/Account/describe")["fields"]}
    assert labels["CorporateNumber__c"] != "Corporate number", "the integration user reads Japanese"
    for language in ("ja", "fr"):
        one = sf.mdapi.CustomObjectTranslation(fullName=f"Account-{language}", fields=told)
        with pytest.raises(Exception, match="INVALID_CROSS_REFERENCE_KEY"):
            sf.mdapi.CustomObjectTranslation.update([one])


def test_without_the_translation_workbench_there_are_no_translations():
    with running(SandboxSettings(partners=2, months=2, entries=5, salesforce_translation_workbench=False)) as url:
        sf = client_credentials(url)
        sf.metadata_url = f"{url}/services/Soap/m/{VERSION}/"
        with pytest.raises(Exception, match="INVALID_TYPE"):
            sf.mdapi.CustomObjectTranslation.read(["Account-en_US"])


def soap(org: Org, body: str) -> requests.Response:
    return requests.post(f"{org.base}/services/Soap/m/{VERSION}", data=body.encode(), timeout=10)


def test_recorded_calls_of_another_client_are_answered_as_they_were(org):
    recorded = shared("recordings", "salesforce", f"{RECORDED}delete_delete-fields-payload.xml").read_text()
    missing = shared("recordings", "salesforce", f"{RECORDED}delete_delete-field-not-found.xml").read_text()
    assert "INVALID_SESSION_ID" in soap(org, recorded).text
    reply = soap(org, recorded.replace("TEST_ACCESS_TOKEN", org.token))
    assert reply.status_code == 200
    for part in ("This custom field does not exist or is not accessible", "INVALID_CROSS_REFERENCE_KEY", "false"):
        assert part in missing
        assert part in reply.text
    fields = shared("recordings", "salesforce", f"{RECORDED}write_object15_mix-of-many-fields-payload.xml").read_text()
    fields = fields.replace("TEST_ACCESS_TOKEN", org.token).replace("TestObject15__c", "Account")
    reply = soap(org, fields)
    assert "Can not specify 'required'" in reply.text, "as the recorded refusal says"
    assert reply.text.count("<created>true</created>") >= 2


def test_a_user_without_the_right_makes_nothing():
    small = SandboxSettings(partners=2, months=2, entries=5, salesforce_permissions=("ApiEnabled",))
    with running(small) as url:
        org = Org(url, small)
        sf = client_credentials(url, small)
        sf.metadata_url = f"{url}/services/Soap/m/{VERSION}/"
        with pytest.raises(Exception, match="INSUFFICIENT_ACCESS"):
            sf.mdapi.ListView.read(["Account.AllAccounts"])
        body = {"FullName": "Account.X__c", "Metadata": {"label": "x", "type": "Date"}}
        assert org.call("POST", "tooling/sobjects/CustomField", body).status_code == 403
        (row,) = org.query("SELECT PermissionsApiEnabled, PermissionsModifyAllData FROM UserPermissionAccess")
        assert (row["PermissionsApiEnabled"], row["PermissionsModifyAllData"]) == (True, False)
