"""The Salesforce connector against the sandbox's Salesforce, with the ledger as the oracle."""

import gc
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from models.catalogue import fields_of
from sandbox.server import running
from sandbox.settings import SandboxSettings
from sync.errors import LoginRefused
from sync.records import CrmRecord, ReadSpec
from sync.salesforce import ClientCredentials, JwtBearer, SalesforceConnector
from sync.salesforce.provision_rights import EDITOR, READER
from tests.contract.connector_suite import ConnectorSuite, CrmUser, Subject, newest, read_all
from tests.contract.sweep_suite import SweepSuite
from tests.known import Known

SETTINGS = SandboxSettings(partners=12, months=6, entries=120, rows={"Contact": 4500})


@pytest.fixture(scope="module")
def subject() -> Iterator[Subject]:
    with running(SETTINGS) as url:
        yield subject_of(url)


def subject_of(url: str) -> Subject:
    def connect(secret: str = SETTINGS.salesforce_client_secret, **changes) -> SalesforceConnector:
        auth = ClientCredentials(SETTINGS.salesforce_client_id, secret)
        return SalesforceConnector("salesforce", url, auth, **{"sleep": lambda s: None, **changes})

    user = CrmUser(url, "salesforce")
    partner = user.create("Account", {"Name": "パートナー"})
    return Subject(
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


class TestSalesforceSweep(SweepSuite):
    @pytest.fixture
    def subject(self, subject: Subject) -> Subject:
        return subject


def test_more_records_than_a_page_with_one_stamp_survive_a_kill_between_pages(subject):
    spec = ReadSpec("Lead", ("LastName",))
    before = read_all(subject.connect(), spec)
    many = [
        {"crm": "salesforce", "action": "create", "object": "Lead", "fields": {"LastName": str(n), "Company": "c"}}
        for n in range(2500)
    ]
    subject.user._call("POST", "records", many)
    stamps = {r["modified_at"] for r in subject.user.records("Lead").values()}
    assert len(stamps) < 100, "the point is that many records share a stamp"
    stored = next(subject.connect().pages(spec, before[-1].cursor, Known()))
    rest = read_all(subject.connect(), spec, stored.cursor)
    assert "window" in stored.cursor
    assert newest([*before, stored, *rest]).keys() == subject.user.records("Lead").keys()


def test_a_change_that_becomes_visible_late_is_found_by_the_overlap(subject):
    connector = subject.connect()
    one = subject.user.create("Account", {"Name": "early"})
    cursor = read_all(connector, subject.spec())[-1].cursor
    subject.user._act("edit", object="Account", id=one, fields={"Name": "late"}, visible_after_s=120)
    pages = read_all(connector, subject.spec(), cursor)
    assert newest(pages)[one].values["Name"] == "early"
    subject.user._call("POST", "advance", {"days": 3 / 1440})
    assert newest(read_all(connector, subject.spec(), pages[-1].cursor))[one].values["Name"] == "late"


def records() -> int:
    """How many are held in memory."""
    return sum(isinstance(o, CrmRecord) for o in gc.get_objects())


def test_a_pull_holds_a_page_at_a_time_and_not_the_object(subject):
    gc.collect()
    others, most = records(), 0  # of this process's other tests
    for page in subject.connect().pages(ReadSpec("Contact", ("LastName",)), None, Known()):
        del page
        most = max(most, records() - others)
    assert 2000 <= most <= 4000 + 100  # the page that is made, and the one before it


def test_a_merge_names_the_winner(subject):
    connector = subject.connect()
    winner, loser = (subject.user.create("Account", {"Name": n}) for n in "ab")
    cursor = read_all(connector, subject.spec())[-1].cursor
    subject.user.merge("Account", winner, loser)
    record = newest(read_all(connector, subject.spec(), cursor))[loser]
    assert (record.deleted, record.merged_into) == (True, winner)


def test_provisioning_gives_reps_a_read_only_set_and_the_integration_user_an_edit_set(subject):
    connector = subject.connect()
    steps = connector.provision("AttackListEntry__c", fields_of("entry"), prefix="rights", language="en", dry_run=False)
    said = {s.what: s.status for s in steps}
    assert {said[f"permission set {name}"] for name in (EDITOR, READER)} <= {"created", "present"}
    rows = subject.user.records("FieldPermissions").values()
    granted = {
        (r["fields"]["ParentId"], r["fields"]["PermissionsEdit"]) for r in rows if "Rights_" in r["fields"]["Field"]
    }
    sets = {r["fields"]["Name"]: i for i, r in subject.user.records("PermissionSet").items()}
    assert granted == {(sets[EDITOR], True), (sets[READER], False)}
    assigned: dict[str, set[str]] = {}
    for r in subject.user.records("PermissionSetAssignment").values():
        assigned.setdefault(r["fields"]["PermissionSetId"], set()).add(r["fields"]["AssigneeId"])
    us = connector.greet().user
    staff = {
        i
        for i, r in subject.user.records("User").items()
        if r["fields"]["IsActive"] and r["fields"]["UserType"] == "Standard"
    }
    assert assigned[sets[EDITOR]] == {us}
    assert assigned[sets[READER]] == staff - {us}
    assert len(staff) > 1
    described = connector.describe("AttackListEntry__c")
    labels = dict(described.field("Rights_Milestone__c").options)
    assert labels["requested"] == "バイネーム依頼", "the organisation's language; English is a translation"


def test_a_signed_assertion_logs_in_and_a_foreign_key_does_not():
    ours, other = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    public = ours.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def connector(key: rsa.RSAPrivateKey, url: str) -> SalesforceConnector:
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        auth = JwtBearer(SETTINGS.salesforce_client_id, SETTINGS.salesforce_username, pem)
        return SalesforceConnector("salesforce", url, auth)

    small = SandboxSettings(partners=2, months=2, entries=5, salesforce_jwt_public_key=public)
    with running(small) as url:
        assert connector(ours, url).greet().user
        with pytest.raises(LoginRefused):
            connector(other, url).greet()
        with pytest.raises(LoginRefused, match="private key"):
            SalesforceConnector("salesforce", url, JwtBearer("a", "b", "no key")).greet()


def test_a_sweep_sees_activities_that_queries_hide(subject):
    """Activities of more than a year ago are archived: they live, and only queryAll shows them."""
    connector = subject.connect()
    old = subject.user.create("Task", {"Subject": "事例共有", "ActivityDate": "2024-01-10"})
    listed = {one.id for some in connector.identities("Task") for one in some}
    assert old in listed
    assert connector.count("Task") == len(listed)
    (page,) = connector.fetch(ReadSpec("Task", ("Subject",)), [old])
    assert [(r.id, r.deleted) for r in page.records] == [(old, False)]


def test_a_list_whose_locator_was_lost_goes_on_behind_what_it_brought(subject):
    connector = subject.connect()
    lost = {"kind": "status", "status": 400, "body": [{"errorCode": "INVALID_QUERY_LOCATOR", "message": "gone"}]}
    with subject.user.fault(lost, times=1, path="/query/0r8"):
        listed = [one.id for some in connector.identities("Contact") for one in some]
    assert sorted(listed) == sorted(i for i, r in subject.user.records("Contact").items() if not r["deleted"])


def test_what_is_no_salesforce_id_is_gone_and_harms_no_query(subject):
    pages = list(subject.connect().fetch(subject.spec(), ["x' OR Name != '", "12345"]))
    assert [p.gone for p in pages] == [("x' OR Name != '", "12345")]


def test_an_object_whose_fields_are_not_tracked_is_read_without_a_history(subject: Subject) -> None:
    """A real org has no object for a history that nobody switched on; its records can be read all the same, cycle after cycle."""
    connector = subject.connect()
    spec = ReadSpec("Contact", ("LastName",), history=("LastName",))
    pages = list(connector.pages(spec, None, Known()))
    assert pages[-1].loaded
    assert sum(len(page.records) for page in pages) >= 4500
    later = list(connector.pages(spec, pages[-1].cursor, Known()))
    assert later[-1].history == ()
    (page,) = connector.fetch(spec, [pages[0].records[0].id])
    assert len(page.records) == 1
    connector.close()
