"""A client of the sandbox's Salesforce for tests: plain HTTP, and simple-salesforce pointed at a local address."""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce

from sandbox.settings import SandboxSettings

TINY = SandboxSettings(partners=6, months=4, entries=40, salesforce_bulk_step_s=0.02)
VERSION = "62.0"


class Org:
    """Talks to one sandbox as its integration user; `fresh` begins the world anew first."""

    def __init__(self, base: str, settings: SandboxSettings = TINY) -> None:
        self.base, self.settings, self.session = base, settings, requests.Session()
        self.token = self.log_in().json()["access_token"]

    @classmethod
    def fresh(cls, base: str, settings: SandboxSettings = TINY) -> "Org":
        requests.post(f"{base}/_sandbox/reset", timeout=20).raise_for_status()
        return cls(base, settings)

    def log_in(self, **form: str) -> requests.Response:
        known = {
            "grant_type": "client_credentials",
            "client_id": self.settings.salesforce_client_id,
            "client_secret": self.settings.salesforce_client_secret,
        }
        return requests.post(f"{self.base}/services/oauth2/token", data={**known, **form}, timeout=60)

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        url = self.base + (path if path.startswith("/") else f"/services/data/v{VERSION}/{path}")
        return self.session.request(method, url, json=body, headers=headers, timeout=20, **more)

    def get(self, path: str, **params: Any) -> Any:
        reply = self.call("GET", path, params=params)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def query(self, soql: str, path: str = "query") -> list[dict[str, Any]]:
        page = self.get(path, q=soql)
        rows = list(page["records"])
        while not page["done"]:
            page = self.get(page["nextRecordsUrl"])
            rows += page["records"]
        assert len(rows) == page["totalSize"]
        return rows

    def count(self, soql: str, path: str = "query") -> int:
        return int(self.get(path, q=soql)["totalSize"])

    def refused(self, soql: str, path: str = "query") -> dict[str, Any]:
        reply = self.call("GET", path, params={"q": soql})
        assert reply.status_code == 400, reply.text
        (error,) = reply.json()
        return dict(error)

    def create(self, object_name: str, **fields: Any) -> str:
        reply = self.call("POST", f"sobjects/{object_name}", fields)
        assert reply.status_code == 201, reply.text
        return str(reply.json()["id"])

    def manual(self, action: str, **body: Any) -> dict[str, Any]:
        told = {"crm": "salesforce", "action": action, **body}
        reply = requests.post(f"{self.base}/_sandbox/records", json=told, timeout=10)
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    def advance(self, days: float) -> None:
        requests.post(f"{self.base}/_sandbox/advance", json={"days": days}, timeout=20).raise_for_status()

    def ledger(self, object_name: str) -> dict[str, Any]:
        asked = {"crm": "salesforce", "object": object_name}
        reply = requests.get(f"{self.base}/_sandbox/ledger", params=asked, timeout=10)
        return dict(reply.json())

    def new_field(self, full_name: str, **metadata: Any) -> str:
        body = {"FullName": full_name, "Metadata": {"label": full_name, **metadata}}
        reply = self.call("POST", "tooling/sobjects/CustomField", body)
        assert reply.status_code == 201, reply.text
        return str(reply.json()["id"])

    def grant(self, *full_names: str, edit: bool = True) -> str:
        """A permission set with rights on the fields, assigned to the integration user."""
        set_id = self.create("PermissionSet", Name="Own_Fields", Label="Own fields")
        for name in full_names:
            rights = {"PermissionsRead": True, "PermissionsEdit": edit}
            self.create("FieldPermissions", ParentId=set_id, SobjectType=name.split(".")[0], Field=name, **rights)
        user = self.query(f"SELECT Id FROM User WHERE Username = '{self.settings.salesforce_username}'")[0]["Id"]
        self.create("PermissionSetAssignment", AssigneeId=user, PermissionSetId=set_id)
        return set_id


class _ToSandbox(HTTPAdapter):
    """simple-salesforce writes https:// everywhere; this sends it to the sandbox's plain address all the same."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = urlsplit(base)

    def send(self, request: requests.PreparedRequest, *args: Any, **more: Any) -> requests.Response:
        asked = urlsplit(request.url or "")
        request.url = urlunsplit((self._base.scheme, self._base.netloc, asked.path, asked.query, ""))
        return super().send(request, *args, **more)


def session_to(base: str) -> requests.Session:
    session = requests.Session()
    session.mount("https://", _ToSandbox(base))
    return session


def client_credentials(base: str, settings: SandboxSettings = TINY) -> Salesforce:
    """The real client, unchanged but for its session."""
    return Salesforce(
        consumer_key=settings.salesforce_client_id,
        consumer_secret=settings.salesforce_client_secret,
        domain="sandbox.my",
        version=VERSION,
        session=session_to(base),
    )
