"""One call to HubSpot when things go wrong: waits where that helps, stops where it cannot, and never guesses about a write."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from models.catalogue import BY_NAME, CATALOGUE
from sync.errors import (
    BadReply,
    FieldMissing,
    LoginRefused,
    PermissionMissing,
    QuotaExhausted,
    RateLimited,
    SyncError,
    Unreachable,
)
from sync.hubspot import AccessToken, HubspotConnector, OAuthRefresh
from sync.writes import RecordWrite, WriteOutcome
from tests.integration.holders import until
from tests.known import Known
from tests.scripted_http import Answer, Asked, Script, scripted

ACCOUNT = {"portalId": 12345678, "timeZone": "US/Eastern"}
BURST = {
    "status": "error",
    "message": "You have reached your ten_secondly_rolling limit.",
    "errorType": "RATE_LIMIT",
    "policyName": "TEN_SECONDLY_ROLLING",
}
SEARCH_429 = {"status": "error", "message": "You have reached your secondly limit.", "category": "RATE_LIMITS"}
UNAUTHORISED = {"status": "error", "message": "expired", "category": "EXPIRED_AUTHENTICATION"}
SECRET = "canary-4711"
FOR_EVER = 3600  # seconds, or bytes: nobody waits for the end of it


@dataclass
class Hours:
    """A clock that moves while somebody sleeps."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def monotonic(self) -> float:
        return self.now


@contextmanager
def connected(
    answer: Callable[[Asked], Answer], auth: AccessToken | OAuthRefresh | None = None, **options: Any
) -> Iterator[tuple[HubspotConnector, Script, Hours]]:
    hours = Hours()
    options.setdefault("ten_second_limit", 10_000)
    with scripted(answer) as script:
        connector = HubspotConnector(
            "hubspot",
            auth or AccessToken(SECRET),
            url=script.url,
            sleep=hours.sleep,
            monotonic=hours.monotonic,
            chance=lambda: 0.5,
            **options,
        )
        yield connector, script, hours
        connector.close()


def first_then(first: list[Answer], then: Answer) -> Callable[[Asked], Answer]:
    waiting = list(first)
    return lambda _asked: waiting.pop(0) if waiting else then


HTML = Answer(b"<html>Bad gateway</html>", 502, content_type="text/html")


@pytest.mark.parametrize(
    "fault",
    [
        HTML,
        Answer(b"<html>all is well</html>", 200, content_type="text/html"),
        Answer(b"\xff\xfe not even UTF-8", 503, content_type="text/html; charset=latin-1"),
        Answer(b"", 524),
        Answer({"portalId": 1, "more": "x" * 500}, cut=100),
        Answer({"portalId": 1, "more": "x" * 5000}, chunked=True, cut=3000),
        Answer({"portalId": 1, "more": "x" * 5000}, chunked=True, cut=9000),
        Answer(b'{"portalId": 1', 200),
        Answer(BURST, 429),
        Answer(BURST, 429, {"Retry-After": "7"}),
        Answer({"status": "error", "message": "moving"}, 477, {"Retry-After": "3"}),
        Answer({"status": "error", "message": "locked"}, 423),
    ],
    ids=[
        "502-html",
        "200-html",
        "not-utf8",
        "524",
        "cut",
        "cut-chunks",
        "no-last-chunk",
        "half-json",
        "429",
        "429-after",
        "477",
        "423",
    ],
)
def test_a_passing_fault_is_waited_out(fault: Answer) -> None:
    with connected(first_then([fault, fault], Answer(ACCOUNT))) as (connector, script, hours):
        assert connector.greet().account == "12345678"
        assert len(script.asked) >= 3
        assert hours.slept


def test_retry_after_is_obeyed_and_an_absurd_one_is_capped() -> None:
    with connected(first_then([Answer(BURST, 429, {"Retry-After": "7"})], Answer(ACCOUNT))) as (connector, _, hours):
        connector.crm_now()
        assert 7 <= sum(hours.slept) <= 9
    with connected(first_then([Answer(BURST, 429, {"Retry-After": "1000000000"})], Answer(ACCOUNT))) as (
        connector,
        _,
        hours,
    ):
        connector.crm_now()
        assert sum(hours.slept) <= 120


def test_a_storm_of_429_ends_in_time_with_its_name_and_a_falling_pace() -> None:
    with connected(lambda _: Answer(BURST, 429)) as (connector, script, hours):
        with pytest.raises(RateLimited, match="429"):
            connector.greet()
        assert len(script.asked) <= 8
        assert hours.now <= 240


def test_a_refused_search_slows_searches_and_nothing_else() -> None:
    def answer(asked: Asked) -> Answer:
        if asked.path.endswith("/search") and sum(a.path == asked.path for a in script.asked) < 3:
            return Answer(SEARCH_429, 429)
        return Answer({**ACCOUNT, "total": 0, "results": []})

    with connected(answer) as (connector, script, _):
        cursor = {
            "phase": "changes",
            "watermark": "2026-10-01T00:00:00Z",
            "confirmed": "2026-10-01T00:00:00Z",
            "swept": "2099-01-01T00:00:00Z",
        }
        from sync.records import ReadSpec

        list(connector.pages(ReadSpec("deals", ()), cursor, Known()))
        assert connector._transport._searches.allowed < 5
        assert connector._transport._calls.allowed == 10_000


def test_the_days_quota_stops_at_once() -> None:
    daily = {**BURST, "message": "You have reached your daily limit.", "policyName": "DAILY"}
    with connected(lambda _: Answer(daily, 429)) as (connector, script, _):
        with pytest.raises(QuotaExhausted, match="midnight"):
            connector.greet()
        assert len(script.asked) == 1


def test_our_own_budget_of_the_day_stops_before_the_call() -> None:
    with connected(lambda _: Answer(ACCOUNT), daily_budget=3) as (connector, script, _):
        connector.greet()
        with pytest.raises(QuotaExhausted, match="budget of 3"):
            connector.greet()
        assert len(script.asked) == 3
        assert sum(connector.calls().values()) == 3


def test_a_wrong_token_is_said_at_once_with_the_remedy_and_without_the_token() -> None:
    with connected(lambda _: Answer(UNAUTHORISED, 401)) as (connector, script, _):
        with pytest.raises(LoginRefused, match="Give a valid token") as met:
            connector.greet()
        assert len(script.asked) == 1
        assert SECRET not in str(met.value)
        assert SECRET not in repr(connector._auth)


def test_a_missing_scope_is_named() -> None:
    body = {
        "status": "error",
        "message": "scopes",
        "context": {"requiredGranularScopes": ["crm.objects.deals.read"]},
        "category": "MISSING_SCOPES",
    }
    with (
        connected(lambda _: Answer(body, 403)) as (connector, _, _h),
        pytest.raises(PermissionMissing, match=r"crm\.objects\.deals\.read"),
    ):
        connector.describe("deals")


def test_nobody_at_the_address_is_said_with_the_address() -> None:
    with scripted(lambda _: Answer()) as script:
        url = script.url
    hours = Hours()
    connector = HubspotConnector("hubspot", AccessToken("t"), url=url, sleep=hours.sleep, monotonic=hours.monotonic)
    with pytest.raises(Unreachable, match="nothing answers there") as met:
        connector.greet()
    assert url in str(met.value)
    connector.close()


def test_a_name_that_does_not_exist_is_said() -> None:
    hours = Hours()
    connector = HubspotConnector(
        "hubspot", AccessToken("t"), url="http://hubspot.invalid", sleep=hours.sleep, monotonic=hours.monotonic
    )
    with pytest.raises(Unreachable, match="its name is not known"):
        connector.greet()
    connector.close()


def test_silence_ends_with_the_read_timeout() -> None:
    with (
        connected(lambda _: Answer(hang=FOR_EVER), read_timeout=0.1) as (connector, _, _h),
        pytest.raises(Unreachable, match="did not finish"),
    ):
        connector.greet()


def test_a_byte_now_and_then_does_not_hold_us_for_ever() -> None:
    body = Answer(ACCOUNT).data() + b" " * FOR_EVER
    with (
        connected(lambda _: Answer(body, drip=0.05), read_timeout=FOR_EVER, call_timeout=0.3) as (connector, _, _h),
        pytest.raises(Unreachable, match="did not finish"),
    ):
        connector.greet()


def test_json_of_another_kind_is_no_empty_answer() -> None:
    with connected(lambda _: Answer({"hello": "world"})) as (connector, _, _h):
        with pytest.raises(BadReply, match="portal id"):
            connector.greet()
        with pytest.raises(BadReply, match="list of results"):
            connector.describe("companies")


@pytest.mark.parametrize("rows", ["text", ["text"], [{"no": "id"}], {"id": "1"}])
def test_rows_that_are_none_stop_the_reading(rows: Any) -> None:
    answer = Answer({**ACCOUNT, "results": rows})
    with connected(lambda _: answer) as (connector, _, _h), pytest.raises(BadReply, match="rows that are none"):
        connector.read("deals", ["1"], ["dealname"])


@pytest.mark.parametrize(
    ("sent", "kept"),
    [(b"caf\xe9", b"caf\xe9"), (b"a\x00b", b"a\x00b"), (b"a\\u0000b", b"a\x00b")],
    ids=["no UTF-8", "NUL", "NUL, escaped"],
)
def test_a_stray_byte_in_a_value_costs_neither_the_row_nor_the_page(sent: bytes, kept: bytes) -> None:
    body = b'{"portalId": 1, "results": [{"id": "1", "properties": {"dealname": "@"}}]}'.replace(b"@", sent)
    with connected(lambda _: Answer(body)) as (connector, _, _h):
        name = connector.read("deals", ["1"], ["dealname"])["1"].values["dealname"]
    assert isinstance(name, str)
    assert name.encode("utf-8", "surrogateescape") == kept


def test_another_server_at_the_address_is_said_at_once() -> None:
    page = Answer(b"<html>It works!</html>", 404, content_type="text/html")
    with connected(lambda _: page) as (connector, script, _):
        with pytest.raises(BadReply, match="Check the connection's url"):
            connector.greet()
        assert len(script.asked) == 1


def test_the_client_asks_for_compressed_replies_and_reads_them() -> None:
    import gzip

    def answer(asked: Asked) -> Answer:
        assert asked.headers["Accept-Encoding"] == "gzip"
        return Answer(gzip.compress(json.dumps(ACCOUNT).encode()), headers={"Content-Encoding": "gzip"})

    with connected(answer) as (connector, _, _h):
        assert connector.greet().account == "12345678"


def test_a_redirect_to_another_host_is_not_followed() -> None:
    with connected(lambda _: Answer({}, 302, {"Location": "http://elsewhere.invalid/"})) as (connector, script, _):
        with pytest.raises(SyncError):
            connector.greet()
        assert len(script.asked) <= 8


OAUTH = OAuthRefresh("app", SECRET, "refresh-0")


class Login:
    """A token endpoint whose tokens end when told, and whose refresh tokens rotate."""

    def __init__(self) -> None:
        self.valid = ""
        self.refresh = "refresh-0"
        self.made = 0
        self.lock = threading.Lock()

    def __call__(self, asked: Asked) -> Answer:
        if asked.path.endswith("introspect"):
            return Answer({"scopes": ["oauth"], "user_id": 7})
        if asked.path.startswith("/oauth"):
            form = dict(pair.split("=") for pair in asked.raw.decode().split("&"))
            time.sleep(0.05)
            with self.lock:
                if form["refresh_token"] != self.refresh:
                    return Answer({"status": "BAD_REFRESH_TOKEN", "message": "no"}, 400)
                self.made += 1
                self.valid, self.refresh = f"token-{self.made}", f"refresh-{self.made}"
                return Answer({"access_token": self.valid, "refresh_token": self.refresh, "expires_in": 1800})
        if asked.headers.get("Authorization") != f"Bearer {self.valid}":
            return Answer(UNAUTHORISED, 401)
        return Answer({**ACCOUNT, "results": []})


def test_many_threads_that_find_the_token_expired_refresh_it_once() -> None:
    login = Login()
    with connected(login, OAUTH) as (connector, _, _h):
        connector.greet()
        login.valid = "ended on the other side"
        read: list[int] = []

        def work() -> None:
            read.append(len(connector.read("deals", ["1"], ["dealname"])))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(timeout=60)
        assert read == [1] * 8
        assert login.made == 2


def test_a_token_about_to_end_is_renewed_beforehand_with_the_rotated_refresh_token() -> None:
    login = Login()
    with connected(login, OAUTH) as (connector, script, hours):
        connector.greet()
        hours.now += 1790
        connector.greet()
        assert login.made == 2
        assert not any(a.headers.get("Authorization") == "Bearer " for a in script.asked)


def test_a_refused_refresh_needs_a_person() -> None:
    with connected(Login(), OAuthRefresh("app", SECRET, "revoked")) as (connector, script, _):
        with pytest.raises(LoginRefused, match="install the app again") as met:
            connector.greet()
        assert SECRET not in str(met.value)
        assert len(script.asked) == 1


def test_threads_that_meet_a_refused_refresh_ask_once_and_later_anew() -> None:
    """A login that is repeated may lock the app out; but somebody may mend it."""
    login = Login()
    with connected(login, OAuthRefresh("app", SECRET, "revoked")) as (connector, script, hours):
        met: list[Exception] = []

        def work() -> None:
            try:
                connector.read("deals", ["1"], ["dealname"])
            except LoginRefused as e:
                met.append(e)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(timeout=60)
        assert len(met) == 8
        assert len(script.asked) == 1
        login.refresh = "revoked"
        hours.now += 60
        connector.greet()
        assert login.made == 1


def test_a_fresh_token_that_is_refused_ends_the_matter() -> None:
    def answer(asked: Asked) -> Answer:
        if asked.path.startswith("/oauth"):
            return Answer({"access_token": "t", "expires_in": 1800})
        return Answer(UNAUTHORISED, 401)

    with connected(answer, OAUTH) as (connector, script, _):
        with pytest.raises(LoginRefused):
            connector.greet()
        assert len(script.asked) <= 4


WRITES = [RecordWrite(str(i), {"sakigake_tier": "A", "sakigake_next_step": None}) for i in range(1, 5)]


def taken(asked: Asked, *, without: tuple[str, ...] = (), errors: list[dict[str, Any]] | None = None) -> Answer:
    rows = [{"id": i["id"], "properties": {}} for i in reversed(asked.body["inputs"]) if i["id"] not in without]
    body: dict[str, Any] = {"status": "COMPLETE", "results": rows}
    return Answer({**body, "errors": errors, "numErrors": len(errors)}, 207) if errors else Answer(body)


def outcomes(
    answer: Callable[[Asked], Answer], writes: list[RecordWrite] | None = None, read_timeout: float = FOR_EVER
) -> tuple[dict[str, str], Script]:
    with connected(answer, read_timeout=read_timeout) as (connector, script, _):
        results = connector.write("companies", writes or WRITES)
        assert [r.id for r in results] == [w.id for w in writes or WRITES]
        return {r.id: r.outcome.value for r in results}, script


def test_a_batch_is_one_call_and_none_clears() -> None:
    found, script = outcomes(taken)
    assert set(found.values()) == {"applied"}
    assert len(script.asked) == 1
    assert script.asked[0].body["inputs"][0] == {
        "id": "1",
        "objectWriteTraceId": "1",
        "properties": {"sakigake_tier": "A", "sakigake_next_step": ""},
    }


def test_in_a_partial_reply_exactly_the_bad_ones_failed() -> None:
    errors = [
        {"category": "OBJECT_NOT_FOUND", "message": "gone", "context": {"ids": ["2"]}},
        {"category": "VALIDATION_ERROR", "message": f"{SECRET}", "context": {"objectWriteTraceId": ["4"]}},
    ]
    with connected(lambda a: taken(a, without=("2", "4"), errors=errors)) as (connector, _, _h):
        results = {r.id: r for r in connector.write("companies", WRITES)}
    assert {i: r.outcome.value for i, r in results.items()} == {
        "1": "applied",
        "2": "refused",
        "3": "applied",
        "4": "refused",
    }
    assert "OBJECT_NOT_FOUND" in results["2"].cause
    assert SECRET not in results["4"].cause


def test_a_record_the_reply_does_not_name_is_unknown() -> None:
    found, _ = outcomes(lambda a: taken(a, without=("3",)))
    assert found == {"1": "applied", "2": "applied", "3": "unknown", "4": "applied"}


@pytest.mark.parametrize(
    "lost",
    [
        HTML,
        Answer({"results": []}, cut=3),
        Answer(hang=FOR_EVER),
        Answer({"message": "x"}, 500),
        Answer(b"<html>", 200),
    ],
    ids=["502", "cut", "hang", "500", "html"],
)
def test_a_lost_reply_is_unknown_for_all_and_nothing_is_sent_again(lost: Answer) -> None:
    found, script = outcomes(lambda _: lost, read_timeout=0.3 if lost.hang else FOR_EVER)
    assert set(found.values()) == {"unknown"}
    until(lambda: len(script.asked) > 0)  # the server may note a call later than we stop waiting for its answer
    assert len(script.asked) == 1


@pytest.mark.parametrize("status", [429, 423])
def test_a_write_that_surely_was_not_applied_is_tried_again(status: int) -> None:
    waiting = [Answer(BURST, status), Answer(BURST, status)]
    found, script = outcomes(lambda a: waiting.pop() if waiting else taken(a))
    assert set(found.values()) == {"applied"}
    assert len(script.asked) == 3


def test_where_waiting_does_not_help_the_write_may_be_sent_later() -> None:
    found, _ = outcomes(lambda _: Answer(BURST, 429))
    assert set(found.values()) == {WriteOutcome.RETRY.value}


def test_where_nobody_listens_the_write_may_be_sent_later() -> None:
    with scripted(lambda _: Answer()) as script:
        url = script.url
    hours = Hours()
    connector = HubspotConnector("hubspot", AccessToken("t"), url=url, sleep=hours.sleep, monotonic=hours.monotonic)
    assert {r.outcome for r in connector.write("companies", WRITES)} == {WriteOutcome.RETRY}
    connector.close()


def test_one_bad_value_in_a_refused_batch_is_found_and_the_others_are_written() -> None:
    def answer(asked: Asked) -> Answer:
        if any(i["id"] == "3" for i in asked.body["inputs"]):
            error = {"message": SECRET, "code": "INVALID_OPTION", "context": {"propertyName": ["sakigake_tier"]}}
            return Answer(
                {"status": "error", "message": SECRET, "errors": [error], "category": "VALIDATION_ERROR"}, 400
            )
        return taken(asked)

    found, script = outcomes(answer)
    assert found == {"1": "applied", "2": "applied", "3": "refused", "4": "applied"}
    assert len(script.asked) == 5


def test_a_property_that_is_not_there_stops_the_writing() -> None:
    error = {"message": "-", "code": "PROPERTY_DOESNT_EXIST", "context": {"propertyName": ["sakigake_tier"]}}
    body = {"status": "error", "message": "-", "errors": [error], "category": "VALIDATION_ERROR"}
    with connected(lambda _: Answer(body, 400)) as (connector, script, _):
        with pytest.raises(FieldMissing, match="sakigake_tier"):
            connector.write("companies", WRITES)
        assert len(script.asked) == 1


def test_a_read_only_property_refuses_only_those_that_carry_it() -> None:
    def answer(asked: Asked) -> Answer:
        if any("closed" in i["properties"] for i in asked.body["inputs"]):
            error = {"message": "-", "code": "READ_ONLY_VALUE", "context": {"propertyName": ["closed"]}}
            return Answer({"status": "error", "message": "-", "errors": [error], "category": "VALIDATION_ERROR"}, 400)
        return taken(asked)

    found, script = outcomes(answer, [*WRITES, RecordWrite("9", {"closed": "1"})])
    assert found == {"1": "applied", "2": "applied", "3": "applied", "4": "applied", "9": "refused"}
    assert len(script.asked) == 2


def test_a_record_named_twice_is_not_sent_and_the_others_are() -> None:
    found, script = outcomes(taken, [*WRITES, RecordWrite("5", {"a": "1"}), RecordWrite("5", {"a": "2"})])
    assert found["5"] == "refused"
    assert found["1"] == "applied"
    assert [i["id"] for i in script.asked[0].body["inputs"]] == ["1", "2", "3", "4"]


def test_an_expired_token_does_not_make_a_write_unknown() -> None:
    login = Login()

    def answer(asked: Asked) -> Answer:
        told = login(asked)
        return taken(asked) if told.status == 200 and asked.path.endswith("/update") else told

    with connected(answer, OAUTH) as (connector, _, _h):
        connector.greet()
        login.valid = "ended"
        assert {r.outcome for r in connector.write("companies", WRITES)} == {WriteOutcome.APPLIED}


def test_a_batch_too_large_is_a_mistake_of_ours() -> None:
    with connected(taken) as (connector, script, _):
        with pytest.raises(ValueError, match="100"):
            connector.write("companies", [RecordWrite(str(i), {}) for i in range(101)])
        assert not script.asked


def test_a_vanished_record_is_missing_and_a_merged_one_names_its_survivor() -> None:
    def answer(asked: Asked) -> Answer:
        if asked.path.endswith("/batch/read"):
            rows = [
                {"id": "1", "properties": {"sakigake_tier": "A"}},
                {"id": "50", "properties": {"hs_merged_object_ids": "2;99"}},
            ]
            return Answer({"results": rows, "errors": [{"category": "OBJECT_NOT_FOUND"}]}, 207)
        if asked.path.endswith("/3"):
            return Answer({"id": "60", "properties": {}})
        return Answer({"status": "error", "category": "OBJECT_NOT_FOUND", "message": "resource not found"}, 404)

    with connected(answer) as (connector, _, _h):
        live = connector.read("companies", ["1", "2", "3", "4"], ["sakigake_tier", "sakigake_tier_since"])
    assert live["1"].values == {"sakigake_tier": "A", "sakigake_tier_since": None}
    assert (live["2"].missing, live["2"].merged_into) == (True, "50")
    assert (live["3"].missing, live["3"].merged_into) == (True, "60")
    assert (live["4"].missing, live["4"].merged_into) == (True, None)


def test_a_property_of_another_type_is_refused_with_advice_and_the_rest_is_made() -> None:
    def answer(asked: Asked) -> Answer:
        if asked.method == "GET":
            if asked.path.endswith("/groups"):
                return Answer({"results": []})
            return Answer({"results": [{"name": "sakigake_tier", "type": "number"}]})
        if asked.path.endswith("/groups"):
            return Answer({**asked.body, "archived": False}, 201)
        return Answer({"results": [{"name": i["name"]} for i in asked.body["inputs"]]}, 201)

    fields = [BY_NAME["tier"], BY_NAME["tier_since"]]
    with connected(answer) as (connector, script, _):
        steps = connector.provision("companies", fields, prefix="sakigake", language="ja", dry_run=False)
        assert [(s.what, s.status) for s in steps if s.status != "advice"] == [
            ("property group sakigake", "created"),
            ("property sakigake_tier", "refused"),
            ("property sakigake_tier_since", "created"),
        ]
        assert "prefix" in steps[1].advice
        script.asked.clear()
        dry = connector.provision("companies", fields, prefix="sakigake", language="ja", dry_run=True)
        assert {a.method for a in script.asked} == {"GET"}
        assert [s.request["path"] for s in dry if s.request] == [
            "/crm/properties/2026-09/companies/groups",
            "/crm/properties/2026-09/companies/batch/create",
        ]


def test_an_option_that_came_later_is_added_beside_those_people_made() -> None:
    held = {
        "name": "sakigake_tier",
        "type": "enumeration",
        "options": [{"value": "A", "label": "優"}, {"value": "Z", "label": "Z"}],
    }
    patched: list[Any] = []

    def answer(asked: Asked) -> Answer:
        if asked.method == "PATCH":
            patched.append(asked.body)
            return Answer({})
        return Answer({"results": [{"name": "sakigake"}] if asked.path.endswith("/groups") else [held]})

    with connected(answer) as (connector, _, _h):
        connector.provision("companies", [BY_NAME["tier"]], prefix="sakigake", language="ja", dry_run=False)
    assert [o["value"] for o in patched[0]["options"]] == ["A", "Z", "B", "C", "D"]
    assert patched[0]["options"][0]["label"] == "優"


def test_another_run_that_made_the_same_properties_first_is_no_failure() -> None:
    def answer(asked: Asked) -> Answer:
        if asked.method == "GET":
            return Answer({"results": []})
        if asked.path.endswith("/groups"):
            return Answer({"status": "error", "category": "CONFLICT", "message": "exists"}, 409)
        errors = [
            {"category": "OBJECT_ALREADY_EXISTS", "message": "-", "context": {"name": [i["name"]]}}
            for i in asked.body["inputs"]
        ]
        return Answer({"results": [], "errors": errors, "numErrors": len(errors)}, 207)

    with connected(answer) as (connector, _, _h):
        steps = connector.provision("companies", CATALOGUE[:3], prefix="sakigake", language="en", dry_run=False)
    assert {s.status for s in steps} == {"present", "advice"}
