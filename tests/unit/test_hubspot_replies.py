"""HubSpot's error replies, sorted by what to do next. Bodies have the shapes that real accounts sent."""

import json
from typing import Any

import pytest

from sync.errors import (
    BadReply,
    FieldMissing,
    ObjectMissing,
    PermissionMissing,
    QuotaExhausted,
    RateLimited,
    Reauthenticate,
    RecordLocked,
    SyncError,
    Unreachable,
)
from sync.hubspot.paths import Paths
from sync.hubspot.replies import Refused, classify, retry_after

BURST = {
    "status": "error",
    "message": "You have reached your ten_secondly_rolling limit.",
    "errorType": "RATE_LIMIT",
    "correlationId": "c033cdaa-2c40-4a64-ae48-b4cec88dad24",
    "policyName": "TEN_SECONDLY_ROLLING",
    "groupName": "publicapi:private-app-api-calls-ten-secondly:1",
}
DAILY = {**BURST, "message": "You have reached your daily limit.", "policyName": "DAILY"}
SEARCH = {"status": "error", "message": "You have reached your secondly limit.", "category": "RATE_LIMITS"}
SCOPES = {
    "status": "error",
    "message": "One or more of the following scopes are required.",
    "context": {"requiredGranularScopes": ["custom-object-read"], "links": ["https://developers.example.com/scopes"]},
    "category": "MISSING_SCOPES",
}
ABSENT = {
    "status": "error",
    "message": 'Property values were not valid: [{"isValid":false,"message":"Property \\"nope\\" does not exist","error":"PROPERTY_DOESNT_EXIST","name":"nope"}]',
    "category": "VALIDATION_ERROR",
}
INFER = {"status": "error", "message": "Unable to infer object type from: butterflies"}
EXISTS = {"status": "error", "message": "Contact already exists. Existing ID: 123", "category": "CONFLICT"}


def met(status: int, body: Any, headers: dict[str, str] | None = None) -> SyncError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return classify(status, headers or {}, raw, "POST /crm/objects/2026-09/deals/search")


@pytest.mark.parametrize(
    ("status", "body", "family"),
    [
        (401, {"status": "error", "message": "...", "category": "INVALID_AUTHENTICATION"}, Reauthenticate),
        (403, SCOPES, PermissionMissing),
        (403, {"status": "error", "message": "no"}, PermissionMissing),
        (429, BURST, RateLimited),
        (429, SEARCH, RateLimited),
        (429, DAILY, QuotaExhausted),
        (429, b"slow down", RateLimited),
        (423, {"status": "error", "message": "locked"}, RecordLocked),
        (477, {"status": "error", "message": "moving"}, Unreachable),
        (500, {"status": "error", "message": "x"}, Unreachable),
        (502, b"<html>Bad gateway</html>", Unreachable),
        (521, b"<html>Web server is down</html>", Unreachable),
        (524, b"", Unreachable),
        (404, b"<html>nothing here</html>", BadReply),
        (400, ABSENT, FieldMissing),
        (400, INFER, ObjectMissing),
        (409, EXISTS, Refused),
        (404, {"status": "error", "category": "OBJECT_NOT_FOUND", "message": "resource not found"}, Refused),
    ],
)
def test_each_reply_belongs_to_one_family(status: int, body: Any, family: type[SyncError]) -> None:
    assert type(met(status, body)) is family or isinstance(met(status, body), family)


def test_a_missing_scope_is_named() -> None:
    assert "custom-object-read" in str(met(403, SCOPES))


def test_missing_properties_are_named_from_the_list_inside_older_messages_too() -> None:
    error = met(400, ABSENT)
    assert "nope" in str(error)
    assert "provision" in error.remedy


def test_no_value_of_a_record_reaches_a_message() -> None:
    body = {
        "status": "error",
        "message": "secret@example.com was not a valid long.",
        "errors": [
            {
                "message": "secret@example.com was not a valid long.",
                "code": "INVALID_LONG",
                "context": {"propertyName": ["hs_timestamp"]},
            }
        ],
        "category": "VALIDATION_ERROR",
    }
    error = met(400, body)
    assert isinstance(error, Refused)
    assert "secret" not in str(error)
    assert error.codes == ("INVALID_LONG",)
    assert error.fields == ("hs_timestamp",)


def test_a_code_that_is_no_plain_name_is_left_out() -> None:
    assert "secret" not in str(met(400, {"status": "error", "message": "x", "category": "secret@example.com\nx"}))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "1e999"}, None),
        ({"Retry-After": "Sat, 31 Oct 2026 00:00:30 GMT", "Date": "Sat, 31 Oct 2026 00:00:00 GMT"}, 30.0),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_both_versions_have_their_own_places() -> None:
    dated, legacy = Paths("2026-09"), Paths("v3")
    assert dated.objects("deals", "search") == "/crm/objects/2026-09/deals/search"
    assert legacy.objects("deals", "search") == "/crm/v3/objects/deals/search"
    assert dated.associations("deals", "companies") == "/crm/associations/2026-09/deals/companies/batch/read"
    assert legacy.associations("deals", "companies") == "/crm/v4/associations/deals/companies/batch/read"
    assert dated.owners == "/crm/owners/2026-09"
    assert legacy.properties("deals", "groups") == "/crm/v3/properties/deals/groups"
    assert dated.objects("a/../b") == "/crm/objects/2026-09/a%2F..%2Fb"


def test_an_unknown_version_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="v5"):
        Paths("v5")
