"""How one gets into the sandbox's Salesforce, how long one stays, and what every reply of the data API carries."""

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.salesforce import auth
from sandbox.server import running
from tests.contract.salesforce_org import TINY, Org

JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@cache
def key_pair() -> tuple[str, str]:
    private = rsa.generate_private_key(65537, 2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem.decode(), public.decode()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    settings = replace(TINY, salesforce_jwt_public_key=key_pair()[1])
    with running(settings) as base:
        yield base


@pytest.fixture
def org(server: str) -> Org:
    return Org(server)


def assertion(**claims: Any) -> str:
    usual = {
        "iss": TINY.salesforce_client_id,
        "sub": TINY.salesforce_username,
        "aud": "https://login.salesforce.com",
        "exp": str(int(time.time()) + 180),  # simple-salesforce sends text
    }
    return jwt.encode({**usual, **claims}, key_pair()[0], algorithm="RS256")


class TestTokens:
    def test_client_credentials_come_as_form_or_as_basic_header(self, org: Org):
        for reply in (
            org.log_in(),
            requests.post(
                f"{org.base}/services/oauth2/token",
                data={"grant_type": "client_credentials"},
                auth=(TINY.salesforce_client_id, TINY.salesforce_client_secret),
                timeout=60,
            ),
        ):
            assert reply.status_code == 200
            body = reply.json()
            assert body.keys() >= {"access_token", "instance_url", "id", "token_type", "issued_at", "signature"}
            assert body["instance_url"] == org.base
            assert "sforce-limit-info" not in reply.headers

    def test_a_signed_assertion_is_enough(self, org: Org):
        reply = org.log_in(grant_type=JWT, assertion=assertion())
        assert reply.status_code == 200
        assert set(reply.json()) == {"access_token", "scope", "instance_url", "id", "token_type"}
        assert org.log_in(grant_type=JWT, assertion=assertion(aud=org.base)).status_code == 200

    @pytest.mark.parametrize(
        ("claims", "error", "description"),
        [
            ({"iss": "other"}, "invalid_client_id", "client identifier invalid"),
            ({"aud": "https://evil.example"}, "invalid_grant", "audience is invalid"),
            ({"exp": 1}, "invalid_grant", "expired authorization code"),
            ({"sub": "someone@sandbox.invalid"}, "invalid_grant", "user hasn't approved this consumer"),
        ],
    )
    def test_an_assertion_with_a_wrong_claim_is_refused(
        self, org: Org, claims: dict[str, Any], error: str, description: str
    ):
        reply = org.log_in(grant_type=JWT, assertion=assertion(**claims))
        assert reply.status_code == 400
        assert reply.json() == {"error": error, "error_description": description}

    def test_an_assertion_signed_by_another_key_or_not_at_all_is_refused(self, org: Org):
        other = rsa.generate_private_key(65537, 2048)
        claims = jwt.decode(assertion(), options={"verify_signature": False})
        for forged in (jwt.encode(claims, other, algorithm="RS256"), "not.a.token", ""):
            reply = org.log_in(grant_type=JWT, assertion=forged)
            assert (reply.status_code, reply.json()["error_description"]) == (400, "invalid assertion")

    @pytest.mark.parametrize(
        ("form", "error"),
        [
            ({"client_id": "x"}, "invalid_client_id"),
            ({"client_secret": "x"}, "invalid_client"),
            ({"grant_type": "refresh_token"}, "unsupported_grant_type"),
            ({"grant_type": "password", "username": "x", "password": "y"}, "invalid_grant"),
        ],
    )
    def test_wrong_credentials_are_told_as_salesforce_tells_them(self, org: Org, form: dict[str, str], error: str):
        reply = org.log_in(**form)
        assert reply.status_code == 400
        assert reply.json()["error"] == error
        assert TINY.salesforce_client_secret not in reply.text

    def test_a_password_grant_works_too(self, org: Org):
        form = {"username": TINY.salesforce_username, "password": TINY.salesforce_password}
        assert org.log_in(grant_type="password", **form).status_code == 200

    def test_a_session_ends_after_real_seconds_and_a_new_one_works(self, monkeypatch: pytest.MonkeyPatch):
        now = [0.0]
        monkeypatch.setattr(auth, "time", SimpleNamespace(monotonic=lambda: now[0], time=time.time))
        with running(replace(TINY, salesforce_token_lifetime_s=60.0)) as base:
            org = Org(base)
            now[0] = 59.0
            assert org.call("GET", "limits").status_code == 200
            now[0] = 61.0
            reply = org.call("GET", "limits")
            assert reply.status_code == 401
            assert reply.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
            assert "sforce-limit-info" not in reply.headers
            assert Org(base).call("GET", "limits").status_code == 200

    def test_who_am_i_names_the_integration_user(self, org: Org):
        info = org.get("/services/oauth2/userinfo")
        assert info["preferred_username"] == TINY.salesforce_username
        assert org.get(f"sobjects/User/{info['user_id']}")["Username"] == TINY.salesforce_username
        identity = org.log_in().json()["id"]
        assert identity.endswith(f"/id/{info['organization_id']}/{info['user_id']}")


class TestEveryReply:
    def test_versions_are_listed_without_a_session(self, org: Org):
        listed = requests.get(f"{org.base}/services/data", timeout=60)
        assert [v["version"] for v in listed.json()] == [f"{n}.0" for n in range(31, 68)]
        assert "sforce-limit-info" not in listed.headers
        assert org.call("GET", "/services/data/v12.0/limits").json()[0]["errorCode"] == "NOT_FOUND"

    def test_data_calls_tell_the_usage_even_when_they_fail(self, org: Org):
        used = []
        for path in ("limits", "sobjects/Nope", "query"):
            reply = org.call("GET", path)
            left, _, limit = reply.headers["sforce-limit-info"].removeprefix("api-usage=").partition("/")
            assert limit == str(TINY.salesforce_daily_limit)
            used.append(int(left))
        assert used == [used[0], used[0] + 1, used[0] + 2]

    def test_an_unknown_resource_or_method_has_its_own_error(self, org: Org):
        reply = org.call("GET", "nowhere")
        assert (reply.status_code, reply.json()[0]["errorCode"]) == (404, "NOT_FOUND")
        reply = org.call("PUT", "sobjects/Account")
        assert (reply.status_code, reply.json()[0]["errorCode"]) == (405, "METHOD_NOT_ALLOWED")

    def test_a_head_beyond_16_kib_is_answered_in_html(self, org: Org):
        reply = org.call("GET", "query", params={"q": "SELECT Id FROM Account WHERE Name = '" + "x" * 16_400 + "'"})
        assert reply.status_code == 414
        assert reply.text.startswith("<h1>Bad Message 414</h1>")

    def test_the_limits_resource_counts_calls_down(self, org: Org):
        first, second = (org.get("limits")["DailyApiRequests"] for _ in range(2))
        assert first["Max"] == TINY.salesforce_daily_limit
        assert second["Remaining"] == first["Remaining"] - 1


class TestQuota:
    def test_a_call_beyond_the_daily_limit_is_refused_and_a_composite_counts_once(self):
        with running(replace(TINY, salesforce_daily_limit=3)) as base:
            org = Org(base)
            parts = [
                {"method": "GET", "referenceId": f"r{n}", "url": f"/services/data/v62.0/limits?x={n}"} for n in range(9)
            ]
            assert org.call("POST", "composite", {"compositeRequest": parts}).status_code == 200
            assert org.call("GET", "limits").headers["sforce-limit-info"] == "api-usage=2/3"
            batch = {"batchRequests": [{"method": "GET", "url": "v62.0/limits"}] * 2}
            refused = org.call("POST", "composite/batch", batch)  # each of its parts would count
            assert refused.json() == [
                {"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}
            ]
            assert refused.status_code == 403
            assert org.call("GET", "limits").status_code == 403

    def test_without_limits_there_is_no_end(self):
        with running(replace(TINY, salesforce_daily_limit=1, limits=False)) as base:
            org = Org(base)
            assert [org.call("GET", "limits").status_code for _ in range(3)] == [200, 200, 200]
