"""Custom fields made by the Tooling API: stored at once, seen by no one before a permission set grants them."""

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.server import running
from tests.contract.salesforce_org import TINY, Org

_PICKLIST = {
    "type": "Picklist",
    "valueSet": {
        "restricted": True,
        "valueSetDefinition": {
            "sorted": False,
            "value": [{"valueName": "A", "label": "良い"}, {"valueName": "B", "label": "並"}],
        },
    },
}
_TYPES: list[tuple[dict[str, Any], Any, dict[str, Any]]] = [
    ({"type": "Text", "length": 20}, "abc", {"type": "string", "length": 20, "soapType": "xsd:string"}),
    ({"type": "Number", "precision": 18, "scale": 2}, 3.0, {"type": "double", "precision": 18, "scale": 2}),
    ({"type": "Percent", "precision": 5, "scale": 1}, 12.5, {"type": "percent", "precision": 5, "scale": 1}),
    ({"type": "Checkbox", "defaultValue": "false"}, True, {"type": "boolean", "nillable": False}),
    ({"type": "Date"}, "2026-03-08", {"type": "date"}),
    ({"type": "DateTime"}, "2026-03-08T01:02:03.000+0000", {"type": "datetime", "soapType": "xsd:dateTime"}),
    ({"type": "LongTextArea", "length": 32768, "visibleLines": 3}, "行1\n行2", {"type": "textarea", "filterable": False}),
    (_PICKLIST, "A", {"type": "picklist", "restrictedPicklist": True}),
    ({"type": "Lookup", "referenceTo": "Account", "relationshipName": "Others"}, None, {"type": "reference", "referenceTo": ["Account"], "relationshipName": "New__r"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running(TINY) as base:
        yield base


@pytest.fixture
def org(server: str) -> Org:
    return Org.fresh(server)


def described(org: Org, object_name: str = "Account") -> dict[str, Any]:
    return {f["name"]: f for f in org.get(f"sobjects/{object_name}/describe")["fields"]}


@pytest.mark.parametrize(("metadata", "value", "expected"), _TYPES, ids=[m["type"] for m, _, _ in _TYPES])
def test_a_field_of_each_type_is_made_granted_and_written(
    org: Org, metadata: dict[str, Any], value: Any, expected: dict[str, Any]
):
    org.new_field("Account.New__c", inlineHelpText="何の項目か", **metadata)
    org.grant("Account.New__c")
    field = described(org)["New__c"]
    assert {k: field[k] for k in expected} == expected
    assert (field["label"], field["inlineHelpText"], field["custom"]) == ("Account.New__c", "何の項目か", True)
    made = org.create("Account", Name="x", New__c=value)
    assert org.query(f"SELECT New__c FROM Account WHERE Id = '{made}'")[0]["New__c"] == value


class TestRights:
    def test_before_it_is_granted_a_field_is_as_good_as_absent(self, org: Org):
        org.new_field("Account.Tier__c", type="Text", length=1)
        some = org.create("Account", Name="x")
        assert "Tier__c" not in described(org)
        assert org.refused("SELECT Tier__c FROM Account")["errorCode"] == "INVALID_FIELD"
        reply = org.call("PATCH", f"sobjects/Account/{some}", {"Tier__c": "A"})
        assert reply.json() == [
            {"message": "No such column 'Tier__c' on sobject of type Account", "errorCode": "INVALID_FIELD"}
        ]

    def test_a_right_to_read_is_none_to_edit(self, org: Org):
        org.new_field("Account.Tier__c", type="Text", length=1)
        org.grant("Account.Tier__c", edit=False)
        some = org.create("Account", Name="x")
        assert org.query(f"SELECT Tier__c FROM Account WHERE Id = '{some}'")[0]["Tier__c"] is None
        reply = org.call("PATCH", f"sobjects/Account/{some}", {"Tier__c": "A"})
        assert reply.json()[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
        assert not described(org)["Tier__c"]["updateable"]
        right = org.query("SELECT Id FROM FieldPermissions WHERE Field = 'Account.Tier__c'")[0]["Id"]
        org.call("PATCH", f"sobjects/FieldPermissions/{right}", {"PermissionsEdit": True})
        assert org.call("PATCH", f"sobjects/Account/{some}", {"Tier__c": "A"}).status_code == 204

    def test_a_set_that_is_not_assigned_grants_nothing_and_taking_it_away_hides_the_field(self, org: Org):
        org.new_field("Account.Tier__c", type="Text", length=1)
        granted = org.grant("Account.Tier__c")
        assert "Tier__c" in described(org)
        given = org.query(f"SELECT Id FROM PermissionSetAssignment WHERE PermissionSetId = '{granted}'")[0]["Id"]
        assert org.call("DELETE", f"sobjects/PermissionSetAssignment/{given}").status_code == 204
        assert "Tier__c" not in described(org)

    def test_taking_away_the_right_to_read_deletes_the_row(self, org: Org):
        org.new_field("Account.Tier__c", type="Text", length=1)
        org.grant("Account.Tier__c")
        right = org.query("SELECT Id FROM FieldPermissions")[0]["Id"]
        org.call("PATCH", f"sobjects/FieldPermissions/{right}", {"PermissionsRead": False, "PermissionsEdit": False})
        assert org.query("SELECT Id FROM FieldPermissions") == []
        assert "Tier__c" not in described(org)

    def test_repeating_an_assignment_or_a_right_is_a_duplicate(self, org: Org):
        org.new_field("Account.Tier__c", type="Text", length=1)
        granted = org.grant("Account.Tier__c")
        user = org.get("/services/oauth2/userinfo")["user_id"]
        reply = org.call("POST", "sobjects/PermissionSetAssignment", {"AssigneeId": user, "PermissionSetId": granted})
        assert reply.json() == [
            {
                "message": f"Duplicate PermissionSetAssignment.  Assignee: {user[:15]}; Permission Set: {granted[:15]}",
                "errorCode": "DUPLICATE_VALUE",
                "fields": ["AssigneeId", "PermissionSetId"],
            }
        ]
        right = {"ParentId": granted, "SobjectType": "Account", "Field": "Account.Tier__c", "PermissionsRead": True}
        assert org.call("POST", "sobjects/FieldPermissions", right).json()[0]["errorCode"] == "DUPLICATE_VALUE"
        again = org.call("POST", "sobjects/PermissionSet", {"Name": "Own_Fields", "Label": "x"})
        assert again.json()[0]["errorCode"] == "DUPLICATE_DEVELOPER_NAME"

    @pytest.mark.parametrize(
        "change",
        [
            {"Field": "Account.Nope__c"},
            {"SobjectType": "Contact"},
            {"PermissionsRead": False},
            {"Field": "Account.Name"},
        ],
    )
    def test_rights_must_make_sense(self, org: Org, change: dict[str, Any]):
        org.new_field("Account.Tier__c", type="Text", length=1)
        parent = org.create("PermissionSet", Name="P", Label="P")
        right = {
            "ParentId": parent,
            "SobjectType": "Account",
            "Field": "Account.Tier__c",
            "PermissionsRead": True,
            "PermissionsEdit": True,
        }
        assert org.call("POST", "sobjects/FieldPermissions", right | change).status_code == 400
        assert org.call("POST", "sobjects/FieldPermissions", right).status_code == 201


class TestTooling:
    def test_a_field_is_found_by_its_names_and_shows_its_metadata(self, org: Org):
        made = org.new_field("AttackListEntry__c.Stalled__c", type="Checkbox", defaultValue="false")
        soql = "SELECT Id, DeveloperName, TableEnumOrId FROM CustomField WHERE DeveloperName = 'Stalled'"
        (row,) = org.query(soql, "tooling/query")
        assert (row["Id"], row["DeveloperName"]) == (made, "Stalled")
        assert row["TableEnumOrId"].startswith("01I")  # a custom object's id, not its name
        by_entity = "SELECT FullName FROM CustomField WHERE EntityDefinition.QualifiedApiName = 'AttackListEntry__c' AND DeveloperName = 'Stalled'"
        assert org.query(by_entity, "tooling/query")[0]["FullName"] == "AttackListEntry__c.Stalled__c"
        shown = org.get(f"tooling/sobjects/CustomField/{made}")
        assert (shown["Metadata"]["type"], shown["Metadata"]["label"]) == ("Checkbox", "AttackListEntry__c.Stalled__c")

    def test_full_names_and_metadata_are_told_of_one_row_only(self, org: Org):
        error = org.refused("SELECT FullName FROM CustomField", "tooling/query")
        assert error["errorCode"] == "MALFORMED_QUERY"
        assert "no more than one row" in error["message"]

    def test_the_data_api_does_not_know_tooling_objects_nor_the_other_way_round(self, org: Org):
        assert org.refused("SELECT Id FROM CustomField")["errorCode"] == "INVALID_TYPE"
        assert org.refused("SELECT Id FROM Account", "tooling/query")["errorCode"] == "INVALID_TYPE"

    def test_a_field_can_be_relabelled_and_deleted_with_its_values(self, org: Org):
        made = org.new_field("Account.Tier__c", type="Text", length=1)
        org.grant("Account.Tier__c")
        org.create("Account", Name="x", Tier__c="A")
        body = {"Metadata": {"type": "Text", "length": 5, "label": "ティア"}}
        assert org.call("PATCH", f"tooling/sobjects/CustomField/{made}", body).status_code == 204
        assert described(org)["Tier__c"]["label"] == "ティア"
        assert org.call("DELETE", f"tooling/sobjects/CustomField/{made}").status_code == 204
        assert "Tier__c" not in described(org)
        assert all("Tier__c" not in r["fields"] for r in org.ledger("Account")["records"])
        assert org.new_field("Account.Tier__c", type="Text", length=1) != made

    @pytest.mark.parametrize(
        ("name", "metadata", "code"),
        [
            ("Account.Name", {"type": "Text", "length": 5}, "FIELD_INTEGRITY_EXCEPTION"),
            ("Nope.X__c", {"type": "Text", "length": 5}, "FIELD_INTEGRITY_EXCEPTION"),
            ("Account.X__c", {"type": "Colour"}, "FIELD_INTEGRITY_EXCEPTION"),
            ("Account.X__c", {"type": "Text"}, "FIELD_INTEGRITY_EXCEPTION"),
            ("Account.X__c", {"type": "Number", "precision": 19, "scale": 0}, "FIELD_INTEGRITY_EXCEPTION"),
            ("Account.X__c", {"type": "Checkbox"}, "FIELD_INTEGRITY_EXCEPTION"),
            ("Account.X__c", {"type": "Picklist"}, "FIELD_INTEGRITY_EXCEPTION"),
            ("Account.X__c", {"type": "Date", "label": "x" * 41}, "STRING_TOO_LONG"),
            ("Account.PartnerSince__c", {"type": "Date"}, "DUPLICATE_DEVELOPER_NAME"),
        ],
    )
    def test_what_a_real_org_would_not_make_is_refused(self, org: Org, name: str, metadata: dict[str, Any], code: str):
        reply = org.call(
            "POST", "tooling/sobjects/CustomField", {"FullName": name, "Metadata": {"label": "X", **metadata}}
        )
        assert (reply.status_code, reply.json()[0]["errorCode"]) == (400, code)
