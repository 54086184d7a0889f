"""Scripts of faults: which calls they strike, when, how often, and what happens to them. Pure; middleware.py carries them out."""

import random
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sandbox.world import Crm

_NUMBER = (int, float)
_TEXT_OR_JSON = (str, dict, list, int, float, bool, type(None))
# what each kind of effect may be told; docs/sandbox.md explains them
EFFECTS: dict[str, dict[str, Any]] = {
    "status": {"status": int, "headers": dict, "body": _TEXT_OR_JSON},
    "delay": {"seconds": _NUMBER},
    "hang": {"seconds": _NUMBER},
    "trickle": {"seconds": _NUMBER, "bytes": int},
    "cut": {"after": _NUMBER},
    "lost_reply": {},
    "late_apply": {"delay": _NUMBER, "status": int, "body": _TEXT_OR_JSON},
    "duplicate_page": {},
    "expired_token": {"revoke": bool},
    "edit": {"status": int, "headers": dict, "find": str, "replace": str, "keep": _NUMBER},
}
_NEEDED = {"status": ("status",), "delay": ("seconds",), "late_apply": ("delay",)}
_MATCHERS = ("crm", "method", "path", "query", "body")
_KEYS = ("match", "effect", "skip", "times", "probability", "seed")


class BadFault(ValueError):
    """A fault script that cannot be meant; the message names the key and what is allowed."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a fault can look at."""

    crm: Crm
    method: str
    path: str
    query: str
    body: str = ""
    authorization: str = ""


@dataclass(slots=True)
class Fault:
    """One script. `seen` counts calls that matched, `hits` those that were struck."""

    id: int
    script: dict[str, Any]
    crm: str | None
    method: str | None
    patterns: dict[str, re.Pattern[str]]
    effect: dict[str, Any]
    skip: int
    times: int | None
    probability: float
    chance: random.Random
    seen: int = 0
    hits: int = 0
    last_page: Any = None  # for duplicate_page: the reply to repeat

    @property
    def kind(self) -> str:
        return str(self.effect["kind"])

    def matches(self, request: Request) -> bool:
        if self.crm not in (None, request.crm) or self.method not in (None, request.method):
            return False
        if self.kind == "expired_token" and not request.authorization.startswith("Bearer "):
            return False  # a login has no token that could expire
        return all(pattern.search(getattr(request, name)) for name, pattern in self.patterns.items())

    def strikes(self) -> bool:
        """Counts one matching call, and says whether it is struck."""
        self.seen += 1
        if self.seen <= self.skip or (self.times is not None and self.hits >= self.times):
            return False
        if self.probability < 1 and self.chance.random() >= self.probability:
            return False
        self.hits += 1
        return True

    def report(self) -> dict[str, Any]:
        done = self.times is not None and self.hits >= self.times
        return {"id": self.id, **self.script, "seen": self.seen, "hits": self.hits, "done": done}


@dataclass(slots=True)
class Faults:
    """The scripts in force, in the order they were given; the first that strikes a call decides."""

    scripts: list[Fault] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)  # Authorization headers that an expired_token took back
    _serial: int = 0

    def add(self, scripts: Iterable[Any]) -> list[Fault]:
        """Checks all scripts, then takes them all: one bad script leaves things as they were."""
        made = [self._parse(script, self._serial + n) for n, script in enumerate(scripts, 1)]
        self._serial += len(made)
        self.scripts += made
        return made

    def replace(self, scripts: Iterable[Any]) -> tuple[int, list[Fault]]:
        """These scripts for those in force, with no call between that meets neither; a bad one leaves all as it was.

        Returns how many went, and those that came.
        """
        before = len(self.scripts)
        added = self.add(scripts)
        del self.scripts[:before]
        self.revoked.clear()
        return before, added

    def clear(self) -> int:
        count = len(self.scripts)
        self.scripts.clear()
        self.revoked.clear()
        return count

    @property
    def read_bodies(self) -> bool:
        """Whether some script looks into request bodies, so that they must be read before it is asked."""
        return any("body" in fault.patterns for fault in self.scripts)

    def strike(self, request: Request) -> tuple[Fault | None, list[Fault]]:
        """The fault that strikes this call, and the page-repeating ones that only watch it."""
        watching: list[Fault] = []
        for fault in self.scripts:
            if not fault.matches(request):
                continue
            if fault.strikes():
                return fault, watching
            if fault.kind == "duplicate_page":
                watching.append(fault)
        return None, watching

    def _parse(self, script: Any, number: int) -> Fault:
        if not isinstance(script, dict):
            raise BadFault(f"a fault script is an object with the keys {', '.join(_KEYS)}, got {type(script).__name__}")
        _refuse_unknown(script, _KEYS, "a fault script")
        match, effect = script.get("match", {}), script.get("effect")
        if not isinstance(match, dict):
            raise BadFault("match is an object, as in {'crm': 'salesforce', 'path': '/query'}")
        _refuse_unknown(match, _MATCHERS, "match")
        if match.get("crm") not in (None, "salesforce", "hubspot"):
            raise BadFault(f"match.crm is salesforce or hubspot, got {match['crm']!r}")
        probability = _number(script, "probability", default=1.0, convert=float)
        assert probability is not None
        return Fault(
            id=number,
            script=script,
            crm=match.get("crm"),
            method=str(match["method"]).upper() if match.get("method") else None,
            patterns={name: _pattern(name, match[name]) for name in ("path", "query", "body") if match.get(name)},
            effect=_effect(effect),
            skip=_number(script, "skip", default=0, convert=int) or 0,
            times=_number(script, "times", default=None if probability < 1 else 1, convert=int),
            probability=probability,
            chance=random.Random(_number(script, "seed", default=0, convert=int)),
        )


def _effect(effect: Any) -> dict[str, Any]:
    kinds = ", ".join(EFFECTS)
    if isinstance(effect, str):
        effect = {"kind": effect}
    if not isinstance(effect, dict) or effect.get("kind") not in EFFECTS:
        raise BadFault(f"effect is an object whose kind is one of {kinds}, got {effect!r}")
    kind = effect["kind"]
    allowed = EFFECTS[kind]
    _refuse_unknown(effect, ("kind", *allowed), f"the effect {kind}")
    for name in _NEEDED.get(kind, ()):
        if name not in effect:
            raise BadFault(f"the effect {kind} needs {name}")
    for name, value in effect.items():
        if name != "kind" and not isinstance(value, allowed[name]):
            raise BadFault(f"{name} of the effect {kind} cannot be {type(value).__name__}")
    if not 100 <= effect.get("status", 200) <= 599:
        raise BadFault(f"status lies in 100 to 599, got {effect['status']}")
    if "find" in effect:
        _pattern("find", effect["find"])
    return dict(effect)


def _refuse_unknown(given: dict[str, Any], allowed: Iterable[str], what: str) -> None:
    unknown = sorted(given.keys() - set(allowed))
    if unknown:
        raise BadFault(f"{what} has no key {unknown[0]!r}; it may have {', '.join(allowed)}")


def _pattern(name: str, text: Any) -> re.Pattern[str]:
    try:
        return re.compile(str(text))
    except re.error as error:
        raise BadFault(f"{name} is not a regular expression: {error}") from None


def _number(script: dict[str, Any], name: str, *, default: Any, convert: Callable[[Any], Any]) -> Any:
    value = script.get(name, default)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, _NUMBER) or value < 0:
        raise BadFault(f"{name} is a number of 0 or more, got {value!r}")
    return convert(value)
