"""What real Salesforce servers sent, as recorded, and an organisation that sends it again."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.salesforce_org import SYSTEM, a_field, parts
from tests.scripted_http import Answer, Asked
from tests.shared_folder import FOLDER, shared

RECORDINGS = FOLDER / "recordings" / "salesforce"
AMP = "amp-labs+connectors__providers_salesforce_test_"
STAMP = "2026-05-01T07:25:37.000+0000"
COMPOUND = {"address", "location"}  # their parts are fields of their own
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the quick one where there is one: these files are large


@dataclass(frozen=True)
class Sent:
    """A recorded page of records of one object. `page` is None where the folder is absent."""

    where: str
    page: Any

    @property
    def object(self) -> str:
        return str(self.page["records"][0]["attributes"]["type"])

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(n for row in self.page["records"] for n in row if n != "attributes"))

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Whole rows, with what a recording did not ask for and every reply to us would hold."""
        rows = []
        for row in self.page["records"]:
            made = row["attributes"].get("url", "").rpartition("/")[2]
            rows.append({"Id": made, "SystemModstamp": STAMP, "IsDeleted": False, "MasterRecordId": None, **row})
        return [row for row in rows if set(self.fields) <= row.keys()]

    @property
    def unique(self) -> list[dict[str, Any]]:
        """One cassette repeats records, as it was edited by hand; a page holds each once."""
        return list({row["Id"]: row for row in self.rows}.values())


def names(pattern: str) -> list[str]:
    """Recordings by name; one that does not exist where the folder is absent, so that its test says what it needs."""
    return sorted(p.name for p in RECORDINGS.glob(pattern)) or [f"absent {pattern}"]


def text_of(name: str) -> str:
    return shared("recordings", "salesforce", name).read_text()


def bodies(path: Path) -> Iterator[str]:
    """Every reply body in a recording, as text."""
    text = path.read_text()
    if path.suffix == ".json":
        yield text
        return
    told = yaml.load(text, _LOADER) or {}
    for turn in told.get("interactions") or [told]:
        body = ((turn.get("response") or {}).get("body") or {}).get("string")
        if isinstance(body, str):
            yield body


def parsed(text: str) -> Any:
    """JSON whose numbers keep the way they were written, marked."""
    try:
        return json.loads(text, parse_float=lambda written: f"@@{written}@@")
    except ValueError:
        return None


def as_sent(body: Any) -> bytes:
    """JSON with its numbers as they were written."""
    return re.sub(rb'"@@([^@"]*)@@"', rb"\1", json.dumps(body).encode())


def documents(pattern: str = "*") -> Iterator[tuple[str, Any]]:
    """(where, JSON) of every recorded reply, and of each reply inside a composite one."""
    for path in sorted(RECORDINGS.glob(pattern)):
        if path.suffix not in {".json", ".yaml"}:
            continue
        for n, body in enumerate(bodies(path)):
            document = parsed(body)
            where = f"{path.name[-60:]}#{n}"
            yield where, document
            for part in document.get("compositeResponse", []) if isinstance(document, dict) else []:
                yield where, part.get("body")


def recorded_pages() -> list[Sent]:
    """Every recorded reply to a query that returned records."""
    found = [
        Sent(where, page)
        for where, page in documents()
        if isinstance(page, dict) and page.get("records") and "totalSize" in page
    ]
    return found or [Sent("absent", None)]


def recorded_descriptions() -> list[tuple[str, Any]]:
    """(where, description) of every object that was described."""
    found = [
        (where, told)
        for where, told in documents()
        if isinstance(told, dict) and isinstance(told.get("fields"), list) and "childRelationships" in told
    ]
    return found or [("absent", None)]


def readable(description: dict[str, Any]) -> dict[str, Any]:
    """The description with what every object has; a recording may have been cut down."""
    held = {f["name"] for f in description["fields"]}
    return {**description, "fields": [*description["fields"], *(f for f in SYSTEM if f["name"] not in held)]}


def described_by(fields: tuple[str, ...], name: str, known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A description with these fields: as `known` tells of them, otherwise as text. Relations and compounds come as text."""
    told = [known.get(n, {}) for n in fields]
    made = [f if f and f["type"] not in COMPOUND else a_field(n) for n, f in zip(fields, told, strict=True)]
    return readable({"name": name, "label": f"{name} (label)", "fields": made})


def answering(description: dict[str, Any], rows: list[dict[str, Any]]) -> Callable[[Asked], Answer]:
    """The description, and these rows to every query; nothing was deleted."""
    page = {"totalSize": len(rows), "done": True, "records": rows}

    def answer(asked: Asked) -> Answer:
        if asked.path.endswith("/describe"):
            return Answer(as_sent(description))
        if asked.path.endswith("/composite"):
            log = {"deletedRecords": [], "earliestDateAvailable": STAMP, "latestDateCovered": STAMP}
            wanted = [one["referenceId"] for one in asked.body["compositeRequest"]]
            return Answer(as_sent(parts(**{name: log if name == "log" else page for name in wanted}).body))
        return Answer(as_sent(page))

    return answer
