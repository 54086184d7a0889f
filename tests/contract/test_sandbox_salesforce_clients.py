"""simple-salesforce, unchanged but for its session's address, works on the sandbox as on a real org."""

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from simple_salesforce import Salesforce, SalesforceAuthenticationFailed
from simple_salesforce.exceptions import SalesforceMalformedRequest, SalesforceResourceNotFound

from sandbox.server import running
from tests.contract.salesforce_org import TINY, VERSION, client_credentials, session_to

KEY = rsa.generate_private_key(65537, 2048)
PUBLIC = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    settings = replace(TINY, salesforce_jwt_public_key=PUBLIC.decode(), rows={"AttackListEntry__c": 4300})
    with running(settings) as url:
        yield url


@pytest.fixture(scope="module")
def sf(base: str) -> Salesforce:
    return client_credentials(base)


class TestLogin:
    def test_by_jwt_bearer(self, base: str):
        pem = KEY.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        sf = Salesforce(
            username=TINY.salesforce_username,
            consumer_key=TINY.salesforce_client_id,
            privatekey=pem.decode(),
            instance_url="sandbox.my",
            version=VERSION,
            session=session_to(base),
        )
        assert sf.limits()["DailyApiRequests"]["Max"] == TINY.salesforce_daily_limit
        assert sf.api_usage["api-usage"].total == TINY.salesforce_daily_limit

    def test_a_wrong_secret_is_an_authentication_failure(self, base: str):
        with pytest.raises(SalesforceAuthenticationFailed, match="invalid client credentials"):
            client_credentials(base, replace(TINY, salesforce_client_secret="wrong"))


class TestReading:
    def test_query_all_follows_the_pages(self, sf: Salesforce):
        assert len(list(sf.query_all_iter("SELECT Id, Name FROM AttackListEntry__c"))) == 4300
        page = sf.query("SELECT Id FROM AttackListEntry__c", headers={"Sforce-Query-Options": "batchSize=300"})
        assert len(page["records"]) == 300
        more = sf.query_more(page["nextRecordsUrl"], identifier_is_url=True)
        assert more["totalSize"] == 4300

    def test_deleted_rows_come_with_include_deleted(self, sf: Salesforce):
        made = sf.Account.create({"Name": "gone"})["id"]
        assert sf.Account.delete(made) == 204
        soql = f"SELECT Id, IsDeleted FROM Account WHERE Id = '{made}'"
        assert sf.query_all(soql)["totalSize"] == 0
        assert sf.query_all(soql, include_deleted=True)["records"][0]["IsDeleted"] is True
        with pytest.raises(SalesforceResourceNotFound):
            sf.Account.get(made)

    def test_describes(self, sf: Salesforce):
        described = (sf.describe() or {})["sobjects"]
        assert {"Account", "AttackListEntry__c"} <= {o["name"] for o in described}
        assert "Status__c" in {f["name"] for f in sf.AttackListEntry__c.describe()["fields"]}
        assert sf.AttackListEntry__c.metadata()["objectDescribe"]["keyPrefix"] == "a01"

    def test_deleted_and_updated_feeds(self, sf: Salesforce, base: str):
        now = parsedate_to_datetime(requests.get(base, timeout=60).headers["date"])
        made = sf.Account.create({"Name": "gone"})["id"]
        kept = sf.Account.create({"Name": "kept"})["id"]
        sf.Account.delete(made)
        start, end = now - timedelta(minutes=5), now + timedelta(minutes=3)
        assert made in {d["id"] for d in sf.Account.deleted(start, end)["deletedRecords"]}
        assert kept in sf.Account.updated(start, end)["ids"]

    def test_bulk_2_queries_in_pages(self, sf: Salesforce):
        handler: Any = sf.bulk2.AttackListEntry__c
        soql = "SELECT Id, Name, SystemModstamp FROM AttackListEntry__c"
        pages = [list(csv.DictReader(io.StringIO(p))) for p in handler.query_all(soql, max_records=2000, wait=0.05)]
        assert [len(p) for p in pages] == [2000, 2000, 300]

    def test_errors_arrive_as_the_clients_own(self, sf: Salesforce):
        with pytest.raises(SalesforceMalformedRequest) as caught:
            sf.query("SELECT Nope FROM Account")
        assert caught.value.content[0]["errorCode"] == "INVALID_FIELD"


class TestWriting:
    def test_collections_through_restful(self, sf: Salesforce):
        records = [{"attributes": {"type": "Account"}, "Name": f"c{n}"} for n in range(3)]
        made = sf.restful("composite/sobjects", method="POST", json={"allOrNone": False, "records": records})
        changed = [{"attributes": {"type": "Account"}, "id": m["id"], "Phone": "03"} for m in made or []]
        assert all(
            r["success"] for r in sf.restful("composite/sobjects", method="PATCH", json={"records": changed}) or []
        )
        gone = ",".join(m["id"] for m in made or [])
        deleted = sf.restful("composite/sobjects", params={"ids": gone}, method="DELETE")
        assert [r["success"] for r in deleted or []] == [True, True, True]

    def test_a_tooling_field_appears_once_it_is_granted(self, sf: Salesforce):
        metadata = {
            "type": "Number",
            "label": "点数",
            "precision": 18,
            "scale": 2,
            "required": False,
            "externalId": False,
        }
        sf.toolingexecute(
            "sobjects/CustomField", method="POST", data={"FullName": "Account.Score__c", "Metadata": metadata}
        )
        assert "Score__c" not in {f["name"] for f in sf.Account.describe()["fields"]}
        parent = sf.PermissionSet.create({"Name": "P", "Label": "P"})["id"]
        rights = {"PermissionsRead": True, "PermissionsEdit": True}
        sf.FieldPermissions.create(
            {"ParentId": parent, "SobjectType": "Account", "Field": "Account.Score__c", **rights}
        )
        user = sf.query(f"SELECT Id FROM User WHERE Username = '{TINY.salesforce_username}'")["records"][0]["Id"]
        sf.PermissionSetAssignment.create({"AssigneeId": user, "PermissionSetId": parent})
        assert "Score__c" in {f["name"] for f in sf.Account.describe()["fields"]}
        some = sf.query("SELECT Id FROM Account LIMIT 1")["records"][0]["Id"]
        assert sf.Account.update(some, {"Score__c": 3}) == 204
        assert sf.Account.get(some)["Score__c"] == 3.0
