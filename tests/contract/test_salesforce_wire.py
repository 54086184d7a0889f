"""What the Salesforce connector makes of answers that go wrong, over real HTTP."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sync.errors import (
    BadReply,
    FieldMissing,
    LoginRefused,
    ObjectMissing,
    PermissionMissing,
    QuotaExhausted,
    RateLimited,
    Retry,
    Stop,
    SyncError,
    Unreachable,
)
from sync.records import ReadSpec
from sync.retry import Patience
from sync.salesforce import ClientCredentials, JwtBearer, SalesforceConnector
from sync.salesforce.budget import Budget
from sync.salesforce.client import Client
from sync.salesforce.transport import Transport
from sync.writes import RecordWrite, WriteOutcome
from tests.contract.connector_suite import newest, read_all
from tests.integration.holders import until
from tests.salesforce_org import ACCOUNT, BASE, SECRET, Org, account, describe_of, error, org, page, parts
from tests.scripted_http import Answer, Asked

SPEC = ReadSpec("Account", ("Name",))
FOR_EVER = 3600  # seconds, or bytes: nobody waits for the end of it


def nothing(_: Asked) -> Answer:
    return error(404, "NOT_FOUND")


def no_versions(object_name: str, ids: Any) -> dict[str, Any]:
    return {}


def read(connector: SalesforceConnector, spec: ReadSpec = SPEC, cursor: Any = None) -> list[Any]:
    return list(connector.pages(spec, cursor, no_versions))


def queries(*answers: Answer):
    """Describes Account, and gives one answer a query, the last one again and again."""
    left = list(answers)

    def answer(asked: Asked) -> Answer:
        if asked.path.endswith("/describe"):
            return ACCOUNT
        return left.pop(0) if len(left) > 1 else left[0]

    return answer


# login


def test_the_newest_version_known_to_both_sides_is_spoken():
    with org(lambda asked: Answer({"DailyApiRequests": {"Max": 15000, "Remaining": 14000}})) as place:
        greeting = place.connector().greet()
    assert greeting.api_version == "62.0"
    assert (greeting.account, greeting.user) == ("00D000000000001AAA", "005000000000001AAA")
    assert (greeting.quota_limit, greeting.quota_used) == (15000, 1000)
    assert place.script.asked[-1].path == f"{BASE}/limits/"


def test_a_version_that_is_not_offered_is_refused_with_those_that_are():
    with org(nothing) as place, pytest.raises(Stop, match=r"61\.0, 62\.0"):
        place.connector(api_version="60.0").greet()


@pytest.mark.parametrize("code", ["invalid_client", "invalid_grant", "something_new"])
def test_a_refused_login_says_what_to_do_and_is_not_repeated(code):
    with org(nothing) as place:
        place.login = lambda asked: Answer({"error": code, "error_description": "about jane@acme.test"}, 400)
        with pytest.raises(LoginRefused) as met:
            place.connector().greet()
        assert len(place.asked("token")) == 1
    assert met.value.remedy
    assert "jane" not in str(met.value)
    assert SECRET not in str(met.value)


def test_a_login_that_meets_a_busy_server_is_tried_again():
    replies = [Answer({}, 503), Answer(b"<html>busy</html>", 502, content_type="text/html")]
    with org(lambda asked: Answer({"DailyApiRequests": {"Max": 10, "Remaining": 9}})) as place:
        give = place.login = lambda asked: (
            replies.pop(0) if replies else setattr(place, "login", None) or Answer({}, 503)
        )
        assert give is not None
        place.connector().greet()
        assert len(place.slept) == 3


def test_a_session_that_always_ends_is_renewed_once_and_then_refused():
    with org(lambda asked: error(401, "INVALID_SESSION_ID")) as place:
        with pytest.raises(LoginRefused):
            place.connector().describe("Account")
        assert len(place.tokens) == 2
        assert len(place.asked("describe")) == 2


def test_a_401_whose_body_is_no_json_is_an_ended_session_too():
    with org(lambda asked: Answer(b"<h1>no</h1>", 401, content_type="text/html")) as place:
        with pytest.raises(LoginRefused):
            place.connector().describe("Account")
        assert len(place.tokens) == 2


def test_threads_whose_session_ends_at_once_log_in_once():
    gate = threading.Barrier(8)

    def answer(asked: Asked) -> Answer:
        if asked.headers["Authorization"] == "Bearer token-1":
            gate.wait(60)
            return error(401, "INVALID_SESSION_ID")
        return ACCOUNT

    with org(answer) as place:
        connector = place.connector()
        failures = []

        def describe() -> None:
            try:
                connector.describe("Account")
            except SyncError as e:
                failures.append(e)

        threads = [threading.Thread(target=describe) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        assert failures == []
        assert place.tokens == ["token-1", "token-2"]


def test_threads_that_meet_a_refused_login_ask_once_and_later_anew():
    """A login that is repeated may lock its user out; but somebody may mend it."""
    later = [0.0]
    with org(lambda asked: ACCOUNT) as place:
        place.login = lambda asked: Answer({"error": "inactive_user"}, 400)
        connector = place.connector(monotonic=lambda: later[0])
        met = []

        def describe() -> None:
            try:
                connector.describe("Account")
            except LoginRefused as e:
                met.append(e)

        threads = [threading.Thread(target=describe) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        assert len(met) == 8
        assert len(place.asked("token")) == 1
        place.login, later[0] = None, 60.0
        assert connector.describe("Account").name == "Account"
        assert len(place.asked("token")) == 2


@pytest.mark.parametrize("hours", [-1, 0, 1])
def test_a_signed_login_succeeds_although_our_clock_is_wrong(hours):
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def login(asked: Asked) -> Answer:
        claims = jwt.decode(parse_qs(asked.raw.decode())["assertion"][0], options={"verify_signature": False})
        if not 0 < claims["exp"] - time.time() <= 185:
            return Answer({"error": "invalid_grant"}, 400)
        return Answer(
            {"access_token": "t", "id": "https://login.salesforce.com/id/00D000000000001AAA/005000000000001AAA"}
        )

    with org(nothing) as place:
        place.login = login
        transport = Transport(place.script.url, connect_timeout=2, read_timeout=5, deadline=10)
        client = Client(
            transport,
            JwtBearer("app", "user", pem),
            patience=Patience(),
            budget=Budget(None, time.monotonic),
            wall=lambda: datetime.now(UTC) + timedelta(hours=hours),
        )
        assert client.token.user == "005000000000001AAA"
        transport.close()


def test_a_login_that_sends_us_to_a_foreign_host_is_not_followed():
    with org(nothing) as place:
        place.login = lambda asked: Answer({"access_token": "t", "instance_url": "https://evil.example", "id": "a/b/c"})
        with pytest.raises(BadReply, match=r"evil\.example"):
            place.connector().greet()


def test_a_redirect_to_a_foreign_host_is_not_followed():
    away = Answer({}, 302, {"Location": "https://evil.example/x"})
    with org(lambda asked: away) as place, pytest.raises(BadReply, match=r"evil\.example"):
        place.connector().describe("Account")


def test_a_server_that_is_no_salesforce_is_named():
    from tests.scripted_http import scripted

    with scripted(lambda asked: Answer(b"<html>hello</html>", content_type="text/html")) as script:
        connector = SalesforceConnector("sf", script.url, ClientCredentials("app", SECRET))
        with pytest.raises(BadReply, match="does not answer like Salesforce"):
            connector.greet()


def test_an_unreachable_server_is_named_with_the_remedy():
    connector = SalesforceConnector("sf", "http://127.0.0.1:9", ClientCredentials("app", SECRET), sleep=lambda s: None)
    with pytest.raises(Unreachable, match="cannot be reached") as met:
        connector.greet()
    assert "network" in met.value.remedy


def test_an_account_in_netrc_does_not_take_the_place_of_our_session(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with org(lambda asked: ACCOUNT) as place:
        place.connector().describe("Account")
        assert place.asked("describe")[0].headers["Authorization"] == "Bearer token-1"
        assert "Basic YXBwO" in place.asked("token")[0].headers["Authorization"]


# time


def test_a_server_that_stays_silent_is_left_after_the_read_time_out():
    with org(lambda asked: Answer(hang=FOR_EVER)) as place, pytest.raises(Unreachable, match="too long"):
        place.connector(read_timeout=0.1, deadline=2.0).describe("Account")


def test_silence_is_left_when_the_total_deadline_comes_before_the_read_time_out():
    with org(lambda asked: Answer(hang=FOR_EVER)) as place, pytest.raises(Unreachable):
        place.connector(read_timeout=FOR_EVER, deadline=1.0).describe("Account")


def test_a_server_that_sends_a_byte_now_and_then_is_left_after_the_total_deadline():
    body = ACCOUNT.data() + b" " * FOR_EVER
    with org(lambda asked: Answer(body, drip=0.1)) as place, pytest.raises(Unreachable):
        place.connector(read_timeout=FOR_EVER, deadline=1.0).describe("Account")


def test_the_crm_clock_is_the_date_header_and_not_ours():
    def answer(asked: Asked) -> Answer:
        return Answer(ACCOUNT.body, date="Sat, 31 Oct 2026 09:00:00 GMT")

    now = [100.0]
    with org(answer) as place:
        connector = place.connector(monotonic=lambda: now[0])
        connector.describe("Account")
        now[0] += 90
        assert connector.crm_now() == datetime(2026, 10, 31, 9, 1, 30, tzinfo=UTC)


# answers


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"<html>bad gateway</html>", 200, content_type="text/html"),
        Answer(b"", 200),
        Answer(b"<html>bad gateway</html>", 502, content_type="text/html"),
        error(500, "UNKNOWN_EXCEPTION"),
        Answer(b"", 420),
        Answer(ACCOUNT.body, cut=40),
        Answer(ACCOUNT.body, chunked=True, cut=40),
        Answer(ACCOUNT.body, chunked=True, cut=100_000),  # whole, but for the chunk that says so
    ],
)
def test_what_passes_is_tried_again(answer):
    answers = [answer, answer, ACCOUNT]
    with org(lambda asked: answers.pop(0)) as place:
        assert place.connector().describe("Account").name == "Account"
        assert len(place.slept) == 2


def test_a_body_that_never_becomes_json_is_never_an_empty_page():
    with org(queries(Answer(b"<html></html>", content_type="text/html"))) as place, pytest.raises(Unreachable):
        read(place.connector())


@pytest.mark.parametrize(
    "body", [{}, {"records": []}, [], {"totalSize": 0, "done": True}, {"totalSize": 1, "done": False, "records": []}]
)
def test_json_that_is_no_page_is_never_an_empty_page(body):
    with org(queries(Answer(body))) as place, pytest.raises(BadReply):
        read(place.connector())


def test_a_query_that_timed_out_is_a_failure_with_its_name():
    with org(queries(error(400, "QUERY_TIMEOUT", "Your query request was running for too long."))) as place:
        with pytest.raises(Retry) as met:
            read(place.connector())
        assert met.value.code == "QUERY_TIMEOUT"


@pytest.mark.parametrize("wait", ["7", "date"])
def test_a_429_is_waited_for_as_long_as_it_says(wait):
    at = datetime(2026, 10, 31, 9, tzinfo=UTC)
    header = wait if wait != "date" else format_datetime(at + timedelta(seconds=7), usegmt=True)
    busy = Answer({}, 429, {"Retry-After": header}, date=format_datetime(at, usegmt=True))
    answers = [busy, ACCOUNT]
    with org(lambda asked: answers.pop(0)) as place:
        place.connector().describe("Account")
        assert 6.0 <= place.slept[0] <= 8.0


def test_an_endless_429_ends_in_time():
    with org(lambda asked: Answer({}, 429, {"Retry-After": "1000000000"})) as place, pytest.raises(RateLimited):
        place.connector(deadline=300.0).describe("Account")
    assert all(s <= 31 for s in place.slept)


def test_used_up_calls_stop_everything_at_once():
    with org(lambda asked: error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")) as place:
        with pytest.raises(QuotaExhausted):
            place.connector().describe("Account")
        assert place.slept == []


def test_nearly_used_up_calls_stop_before_the_crm_has_to():
    answer = Answer(ACCOUNT.body, headers={"Sforce-Limit-Info": "api-usage=96/100; per-app-api-usage=1/2(appName=x)"})
    with org(lambda asked: answer) as place:
        connector = place.connector()
        connector.describe("Account")
        assert connector.quota() == (100, 96)
        with pytest.raises(QuotaExhausted, match="96 of its 100"):
            connector.describe("Account")
        assert len(place.asked("describe")) == 1


def test_our_own_daily_budget_is_never_overrun():
    with org(lambda asked: ACCOUNT) as place:
        connector = place.connector(daily_budget=3)
        for _ in range(3):
            connector.describe("Account")
        with pytest.raises(QuotaExhausted, match="daily_budget"):
            connector.describe("Account")
        assert connector.calls() == {"login": 2, "read": 0, "write": 0, "describe": 3}


def test_a_missing_permission_is_named_and_not_repeated():
    with (
        org(queries(error(403, "INSUFFICIENT_ACCESS"))) as place,
        pytest.raises(PermissionMissing, match="query of Account"),
    ):
        read(place.connector())
    assert place.slept == []


def test_a_missing_object_is_named_with_the_nearest():
    def answer(asked: Asked) -> Answer:
        if asked.path.endswith("/sobjects"):
            return Answer({"sobjects": [{"name": "Account"}, {"name": "Contact"}]})
        return error(404, "NOT_FOUND", "The requested resource does not exist")

    with org(answer) as place, pytest.raises(ObjectMissing, match=r"Accout.*nearest: Account"):
        place.connector().describe("Accout")


def test_missing_fields_are_all_named_with_the_nearest_before_anything_is_read():
    with org(queries(page([]))) as place:
        with pytest.raises(FieldMissing, match=r"Account\.Nmae is not there\. The nearest: Name\..*Account\.Size__c"):
            read(place.connector(), ReadSpec("Account", ("Nmae", "Size__c")))
        assert place.asked("query") == []


def test_a_field_that_vanishes_between_cycles_is_named():
    told = "\nNo such column 'Name' on entity 'Account'. If you are attempting to use a custom field ..."
    shrunk = describe_of("Account", *ACCOUNT.body["fields"][:4])

    def answer(asked: Asked) -> Answer:
        return shrunk if asked.path.endswith("/describe") else parts(log=error(400, "INVALID_FIELD", told))

    cursor = {
        "v": 1, "phase": "changes", "until": "2026-10-31T09:00:00.000Z", "log_until": "2026-10-31T09:00:00.000Z",
        "facts": {"stamp": "SystemModstamp", "deleted": True, "master": True, "log": True},
    }  # fmt: skip
    with org(answer) as place, pytest.raises(FieldMissing, match=r"Account\.Name is not there"):
        read(place.connector(), cursor=cursor)


# pages


def test_pages_are_followed_and_numbers_keep_their_text():
    rows = [account(n, AnnualRevenue=n) for n in range(4)]
    first = Answer(
        b'{"totalSize":5,"done":false,"nextRecordsUrl":"/services/data/v62.0/query/0r8-2","records":['
        b'{"Id":"001000000000100AAA","SystemModstamp":"2026-05-01T07:25:37.000+0000","IsDeleted":true,'
        b'"MasterRecordId":"001000000000001","Name":"\\ud800\\u0000","AnnualRevenue":123456789012345678.10}]}'
    )
    with org(queries(first, page(rows, total=5))) as place:
        pages = read(place.connector(), ReadSpec("Account", ("Name", "AnnualRevenue")))
    one = pages[0].records[0]
    assert one.values == {"Name": "\ud800\x00", "AnnualRevenue": "123456789012345678.10"}
    assert (one.deleted, one.merged_into) == (True, "001000000000001AAA")
    assert [len(p.records) for p in pages] == [1, 4]
    assert [p.loaded for p in pages] == [False, True]
    assert {p.expected for p in pages} == {5}
    assert [a.path for a in place.asked("query")] == [f"{BASE}/queryAll/", f"{BASE}/query/0r8-2"]


def test_a_first_load_goes_on_behind_the_last_stored_page():
    with org(queries(page([account(1), account(2)], total=3, more="a-2"), page([account(3)], total=1))) as place:
        connector = place.connector()
        stored = next(connector.pages(SPEC, None, no_versions))
        rest = read(connector, cursor=stored.cursor)
        assert "Id > '001000000000002AAA'" in place.asked("queryAll")[-1].query["q"]
    assert [r.id for p in rest for r in p.records] == ["001000000000003AAA"]
    assert rest[-1].loaded
    assert rest[-1].expected == 3


def test_pages_that_hold_fewer_rows_than_promised_are_read_anew():
    with org(queries(page([account(1)], total=3, more="a-1"), page([account(3)], total=3))) as place:
        pages: list[Any] = []
        with pytest.raises(BadReply, match="promised 3 rows and sent 2"):
            pages.extend(place.connector().pages(SPEC, None, no_versions))
    assert not any(p.loaded for p in pages)
    assert pages[-1].cursor["after"] is None
    assert pages[-1].records == ()


def test_a_load_killed_after_a_page_that_lacked_rows_is_read_anew():
    # three were promised, one came, and only one is left: another is missing in between
    rows = [account(1), account(2), account(3)]
    with org(queries(page([account(1)], total=3, more="a"), page([account(3)]), page(rows))) as place:
        connector = place.connector()
        stored = next(connector.pages(SPEC, None, no_versions))
        rest = read(connector, cursor=stored.cursor)
    assert [r.id[-4:-3] for r in rest[-1].records] == ["1", "2", "3"]


@pytest.mark.parametrize(
    "answers",
    [
        [page([account(1)], total=9, more="a"), page([account(1)], total=9, more="b")],
        [
            page([account(1)], total=9, more="a"),
            page([account(2)], total=9, more="a"),
            page([account(3)], total=9, more="a"),
        ],
        [page([account(1)], total=9, more="a"), page([], total=9, more="b")],
    ],
    ids=["duplicated page", "repeated address", "empty page"],
)
def test_loops_and_repetitions_end_within_two_pages(answers):
    with org(queries(*answers)) as place, pytest.raises(BadReply):
        read(place.connector())
    assert len(place.asked("query")) <= 3


def test_a_page_served_twice_in_place_of_the_next_is_noticed_although_the_count_is_right():
    # the second record never came: counting alone would not show it
    answers = [
        page([account(1)], total=3, more="a"),
        page([account(1)], total=3, more="b"),
        page([account(3)], total=3),
    ]
    with org(queries(*answers)) as place, pytest.raises(BadReply, match="same record twice"):
        read(place.connector())


def test_a_record_that_comes_twice_in_a_page_is_taken_once():
    with org(queries(page([account(1, name="old"), account(2), account(1, name="new")]))) as place:
        (only,) = read(place.connector())
    assert sorted(r.values["Name"] for r in only.records) == ["new", "x"]


@pytest.mark.parametrize("bad", [{"Id": None}, {"Id": ""}, {"Id": 7}, None], ids=["null", "empty", "number", "no row"])
def test_rows_without_an_id_are_a_named_error_and_never_taken_for_one_row(bad):
    two = [{**account(n), **bad} if bad is not None else None for n in (1, 2)]
    with (
        org(queries(page([account(0), *two]))) as place,
        pytest.raises(BadReply, match="query of Account sent a row without an Id"),
    ):
        read(place.connector())


def test_a_next_page_elsewhere_is_not_followed():
    answer = Answer({"totalSize": 2, "done": False, "records": [account(1)], "nextRecordsUrl": "@evil.example/x"})
    with org(queries(answer)) as place, pytest.raises(BadReply):
        read(place.connector())


def test_a_record_without_a_wanted_field_is_never_read_as_empty():
    row = account(1)
    del row["Name"]
    with org(queries(page([row]))) as place, pytest.raises(BadReply, match="left Name out"):
        read(place.connector())


def test_a_reply_of_32_megabytes_comes_whole():
    longest = "長" * 131_072  # as many as a long text area holds
    rows = [account(n, name=longest) for n in range(43)]
    with org(queries(page(rows))) as place:
        (only,) = read(place.connector())
    assert {r.values["Name"] for r in only.records} == {longest}
    assert len(only.records) == 43


@pytest.mark.parametrize(
    ("sent", "kept"),
    [(b"caf\xe9", b"caf\xe9"), (b"a\x00b", b"a\x00b"), (b"a\\u0000b", b"a\x00b"), (b"a\tb\nc", b"a\tb\nc")],
    ids=["no UTF-8", "NUL", "NUL, escaped", "white space"],
)
def test_a_stray_byte_in_a_value_costs_neither_the_row_nor_the_page(sent: bytes, kept: bytes):
    """As by a bulk file: it is kept as it came, where it may be read as what it was."""
    body = json.dumps({"totalSize": 2, "done": True, "records": [account(1, "@@"), account(2)]}).encode()

    def answer(asked: Asked) -> Answer:
        return ACCOUNT if asked.path.endswith("/describe") else Answer(body.replace(b"@@", sent))

    with org(answer) as place:
        got = newest(read_all(place.connector(), ReadSpec("Account", ("Name",))))
    assert [str(r.values["Name"]).encode("utf-8", "surrogateescape") for r in got.values()] == [kept, b"x"]


def test_a_query_too_long_for_an_address_travels_in_a_body():
    names = [f"A_rather_long_name_of_a_field_{n:04d}__c" for n in range(400)]
    described = describe_of(
        "Account", *ACCOUNT.body["fields"], *({"name": n, "label": n, "type": "string"} for n in names)
    )

    def answer(asked: Asked) -> Answer:
        if asked.path.endswith("/describe"):
            return described
        return parts(page=page([account(1) | dict.fromkeys(names, "v")]).body)

    with org(answer) as place:
        pages = read(place.connector(), ReadSpec("Account", tuple(names)))
        assert [a.method for a in place.asked("composite")] == ["POST"]
    assert len(pages[0].records[0].values) == 400


# changes

DATE = "Sat, 31 Oct 2026 09:00:00 GMT"
FACTS = {"stamp": "SystemModstamp", "deleted": True, "master": True, "log": True}
CURSOR = {
    "v": 1,
    "phase": "changes",
    "facts": FACTS,
    "until": "2026-10-31T08:00:00.000Z",
    "log_until": "2026-10-31T08:00:00.000Z",
}


def log(*ids: str, covered: str = "2026-10-31T09:00:00.000+0000") -> dict[str, Any]:
    rows = [{"id": i, "deletedDate": covered} for i in ids]
    return {
        "deletedRecords": rows,
        "earliestDateAvailable": "2026-10-01T00:00:00.000+0000",
        "latestDateCovered": covered,
    }


def changes(place: Org, **bodies: Any) -> list[Any]:
    return read(place.connector(), cursor=CURSOR)


def once(answer: Answer):
    return lambda asked: Answer(answer.body, answer.status, date=DATE)


def test_a_window_without_changes_is_one_call_and_moves_the_watermark_to_what_is_vouched_for():
    reply = parts(log=log(covered="2026-10-31T08:30:00.000+0000"), records=page([]).body)
    with org(once(reply)) as place:
        (only,) = read(place.connector(), cursor=CURSOR)
        assert len(place.asked("composite")) == 1
        sent = place.asked("composite")[0].body["compositeRequest"]
    assert only.cursor["until"] == "2026-10-31T08:30:00.000Z"
    assert only.covered_until == datetime(2026, 10, 31, 8, 30, tzinfo=UTC)
    assert [s["referenceId"] for s in sent] == ["log", "records"]
    assert "SystemModstamp%20%3E%3D%202026-10-31T07%3A50%3A00.000Z" in sent[1]["url"]


def test_a_stamp_in_the_future_does_not_move_the_watermark():
    ahead = account(1, stamp="2027-01-01T00:00:00.000+0000")
    with org(once(parts(log=log(), records=page([ahead]).body))) as place:
        (only,) = changes(place)
    assert len(only.records) == 1
    assert only.cursor["until"] == "2026-10-31T08:59:00.000Z"


def test_an_object_without_a_delete_log_is_read_up_to_the_server_s_time_less_a_lag():
    """Nothing vouches for it: CRM time less a minute, whatever our own clock says, and no log is asked for."""
    cursor = {**CURSOR, "facts": {**FACTS, "log": False}}
    with org(once(parts(records=page([account(1)]).body))) as place:
        (only,) = read(place.connector(), cursor=cursor)
        sent = place.asked("composite")[0].body["compositeRequest"]
    assert [s["referenceId"] for s in sent] == ["records"]
    assert only.cursor["until"] == "2026-10-31T08:59:00.000Z"
    assert only.covered_until == datetime(2026, 10, 31, 8, 59, tzinfo=UTC)


def test_the_watermark_never_moves_back():
    with org(once(parts(log=log(covered="2026-10-31T07:00:00.000+0000"), records=page([]).body))) as place:
        (only,) = changes(place)
    assert only.cursor["until"] == CURSOR["until"]


def test_what_the_log_says_is_deleted_is_gone_unless_it_came_as_a_record():
    ids = ("001000000000001AAA", "001000000000002", "001000000000003AAA")
    rows = [account(1, IsDeleted=True), account(3)]
    with org(once(parts(log=log(*ids), records=page(rows).body))) as place:
        (only,) = changes(place)
    assert only.gone == ("001000000000002AAA",)
    assert [r.deleted for r in only.records] == [True, False]


def test_a_log_that_does_not_reach_back_still_brings_the_records():
    replies = [
        parts(log=error(400, "INVALID_REPLICATION_DATE"), records=page([]).body),
        parts(records=page([account(1)]).body),
    ]
    with org(lambda asked: Answer(replies.pop(0).body, date=DATE)) as place:
        (only,) = changes(place)
    assert len(only.records) == 1


def test_the_log_is_asked_in_whole_minutes_and_never_further_back_than_it_is_kept():
    cursor = CURSOR | {"log_until": "2026-09-01T00:00:00.000Z"}

    def answer(asked: Asked) -> Answer:
        return Answer(parts(log=log(), records=page([]).body).body, date="Sat, 31 Oct 2026 09:00:20 GMT")

    with org(answer) as place:
        connector = place.connector()
        read(connector, cursor=cursor)
        read(connector, cursor=cursor)
        url = place.asked("composite")[-1].body["compositeRequest"][0]["url"]
    assert "start=2026-10-16T10%3A00%3A00%2B00%3A00&end=2026-10-31T09%3A01%3A00" in url


def test_a_window_of_many_pages_is_gone_on_with_after_any_page():
    stamp = "2026-10-31T08:10:00.000+0000"
    first = parts(
        log=log("001000000000009AAA", "001000000000008AAA", "001000000000001AAA"),
        records=page([account(1, stamp=stamp)], total=3, more="w-1").body,
    )

    def answer(asked: Asked) -> Answer:
        if "composite" in asked.path:
            return Answer(
                first.body if len(place.asked("composite")) == 1 else parts(log=log(), records=page([]).body).body,
                date=DATE,
            )
        if "IsDeleted = false" in asked.query.get("q", ""):
            return Answer(page([{"Id": "001000000000008AAA"}]).body, date=DATE)  # undeleted meanwhile
        return Answer(page([account(2, stamp=stamp), account(3, stamp=stamp)]).body, date=DATE)

    with org(answer) as place:
        connector = place.connector()
        stored = next(connector.pages(SPEC, CURSOR, no_versions))
        assert stored.cursor["until"] == CURSOR["until"]
        rest = read(connector, cursor=stored.cursor)
        again = [a.query["q"] for a in place.asked("queryAll") if "SystemModstamp, Id" in a.query["q"]]
    assert "(SystemModstamp = 2026-10-31T08:10:00.000Z AND Id > '001000000000001AAA') OR SystemModstamp >" in again[0]
    assert [r.id[-4:-3] for p in rest for r in p.records] == ["2", "3"]
    assert [i for p in rest for i in p.gone] == ["001000000000009AAA"]
    assert rest[-1].cursor["until"] == "2026-10-31T08:59:00.000Z"
    assert "window" not in rest[-1].cursor


def test_a_window_that_holds_fewer_rows_than_promised_is_read_anew_from_its_beginning():
    first = parts(log=log(), records=page([account(1)], total=3, more="w-1").body)

    def answer(asked: Asked) -> Answer:
        body = first if "composite" in asked.path else page([account(3)], total=3)
        return Answer(body.body, date=DATE)

    pages: list[Any] = []
    with org(answer) as place, pytest.raises(BadReply, match="promised 3 rows and sent 2"):
        pages.extend(place.connector().pages(SPEC, CURSOR, no_versions))
    assert pages[-1].cursor == CURSOR


def test_a_window_killed_after_a_page_that_lacked_rows_is_read_anew():
    first = parts(log=log(), records=page([account(1)], total=3, more="w-1").body)
    whole = parts(log=log(), records=page([account(n) for n in (1, 2, 3)]).body)

    def answer(asked: Asked) -> Answer:
        if "composite" in asked.path:
            return Answer((first if len(place.asked("composite")) == 1 else whole).body, date=DATE)
        return Answer(page([account(3)]).body, date=DATE)

    with org(answer) as place:
        connector = place.connector()
        stored = next(connector.pages(SPEC, CURSOR, no_versions))
        rest = read(connector, cursor=stored.cursor)
    assert rest[0].cursor == CURSOR
    assert len(rest[-1].records) == 3


def test_history_beyond_a_page_comes_whole_and_before_the_watermark_moves():
    spec = ReadSpec("Account", ("Name",), history=("Name",))

    def change(n: int) -> dict[str, Any]:
        made = f"2026-10-31T08:{n:02d}:00.000+0000"
        return {
            "Id": f"01700000000{n:04d}AAA", "AccountId": account(1)["Id"], "Field": "Name",
            "OldValue": n, "NewValue": n % 2 == 0, "CreatedDate": made,
        }  # fmt: skip

    first = parts(log=log(), records=page([account(1)]).body, history=page([change(1)], total=3, more="h-1").body)

    def answer(asked: Asked) -> Answer:
        body = first if "composite" in asked.path else page([change(2), change(3)], total=3)
        return Answer(body.body, date=DATE)

    with org(answer) as place:
        one, two = read(place.connector(), spec, CURSOR)
        sent = place.asked("composite")[0].body["compositeRequest"][-1]["url"]
    assert "AccountHistory" in sent
    assert (len(one.records), one.cursor["until"]) == (1, CURSOR["until"])
    assert two.cursor["until"] > CURSOR["until"]
    rows = [*one.history, *two.history]
    assert [(r.old, r.new) for r in rows] == [("1", "false"), ("2", "true"), ("3", "false")]
    assert {r.record_id for r in rows} == {account(1)["Id"]}


# writes

WRITES = [RecordWrite(f"001000000000{n:03d}AAA", {"Name": "x"}) for n in range(3)]


def outcomes(place: Org) -> list[WriteOutcome]:
    return [r.outcome for r in place.connector().write("Account", WRITES)]


@pytest.mark.parametrize(
    "answer",
    [
        Answer({}, 500),
        Answer({}, 503, {"Retry-After": "1"}),
        error(500, "UNKNOWN_EXCEPTION"),
        Answer(b"<html></html>", 200, content_type="text/html"),
        Answer([{"id": WRITES[0].id, "success": True, "errors": []}]),
        Answer([{"id": w.id, "success": True, "errors": []} for w in WRITES], cut=30),
        Answer(b"", 504),
        Answer([]),
    ],
)
def test_a_write_whose_reply_is_lost_is_unknown_and_sent_once(answer):
    with org(lambda asked: answer) as place:
        assert outcomes(place) == [WriteOutcome.UNKNOWN] * 3
        assert len(place.asked("composite")) == 1


def test_a_write_that_gets_no_answer_in_time_is_unknown():
    with org(lambda asked: Answer(hang=FOR_EVER) if "composite" in asked.path else ACCOUNT) as place:
        connector = place.connector()
        connector.describe("Account")  # logged in before time is short, however busy the machine
        connector._transport.timeout = (connector._transport.timeout[0], 0.3)
        assert [r.outcome for r in connector.write("Account", WRITES)] == [WriteOutcome.UNKNOWN] * 3
        until(lambda: place.asked("composite"))  # the server may be slower to note it than we to leave
        assert len(place.asked("composite")) == 1


def test_a_write_that_was_surely_not_taken_may_be_sent_again():
    with org(lambda asked: Answer({}, 429)) as place:
        assert outcomes(place) == [WriteOutcome.RETRY] * 3
    with org(nothing) as place:
        connector = place.connector()
        with pytest.raises(Stop):
            connector.write("Account", WRITES)  # logged in now
    connector.close()
    assert [r.outcome for r in connector.write("Account", WRITES)] == [WriteOutcome.RETRY] * 3


def test_a_write_met_by_an_ended_session_is_sent_again_after_one_login():
    def answer(asked: Asked) -> Answer:
        if asked.headers["Authorization"] == "Bearer token-1":
            return error(401, "INVALID_SESSION_ID")
        return Answer([{"id": w.id, "success": True, "errors": []} for w in WRITES])

    with org(answer) as place:
        assert outcomes(place) == [WriteOutcome.APPLIED] * 3


def test_a_busy_server_after_the_new_login_is_still_no_reason_to_send_again():
    answers = [error(401, "INVALID_SESSION_ID"), Answer({}, 503)]
    with org(lambda asked: answers.pop(0)) as place:
        assert outcomes(place) == [WriteOutcome.UNKNOWN] * 3
        assert answers == []


def test_each_result_is_looked_at():
    codes = ["UNABLE_TO_LOCK_ROW", "FIELD_CUSTOM_VALIDATION_EXCEPTION"]
    said = "value 'Jane Doe' is not allowed"
    bad = [{"success": False, "errors": [{"statusCode": c, "message": said, "fields": ["Name"]}]} for c in codes]
    with org(lambda asked: Answer([{"id": WRITES[0].id, "success": True, "errors": []}, *bad])) as place:
        results = place.connector().write("Account", WRITES)
        sent = place.asked("composite")[0]
    assert [r.outcome for r in results] == [WriteOutcome.APPLIED, WriteOutcome.RETRY, WriteOutcome.REFUSED]
    assert results[2].fields == ("Name",)
    assert "validation rule" in results[2].cause
    assert "Jane" not in results[2].cause
    assert sent.body["allOrNone"] is False
    assert sent.body["records"][0] == {"attributes": {"type": "Account"}, "id": WRITES[0].id, "Name": "x"}


def test_an_answer_for_other_records_than_were_sent_proves_nothing():
    shifted = [{"id": w.id, "success": True, "errors": []} for w in (WRITES[1], WRITES[2], WRITES[0])]
    with org(lambda asked: Answer(shifted)) as place:
        assert outcomes(place) == [WriteOutcome.UNKNOWN] * 3


def test_used_up_calls_stop_a_write_for_good():
    answer = error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    with org(lambda asked: answer) as place, pytest.raises(QuotaExhausted):
        outcomes(place)


def test_more_than_a_batch_is_refused_before_anything_is_sent():
    with org(nothing) as place, pytest.raises(ValueError, match="1000"):
        place.connector().write("Account", [WRITES[0]] * 1001)
    assert place.script.asked == []


# live values


def test_live_values_tell_what_is_missing_and_where_it_went():
    rows = [{"Id": "001000000000000AAA", "Name": "here"}, None, None]
    merged = {"Id": "001000000000001AAA", "MasterRecordId": "001000000000000AAA"}

    def answer(asked: Asked) -> Answer:
        if asked.path.endswith("/describe"):
            return ACCOUNT
        return Answer(rows) if "composite" in asked.path else page([merged])

    with org(answer) as place:
        live = place.connector().read(
            "Account", ["001000000000000", *(w.id for w in WRITES[1:]), "not an id"], ["Name"]
        )
    assert live["001000000000000"].values == {"Name": "here"}
    assert live[WRITES[1].id].merged_into == "001000000000000AAA"
    assert live[WRITES[2].id].missing
    assert live[WRITES[2].id].merged_into is None
    assert live["not an id"].missing


def test_live_values_answered_in_part_are_refused():
    with org(queries(Answer([None]))) as place, pytest.raises(BadReply):
        place.connector().read("Account", [w.id for w in WRITES], ["Name"])


def test_live_values_in_another_order_are_refused():
    rows = [{"Id": w.id, "Name": "x"} for w in reversed(WRITES)]
    with org(queries(Answer(rows))) as place, pytest.raises(BadReply, match="another order"):
        place.connector().read("Account", [w.id for w in WRITES], ["Name"])
