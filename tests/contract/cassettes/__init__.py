"""Conversations of both connectors with a CRM, kept as files: greeting, description, first load, a window of changes, a batch of writes.

Recorded against the sandbox by `python -m tests.contract.cassettes`. Secrets are taken out before anything is written.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import vcr
from vcr.stubs.urllib3_stubs import VCRRequestsHTTPConnection, VCRRequestsHTTPSConnection

from sandbox.server import running
from sandbox.settings import SandboxSettings
from sync import deadline
from sync.connector import Connector
from sync.hubspot import HubspotConnector, OAuthRefresh
from sync.records import ReadSpec
from sync.salesforce import ClientCredentials, SalesforceConnector
from sync.writes import RecordWrite
from tests.contract.connector_suite import CrmUser, newest, plain, read_all

FOLDER = Path(__file__).parent
NOBODY = "http://127.0.0.1:9"  # where recorded replies say the CRM is: a port that nobody answers on
GONE = "scrubbed"
SECRET_PATHS = re.compile(r"/token|access-tokens")
SECRET_KEYS = frozenset(
    {
        "access_token",
        "refresh_token",
        "id_token",
        "token",
        "tokenKey",
        "signature",
        "client_secret",
        "sfdc_community_id",
    }
)
SECRET_HEADERS = frozenset({"authorization", "set-cookie", "cookie", "proxy-authorization"})
SETTINGS = SandboxSettings(partners=4, months=2, entries=6, future_days=0, hubspot_search_lag_s=0.05, limits=False)
WRITTEN = "https://written.example"


@dataclass(frozen=True)
class Subject:
    """One CRM's part of the conversation."""

    name: str
    object: str
    fields: tuple[str, ...]
    text: str  # a field of it that is edited, and one that is written
    written: str
    connect: Callable[[str], Connector]

    @property
    def cassette(self) -> Path:
        return FOLDER / f"{self.name}.yaml"

    @property
    def truth(self) -> Path:
        return FOLDER / f"{self.name}.truth.json"


def _salesforce(url: str) -> Connector:
    auth = ClientCredentials(SETTINGS.salesforce_client_id, SETTINGS.salesforce_client_secret)
    return SalesforceConnector("salesforce", url, auth, sleep=_never, monotonic=_still)


def _hubspot(url: str) -> Connector:
    auth = OAuthRefresh(SETTINGS.hubspot_client_id, SETTINGS.hubspot_client_secret, SETTINGS.hubspot_refresh_token)
    return HubspotConnector(
        "hubspot", auth, url=url, sleep=_never, monotonic=_still, ten_second_limit=1000, searches_per_second=1000
    )


def _still() -> float:
    return 0.0  # the CRM's time is what its replies say, so that a repetition asks for the same windows


def _never(seconds: float) -> None:
    raise AssertionError(f"nothing in this conversation waits, and it would wait {seconds} s")


SUBJECTS = (
    Subject(
        "salesforce",
        "Account",
        ("Name", "Type", "NumberOfEmployees", "PartnerSince__c", "Website"),
        "Name",
        "Website",
        _salesforce,
    ),
    Subject(
        "hubspot",
        "companies",
        ("name", "domain", "numberofemployees", "partner_since", "partner_flag"),
        "name",
        "domain",
        _hubspot,
    ),
)


def converse(subject: Subject, connector: Connector, act: Callable[[str], None]) -> dict[str, Any]:
    """The conversation, and what the connector made of it; `act` edits a record as a user would."""
    greeting = connector.greet()
    described = connector.describe(subject.object)
    spec = ReadSpec(subject.object, subject.fields)
    first = read_all(connector, spec)
    held = newest(first)
    live = sorted(i for i, r in held.items() if not r.deleted)
    act(live[0])
    changed = newest(read_all(connector, spec, first[-1].cursor))
    writes = [RecordWrite(i, {subject.written: f"{WRITTEN}/{i}"}) for i in live[:2]]
    results = connector.write(subject.object, writes)
    return {
        "crm": str(greeting.crm),
        "account": bool(greeting.account),
        "types": {f.name: f.type.value for f in described.fields if f.name in subject.fields},
        "loaded": {i: _plain(held[i].values) for i in live},
        "changed": {i: _plain(changed[i].values) for i in changed if held[i].version != changed[i].version},
        "outcomes": {r.id: str(r.outcome) for r in results},
    }


def record(subject: Subject) -> None:
    """Holds the conversation with a sandbox, and keeps it with what its ledger said meanwhile."""
    subject.cassette.unlink(missing_ok=True)
    with running(SETTINGS) as url:
        user = CrmUser(url, subject.name)
        before = _truth(user, subject)

        def act(record_id: str) -> None:
            user._call("POST", "advance", {"days": 0.01})
            user.edit(subject.object, record_id, {subject.text: "変わった名前"})
            user._call("POST", "advance", {"days": 0.01})

        with recorder(url, mode="all").use_cassette(str(subject.cassette)):
            connector = subject.connect(url)
            said = converse(subject, connector, act)
            connector.close()
        after = _truth(user, subject)
        applied = {w["id"]: w["fields"] for w in user.writes(subject.object)}
    truth = {"loaded": before, "changed": {i: v for i, v in after.items() if v[subject.text] == "変わった名前"}}
    for i, values in truth["changed"].items():  # it was read before it was written
        values[subject.written] = before[i][subject.written]
    assert {i: said["loaded"][i] for i in before} == before
    assert said["changed"] == truth["changed"]
    assert set(applied) == set(said["outcomes"])
    text = json.dumps({**said, **truth}, ensure_ascii=False, indent=1, sort_keys=True)
    subject.truth.write_text(text + "\n", "utf-8")


def _truth(user: CrmUser, subject: Subject) -> dict[str, dict[str, Any]]:
    return {
        i: _plain({name: r["fields"].get(name) for name in subject.fields})
        for i, r in user.records(subject.object).items()
        if not r["deleted"]
    }


def _plain(values: Any) -> dict[str, Any]:
    return {name: None if (v := plain(value)) is None else str(v) for name, value in values.items()}


def recorder(url: str, *, mode: str) -> vcr.VCR:
    """Keeps or repeats what passes between us and this address. `mode` is vcrpy's: all, or none."""
    own = urlsplit(url).netloc

    def request(asked: Any) -> Any:
        parts = urlsplit(asked.uri)
        if parts.path.startswith("/_sandbox"):
            return None
        asked.uri = urlunsplit(parts._replace(netloc=urlsplit(NOBODY).netloc))
        asked.headers = {}  # what they bear is a secret, or says nothing
        if SECRET_PATHS.search(parts.path) and asked.body is not None:
            asked.body = GONE
        return asked

    def response(told: dict[str, Any]) -> dict[str, Any]:
        told["headers"] = {
            name: values for name, values in told["headers"].items() if name.lower() not in SECRET_HEADERS
        }
        text = told["body"]["string"].decode("utf-8").replace(own, urlsplit(NOBODY).netloc)
        told["body"]["string"] = scrubbed(text).encode()
        for name in [n for n in told["headers"] if n.lower() == "content-length"]:
            told["headers"][name] = [str(len(told["body"]["string"]))]
        return told

    return tape(mode, before_record_request=request, before_record_response=response)


def tape(mode: str, **more: Any) -> vcr.VCR:
    """A recorder that our own pools of connections speak into."""
    pools = (deadline.DEADLINE_POOLS["http"], deadline.DEADLINE_POOLS["https"])
    stubs = (VCRRequestsHTTPConnection, VCRRequestsHTTPSConnection)
    return vcr.VCR(
        record_mode=mode,
        match_on=("method", "path", "query", "body"),
        decode_compressed_response=True,
        custom_patches=tuple((pool, "ConnectionCls", stub) for pool, stub in zip(pools, stubs, strict=True)),
        **more,
    )


def scrubbed(text: str) -> str:
    """A reply without the secrets that a login brings."""
    try:
        body = json.loads(text)
    except ValueError:
        return text
    if not isinstance(body, dict) or not SECRET_KEYS & body.keys():
        return text
    return json.dumps({k: GONE if k in SECRET_KEYS else v for k, v in body.items()}, ensure_ascii=False)
