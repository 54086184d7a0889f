"""Members of the sandbox's Campaigns are refused where Salesforce refuses them."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sandbox.server import running
from tests.contract.salesforce_org import TINY, Org

SETTINGS = replace(TINY, salesforce_entries="campaign_members")


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    with running(SETTINGS) as base:
        yield Org(base, SETTINGS)


def refused(org: Org, object_name: str, **fields: str) -> str:
    reply = org.call("POST", f"sobjects/{object_name}", fields)
    assert reply.status_code == 400, reply.text
    return f"{reply.json()[0]['errorCode']}: {reply.json()[0]['message']}"


def test_a_member_is_one_lead_or_contact_of_a_campaign_once(org: Org) -> None:
    lead = org.create("Lead", LastName="山田", Company="青葉")
    contact = org.create("Contact", LastName="佐藤")
    campaign = org.query("SELECT Id FROM Campaign")[0]["Id"]
    assert refused(org, "CampaignMember", CampaignId=campaign).startswith("FIELD_INTEGRITY_EXCEPTION")
    assert (
        refused(org, "CampaignMember", LeadId=lead)
        == "REQUIRED_FIELD_MISSING: Required fields are missing: [CampaignId]"
    )
    one = org.create("CampaignMember", CampaignId=campaign, LeadId=lead)
    assert (
        refused(org, "CampaignMember", CampaignId=campaign, LeadId=lead)
        == "DUPLICATE_VALUE: Already a campaign member."
    )
    both = org.create(
        "CampaignMember", CampaignId=campaign, LeadId=lead, ContactId=contact
    )  # the Contact alone is taken
    assert org.get(f"sobjects/CampaignMember/{both}")["LeadId"] is None
    assert org.call("DELETE", f"sobjects/Lead/{lead}").status_code == 204
    assert org.query(f"SELECT Id FROM CampaignMember WHERE Id = '{one}'") == []  # went with its Lead


def test_a_lead_needs_a_last_name_and_a_company_and_a_converted_one_is_no_member(org: Org) -> None:
    assert refused(org, "Lead", Company="青葉") == "REQUIRED_FIELD_MISSING: Required fields are missing: [LastName]"
    assert refused(org, "Lead", LastName="山田") == "REQUIRED_FIELD_MISSING: Required fields are missing: [Company]"
    lead = org.create("Lead", LastName="山田", Company="青葉")
    campaign = org.query("SELECT Id FROM Campaign")[0]["Id"]
    org.manual("convert", object="Lead", id=lead)
    told = refused(org, "CampaignMember", CampaignId=campaign, LeadId=lead)
    assert told == "CANNOT_UPDATE_CONVERTED_LEAD: cannot reference converted lead"
