"""Every answer that is no success is sorted by what to do next, and says nothing of what records hold."""

from datetime import UTC, datetime

import pytest

from sync.errors import (
    FieldMissing,
    ObjectMissing,
    PermissionMissing,
    QuotaExhausted,
    RateLimited,
    Reauthenticate,
    RecordLocked,
    Retry,
    Stop,
    Unreachable,
)
from sync.salesforce.failures import classify

NOW = datetime(2026, 10, 31, 9, tzinfo=UTC)
SECRET_TEXT = "Jane Doe <jane@acme.test>"
COLUMN = (
    f"\nSELECT '{SECRET_TEXT}'\n ^\nERROR at Row:1:Column:8\nNo such column 'Foo__c' on entity 'Contact'. If you are"
)


@pytest.mark.parametrize(
    ("status", "code", "message", "expected"),
    [
        (401, "INVALID_SESSION_ID", "Session expired or invalid", Reauthenticate),
        (400, "INVALID_SESSION_ID", "", Reauthenticate),
        (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", QuotaExhausted),
        (403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded.", RateLimited),
        (429, None, "", RateLimited),
        (400, "UNABLE_TO_LOCK_ROW", f"unable to obtain exclusive access to {SECRET_TEXT}", RecordLocked),
        (400, "QUERY_TIMEOUT", "Your query request was running for too long.", Retry),
        (500, "UNKNOWN_EXCEPTION", SECRET_TEXT, Unreachable),
        (503, "SERVER_UNAVAILABLE", "", Unreachable),
        (403, "TXN_SECURITY_METERING_ERROR", "", Unreachable),
        (406, None, "", Unreachable),
        (420, None, "", Unreachable),
        (502, None, "", Unreachable),
        (599, None, "", Unreachable),
        (400, "INVALID_FIELD", COLUMN, FieldMissing),
        (400, "INVALID_TYPE", "sObject type 'XYZZY' is not supported.", ObjectMissing),
        (403, "INSUFFICIENT_ACCESS", SECRET_TEXT, PermissionMissing),
        (403, "API_DISABLED_FOR_ORG", "", PermissionMissing),
        (403, "NEVER_SEEN", SECRET_TEXT, PermissionMissing),
        (400, "MALFORMED_QUERY", SECRET_TEXT, Stop),
        (404, "NOT_FOUND", "", Stop),
        (414, None, "", Stop),
        (418, None, "", Unreachable),
    ],
)
def test_each_answer_has_one_class_and_its_code(status, code, message, expected):
    content = [{"errorCode": code, "message": message}] if code else "<h1>Bad Message</h1>"
    error = classify(status, content, {}, NOW, "query of Contact")
    assert type(error) is expected or (expected is Stop and isinstance(error, Stop))
    assert error.status == status
    assert error.code == code
    assert SECRET_TEXT not in str(error)
    assert str(status) in str(error)
    assert isinstance(error, Reauthenticate | RateLimited | RecordLocked) or error.remedy


def test_a_missing_field_is_named_with_its_object():
    error = classify(400, [{"errorCode": "INVALID_FIELD", "message": COLUMN}], {}, NOW, "query of Contact")
    assert error.message.startswith("The field Foo__c of Contact is not there")


@pytest.mark.parametrize("content", [None, [], {}, "", b"", [None], [[]], {"error": "x"}, 5])
def test_whatever_the_body_is_there_is_an_error_and_no_crash(content):
    assert classify(400, content, {}, None, "query of Contact").message
