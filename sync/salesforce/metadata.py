"""The Metadata API over SOAP: what no other API of Salesforce makes (list views, page layouts, translations).

simple-salesforce offers it through zeep and a description of API 63.0. That path ignores our session (no time-outs, no host check), raises
one bare Exception for a whole call, and would drop from a page layout whatever is younger than that description. Envelopes are few and
small, so they are written here, and a layout that is read is sent back with every element it came with.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

import requests
from simple_salesforce.api import Salesforce

from sync.salesforce.client import Client
from sync.salesforce.failures import classify, not_json

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
METADATA = "http://soap.sforce.com/2006/04/metadata"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
TYPE, _NIL = f"{{{_XSI}}}type", f"{{{_XSI}}}nil"
MOST = 10  # components in one call


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of one component. `code` is Salesforce's where it refused."""

    name: str
    code: str | None = None


def tag(name: str) -> str:
    return f"{{{METADATA}}}{name}"


def element(name: str, content: Any = None, *, kind: str | None = None) -> ET.Element:
    """An element of plain values: mappings become children in their order, lists repeated children, None and "" nothing."""
    made = ET.Element(tag(name))
    if kind is not None:
        made.set(TYPE, kind)
    if isinstance(content, Mapping):
        for key, value in content.items():
            for one in value if isinstance(value, list | tuple) else [value]:
                if one is not None:
                    made.append(element(key, one))
    elif content is not None:
        made.text = str(content).lower() if isinstance(content, bool) else str(content)
    return made


def text(parent: ET.Element, name: str) -> str | None:
    """The text of the first child of that name; None where there is none."""
    found = parent.find(tag(name))
    return None if found is None else (found.text or "")


def as_text(made: ET.Element) -> str:
    """An element as a dry run shows it."""
    shown = ET.fromstring(ET.tostring(made))  # noqa: S314 - our own
    for one in shown.iter():
        one.tag = one.tag.rpartition("}")[2]
        if TYPE in one.attrib:
            one.set("xsi:type", one.attrib.pop(TYPE))
    ET.indent(shown)
    return ET.tostring(shown, encoding="unicode")


def upsert_of(kind: str, components: Iterable[ET.Element]) -> ET.Element:
    """The call that makes components or replaces them."""
    call = element("upsertMetadata")
    for one in components:
        sent = ET.SubElement(call, tag("metadata"), {TYPE: kind})
        sent.extend(list(one))
    return call


def delete_of(kind: str, names: Sequence[str]) -> ET.Element:
    return element("deleteMetadata", {"type": kind, "fullNames": list(names)})


class MetadataApi:
    """Calls of one logged-in Salesforce. All of them may be repeated: reading, replacing and deleting again change nothing."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.path = f"/services/Soap/m/{client.version()}"

    def names(self, kind: str) -> list[str]:
        """The full names of all components of a type."""
        version = self.path.rpartition("/")[2]
        call = element("listMetadata", {"queries": {"type": kind}, "asOfVersion": version})
        return [
            text(one, "fullName") or "" for one in self._ask(call, "read", f"list of {kind}").findall(tag("result"))
        ]

    def read(self, kind: str, names: Sequence[str]) -> dict[str, ET.Element]:
        """The components that are there, whole, by full name."""
        found: dict[str, ET.Element] = {}
        for start in range(0, len(names), MOST):
            part = names[start : start + MOST]
            reply = self._ask(
                element("readMetadata", {"type": kind, "fullNames": list(part)}), "read", f"read of {kind}"
            )
            for one in reply.iter(tag("records")):
                name = text(one, "fullName")
                if one.get(_NIL) != "true" and name:
                    found[name] = one
        return found

    def upsert(self, kind: str, components: Sequence[ET.Element]) -> list[Saved]:
        """Makes or replaces components, one result each."""
        return [
            saved
            for start in range(0, len(components), MOST)
            for saved in self._changed(upsert_of(kind, components[start : start + MOST]), f"change of {kind}")
        ]

    def delete(self, kind: str, names: Sequence[str]) -> list[Saved]:
        return [
            saved
            for start in range(0, len(names), MOST)
            for saved in self._changed(delete_of(kind, names[start : start + MOST]), f"deletion of {kind}")
        ]

    def _changed(self, call: ET.Element, about: str) -> list[Saved]:
        made = []
        for one in self._ask(call, "write", about).findall(tag("result")):
            code = one.find(f"{tag('errors')}/{tag('statusCode')}")
            done = text(one, "success") == "true"
            made.append(
                Saved(text(one, "fullName") or "", None if done else (code.text if code is not None else "") or "")
            )
        return made

    def _ask(self, call: ET.Element, kind: str, about: str) -> ET.Element:
        return self._client.ask(kind, about, lambda sf: self._send(sf, call, about))

    def _send(self, sf: Salesforce, call: ET.Element, about: str) -> ET.Element:
        """The content of the answer's body; SyncError, classified as everywhere, where the call was refused."""
        transport, token = self._client.transport, self._client.token
        reply: requests.Response = sf.session.post(
            token.instance + self.path,
            data=_envelope(call, token.value),
            headers={"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": '""'},
        )
        try:
            # the answer of a host that was checked; expat bounds what entities may grow to
            body = ET.fromstring(reply.content).find(f"{{{SOAP}}}Body")  # noqa: S314
        except ET.ParseError:
            body = None
        if body is None or not len(body):
            if reply.status_code >= 300:
                raise classify(reply.status_code, None, transport.headers, transport.now(), about)
            raise not_json(about, kind="SOAP")
        if body[0].tag == f"{{{SOAP}}}Fault":
            code = (body[0].findtext("faultcode") or "").rpartition(":")[2]
            said = [{"errorCode": code, "message": ""}]
            raise classify(400, said, transport.headers, transport.now(), about)  # a fault always says 500
        return body[0]


def _envelope(call: ET.Element, session: str) -> bytes:
    root = ET.Element(f"{{{SOAP}}}Envelope")
    head = ET.SubElement(root, f"{{{SOAP}}}Header")
    head.append(element("SessionHeader", {"sessionId": session}))
    ET.SubElement(root, f"{{{SOAP}}}Body").append(call)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))
