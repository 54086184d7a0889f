"""How an org keeps attack-list entries: as a custom object, as Leads, or as members of a partner's Campaign.

The world is told in the custom object's words; the other shapes say the same in theirs, and leave out what they have no field for.
"""

from datetime import datetime
from typing import Any, Protocol

from sandbox.salesforce.desk import FAMILY, GIVEN, Desk, chance
from sandbox.salesforce.org import Org
from sandbox.store import Record

Values = dict[str, Any]


class Shape(Protocol):
    """Makes and changes the record of one entry."""

    def open(self, values: Values, at: datetime, entry_id: str) -> Record: ...
    def update(self, record: Record, values: Values, at: datetime) -> None: ...
    def about(self, record: Record) -> Values | None:
        """How an activity names the entry; None where it cannot."""
        ...


class CustomObject:
    """AttackListEntry__c, as the world is told."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def open(self, values: Values, at: datetime, entry_id: str) -> Record:
        return self._desk.create("AttackListEntry__c", values, at, entry_id)

    def update(self, record: Record, values: Values, at: datetime) -> None:
        self._desk.update(record, values, at)

    def about(self, record: Record) -> Values | None:
        return {"WhatId": record.id}


LEAD_STATUS = {
    "Listed": "Open - Not Contacted",
    "Requested": "Introduction Requested",
    "Agreed": "Introduction Agreed",
    "Executed": "Working - Contacted",
    "Deal": "Closed - Converted",
    "Declined": "Closed - Not Converted",
}
_LEAD = {
    "Partner__c": "Partner__c",
    "TargetName__c": "Company",
    "TargetWebsite__c": "Website",
    "TargetPhone__c": "Phone",
    "TargetPrefecture__c": "State",
    "TargetCity__c": "City",
    "LossReason__c": "LossReason__c",
}


class Leads:
    """A Lead for each target; converted when it becomes an Opportunity. What dates it is the history of its Status."""

    def __init__(self, desk: Desk, org: Org) -> None:
        self._desk = desk
        self._org = org

    def open(self, values: Values, at: datetime, entry_id: str) -> Record:
        said = self._said(values) | _person(entry_id) | {"LeadSource": "Partner"}
        return self._desk.create("Lead", said, at, entry_id)

    def update(self, record: Record, values: Values, at: datetime) -> None:
        if said := self._said(values):
            self._desk.update(record, said, at)

    def about(self, record: Record) -> Values | None:
        return {"WhoId": record.id}

    def _said(self, values: Values) -> Values:
        said = {_LEAD[name]: value for name, value in values.items() if name in _LEAD}
        if "Status__c" in values:
            said["Status"] = LEAD_STATUS[values["Status__c"]]
        return said | self.converted(values)

    def converted(self, values: Values) -> Values:
        """What a conversion leaves on the Lead."""
        deal = self._org.store.get("Opportunity", values.get("Opportunity__c") or "")
        if deal is None:
            return {}
        day = deal.created_at.date().isoformat()
        return {
            "IsConverted": True,
            "ConvertedDate": day,
            "ConvertedOpportunityId": deal.id,
            "ConvertedAccountId": deal.fields.get("AccountId"),
        }


_MEMBER = {
    "ListedOn__c": "ListedOn__c",
    "RequestedOn__c": "RequestedOn__c",
    "AgreedOn__c": "FirstRespondedDate",
    "ExecutedOn__c": "ExecutedOn__c",
    "DeclinedOn__c": "DeclinedOn__c",
}


class CampaignMembers:
    """One Campaign for each partner's list, a Lead for each target on it. Salesforce keeps no history of members: date fields tell."""

    def __init__(self, desk: Desk, org: Org) -> None:
        self._desk = desk
        self._org = org
        self._leads = Leads(desk, org)
        self._campaigns: dict[str, Record] = {}  # by partner account

    def open(self, values: Values, at: datetime, entry_id: str) -> Record:
        lead = {k: v for k, v in values.items() if k not in ("Partner__c", "Status__c", "LossReason__c")}
        made = self._leads.open(lead, at, entry_id)
        said = {"CampaignId": self._campaign(values["Partner__c"], at).id, "LeadId": made.id} | self._said(values)
        return self._desk.create("CampaignMember", said, at, entry_id)

    def update(self, record: Record, values: Values, at: datetime) -> None:
        if said := self._said(values):
            self._desk.update(record, said, at)
        if converted := self._leads.converted(values):
            lead = self._org.store.table("Lead")[record.fields["LeadId"]]
            self._desk.update(lead, {"Status": LEAD_STATUS["Deal"], **converted}, at)

    def about(self, record: Record) -> Values | None:
        _ = record  # an activity names a Lead, which may be on many lists
        return None

    def _said(self, values: Values) -> Values:
        said = {_MEMBER[name]: value for name, value in values.items() if name in _MEMBER}
        return said | ({"Status": values["Status__c"]} if "Status__c" in values else {})

    def _campaign(self, partner: str, at: datetime) -> Record:
        known = self._campaigns.get(partner)
        if known is None:
            name = self._org.store.table("Account")[partner].fields["Name"]
            values = {
                "Name": f"{name} アタックリスト",
                "Type": "Partners",
                "Status": "In Progress",
                "Partner__c": partner,
            }
            known = self._campaigns[partner] = self._desk.create("Campaign", values | {"IsActive": True}, at, partner)
        return known


def _person(entry_id: str) -> Values:
    return {
        "LastName": FAMILY[chance(f"family {entry_id}", len(FAMILY))],
        "FirstName": GIVEN[chance(f"given {entry_id}", len(GIVEN))],
    }


def shape_of(name: str, desk: Desk, org: Org) -> Shape:
    """By the setting's word."""
    if name == "leads":
        return Leads(desk, org)
    return CampaignMembers(desk, org) if name == "campaign_members" else CustomObject(desk)
