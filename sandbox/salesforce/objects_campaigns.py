"""Objects of orgs that keep attack lists as Leads or as Campaigns."""

from collections.abc import Callable
from typing import Any

from sandbox.salesforce.fields import audit, computed, day, deletion, identity, lookup, owner, picklist, text, viewed
from sandbox.salesforce.objects import LOSS_REASONS, STATUSES, make, plain
from sandbox.salesforce.objects_history import tracked, tracking
from sandbox.salesforce.objects_people import flag
from sandbox.salesforce.schema import Field, Object
from sandbox.salesforce.shapes import LEAD_STATUS
from sandbox.store import Record, Store


def with_partner(lead: Object) -> Object:
    """The Lead of an org whose partner team works with Leads."""
    more = [
        Field("Website", "url", "Website", length=255),
        text("State", "State/Province", 80, compound="Address"),
        text("City", "City", 40, compound="Address"),
        lookup("Partner__c", "紹介パートナー", "Account", "Partner__r", children="IntroducedLeads__r"),
        picklist("LossReason__c", "見送り理由", LOSS_REASONS),
    ]
    lead.fields |= {f.name: f for f in more}
    lead.fields["Status"].values = plain(*LEAD_STATUS.values())
    return lead


def lead_history(store: Store) -> Object:
    return tracking("LeadHistory", "Lead History", "LeadId", "Lead", "Lead", tracked(store, "Lead", "LeadHistory", "LeadId", "Status"))  # fmt: skip


def campaign() -> Object:
    return make("Campaign", "Campaign", "Campaigns", "701", [
        identity("Campaign"), deletion(),
        text("Name", "Name", 80, nillable=False, name_field=True),
        picklist("Type", "Type", plain("Conference", "Webinar", "Partners", "Referral Program", "Other"), length=40),
        picklist("Status", "Status", plain("Planned", "In Progress", "Completed", "Aborted"), length=40),
        day("StartDate", "Start Date"),
        day("EndDate", "End Date"),
        flag("IsActive", "Active"),
        owner(), *audit(), *viewed(),
        lookup("Partner__c", "パートナー", "Account", "Partner__r", children="PartnerCampaigns__r"),
    ])  # fmt: skip


def campaign_member(store: Store) -> Object:
    def of_lead(name: str) -> Callable[[Record], Any]:
        def read(r: Record) -> Any:
            lead = store.get("Lead", r.fields.get("LeadId") or "")
            return None if lead is None else lead.fields.get(name)

        return read

    return make("CampaignMember", "Campaign Member", "Campaign Members", "00v", [
        identity("Campaign Member"), deletion(),
        lookup("CampaignId", "Campaign ID", "Campaign", "Campaign", children="CampaignMembers", nillable=False, cascades=True, updateable=False),
        lookup("LeadId", "Lead ID", "Lead", "Lead", children="CampaignMembers", cascades=True, updateable=False),
        lookup("ContactId", "Contact ID", "Contact", "Contact", children="CampaignMembers", cascades=True, updateable=False),
        picklist("Status", "Status", STATUSES, length=40),
        computed("HasResponded", "boolean", "Responded", lambda r: r.fields.get("FirstRespondedDate") is not None,
                 nillable=False, defaulted=True),
        day("FirstRespondedDate", "First Responded Date"),
        *(computed(name, "string", label, of_lead(of), length=255)
          for name, label, of in (("CompanyOrAccount", "Company (Account)", "Company"), ("Phone", "Phone", "Phone"),
                                  ("State", "State/Province", "State"), ("City", "City", "City"))),
        *audit(),
        day("ListedOn__c", "掲載日"), day("RequestedOn__c", "打診依頼日"),
        day("ExecutedOn__c", "実施日"), day("DeclinedOn__c", "見送り日"),
    ])  # fmt: skip
