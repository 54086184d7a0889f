"""A Lead becomes an Account, a Contact and an Opportunity, as by the button `Convert` in the org's pages."""

from typing import Any

from sandbox.salesforce import persons
from sandbox.salesforce.org import Org
from sandbox.salesforce.writer import Writer
from sandbox.store import Record

Values = dict[str, Any]
CONVERTED = "Closed - Converted"


def convert(org: Org, writer: Writer, lead: Record, *, account: Record | None, deal: bool) -> None:
    """Into a new Account, or into the one named; without a company, into a person. What it became stands on the Lead, which is closed."""
    if lead.fields.get("IsConverted"):
        raise ValueError(f"Lead {lead.id} has been converted already")
    at, said = org.now(), lead.fields
    names = {n: said.get(n) for n in ("LastName", "FirstName")}
    if account is None and not said.get("Company"):
        more = {"RecordTypeId": persons.RECORD_TYPE, "PersonEmail": said.get("Email"), "Phone": said.get("Phone")}
        account = writer.create(org.schema.objects["Account"], names | more, at)
    elif account is None:
        more = {"Name": said["Company"], "Type": "Prospect", "Phone": said.get("Phone")}
        account = writer.create(org.schema.objects["Account"], more, at)
    contact = account.fields.get("PersonContactId")
    if contact is None:
        values = names | {"AccountId": account.id, "Email": said.get("Email"), "Phone": said.get("Phone")}
        contact = writer.create(org.schema.objects["Contact"], values, at).id
    became: Values = {"ConvertedAccountId": account.id, "ConvertedContactId": contact}
    if deal:
        values = {
            "Name": f"{said.get('Company') or said.get('LastName')} -",
            "AccountId": account.id,
            "StageName": "Prospecting",
            "CloseDate": org.today().isoformat(),
            "LeadSource": said.get("LeadSource"),
        }
        became["ConvertedOpportunityId"] = writer.create(org.schema.objects["Opportunity"], values, at).id
    state = {"Status": CONVERTED, "IsConverted": True, "ConvertedDate": org.today().isoformat()}
    writer.update(lead, state | became, at)
