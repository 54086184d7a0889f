"""SOAP envelopes of the Metadata API: what a client sent, and the replies and faults as Salesforce writes them."""

from collections.abc import Iterable
from xml.etree import ElementTree as ET

from sandbox.salesforce.errors import ApiError

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
METADATA = "http://soap.sforce.com/2006/04/metadata"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
TYPE, NIL = f"{{{XSI}}}type", f"{{{XSI}}}nil"
for prefix, uri in (("soapenv", SOAP), ("xsi", XSI), ("", METADATA)):
    ET.register_namespace(prefix, uri)


def tag(name: str) -> str:
    return f"{{{METADATA}}}{name}"


def local(element: ET.Element) -> str:
    """The element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def text(element: ET.Element, name: str) -> str | None:
    """The text of the first child of that name; None where there is none."""
    found = element.find(tag(name))
    return None if found is None else (found.text or "")


def opened(body: bytes) -> tuple[str, ET.Element]:
    """(session id, operation) of an envelope; ApiError where it is none."""
    try:
        root = ET.fromstring(body)  # noqa: S314 - invented data on a local port; expat bounds entities
    except ET.ParseError as error:
        raise ApiError(500, "INVALID_SOAP", f"unable to parse the SOAP envelope: {error}") from None
    head, content = root.find(f"{{{SOAP}}}Header"), root.find(f"{{{SOAP}}}Body")
    if content is None or len(content) != 1:
        raise ApiError(500, "INVALID_SOAP", "No operation available for request: the body holds none")
    session = None if head is None else head.find(f"{tag('SessionHeader')}/{tag('sessionId')}")
    return ("" if session is None else session.text or ""), content[0]


def reply(operation: str, results: Iterable[ET.Element]) -> bytes:
    """The envelope of an answer."""
    root = ET.Element(f"{{{SOAP}}}Envelope")
    answer = ET.SubElement(ET.SubElement(root, f"{{{SOAP}}}Body"), tag(f"{operation}Response"))
    answer.extend(results)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def fault(error: ApiError) -> bytes:
    """The envelope of a refusal of the whole call."""
    root = ET.Element(f"{{{SOAP}}}Envelope", {"xmlns:sf": METADATA})
    made = ET.SubElement(ET.SubElement(root, f"{{{SOAP}}}Body"), f"{{{SOAP}}}Fault")
    ET.SubElement(made, "faultcode").text = f"sf:{error.code}"
    ET.SubElement(made, "faultstring").text = f"{error.code}: {error.message}"
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def outcome(full_name: str, error: ApiError | None = None, *, created: bool | None = None) -> ET.Element:
    """One SaveResult, UpsertResult or DeleteResult."""
    made = ET.Element(tag("result"))
    if created is not None:
        ET.SubElement(made, tag("created")).text = str(created and error is None).lower()
    if error is not None:
        said = ET.SubElement(made, tag("errors"))
        ET.SubElement(said, tag("message")).text = error.message
        ET.SubElement(said, tag("statusCode")).text = error.code
    ET.SubElement(made, tag("fullName")).text = full_name
    ET.SubElement(made, tag("success")).text = str(error is None).lower()
    return made


def plain(element: ET.Element) -> object:
    """An element as JSON would hold it: texts, and objects whose repeated children are lists."""
    if not len(element):
        return element.text or ""
    found: dict[str, object] = {}
    for child in element:
        name, value = local(child), plain(child)
        held = found.get(name)
        if held is None:
            found[name] = value
        elif isinstance(held, list):
            held.append(value)
        else:
            found[name] = [held, value]
    return found
