"""The least an organisation answers, over a scripted server: versions and logins. A test says what becomes of the rest."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sync.salesforce import ClientCredentials, SalesforceConnector
from tests.scripted_http import Answer, Asked, Script, scripted

SECRET = "s3cr3t-value"
BASE = "/services/data/v62.0"
VERSIONS = [{"label": "", "url": f"/services/data/v{v}", "version": v} for v in ("57.0", "61.0", "62.0", "99.0")]
Answers = Callable[[Asked], Answer]


def error(status: int, code: str, message: str = "said", **headers: str) -> Answer:
    return Answer([{"message": message, "errorCode": code}], status, headers)


def page(rows: list[dict[str, Any]], *, total: int | None = None, more: str | None = None) -> Answer:
    body = {"totalSize": len(rows) if total is None else total, "done": more is None, "records": rows}
    return Answer(body | ({"nextRecordsUrl": f"{BASE}/query/{more}"} if more else {}))


def parts(**bodies: Any) -> Answer:
    """A composite reply; an Answer among the bodies gives its status too."""
    made = [
        {
            "referenceId": name,
            "httpHeaders": {},
            "httpStatusCode": body.status if isinstance(body, Answer) else 200,
            "body": body.body if isinstance(body, Answer) else body,
        }
        for name, body in bodies.items()
    ]
    return Answer({"compositeResponse": made})


def describe_of(name: str, *fields: dict[str, Any], **rest: Any) -> Answer:
    return Answer({"name": name, "label": name, "custom": False, "replicateable": True, "fields": list(fields), **rest})


def a_field(name: str, kind: str = "string", **rest: Any) -> dict[str, Any]:
    return {"name": name, "label": name, "type": kind, "nillable": True, "updateable": True, **rest}


SYSTEM = (
    a_field("Id", "id"),
    a_field("SystemModstamp", "datetime"),
    a_field("IsDeleted", "boolean"),
    a_field("MasterRecordId", "reference"),
)
ACCOUNT = describe_of("Account", *SYSTEM, a_field("Name"), a_field("AnnualRevenue", "currency"))


def account(n: int, name: str = "x", stamp: str = "2026-05-01T07:25:37.000+0000", **rest: Any) -> dict[str, Any]:
    return {
        "attributes": {"type": "Account", "url": ""},
        "Id": f"001000000000{n:03d}AAA",
        "SystemModstamp": stamp,
        "IsDeleted": False,
        "MasterRecordId": None,
        "Name": name,
        **rest,
    }


@dataclass
class Org:
    """Login and versions; everything else is the test's answer. `tokens` are those that were handed out."""

    script: Script
    tokens: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    login: Answers | None = None

    def connector(self, **changes: Any) -> SalesforceConnector:
        settings = {"sleep": self.slept.append, "deadline": 20.0, **changes}
        return SalesforceConnector("sf", self.script.url, ClientCredentials("app", SECRET), **settings)

    def asked(self, part: str) -> list[Asked]:
        return [a for a in self.script.asked if part in a.path]


@contextmanager
def org(answers: Answers) -> Iterator[Org]:
    """An organisation behind a port, and connectors that sleep in no time."""
    made: list[Org] = []

    def answer(asked: Asked) -> Answer:
        place = made[0]
        if asked.path == "/services/data":
            return Answer(VERSIONS)
        if asked.path == "/services/oauth2/token":
            if place.login is not None:
                return place.login(asked)
            place.tokens.append(f"token-{len(place.tokens) + 1}")
            return Answer(
                {
                    "access_token": place.tokens[-1],
                    "instance_url": place.script.url,
                    "id": "https://login.salesforce.com/id/00D000000000001AAA/005000000000001AAA",
                    "scope": "api",
                }
            )
        return answers(asked)

    with scripted(answer) as script:
        made.append(Org(script))
        yield made[0]
