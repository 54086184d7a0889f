"""What real HubSpot accounts sent, as recorded, and a server that sends it again."""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from sync.hubspot import AccessToken, HubspotConnector
from tests.scripted_http import Answer, Asked, Script, scripted
from tests.shared_folder import FOLDER, shared

AMP = "amp-labs+connectors__test__"
RUBY = "captaincontrat+hubspot-api-ruby__"
PLACE = FOLDER / "recordings" / "hubspot"

# HubSpot's own types of its own properties, where they are not text and no recorded description names them
TYPES: Mapping[str, str] = {
    **dict.fromkeys(
        ("createdate", "hs_createdate", "hs_helpdesk_sort_timestamp", "hs_lastmodifieddate", "hs_lifecyclestage_lead_date",
         "hs_meeting_end_time", "hs_meeting_start_time", "hs_task_completion_date", "hs_timestamp",
         "hubspot_owner_assigneddate", "lastmodifieddate"),
        "datetime",
    ),
    **dict.fromkeys(
        ("hs_associated_target_accounts", "hs_budget_items_sum_amount", "hs_membership_has_accessed_private_content",
         "hs_object_id", "hs_prospecting_agent_actively_enrolled_count", "hs_prospecting_agent_total_enrolled_count",
         "hs_registered_member", "hs_sequences_actively_enrolled_count", "hs_task_completion_count",
         "hs_task_is_completed", "hs_task_is_completed_call", "hs_task_is_completed_email",
         "hs_task_is_completed_linked_in", "hs_task_is_completed_sequence", "hs_task_missed_due_date_count",
         "num_notes"),
        "number",
    ),
    **dict.fromkeys(
        ("hs_body_preview_is_truncated", "hs_currently_enrolled_in_prospecting_agent", "hs_is_contact", "hs_is_unworked",
         "hs_last_message_from_visitor", "hs_task_is_all_day", "hs_task_is_overdue", "hs_task_is_past_due_date",
         "hs_task_missed_due_date"),
        "bool",
    ),
}  # fmt: skip


class _Cassette(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The quick loader where there is one: these files are large."""


_Cassette.add_constructor("!binary", lambda loader, node: base64.b64decode(loader.construct_scalar(node)))


@dataclass(frozen=True)
class Sent:
    """Rows of one recorded reply, and what they are rows of."""

    where: str
    object: str
    rows: Sequence[dict[str, Any]]


def recorded(name: str) -> Any:
    """A recorded reply's JSON."""
    return json.loads(shared("recordings", "hubspot", f"{AMP}{name}.json").read_text("utf-8"))


@cache
def _turns(path: Path) -> list[dict[str, Any]]:
    told = yaml.load(path.read_text("utf-8"), _Cassette)
    found: list[dict[str, Any]] = told["http_interactions"]
    return found


def cassette(name: str, path: str) -> list[tuple[int, dict[str, str], Any]]:
    """(status, headers, JSON) of each recorded reply to that path."""
    found = []
    for one in _turns(shared("recordings", "hubspot", f"{RUBY}{name}.yml")):
        if path in one["request"]["uri"]:
            body = one["response"]["body"]["string"]
            headers = {k: v[0] for k, v in one["response"]["headers"].items()}
            found.append((one["response"]["status"]["code"], headers, json.loads(body)))
    assert found
    return found


def replies() -> Iterator[tuple[str, str, Any]]:
    """(file, path, JSON) of every recorded reply that is JSON; the path is empty where a file is one reply alone."""
    for path in sorted(PLACE.glob("*")):
        if path.suffix == ".json":
            yield path.stem.removeprefix(AMP), "", json.loads(path.read_text("utf-8"))
        elif path.suffix == ".yml" and "/crm/" in path.read_text("utf-8"):
            for turn, one in enumerate(_turns(path)):
                try:
                    body = json.loads(one["response"]["body"]["string"])
                except ValueError:
                    continue  # an older API's reply, whose ids were cut out, or a page for people
                where = f"{path.stem.removeprefix(RUBY)}#{turn}"
                yield where, one["request"]["uri"].partition("hubapi.com")[2], body


def rows_of(body: Any) -> list[dict[str, Any]]:
    """The rows of a list, or the one row that was asked for."""
    rows = body.get("results", [body]) if isinstance(body, dict) else []
    return [row for row in rows if isinstance(row, dict)]


def sent_records() -> list[Sent]:
    """Every reply that holds records with properties; where the folder is absent, one without rows."""
    found = []
    for where, path, body in replies():
        rows = [r for r in rows_of(body) if isinstance(r.get("properties"), dict) and "updatedAt" in r]
        named = re.search(r"/crm/v3/objects/(\w+)", path) or re.search(r"(contacts|campaigns)", where)
        if rows and named:
            found.append(Sent(where, named[1], rows))
    return found or [Sent("absent", "", ())]


def sent_owners() -> list[Sent]:
    """Every reply that holds owners."""
    told = [
        Sent(where, "owners", rows_of(body)) for where, path, body in replies() if path.startswith("/crm/v3/owners")
    ]
    return [sent for sent in told if sent.rows] or [Sent("absent", "", ())]


def sent_links() -> list[tuple[str, str, str, list[dict[str, Any]]]]:
    """(where, from object, to object, rows as a batch read gives them) of every reply that holds a record's links."""
    found = [
        (where, "contacts", "companies", rows_of(body))
        for where, _, body in replies()
        if where.endswith("contacts-to-companies")
    ]
    for where, path, body in replies():
        one = re.fullmatch(r"/crm/v4/objects/(\w+)/(\d+)/associations/(\w+)", path)
        if one:
            names = {"Deal": "deals", "Contact": "contacts", "Company": "companies"}
            row = {"from": {"id": one[2]}, "to": rows_of(body)}
            found.append((where, names[one[1]], names[one[3]], [row]))
    return found or [("absent", "", "", [])]


def property_of(name: str) -> dict[str, Any]:
    """A property as HubSpot would describe it."""
    return {"name": name, "label": name.title(), "type": TYPES.get(name, "string"), "fieldType": "text", "options": []}


@contextmanager
def serving(answer: Callable[[Asked], Answer], version: str = "v3") -> Iterator[tuple[HubspotConnector, Script]]:
    with scripted(answer) as script:
        connector = HubspotConnector("hubspot", AccessToken("t"), url=script.url, api_version=version)
        yield connector, script
        connector.close()


def listing(rows: Sequence[dict[str, Any]], **others: Any) -> Callable[[Asked], Answer]:
    """These rows, listed and found by every search; `others` answer paths that end so."""

    def answer(asked: Asked) -> Answer:
        for ending, body in others.items():
            if asked.path.endswith(ending.replace("__", "/")):
                return Answer(body, 207 if "errors" in body else 200)
        if "account-info" in asked.path:
            return Answer({"portalId": 1})
        if asked.path.endswith("/search"):
            return Answer({"total": len(rows), "results": rows})
        return Answer({"results": [] if asked.query.get("archived") == "true" else rows})

    return answer
