"""The sandbox's control API and its faults, over real HTTP, with halves so small that only the core is under test."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.server import SandboxPortInUse, running, serve
from sandbox.settings import SandboxSettings
from tests.integration.holders import until
from tests.tiny_crm import ROOTS, tiny_halves

SMALL = SandboxSettings(partners=10, months=6, entries=60)
PAGES, THING = ROOTS["salesforce"], ROOTS["salesforce"] + "/things-1"


class Client:
    """Asks one sandbox, on one kept connection, and never waits long."""

    def __init__(self, base: str) -> None:
        self.base, self.session = base, requests.Session()

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.session.get(self.base + path, headers=headers, timeout=20)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        reply = self.session.request(method, f"{self.base}/_sandbox/{path}", json=body, timeout=20)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def fault(self, effect: dict[str, Any], **script: Any) -> None:
        self.control("POST", "faults", [{"effect": effect, **script}])

    def late(self) -> int:
        return int(self.control("GET", "faults")["late"])

    def patch(self, path: str, fields: dict[str, Any], timeout: float = 20) -> requests.Response:
        return self.session.patch(self.base + path, json=fields, timeout=timeout)

    def thing(self) -> dict[str, Any]:
        records = self.control("GET", "ledger?crm=salesforce&object=things")["records"]
        return dict(next(r for r in records if r["id"] == "things-1")["fields"])

    def writes(self) -> list[dict[str, Any]]:
        return list(self.control("GET", "ledger")["writes"])


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with running(SMALL, halves=tiny_halves) as url:
        yield url


@pytest.fixture
def client(base: str) -> Iterator[Client]:
    client = Client(base)
    client.control("POST", "reset")
    with client.session:
        yield client


class TestControl:
    def test_says_that_it_is_healthy_and_what_world_it_holds(self, client: Client):
        assert client.control("GET", "health")["status"] == "ok"
        world = client.control("GET", "world")
        assert world["as_of"] == "2026-10-31"
        assert world["truth"]["n_partners"] == 10
        assert world["counts"]["salesforce"]["things"] + world["counts"]["hubspot"]["things"] == 12  # two stand in both

    def test_every_reply_bears_the_date_of_the_sandboxs_clock(self, client: Client):
        for path in ("/_sandbox/health", PAGES, "/nowhere"):
            stamp = parsedate_to_datetime(client.get(path).headers["date"])
            assert (stamp.year, stamp.month, stamp.day, stamp.hour) == (2026, 10, 31, 10)  # 19:00 in Tokyo
        client.control("POST", "advance", {"days": 2})
        assert parsedate_to_datetime(client.get(PAGES).headers["date"]).day == 2

    def test_advance_lets_each_happening_happen_once(self, client: Client):
        first = client.control("POST", "advance", {"days": 7})
        assert first["now"].startswith("2026-11-07T10:00:")
        again = client.control("POST", "advance", {"days": 0})
        rest = client.control("POST", "advance", {"days": 1000})
        assert first["happened"] > 0
        assert again["happened"] == 0
        client.control("POST", "reset")
        whole = client.control("POST", "advance", {"days": 1007})
        assert whole["happened"] == first["happened"] + rest["happened"]

    def test_a_day_is_lived_once_its_business_hours_are_over(self, client: Client):
        morning = client.control("POST", "advance", {"days": 2.5})  # Tuesday, 7:00 in Tokyo
        assert client.control("GET", "world")["lived_until"] == "2026-11-02"
        evening = client.control("POST", "advance", {"days": 0.5})
        assert client.control("GET", "world")["lived_until"] == "2026-11-03"
        client.control("POST", "reset")
        assert client.control("POST", "advance", {"days": 3})["happened"] == morning["happened"] + evening["happened"]

    @pytest.mark.parametrize("days", [-1, None, "7", True, 1e9])
    def test_advance_refuses_what_is_no_number_of_days(self, client: Client, days: object):
        reply = requests.post(f"{client.base}/_sandbox/advance", json={"days": days}, timeout=5)
        assert reply.status_code == 400
        assert "days" in reply.json()["error"]

    def test_calls_are_counted_by_template_and_the_control_api_is_not(self, client: Client):
        client.get(PAGES)
        client.get(PAGES.replace("62", "63"))
        client.get(ROOTS["hubspot"])
        client.patch(THING, {"name": "x"})
        report = client.control("GET", "calls")
        assert report["total"] == {"salesforce": 3, "hubspot": 1}
        row = {"crm": "salesforce", "method": "GET", "path": "/services/data/{version}/things", "count": 2}
        assert row in report["calls"]
        assert client.control("POST", "calls/reset")["total"] == {"salesforce": 0, "hubspot": 0}

    def test_the_ledger_holds_the_truth_and_every_applied_write(self, client: Client):
        client.patch(THING, {"name": "renamed"})
        assert client.thing()["name"] == "renamed"
        assert isinstance(client.thing()["since"], str)
        (write,) = client.writes()
        assert {k: write[k] for k in ("crm", "object", "id", "fields", "request_id")} == {
            "crm": "salesforce",
            "object": "things",
            "id": "things-1",
            "fields": {"name": "renamed"},
            "request_id": "request-1",
        }
        assert client.control("GET", "ledger?crm=hubspot")["writes"] == []

    def test_a_user_makes_records_which_are_no_api_writes(self, client: Client):
        made = client.control("POST", "records", {"crm": "hubspot", "action": "create", "fields": {"name": "手入力"}})
        both = client.control("POST", "records", [{"crm": "hubspot", "action": "create", "fields": {"name": "二"}}])
        names = {r["id"]: r["fields"]["name"] for r in client.control("GET", "ledger?crm=hubspot")["records"]}
        assert names[made["id"]] == "手入力"
        assert names[both["results"][0]["id"]] == "二"
        assert client.writes() == []

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            ({"crm": "zoho", "action": "create"}, "salesforce or hubspot"),
            ({"crm": "hubspot", "action": "erase"}, "one of create"),
            ({"crm": "hubspot", "action": "merge"}, "cannot merge"),
            ("create", "needs an object"),
        ],
    )
    def test_what_a_user_cannot_do_is_refused_in_a_sentence(self, client: Client, body: object, told: str):
        reply = requests.post(f"{client.base}/_sandbox/records", json=body, timeout=5)
        assert reply.status_code == 400
        assert told in reply.json()["error"]

    def test_reset_brings_back_the_world_as_it_began(self, client: Client):
        before = client.control("GET", "ledger")["records"]
        client.patch(THING, {"name": "x"})
        client.fault({"kind": "status", "status": 503}, match={"path": "never"})
        client.control("POST", "advance", {"days": 30})
        client.control("POST", "reset")
        after = client.control("GET", "ledger")
        assert [r["fields"] for r in after["records"]] == [r["fields"] for r in before]
        assert after["writes"] == []
        assert client.control("GET", "faults")["faults"] == []
        assert client.control("GET", "calls")["total"]["salesforce"] == 0
        assert client.control("GET", "world")["lived_until"] == "2026-10-31"


class TestFaults:
    def test_a_status_with_body_and_headers_strikes_as_often_as_told(self, client: Client):
        effect = {"kind": "status", "status": 429, "headers": {"Retry-After": "7"}, "body": {"category": "RATE_LIMITS"}}
        client.fault(effect, match={"crm": "hubspot", "path": "^/crm/v3"}, skip=1, times=2)
        replies = [client.get(ROOTS["hubspot"]) for _ in range(4)]
        assert [r.status_code for r in replies] == [200, 429, 429, 200]
        assert replies[1].headers["Retry-After"] == "7"
        assert replies[1].json() == {"category": "RATE_LIMITS"}
        assert client.get(PAGES).status_code == 200
        (report,) = client.control("GET", "faults")["faults"]
        assert (report["seen"], report["hits"], report["done"]) == (4, 2, True)

    def test_chance_is_seeded(self, client: Client):
        def strikes() -> list[int]:
            client.control("POST", "reset")
            client.fault({"kind": "status", "status": 500}, probability=0.5, seed=3)
            return [client.get(PAGES).status_code for _ in range(20)]

        first = strikes()
        assert {200, 500} == set(first)
        assert strikes() == first

    def test_a_lost_reply_is_applied(self, client: Client):
        client.fault({"kind": "lost_reply"}, match={"method": "PATCH"})
        with pytest.raises(requests.ConnectionError):
            client.patch(THING, {"name": "applied"})
        assert client.thing()["name"] == "applied"
        assert client.patch(THING, {"name": "again"}).status_code == 204

    def test_a_late_apply_answers_504_and_writes_later(self, client: Client):
        client.fault({"kind": "late_apply", "delay": 1.5}, match={"body": "late"})
        assert client.patch(THING, {"name": "late"}).status_code == 504
        assert client.patch(THING, {"name": "newer"}).status_code == 204
        assert client.thing()["name"] == "newer"
        assert client.late() == 1
        until(lambda: not client.late())
        assert [w["fields"]["name"] for w in client.writes()] == ["newer", "late"]

    def test_what_was_to_be_applied_late_does_not_reach_the_next_world(self, client: Client):
        client.fault({"kind": "late_apply", "delay": 3600})
        client.patch(THING, {"name": "late"})
        assert client.late() == 1
        client.control("POST", "reset")
        until(lambda: not client.late())
        assert client.writes() == []

    def test_a_cut_reply_ends_before_its_length(self, client: Client):
        client.fault({"kind": "cut", "after": 0.5})
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            client.get(PAGES)
        assert client.get(PAGES).status_code == 200

    def test_a_hung_call_gets_nothing(self, client: Client):
        client.fault({"kind": "hang"})
        with pytest.raises(requests.exceptions.ReadTimeout):
            client.session.get(client.base + PAGES, timeout=0.3)
        assert client.get(PAGES).status_code == 200

    def test_a_trickled_reply_defeats_a_read_timeout_but_not_a_deadline(self, client: Client):
        client.fault({"kind": "trickle", "seconds": 0.01, "bytes": 100})
        started = time.monotonic()
        assert len(client.get(PAGES).json()["records"]) == 200
        assert time.monotonic() - started > 0.05

    def test_a_delayed_call_is_answered_in_the_end(self, client: Client):
        client.fault({"kind": "delay", "seconds": 0.2})
        started = time.monotonic()
        assert client.get(PAGES).status_code == 200
        assert time.monotonic() - started >= 0.2

    def test_a_page_comes_twice(self, client: Client):
        client.fault({"kind": "duplicate_page"}, skip=1)
        assert [client.get(PAGES).json()["page"] for _ in range(3)] == [1, 1, 2]

    def test_an_expired_salesforce_token_stays_expired(self, client: Client):
        client.fault({"kind": "expired_token"})
        assert client.get(PAGES).status_code == 200  # bears no token
        first = client.get(PAGES, Authorization="Bearer one")
        assert first.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
        assert client.get(PAGES, Authorization="Bearer one").status_code == 401
        assert client.get(PAGES, Authorization="Bearer two").status_code == 200
        client.control("DELETE", "faults")
        assert client.get(PAGES, Authorization="Bearer one").status_code == 200

    def test_scripts_take_the_place_of_others_and_a_bad_one_leaves_all_as_it_was(self, client: Client):
        client.fault({"kind": "status", "status": 418}, times=None)
        with pytest.raises(AssertionError, match="one of status"):
            client.control("PUT", "faults", [{"effect": {"kind": "status", "status": 204}}, {"effect": {"kind": "no"}}])
        assert client.get(PAGES).status_code == 418
        put = client.control("PUT", "faults", [{"effect": {"kind": "status", "status": 429}}])
        assert (put["removed"], len(put["faults"])) == (1, 1)
        assert [client.get(PAGES).status_code for _ in range(2)] == [429, 200]
        assert client.control("PUT", "faults", []) == {"removed": 1, "faults": []}

    def test_an_edited_reply_is_whole_but_wrong(self, client: Client):
        edit = {
            "kind": "edit",
            "find": '"page"',
            "replace": '"Page"',
            "headers": {"Sforce-NumberOfRecords": "9", "x": None},
        }
        client.fault(edit)
        reply = client.get(PAGES)
        assert "Page" in reply.json()
        assert reply.headers["Sforce-NumberOfRecords"] == "9"
        client.fault({"kind": "edit", "keep": 10})
        assert len(client.get(PAGES).content) == 10

    @pytest.mark.parametrize(
        ("script", "told"),
        [
            ({"effect": {"kind": "explode"}}, "one of status"),
            ({"effect": {"kind": "status"}}, "needs status"),
            ({"effect": {"kind": "status", "status": 99}}, "100 to 599"),
            ({"effect": {"kind": "delay", "seconds": "1"}}, "cannot be str"),
            ({"effect": {"kind": "hang"}, "time": 3}, "no key 'time'"),
            ({"effect": {"kind": "hang"}, "match": {"path": "("}}, "regular expression"),
            ({"effect": {"kind": "hang"}, "match": {"crm": "sap"}}, "salesforce or hubspot"),
            ({"effect": {"kind": "hang"}, "skip": -1}, "0 or more"),
            ([3], "is an object"),
        ],
    )
    def test_a_script_that_cannot_be_meant_is_refused_whole(self, client: Client, script: Any, told: str):
        good = {"effect": {"kind": "hang"}}
        body = [good, *(script if isinstance(script, list) else [script])]
        reply = requests.post(f"{client.base}/_sandbox/faults", json=body, timeout=5)
        assert reply.status_code == 400
        assert told in reply.json()["error"]
        assert client.control("GET", "faults")["faults"] == []


class TestServer:
    def test_a_port_in_use_is_said_in_one_sentence(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            with pytest.raises(SandboxPortInUse, match=f"port {port} on 127.0.0.1 is in use") as caught:
                serve(SMALL, port=port)
        assert isinstance(caught.value, OSError)

    def test_a_port_that_is_none_is_said_in_one_sentence(self):
        with pytest.raises(OSError, match="0 to 65535"):
            serve(SMALL, port=70_000)

    def test_an_ended_sandbox_leaves_its_port_free_though_a_call_hangs(self, caplog: pytest.LogCaptureFixture):
        with running(SMALL, halves=tiny_halves) as url:
            client = Client(url)
            client.fault({"kind": "hang"})
            host, port = url.removeprefix("http://").split(":")
            hanging = http.client.HTTPConnection(host, int(port), timeout=60)
            hanging.request("GET", PAGES)
            until(lambda: client.control("GET", "faults")["faults"][0]["hits"])
        assert "graceful shutdown exceeded" not in caplog.text, "it was let go, and not waited for"
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            hanging.getresponse()
        hanging.close()
        client.session.close()
        with socket.socket() as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind((host, int(port)))

    @pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_ends_it_with_code_0_and_without_a_word(self, sign: signal.Signals):
        code = (
            "import sandbox.server as s; from sandbox.settings import SandboxSettings;"
            "import tests.tiny_crm as t; s.both_vendors = t.tiny_halves;"
            "s.serve(SandboxSettings(partners=3, months=2, entries=5), ready=lambda url: print(url, flush=True))"
        )
        root = Path(__file__).resolve().parents[2]
        with subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root
        ) as process:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert requests.get(f"{url}/_sandbox/health", timeout=5).json()["status"] == "ok"
            process.send_signal(sign)
            out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (0, "", "")

    def test_replies_on_a_kept_connection_do_not_wait_for_acknowledgements(self, client: Client):
        """Without TCP_NODELAY each reply's second segment waits 40 ms, but for a connection's first ones."""
        took = []
        for _ in range(60):
            started = time.perf_counter()
            client.get(PAGES)
            took.append(time.perf_counter() - started)
        assert min(took[30:]) < 0.03  # the quickest: a busy machine slows some, the missing option all

    def test_rows_go_to_the_crm_that_has_such_objects(self):
        settings = SandboxSettings(partners=1, months=1, entries=1, rows={"Account": 3, "deals": 4, "hubspot.Odd": 5})
        with running(settings, halves=tiny_halves) as url:
            counts = requests.get(f"{url}/_sandbox/world", timeout=5).json()["counts"]
        assert counts["salesforce"]["Account"] == 3
        assert counts["hubspot"]["deals"] == 4
        assert counts["hubspot"]["Odd"] == 5

    def test_the_ledger_is_json_in_utf_8(self, client: Client):
        reply = client.get("/_sandbox/ledger")
        assert json.loads(reply.content.decode("utf-8"))["records"]
        assert "株式会社".encode() in reply.content
