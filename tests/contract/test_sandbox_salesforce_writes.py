"""Writing to the sandbox's Salesforce: single records, collections, composite, and the errors of each."""

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.server import running
from tests.contract.salesforce_org import TINY, Org


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running(TINY) as base:
        yield base


@pytest.fixture
def org(server: str) -> Org:
    return Org.fresh(server)


def account(name: str, **fields: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Account"}, "Name": name, **fields}


def post(
    org: Org, records: list[Any], *, method: str = "POST", whole: bool = False, path: str = "composite/sobjects"
) -> Any:
    reply = org.call(method, path, {"allOrNone": whole, "records": records})
    assert reply.status_code == 200, reply.text
    return reply.json()


class TestOneRecord:
    def test_create_change_and_delete(self, org: Org):
        reply = org.call("POST", "sobjects/Account", {"Name": "x", "NumberOfEmployees": "10000"})
        made = reply.json()["id"]
        assert (reply.status_code, reply.json()) == (201, {"id": made, "success": True, "errors": []})
        assert reply.headers["location"].endswith(f"/sobjects/Account/{made}")
        patch = org.call("PATCH", f"sobjects/Account/{made}", {"Phone": "03", "NumberOfEmployees": None})
        assert (patch.status_code, patch.content) == (204, b"")
        row = org.get(f"sobjects/Account/{made}")
        assert (row["Name"], row["Phone"], row["NumberOfEmployees"]) == ("x", "03", None)
        assert org.call("DELETE", f"sobjects/Account/{made}").status_code == 204
        again = org.call("DELETE", f"sobjects/Account/{made}")
        assert again.status_code == 404
        assert again.json() == [{"message": "entity is deleted", "errorCode": "ENTITY_IS_DELETED", "fields": []}]

    def test_our_writes_bear_the_integration_users_name_and_move_the_stamp_even_without_a_change(self, org: Org):
        user = org.get("/services/oauth2/userinfo")["user_id"]
        row = org.query("SELECT Id, Name, SystemModstamp, LastModifiedById FROM Account LIMIT 1")[0]
        assert row["LastModifiedById"] != user
        org.call("PATCH", f"sobjects/Account/{row['Id']}", {"Name": row["Name"]})
        after = org.get(f"sobjects/Account/{row['Id']}")
        assert after["LastModifiedById"] == user
        assert after["SystemModstamp"] > row["SystemModstamp"]

    def test_the_ledger_holds_each_write_with_its_request_id(self, org: Org):
        reply = org.call("POST", "sobjects/Account", {"Name": "x", "Phone": ""}, headers={"X-Request-Id": "run-1"})
        (write,) = org.ledger("Account")["writes"]
        assert {k: write[k] for k in ("crm", "object", "id", "fields", "request_id")} == {
            "crm": "salesforce",
            "object": "Account",
            "id": reply.json()["id"],
            "fields": {"Name": "x", "Phone": None},
            "request_id": "run-1",
        }
        org.manual("edit", object="Account", id=write["id"], fields={"Name": "y"})
        assert len(org.ledger("Account")["writes"]) == 1  # people's edits are no API writes

    @pytest.mark.parametrize(
        ("name", "sent", "code", "message", "fields"),
        [
            ("Contact", {"FirstName": "a"}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", ["LastName"]),
            ("Account", {"Name": "x", "Nope": 1}, "INVALID_FIELD", "No such column 'Nope' on sobject of type Account", None),
            ("Account", {"Name": "x", "BillingCity": "y" * 41}, "STRING_TOO_LONG", f"Billing City: data value too large: {'y' * 41} (max length=40)", ["BillingCity"]),
            ("Account", {"Name": "x", "MasterRecordId": None}, "INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: MasterRecordId. Please check the security settings of this field and verify that it is read/write for your profile or permission set.", ["MasterRecordId"]),
            ("Account", {"Name": "x", "AttackListWillingness__c": "maybe"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "アタックリスト提出意思: bad value for restricted picklist field: maybe", ["AttackListWillingness__c"]),
            ("Account", {"Name": "x", "ParentId": "003ak000003dQCGAA2"}, "MALFORMED_ID", "Parent Account ID: id value of incorrect type: 003ak000003dQCGAA2", ["ParentId"]),
            ("Account", {"Name": "x", "ParentId": "001ak000003dQCG"}, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", []),
            ("Account", {"Name": "x", "NumberOfEmployees": 10**9}, "NUMBER_OUTSIDE_VALID_RANGE", "Employees: value outside of valid range on numeric field: 1000000000", ["NumberOfEmployees"]),
            ("Account", {"Id": "001ak000003dQCG", "Name": "x"}, "INVALID_FIELD", "cannot specify Id in an insert call", ["Id"]),
        ],
    )  # fmt: skip
    def test_refusals_read_as_real_ones(self, org: Org, name: str, sent: Any, code: str, message: str, fields: Any):
        reply = org.call("POST", f"sobjects/{name}", sent)
        assert reply.status_code == 400
        expected = {"message": message, "errorCode": code}
        assert reply.json() == [expected | ({"fields": fields} if fields is not None else {})]

    @pytest.mark.parametrize(
        "sent",
        [{"PartnerSince__c": "1.5.2026"}, {"NumberOfEmployees": "many"}, {"NumberOfEmployees": 1.5}, {"Name": ["x"]}],
    )
    def test_a_value_of_another_type_is_a_parser_error(self, org: Org, sent: dict[str, Any]):
        reply = org.call("POST", "sobjects/Account", {"Name": "x", **sent})
        assert (reply.status_code, reply.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")

    def test_a_body_that_is_no_json_object_is_refused(self, org: Org):
        for body in ("{", "[1]"):
            reply = org.call("POST", "sobjects/Account", data=body.encode())
            assert (reply.status_code, reply.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")

    def test_upsert_by_external_id_creates_changes_or_lists_the_many(self, org: Org):
        path = "sobjects/AttackListEntry__c/ExternalId__c/ext-1"
        first = org.call("PATCH", path, {"TargetName__c": "a"})
        assert (first.status_code, first.json()["created"]) == (201, True)
        second = org.call("PATCH", path, {"TargetName__c": "b"})
        assert (second.status_code, second.json()["created"]) == (200, False)
        org.create("AttackListEntry__c", ExternalId__c="ext-1")
        many = org.call("PATCH", path, {"TargetName__c": "c"})
        assert many.status_code == 300
        assert len(many.json()) == 2

    def test_history_follows_the_status_and_says_who(self, org: Org):
        made = org.create("AttackListEntry__c", Status__c="Listed")
        org.call("PATCH", f"sobjects/AttackListEntry__c/{made}", {"Status__c": "Requested"})
        org.manual("edit", object="AttackListEntry__c", id=made, fields={"Status__c": "Agreed", "TargetCity__c": "x"})
        rows = org.query(
            "SELECT Field, OldValue, NewValue, CreatedById, DataType FROM AttackListEntry__History"
            f" WHERE ParentId = '{made}' ORDER BY CreatedDate, Id"
        )
        user = org.get("/services/oauth2/userinfo")["user_id"]
        told = [(r["Field"], r["OldValue"], r["NewValue"], r["CreatedById"] == user) for r in rows]
        assert told == [
            ("created", None, None, True),
            ("Status__c", "Listed", "Requested", True),
            ("Status__c", "Requested", "Agreed", False),
        ]
        assert (
            org.refused("SELECT Id FROM AttackListEntry__History WHERE NewValue = 'x'")["errorCode"] == "INVALID_FIELD"
        )


class TestCollections:
    def test_one_result_a_record_in_order_with_status_codes(self, org: Org):
        good = org.create("Account", Name="old")
        gone = org.create("Account", Name="gone")
        org.call("DELETE", f"sobjects/Account/{gone}")
        sent = [
            {"attributes": {"type": "Account"}, "id": good, "Name": "new"},
            {"attributes": {"type": "Account"}, "Name": "no id"},
            {"attributes": {"type": "Account"}, "id": gone, "Name": "x"},
            {"attributes": {"type": "Account"}, "id": "001000000000000AAA", "Name": "x"},
            {"attributes": {"type": "Account"}, "id": "wrong", "Name": "x"},
            {"attributes": {"type": "Account"}, "Id": good, "Nope": "x"},
        ]
        results = post(org, sent, method="PATCH")
        assert results[0] == {"id": good, "success": True, "errors": []}
        codes = [r["errors"][0]["statusCode"] for r in results[1:]]
        assert codes == [
            "MISSING_ARGUMENT",
            "ENTITY_IS_DELETED",
            "INVALID_CROSS_REFERENCE_KEY",
            "MALFORMED_ID",
            "INVALID_FIELD",
        ]
        assert all(r["success"] is False and "id" not in r for r in results[1:])
        assert org.get(f"sobjects/Account/{good}")["Name"] == "new"

    def test_all_or_none_leaves_no_trace_of_the_good_ones(self, org: Org):
        before = org.count("SELECT COUNT() FROM Account")
        kept = org.create("Account", Name="kept")
        writes = len(org.ledger("Account")["writes"])
        created = post(org, [account("good"), {"attributes": {"type": "Account"}}], whole=True)
        assert [r["errors"][0]["statusCode"] for r in created] == [
            "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "REQUIRED_FIELD_MISSING",
        ]
        changed = post(org, [account("a", id=kept), account("b", Nope=1, id=kept)], method="PATCH", whole=True)
        assert [r["errors"][0]["statusCode"] for r in changed] == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "INVALID_FIELD"]
        assert org.count("SELECT COUNT() FROM Account") == before + 1
        assert org.get(f"sobjects/Account/{kept}")["Name"] == "kept"
        assert len(org.ledger("Account")["writes"]) == writes

    def test_200_records_are_the_most_and_one_the_least(self, org: Org):
        assert len(post(org, [account(f"n{i}") for i in range(200)])) == 200
        for records, code in (([account("x")] * 201, "EXCEEDED_ID_LIMIT"), ([], "REQUIRED_FIELD_MISSING")):
            reply = org.call("POST", "composite/sobjects", {"records": records})
            assert (reply.status_code, reply.json()[0]["errorCode"]) == (400, code)

    def test_more_than_ten_changes_of_type_are_refused(self, org: Org):
        mixed = [account("x"), {"attributes": {"type": "Contact"}, "LastName": "x"}] * 6
        assert org.call("POST", "composite/sobjects", {"records": mixed}).status_code == 400

    def test_reading_many_by_id_gives_null_for_what_is_not_there(self, org: Org):
        one = org.create("Account", Name="one")
        body = {"ids": ["001000000000000AAA", one], "fields": ["Name"]}
        rows = org.call("POST", "composite/sobjects/Account", body).json()
        assert rows[0] is None
        assert (rows[1]["Name"], rows[1]["Id"]) == ("one", one)
        assert org.get("composite/sobjects/Account", ids=one, fields="Name") == [rows[1]]
        body = {"ids": [one] * 2001, "fields": ["Name"]}
        assert org.call("POST", "composite/sobjects/Account", body).status_code == 400

    def test_deleting_and_upserting_many(self, org: Org):
        one, two = org.create("Account", Name="1"), org.create("Account", Name="2")
        reply = org.call("DELETE", "composite/sobjects", params={"ids": f"{one},{two},{one}", "allOrNone": "false"})
        assert [r["success"] for r in reply.json()] == [True, True, False]
        entries = [{"attributes": {"type": "AttackListEntry__c"}, "ExternalId__c": e} for e in ("u1", "u2", "u1")]
        results = post(org, entries, method="PATCH", path="composite/sobjects/AttackListEntry__c/ExternalId__c")
        assert [r["created"] for r in results] == [True, True, False]


class TestComposite:
    def test_subrequests_run_in_order_and_refer_to_earlier_ones(self, org: Org):
        base = "/services/data/v62.0"
        asked = [
            {"method": "POST", "url": f"{base}/sobjects/Account", "referenceId": "made", "body": {"Name": "x"}},
            {
                "method": "GET",
                "url": f"{base}/query?q=SELECT Name FROM Account WHERE Id = '@{{made.id}}'",
                "referenceId": "read",
            },
            {"method": "GET", "url": f"{base}/sobjects/Account/@{{read.records[0].Nope}}", "referenceId": "halted"},
            {"method": "GET", "url": f"{base}/query?q=select count() from XYZZY", "referenceId": "wrong"},
            {"method": "GET", "url": f"{base}/sobjects/Account/describe", "referenceId": "d"},
        ]
        parts = org.call("POST", "composite", {"compositeRequest": asked}).json()["compositeResponse"]
        assert [p["httpStatusCode"] for p in parts] == [201, 200, 400, 400, 200]
        assert parts[1]["body"]["records"][0]["Name"] == "x"
        assert parts[2]["body"][0]["errorCode"] == "PROCESSING_HALTED"
        assert set(parts[4]["httpHeaders"]) == {"Last-Modified", "ETag"}

    def test_all_or_none_takes_everything_back(self, org: Org):
        base = "/services/data/v62.0/sobjects/Account"
        asked = [
            {"method": "POST", "url": base, "referenceId": "good", "body": {"Name": "x"}},
            {"method": "POST", "url": base, "referenceId": "bad", "body": {}},
            {"method": "POST", "url": base, "referenceId": "later", "body": {"Name": "y"}},
        ]
        parts = org.call("POST", "composite", {"allOrNone": True, "compositeRequest": asked}).json()[
            "compositeResponse"
        ]
        codes = [p["body"][0]["errorCode"] for p in parts]
        assert codes == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING", "PROCESSING_HALTED"]
        assert org.query("SELECT Id FROM Account WHERE Name IN ('x', 'y')") == []
        assert org.ledger("Account")["writes"] == []

    @pytest.mark.parametrize(("path", "most"), [("limits?x={n}", 25), ("query?q=SELECT Id FROM Account LIMIT {n}", 5)])
    def test_it_takes_25_subrequests_of_which_5_may_be_queries(self, org: Org, path: str, most: int):
        def ask(count: int) -> int:
            url = "/services/data/v62.0/" + path
            asked = [{"method": "GET", "url": url.format(n=n + 1), "referenceId": f"r{n}"} for n in range(count)]
            return org.call("POST", "composite", {"compositeRequest": asked}).status_code

        assert (ask(most), ask(most + 1)) == (200, 400)
