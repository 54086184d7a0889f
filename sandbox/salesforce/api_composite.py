"""/composite and /composite/batch: several calls in one."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.wire import Call, Reply, Route
from sandbox.salesforce.writer import Writer

MOST_CALLS = 25
MOST_QUERIES = 5
_REFERENCE = re.compile(r"@\{(\w+)((?:\.\w+|\[\d+\])*)\}")
_HALTED = "The transaction was rolled back since another operation in the same transaction failed."
Dispatch = Callable[[Call], Reply]


def split_url(url: str) -> tuple[str, str, dict[str, str]]:
    """Version, path below it and parameters of a subrequest's url; its query may hold plain spaces."""
    parts = urlsplit(url)
    match = re.fullmatch(r"(?:/services/data)?/?(v\d+\.\d)(?:/(.*))?", unquote(parts.path))
    if match is None:
        raise ApiError(400, "INVALID_INPUT", f"Invalid subrequest URL: {url}")
    return match[1], (match[2] or "").strip("/"), dict(parse_qsl(parts.query, keep_blank_values=True))


class Composite:
    def __init__(self, writer: Writer, dispatch: Dispatch, charge: Callable[[int], None]) -> None:
        self._writer = writer
        self._dispatch = dispatch
        self._charge = charge

    def routes(self) -> list[Route]:
        return [("POST", "composite", self.composite), ("POST", "composite/batch", self.batch)]

    def composite(self, call: Call) -> Reply:
        body = call.document()
        asked = body.get("compositeRequest")
        if not isinstance(asked, list) or not asked:
            raise ApiError(400, "INVALID_INPUT", "compositeRequest must hold at least 1 subrequest")
        _check(asked)
        all_or_none = bool(body.get("allOrNone", False))
        mark = self._writer.mark()
        answers: dict[str, Any] = {}
        out: list[dict[str, Any]] = []
        failed: set[str] = set()
        for sub in asked:
            reply = self._one(call, sub, answers, failed)
            name = str(sub.get("referenceId"))
            answers[name] = reply.body
            if reply.status >= 400:
                failed.add(name)
            shown = reply.body if reply.raw is None else reply.raw.decode()
            out.append(
                {"body": shown, "httpHeaders": reply.headers, "httpStatusCode": reply.status, "referenceId": name}
            )
            if failed and all_or_none:
                break
        if failed and all_or_none:
            self._writer.roll_back(mark)
            halted = {
                "body": [{"errorCode": "PROCESSING_HALTED", "message": _HALTED}],
                "httpHeaders": {},
                "httpStatusCode": 400,
            }
            kept = [o if o["referenceId"] in failed else {**halted, "referenceId": o["referenceId"]} for o in out]
            rest = [{**halted, "referenceId": str(s.get("referenceId"))} for s in asked[len(out) :]]
            out = kept + rest
        return Reply(body={"compositeResponse": out})

    def _one(self, call: Call, sub: dict[str, Any], answers: dict[str, Any], failed: set[str]) -> Reply:
        try:
            url = _filled(str(sub.get("url", "")), answers, failed)
            content = _filled(json.dumps(sub["body"]), answers, failed) if sub.get("body") is not None else ""
            version, path, params = split_url(url)
        except ApiError as error:
            return Reply(error.status, error.body())
        headers = {str(k).lower(): str(v) for k, v in (sub.get("httpHeaders") or {}).items()}
        method = str(sub.get("method", "GET")).upper()
        inner = Call(method, version, path, params, headers, content.encode(), call.base_url, call.request_id)
        return self._dispatch(inner)

    def batch(self, call: Call) -> Reply:
        """Each subrequest counts as a call of its own."""
        body = call.document()
        asked = body.get("batchRequests")
        if not isinstance(asked, list) or not asked or len(asked) > MOST_CALLS:
            raise ApiError(400, "INVALID_INPUT", f"batchRequests must hold 1 to {MOST_CALLS} subrequests")
        self._charge(len(asked) - 1)
        results = []
        for sub in asked:
            content = json.dumps(sub["richInput"]).encode() if sub.get("richInput") is not None else b""
            try:
                version, path, params = split_url(str(sub.get("url", "")))
                method = str(sub.get("method", "GET")).upper()
                reply = self._dispatch(Call(method, version, path, params, {}, content, call.base_url, call.request_id))
            except ApiError as error:
                reply = Reply(error.status, error.body())
            results.append({"statusCode": reply.status, "result": reply.body})
            if reply.status >= 400 and body.get("haltOnError"):
                break
        return Reply(body={"hasErrors": any(r["statusCode"] >= 400 for r in results), "results": results})


def _check(asked: list[Any]) -> None:
    if len(asked) > MOST_CALLS:
        message = f"Limit of {MOST_CALLS} exceeded: a composite request takes at most {MOST_CALLS} subrequests"
        raise ApiError(400, "INVALID_INPUT", message)
    names = [s.get("referenceId") for s in asked]
    if None in names or len(set(names)) != len(names):
        raise ApiError(400, "INVALID_INPUT", "each subrequest needs a referenceId of its own")
    heavy = 0
    for s in asked:
        path = split_url(str(s.get("url", "")))[1]
        if re.match(r"(query(All)?|composite/sobjects)(/|$)", path):
            heavy += 1
        elif path.startswith("composite"):
            raise ApiError(400, "INVALID_INPUT", f"Composite subrequests cannot contain composite requests: {path}")
    if heavy > MOST_QUERIES:
        message = f"Limit of {MOST_QUERIES} exceeded: at most {MOST_QUERIES} subrequests may be queries or sObject collections"
        raise ApiError(400, "INVALID_INPUT", message)


def _filled(text: str, answers: dict[str, Any], failed: set[str]) -> str:
    """References such as @{one.id} replaced by what earlier subrequests answered."""

    def value(match: re.Match[str]) -> str:
        if match[1] in failed or match[1] not in answers:
            message = f"Invalid reference specified. No value for {match[0][2:-1]} found in {match[1]}"
            raise ApiError(400, "PROCESSING_HALTED", message)
        at = answers[match[1]]
        for step in re.findall(r"\w+", match[2]):
            try:
                at = at[int(step)] if isinstance(at, list) else at[step]
            except (LookupError, TypeError, ValueError):
                message = f"Invalid reference specified. No value for {match[0][2:-1]} found in {match[1]}"
                raise ApiError(400, "PROCESSING_HALTED", message) from None
        return str(at)

    return _REFERENCE.sub(value, text)
