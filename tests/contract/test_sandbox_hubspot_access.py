"""The sandbox's HubSpot: tokens, scopes, rate limits; with the headers and bodies real servers sent."""

from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from tests.contract.sandbox_hubspot import Portal, portal

TINY: dict[str, Any] = {"partners": 2, "entries": 4, "months": 2}
FORM = {
    "grant_type": "refresh_token",
    "client_id": "sandbox-hubspot-app",
    "client_secret": "sandbox-hubspot-secret",
    "refresh_token": "sandbox-refresh-token",
}


def login(hubspot: Portal, path: str = "/oauth/v1/token", **form: str) -> requests.Response:
    return requests.post(hubspot.base + path, data=FORM | form, timeout=10)


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic abc", "Bearer "])
def test_a_call_without_a_good_token_is_401(header: str | None) -> None:
    with portal(**TINY) as hubspot:
        headers = {"Authorization": header} if header else {}
        reply = requests.get(f"{hubspot.base}/crm/v3/objects/deals", headers=headers, timeout=10)
    assert reply.status_code == 401
    assert reply.json()["category"] == "INVALID_AUTHENTICATION"
    assert reply.json()["correlationId"] == reply.headers["X-HubSpot-Correlation-Id"]


def test_an_oauth_token_expires_after_half_an_hour_and_is_refreshed() -> None:
    with portal(**TINY) as hubspot:
        now = 50.0
        hubspot.crm._access._monotonic = lambda: now
        issued = login(hubspot).json()
        assert issued["token_type"] == "bearer"
        assert issued["refresh_token"] == FORM["refresh_token"]
        hubspot.session.headers["Authorization"] = f"Bearer {issued['access_token']}"
        hubspot.get("/crm/v3/objects/deals")
        now += 1799
        hubspot.get("/crm/v3/objects/deals")
        now += 2
        assert hubspot.get("/crm/v3/objects/deals", 401)["category"] == "EXPIRED_AUTHENTICATION"
        fresh = login(hubspot, "/oauth/2026-09/token").json()
        assert fresh["access_token"] != issued["access_token"]
        assert "crm.objects.deals.read" in fresh["scopes"]
        hubspot.session.headers["Authorization"] = f"Bearer {fresh['access_token']}"
        hubspot.get("/crm/v3/objects/deals")


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"client_id": "x"}, "BAD_CLIENT_ID"),
        ({"client_secret": "x"}, "BAD_CLIENT_SECRET"),
        ({"refresh_token": "x"}, "BAD_REFRESH_TOKEN"),
    ],
)
def test_a_login_with_something_wrong_says_what(wrong: dict[str, str], status: str) -> None:
    with portal(**TINY) as hubspot:
        reply = login(hubspot, **wrong)
    assert (reply.status_code, reply.json()["status"]) == (400, status)


def test_granted_scopes_can_be_listed_for_every_kind_of_token() -> None:
    granted = ("oauth", "crm.objects.deals.read")
    with portal(**TINY, hubspot_scopes=granted) as hubspot:
        token = login(hubspot).json()["access_token"]
        info = requests.get(f"{hubspot.base}/oauth/v1/access-tokens/{token}", timeout=10).json()
        assert (info["scopes"], info["token"]) == (list(granted), token)
        key = {"tokenKey": hubspot.crm.settings.hubspot_token}
        private = requests.post(
            f"{hubspot.base}/oauth/v2/private-apps/get/access-token-info", json=key, timeout=10
        ).json()
        assert private["scopes"] == list(granted)
        told = requests.post(f"{hubspot.base}/oauth/2026-09/token/introspect", data={"token": token}, timeout=10).json()
        assert (told["active"], told["scopes"]) == (True, list(granted))
        assert requests.get(f"{hubspot.base}/oauth/v1/access-tokens/unknown", timeout=10).status_code == 404


def test_a_missing_scope_is_403_and_names_it() -> None:
    with portal(**TINY, hubspot_scopes=("oauth", "crm.objects.deals.read")) as hubspot:
        hubspot.get("/crm/v3/objects/deals")
        refused = hubspot.post("/crm/v3/objects/deals", {"properties": {"dealname": "d"}}, 403)
        assert refused["category"] == "MISSING_SCOPES"
        assert refused["context"]["requiredGranularScopes"] == ["crm.objects.deals.write"]
        for path, scope in (
            ("/crm/v3/objects/companies", "crm.objects.companies.read"),
            ("/crm/v3/owners", "crm.objects.owners.read"),
            ("/crm/v3/properties/deals", "crm.schemas.deals.read"),
            ("/crm-object-schemas/v3/schemas", "crm.schemas.custom.read"),
        ):
            assert hubspot.get(path, 403)["context"]["requiredGranularScopes"] == [scope]


def test_the_ten_second_window_refuses_with_the_real_body_and_no_retry_after() -> None:
    with portal(**TINY, limits=True, hubspot_ten_second_limit=5) as hubspot:
        for left in (4, 3, 2, 1, 0):
            reply = hubspot.call("GET", "/crm/v3/owners")
            assert reply.headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"
            assert reply.headers["X-HubSpot-RateLimit-Max"] == "5"
            assert reply.headers["X-HubSpot-RateLimit-Remaining"] == str(left)
        refused = hubspot.call("GET", "/crm/v3/owners")
    assert refused.status_code == 429
    assert "Retry-After" not in refused.headers
    body = refused.json()
    assert body["message"] == "You have reached your ten_secondly_rolling limit."
    assert (body["errorType"], body["policyName"]) == ("RATE_LIMIT", "TEN_SECONDLY_ROLLING")
    assert "category" not in body


def test_the_day_is_shared_and_refuses_with_its_policy() -> None:
    with portal(**TINY, limits=True, hubspot_daily_limit=3) as hubspot:
        for left in (2, 1, 0):
            assert hubspot.call("GET", "/crm/v3/owners").headers["X-HubSpot-RateLimit-Daily-Remaining"] == str(left)
        body = hubspot.get("/crm/v3/owners", 429)
        assert (body["message"], body["policyName"]) == ("You have reached your daily limit.", "DAILY")
        hubspot.crm.clock.advance(1)
        hubspot.get("/crm/v3/owners")


def test_searches_have_a_second_of_their_own_and_a_body_of_another_shape() -> None:
    with portal(**TINY, limits=True, hubspot_searches_per_second=2) as hubspot:
        now = 50.0
        hubspot.crm._quota._monotonic = lambda: now
        replies = [hubspot.call("POST", "/crm/v3/objects/deals/search", {}) for _ in range(3)]
        assert [r.status_code for r in replies] == [200, 200, 429]
        for reply in replies:
            assert not [name for name in reply.headers if "ratelimit" in name.lower()]
            assert reply.headers["X-HubSpot-Correlation-Id"]
        body = replies[2].json()
        assert body.keys() == {"status", "message", "correlationId", "category"}
        assert (body["message"], body["category"]) == ("You have reached your secondly limit.", "RATE_LIMITS")
        now += 1.0
        hubspot.search("deals")


def test_limits_can_be_switched_off() -> None:
    with portal(**TINY, limits=False, hubspot_ten_second_limit=1, hubspot_searches_per_second=1) as hubspot:
        for _ in range(4):
            hubspot.search("deals")
            assert "X-HubSpot-RateLimit-Max" not in hubspot.call("GET", "/crm/v3/owners").headers


def test_every_reply_bears_the_sandboxs_date() -> None:
    with portal(**TINY) as hubspot:
        hubspot.crm.clock.advance(30)
        for reply in (
            hubspot.call("GET", "/crm/v3/owners"),
            hubspot.call("GET", "/crm/v3/objects/butterflies"),
            login(hubspot),
        ):
            assert abs((parsedate_to_datetime(reply.headers["Date"]) - hubspot.crm.clock.now()).total_seconds()) < 5
