"""The Salesforce connector against the sandbox's Salesforce, with the ledger as the oracle."""

from collections.abc import Iterator

import pytest

from sandbox.server import running
from sandbox.settings import SandboxSettings
from sync.salesforce import ClientCredentials, SalesforceConnector
from tests.contract.connector_suite import ConnectorSuite, CrmUser, Subject

SETTINGS = SandboxSettings(partners=12, months=6, entries=120, rows={"Contact": 4500})


@pytest.fixture(scope="module")
def subject() -> Iterator[Subject]:
    with running(SETTINGS) as url:

        def connect(secret: str = SETTINGS.salesforce_client_secret, **changes) -> SalesforceConnector:
            auth = ClientCredentials(SETTINGS.salesforce_client_id, secret)
            return SalesforceConnector("salesforce", url, auth, **{"sleep": lambda s: None, **changes})

        user = CrmUser(url, "salesforce")
        partner = user.create("Account", {"Name": "パートナー"})
        yield Subject(
            connect=connect,
            user=user,
            object="Account",
            fields=("Name", "Type", "NumberOfEmployees", "CorporateNumber__c", "PartnerSince__c", "Website"),
            new={"Name": "株式会社テスト"},
            text="Website",
            number="NumberOfEmployees",
            history_object="AttackListEntry__c",
            history_field="Status__c",
            history_values=("Listed", "Requested", "Agreed"),
            history_new={"TargetName__c": "対象", "Partner__c": partner},
            many="Contact",
            many_fields=("LastName",),
            write_path="/composite/sobjects$",
            read_path="/query",
            unknown_id="001000000000000AAA",
        )


class TestSalesforce(ConnectorSuite):
    @pytest.fixture
    def subject(self, subject: Subject) -> Subject:
        return subject
