"""What a Campaign takes as its member: one Lead or Contact, once, and no Lead that was converted."""

from typing import Any

from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.org import Org

Values = dict[str, Any]


def checked(org: Org, values: Values) -> Values:
    """The values as they are stored: of a Lead and a Contact the Contact alone. ApiError where a real org refuses them."""
    lead, contact = values.get("LeadId"), values.get("ContactId")
    if lead is None and contact is None:
        raise ApiError(
            400, "FIELD_INTEGRITY_EXCEPTION", "a campaign member needs a lead or a contact", ["LeadId", "ContactId"]
        )
    if contact is not None:
        values = {**values, "LeadId": None}
    elif org.store.table("Lead")[str(lead)].fields.get("IsConverted"):
        raise ApiError(400, "CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", [])
    name, who = ("ContactId", contact) if contact is not None else ("LeadId", lead)
    for other in org.store.live("CampaignMember"):
        if other.fields.get(name) == who and other.fields.get("CampaignId") == values.get("CampaignId"):
            raise ApiError(400, "DUPLICATE_VALUE", "Already a campaign member.", [])
    return values
