"""/services/Soap/m: the calls of the Metadata API that work at once (list, read, create, update, upsert, delete).

Custom fields, page layouts, list views and translations; ten a call, one type a call. deploy and retrieve are not spoken.
"""

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.salesforce import rights
from sandbox.salesforce.api_tooling import Tooling
from sandbox.salesforce.auth import Tokens
from sandbox.salesforce.components import TYPES, Components, named
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.limits import Usage
from sandbox.salesforce.org import Org
from sandbox.salesforce.soap import NIL, TYPE, fault, local, opened, outcome, plain, reply, tag, text

MOST = 10  # components in a call
_OPERATIONS = ("listMetadata", "readMetadata", "createMetadata", "updateMetadata", "upsertMetadata", "deleteMetadata")


class Metadata:
    def __init__(self, org: Org, components: Components, tooling: Tooling, tokens: Tokens, usage: Usage) -> None:
        self._org = org
        self._components = components
        self._tooling = tooling
        self._tokens = tokens
        self._usage = usage

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/services/Soap/m/{version}", self._call, methods=["POST"]),
            Route("/services/Soap/m/{version}/{org}", self._call, methods=["POST"]),
        ]

    async def _call(self, request: Request) -> Response:
        body = await request.body()
        self._org.settle()
        status, content = 200, b""
        try:
            content = self._answer(body)
        except ApiError as error:
            status, content = 500, fault(error)
        return Response(content, status, media_type="text/xml;charset=UTF-8")

    def _answer(self, body: bytes) -> bytes:
        session, asked = opened(body)
        if not self._tokens.valid(session):
            raise ApiError(500, "INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader: Illegal Session")
        self._usage.charge()
        rights.need(self._org, "ModifyMetadata", "CustomizeApplication")
        operation = local(asked)
        if operation not in _OPERATIONS:
            raise ApiError(500, "INVALID_OPERATION", f"No operation available for request {operation}")
        answer: Callable[[ET.Element], list[ET.Element]] = getattr(self, f"_{operation.removesuffix('Metadata')}")
        return reply(operation, answer(asked))

    def _list(self, asked: ET.Element) -> list[ET.Element]:
        queries = asked.findall(tag("queries"))
        if len(queries) > 3:
            raise _too_many(3)
        found = []
        for query in queries:
            kind = text(query, "type") or ""
            for name in sorted(self._names(kind)):
                found.append(made := ET.Element(tag("result")))
                folder = {"Layout": "layouts", "ListView": "objects"}.get(kind, "objects")
                for key, value in (("fileName", f"{folder}/{name}"), ("fullName", name), ("type", kind)):
                    ET.SubElement(made, tag(key)).text = value
        return found

    def _names(self, kind: str) -> list[str]:
        if kind != "CustomField":
            return list(self._components.names(kind))
        every = self._org.schema.objects.values()
        return [f"{o.name}.{f.name}" for o in every for f in o.fields.values() if f.custom and not o.tooling]

    def _read(self, asked: ET.Element) -> list[ET.Element]:
        kind, names = text(asked, "type") or "", [e.text or "" for e in asked.findall(tag("fullNames"))]
        _check_number(names)
        result = ET.Element(tag("result"))
        for name in names:
            result.append(self._field(name) if kind == "CustomField" else self._components.read(kind, name))
        return [result]

    def _field(self, name: str) -> ET.Element:
        told = self._tooling.metadata(name)
        made = ET.Element(tag("records"), {TYPE: "CustomField"} if told is not None else {NIL: "true"})
        if told is not None:
            ET.SubElement(made, tag("fullName")).text = name
            for key, value in sorted(told.items()):
                _grow(made, key, value)
        return made

    def _create(self, asked: ET.Element) -> list[ET.Element]:
        return self._saved(asked, new=True)

    def _update(self, asked: ET.Element) -> list[ET.Element]:
        return self._saved(asked, new=False)

    def _upsert(self, asked: ET.Element) -> list[ET.Element]:
        return self._saved(asked, new=None)

    def _saved(self, asked: ET.Element, *, new: bool | None) -> list[ET.Element]:
        sent = asked.findall(tag("metadata"))
        _check_number(sent)
        kinds = {(e.get(TYPE) or "").rpartition(":")[2] for e in sent}
        if len(kinds) != 1:
            raise ApiError(500, "INVALID_TYPE", "All metadata components in a call must be of one type")
        kind = kinds.pop()
        if kind not in (*TYPES, "CustomField"):
            raise ApiError(500, "INVALID_TYPE", f"This type of metadata is not available for this organization: {kind}")
        made = []
        for element in sent:
            name, error, there = text(element, "fullName") or "", None, False
            try:
                named(element)
                there = self._there(kind, name)
                if new is True and there:
                    raise ApiError(400, "DUPLICATE_DEVELOPER_NAME", f"There is already a {kind} named {name}.")
                if new is False and not there:
                    raise ApiError(400, "INVALID_CROSS_REFERENCE_KEY", f"no {kind} named {name} found")
                if kind == "CustomField":
                    told = plain(element)
                    self._tooling.save(name, _typed(told if isinstance(told, dict) else {}))
                else:
                    self._components.save(kind, name, element)
            except ApiError as refused:
                if refused.status == 500:
                    raise
                error = refused
            made.append(outcome(name, error, created=not there if new is None else None))
        return made

    def _there(self, kind: str, name: str) -> bool:
        return (
            self._tooling.metadata(name) is not None if kind == "CustomField" else self._components.exists(kind, name)
        )

    def _delete(self, asked: ET.Element) -> list[ET.Element]:
        kind, names = text(asked, "type") or "", [e.text or "" for e in asked.findall(tag("fullNames"))]
        _check_number(names)
        made = []
        for name in names:
            error = None
            try:
                if kind == "CustomField":
                    self._tooling.drop(name)
                else:
                    self._components.delete(kind, name)
            except ApiError as refused:
                if refused.status == 500:
                    raise
                error = refused
            made.append(outcome(name, error))
        return made


def _too_many(most: int) -> ApiError:
    message = f"record limit reached. cannot submit more than {most} records in this operation"
    return ApiError(500, "EXCEEDED_ID_LIMIT", message)


def _check_number(items: list[Any]) -> None:
    if len(items) > MOST:
        raise _too_many(MOST)


def _typed(told: dict[str, Any]) -> dict[str, Any]:
    """What a Tooling client would have sent as JSON: numbers and truth values instead of texts."""
    if told.get("type") == "Checkbox" and "required" in told:
        raise ApiError(
            400, "FIELD_INTEGRITY_EXCEPTION", "Can not specify 'required' for a CustomField of type Checkbox"
        )
    for key in ("length", "precision", "scale", "visibleLines"):
        if str(told.get(key, "")).isdigit():
            told[key] = int(told[key])
    for key in ("required", "unique", "externalId"):
        if key in told:
            told[key] = told[key] == "true"
    values = told.get("valueSet")
    if isinstance(values, dict):
        values["restricted"] = values.get("restricted") == "true"
        listed = (values.get("valueSetDefinition") or {}).get("value")
        if isinstance(listed, dict):
            values["valueSetDefinition"]["value"] = [listed]
    return told


def _grow(parent: ET.Element, name: str, value: Any) -> None:
    if value is None or (name == "default" and value is None):
        return
    for one in value if isinstance(value, list) else [value]:
        child = ET.SubElement(parent, tag(name))
        if isinstance(one, dict):
            for key, inner in one.items():
                _grow(child, key, inner)
        else:
            child.text = str(one).lower() if isinstance(one, bool) else str(one)
