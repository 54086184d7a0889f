"""Rights granted against rights needed, on both CRMs, by their exact names."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.catalogue import BY_NAME
from sandbox.server import running
from sandbox.settings import SandboxSettings
from sync.hubspot import AccessToken, HubspotConnector
from sync.hubspot.rights import compared, needed
from sync.records import ReadSpec
from sync.salesforce import ClientCredentials, SalesforceConnector
from tests.contract.salesforce_org import Org

SMALL = SandboxSettings(partners=2, months=2, entries=5)
OURS = {"Account": ["Sakigake_Tier__c"]}
LEAST = {
    "salesforce_permissions": ("ApiEnabled",),
    "salesforce_object_rights": {
        "Account": "re",
        **dict.fromkeys(("AttackListEntry__c", "Contact", "Event", "Lead", "Opportunity", "Task"), "r"),
    },
}
READS = {
    n: ReadSpec(n, ("Name",))
    for n in ("Account", "AttackListEntry__c", "Contact", "Event", "Lead", "Opportunity", "Task")
}
HUBSPOT = {
    "companies": ReadSpec("companies", ("name",)),
    "deals": ReadSpec("deals", ("dealname",), associations=("companies",)),
    "meetings": ReadSpec("meetings", ()),
    "owners": ReadSpec("owners", ()),
}


def salesforce(url: str) -> SalesforceConnector:
    auth = ClientCredentials(SMALL.salesforce_client_id, SMALL.salesforce_client_secret)
    return SalesforceConnector("salesforce", url, auth, sleep=lambda _: None)


def test_an_administrator_s_login_is_told_each_right_beyond_need():
    with running(SMALL) as url:
        connector = salesforce(url)
        tier = [BY_NAME["tier"]]
        connector.provision("Account", tier, prefix="sakigake", language="ja", dry_run=False)
        found = connector.rights({"Account": ReadSpec("Account", ("Name",))}, OURS)
        assert found.missing == ()
        assert {"Modify All Data", "View All Data", "Manage Users"} <= set(found.excess)
        assert {"create, delete Account", "read, create, edit, delete Contact"} <= set(found.excess)
        (fields,) = [e for e in found.excess if e.startswith("edit Account.{")]
        assert "CorporateNumber__c" in fields
        assert "Sakigake_Tier__c" not in fields
        assert "OwnerId" not in fields, "no administrator could take that one away"
        assert "Customize Application" in found.provisioning
        org = Org(url, SMALL)
        set_id = org.create("PermissionSet", Name="Sales_Desk", Label="Sales desk")
        may = {"PermissionsRead": True, "PermissionsEdit": True, "SobjectType": "Account"}
        org.create("FieldPermissions", ParentId=set_id, Field="Account.Sakigake_Tier__c", **may)
        assert connector.rights({}, OURS).others == ("Sales desk: Account.Sakigake_Tier__c",)


def test_a_user_with_just_the_rights_that_are_needed_is_told_nothing():
    with running(replace(SMALL, **LEAST)) as url:
        found = salesforce(url).rights(READS, OURS)
        assert (found.missing, found.excess, found.provisioning, found.others, found.unknown) == ((), (), (), (), "")


def test_what_a_user_may_not_do_is_named():
    rights = {**LEAST["salesforce_object_rights"], "Account": "r"}
    with running(replace(SMALL, **{**LEAST, "salesforce_object_rights": rights})) as url:
        found = salesforce(url).rights({**READS, "Case": ReadSpec("Case", ())}, OURS)
        assert found.missing == ("read Case", "edit Account")


@pytest.mark.parametrize(
    "drop", [None, "crm.objects.deals.read", "crm.objects.contacts.read", "crm.objects.owners.read"]
)
def test_scopes_of_a_hubspot_token_are_held_against_the_mapping(drop):
    wanted = needed(HUBSPOT, ["companies"])
    scopes = tuple(sorted((wanted | {"crm.schemas.companies.write", "crm.objects.contacts.write"}) - {drop}))
    with running(replace(SMALL, hubspot_scopes=scopes)) as url:
        connector = HubspotConnector("hubspot", AccessToken(SMALL.hubspot_token), url=url)
        found = connector.rights(HUBSPOT, {"companies": ["sakigake_tier"]})
    assert found.missing == ((drop,) if drop else ())
    assert found.excess == ("crm.objects.contacts.write",)
    assert found.provisioning == ("crm.schemas.companies.write",)


SCOPES = st.sets(
    st.sampled_from(
        [f"crm.{k}.{o}.{v}" for k in ("objects", "schemas") for o in ("companies", "deals") for v in ("read", "write")]
    ),
    min_size=1,
)


@given(SCOPES)
def test_every_scope_is_either_needed_missing_or_too_much(granted):
    found = compared(granted, HUBSPOT, {"companies": ["x"]})
    wanted = needed(HUBSPOT, ["companies"])
    assert set(found.missing) == wanted - granted
    assert set(found.excess) | set(found.provisioning) == granted - wanted
    assert not set(found.excess) & set(found.provisioning)
