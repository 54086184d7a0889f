"""The control API under /_sandbox/: the truth, the clock, the faults; for tests and demos, never part of a CRM."""

import json
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.state import Sandbox
from sandbox.world import Crm

ACTIONS = ("create", "edit", "delete", "undelete", "purge", "merge", "convert", "hide", "show", "refuse")
_CRMS: tuple[Crm, ...] = ("salesforce", "hubspot")


class BadRequest(ValueError):
    """What was asked cannot be done; the message is the sentence that the caller reads."""


def control_routes(sandbox: Sandbox) -> list[Route]:
    """The routes, to be mounted under /_sandbox."""

    async def health(_: Request) -> Any:
        return {"status": "ok", "now": sandbox.clock.now()}

    async def world(_: Request) -> Any:
        now = sandbox.clock.now()
        return {
            "as_of": sandbox.world.as_of,
            "start": sandbox.world.start,
            "now": now,
            "lived_until": sandbox.lived_until,
            "counts": {name: _count(sandbox, name) for name in _CRMS},
            "truth": sandbox.world.truth,
        }

    async def ledger(request: Request) -> Any:
        crms = _asked(request.query_params.get("crm"))
        name = request.query_params.get("object") or None
        writes = [w for crm in crms for w in sandbox.crm(crm).store.writes if name in (None, w.object)]
        writes.sort(key=lambda w: w.seq)
        return {
            "records": [record for crm in crms for record in sandbox.crm(crm).store.ledger(name)],
            "writes": [{key: getattr(w, key) for key in w.__slots__} for w in writes],
        }

    async def calls(_: Request) -> Any:
        return sandbox.calls.report()

    async def reset_calls(_: Request) -> Any:
        sandbox.calls.reset()
        return sandbox.calls.report()

    async def records(request: Request) -> Any:
        told = await _json(request)
        if isinstance(told, list):
            return {"results": [_act(sandbox, one) for one in told]}
        return _act(sandbox, told)

    async def advance(request: Request) -> Any:
        told = await _json(request)
        days = told.get("days") if isinstance(told, dict) else None
        if isinstance(days, bool) or not isinstance(days, int | float) or not 0 <= days <= 36_500:
            raise BadRequest(f'advance needs {{"days": n}} with n from 0 to 36500, got {days!r}')
        happened = await sandbox.advance(days)
        return {"now": sandbox.clock.now(), "happened": happened}

    async def faults(_: Request) -> Any:
        return {"faults": [fault.report() for fault in sandbox.faults.scripts], "late": sandbox.border.late}

    async def add_faults(request: Request) -> Any:
        added = sandbox.faults.add(await _scripts(request))
        return {"faults": [fault.report() for fault in added]}

    async def replace_faults(request: Request) -> Any:
        replaced, added = sandbox.faults.replace(await _scripts(request))
        sandbox.border.let_go()
        return {"removed": replaced, "faults": [fault.report() for fault in added]}

    async def clear_faults(_: Request) -> Any:
        sandbox.border.let_go()
        return {"removed": sandbox.faults.clear()}

    async def reset(_: Request) -> Any:
        sandbox.begin()
        return {"now": sandbox.clock.now(), "as_of": sandbox.world.as_of}

    return [
        _route("/health", health, "GET"),
        _route("/world", world, "GET"),
        _route("/ledger", ledger, "GET"),
        _route("/calls", calls, "GET"),
        _route("/calls/reset", reset_calls, "POST"),
        _route("/records", records, "POST"),
        _route("/advance", advance, "POST"),
        _route("/faults", faults, "GET"),
        _route("/faults", add_faults, "POST"),
        _route("/faults", replace_faults, "PUT"),
        _route("/faults", clear_faults, "DELETE"),
        _route("/reset", reset, "POST"),
    ]


async def _scripts(request: Request) -> list[Any]:
    """The fault scripts of a body: a list, one alone, or either under `faults`."""
    told = await _json(request)
    if isinstance(told, dict) and "faults" in told:
        told = told["faults"]
    return told if isinstance(told, list) else [told]


def _route(path: str, answer: Callable[[Request], Awaitable[Any]], method: str) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            return _reply(200, await answer(request))
        except (ValueError, LookupError) as error:
            sentence = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
            return _reply(400, {"error": sentence})

    return Route(path, endpoint, methods=[method], name=f"{method.lower()}{path}")


def _reply(status: int, document: Any) -> Response:
    return Response(json.dumps(document, ensure_ascii=False, default=_plain), status, media_type="application/json")


def _plain(value: Any) -> Any:
    """Times as ISO 8601 in UTC, whatever else a record holds as text."""
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


async def _json(request: Request) -> Any:
    try:
        return json.loads(await request.body() or b"null")
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}") from None


def _asked(crm: str | None) -> tuple[Crm, ...]:
    if not crm:
        return _CRMS
    if crm not in _CRMS:
        raise BadRequest(f"crm is salesforce or hubspot, got {crm!r}")
    return (crm,)


def _act(sandbox: Sandbox, told: Any) -> dict[str, Any]:
    """One act of a CRM's user: not an API call, so neither counted nor in the list of writes."""
    if not isinstance(told, dict):
        raise BadRequest(
            f'records needs an object such as {{"crm": "salesforce", "action": "edit", ...}}, got {told!r}'
        )
    action = told.get("action")
    if told.get("crm") not in _CRMS:
        raise BadRequest(f"crm is salesforce or hubspot, got {told.get('crm')!r}")
    if action not in ACTIONS:
        raise BadRequest(f"action is one of {', '.join(ACTIONS)}, got {action!r}")
    rest = {key: value for key, value in told.items() if key not in ("crm", "action")}
    crm = sandbox.crm(_asked(told["crm"])[0])
    if action == "refuse":
        return {"refused": crm.store.refusals.tell(str(rest.get("object")), rest)}
    return crm.manual(action, rest)


def _count(sandbox: Sandbox, crm: Crm) -> dict[str, int]:
    store = sandbox.crm(crm).store
    return {name: sum(1 for _ in store.live(name)) for name in sorted(store.objects)}
