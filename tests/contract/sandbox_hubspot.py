"""A running HubSpot half for the contract tests. Every reply that goes through `Portal` is held against HubSpot's published
specifications (relaxed as real replies need it), where the shared folder is present."""

import importlib.util
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import requests
from jsonschema import Draft7Validator

from sandbox.clock import Clock
from sandbox.hubspot import HubspotCrm
from sandbox.server import running
from sandbox.settings import SandboxSettings
from tests.shared_folder import FOLDER
from tests.tiny_crm import tiny_halves

SMALL: dict[str, Any] = {"partners": 12, "months": 6, "entries": 90, "limits": False, "hubspot_search_lag_s": 0.0}
SPECS = FOLDER / "openapi" / "hubspot"
NAMES = {"deals": "0-3"}  # the v3 specification calls deals by their type id


class Portal:
    """One portal as an API client sees it, with the sandbox's own view (`crm`) beside it."""

    def __init__(self, base: str, crm: HubspotCrm) -> None:
        self.base, self.crm = base, crm
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {crm.settings.hubspot_token}"

    def call(self, method: str, path: str, body: Any = None, **params: Any) -> requests.Response:
        reply = self.session.request(method, self.base + path, json=body, params=params, timeout=10)
        check_reply(method, path, reply)
        return reply

    def get(self, path: str, status: int = 200, **params: Any) -> Any:
        return self._json(self.call("GET", path, **params), status)

    def post(self, path: str, body: Any, status: int = 200, **params: Any) -> Any:
        return self._json(self.call("POST", path, body, **params), status)

    def patch(self, path: str, body: Any, status: int = 200) -> Any:
        return self._json(self.call("PATCH", path, body), status)

    def search(self, kind: str, status: int = 200, /, **body: Any) -> Any:
        return self.post(f"/crm/v3/objects/{kind}/search", body, status)

    def create(self, kind: str, /, **properties: Any) -> str:
        return str(self.post(f"/crm/v3/objects/{kind}", {"properties": properties}, 201)["id"])

    @staticmethod
    def _json(reply: requests.Response, status: int) -> Any:
        assert reply.status_code == status, f"{reply.status_code}: {reply.text[:600]}"
        return reply.json() if reply.content else None


@contextmanager
def portal(**settings: Any) -> Iterator[Portal]:
    """A portal of a small world, or of the settings given."""
    made: list[HubspotCrm] = []

    def halves(clock: Clock, told: SandboxSettings) -> Any:
        made.append(HubspotCrm(clock, told))
        return tiny_halves(clock, told)[0], made[-1]

    with running(SandboxSettings(**(SMALL | settings)), halves=halves) as base:
        yield Portal(base, made[-1])


def check_reply(method: str, path: str, reply: requests.Response) -> None:
    """Fails where a reply does not fit its operation in the specification; unknown operations pass."""
    if not SPECS.exists() or not reply.content:
        return
    found = operation(method, path)
    if found is None:
        return
    document, responses = found
    errors = list(Draft7Validator(_schema(document, responses, reply.status_code)).iter_errors(reply.json()))
    told = [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in errors[:5]]
    assert not errors, f"{method} {path} {reply.status_code} does not fit the specification: {told}"
    assert reply.status_code >= 400 or str(reply.status_code) in responses or reply.status_code == 207, (
        f"{method} {path} answered {reply.status_code}, the specification knows {sorted(responses)}"
    )


def operation(method: str, path: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The specification document and the responses of an operation, by the path that a client called."""
    for wanted in (path, _renamed(path)):
        for pattern, method_name, document, responses in _operations():
            if method_name == method.lower() and pattern.fullmatch(wanted):
                return document, responses
    return None


def _renamed(path: str) -> str:
    parts = path.split("/")
    return "/".join(NAMES.get(part, part) if n == 4 else part for n, part in enumerate(parts))


@cache
def _operations() -> list[tuple[re.Pattern[str], str, dict[str, Any], dict[str, Any]]]:
    relax = _relax()
    found = []
    for file in sorted(SPECS.glob("*/*.json")):
        document = _nullable(relax(json.loads(file.read_text())))
        standard = document["components"]["schemas"].get("StandardError")
        if standard is not None:  # an object by the specification, text in every recorded reply
            standard["properties"]["subCategory"] = {"type": ["string", "object"]}
        for template, operations in document["paths"].items():
            pattern = re.compile(re.sub(r"\{[^}]*\}", "[^/]+", template))
            for method, told in operations.items():
                if "responses" in told:
                    found.append((pattern, method, document, told["responses"], template.count("{")))
    found.sort(key=lambda row: row[4])  # the most literal path first
    return [row[:4] for row in found]


def _relax() -> Any:
    spec = importlib.util.spec_from_file_location("relax_hubspot", Path(SPECS.parent / "relax_hubspot.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.relax


def _nullable(node: Any) -> Any:
    """OpenAPI's `nullable` in the words of JSON Schema."""
    if isinstance(node, list):
        return [_nullable(item) for item in node]
    if not isinstance(node, dict):
        return node
    found = {key: _nullable(value) for key, value in node.items()}
    if found.pop("nullable", False) is True and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
    return found


def _schema(document: dict[str, Any], responses: dict[str, Any], status: int) -> dict[str, Any]:
    components = {"components": document["components"]}
    if status >= 400:
        error = document["components"]["schemas"]["Error"] | {"required": ["message"]}
        return error | components
    told = responses.get(str(status)) or responses.get("200") or responses.get("201") or {}
    content = told.get("content") or {}
    schema = next(iter(content.values()))["schema"] if content else {}
    return {"allOf": [schema]} | components
