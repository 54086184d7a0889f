"""YAML documents checked by pydantic, with every fault named by file and line.

Used for sakigake.yaml and for mapping.yaml: both are written by people, so a fault says what was met, what is allowed, and the nearest.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

M = TypeVar("M", bound=BaseModel)
Path = tuple[str | int, ...]
Lines = dict[Path, int]


class DocumentError(Exception):
    """A document is not right; `faults` are sentences, each with its file and line."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


def parse(text: str, filename: str) -> tuple[Any, Lines]:
    """Plain values, and the line (from 1) of every key and item by its path."""
    yaml = YAML(typ="rt", pure=True)
    try:
        root = yaml.load(StringIO(text))
    except DuplicateKeyError as e:
        line = e.problem_mark.line + 1 if e.problem_mark else 1
        raise DocumentError([f"{filename}:{line}: a key stands here twice; keep one of them."]) from e
    except MarkedYAMLError as e:
        line = e.problem_mark.line + 1 if e.problem_mark else 1
        raise DocumentError(
            [f"{filename}:{line}: this is not YAML ({e.problem or e.context}); mind indentation, colons and quotes."]
        ) from e
    except YAMLError as e:
        raise DocumentError([f"{filename}:1: this is not YAML ({e}); mind indentation, colons and quotes."]) from e
    lines: Lines = {(): 1}
    return _plain(root, (), lines), lines


def read_document(text: str, filename: str, model: type[M], *, context: dict[str, Any] | None = None) -> M:
    """The document as `model`; DocumentError lists all faults, in the order of their lines."""
    value, lines = parse(text, filename)
    if not isinstance(value, dict):
        raise DocumentError(
            [f"{filename}:1: the document is {_kind(value)}, expected keys and values: {_allowed(model, ())}."]
        )
    try:
        return model.model_validate(value, context=context)
    except ValidationError as e:
        found = sorted({(line_of(lines, error["loc"]), _sentence(model, error, lines)) for error in e.errors()})
        raise DocumentError([f"{filename}:{line}: {sentence}" for line, sentence in found]) from e


def line_of(lines: Lines, place: Iterable[str | int]) -> int:
    """The line of a path, or of the nearest thing above it: pydantic's paths also name union members, which no line has."""
    path: Path = ()
    for part in place:
        if (*path, part) in lines:
            path = (*path, part)
    return lines[path]


def nearest(word: str, allowed: Iterable[str]) -> str:
    """` Did you mean 'x'?` where something allowed is near, otherwise nothing."""
    close = difflib.get_close_matches(word, list(allowed), n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""


def _plain(node: Any, path: Path, lines: Lines) -> Any:
    if isinstance(node, CommentedMap):
        for key in node:
            lines[*path, str(key)] = node.lc.key(key)[0] + 1 if key in (node.lc.data or {}) else lines[path]
        return {str(k): _plain(v, (*path, str(k)), lines) for k, v in node.items()}
    if isinstance(node, CommentedSeq):
        for i in range(len(node)):
            lines[*path, i] = node.lc.item(i)[0] + 1
        return [_plain(v, (*path, i), lines) for i, v in enumerate(node)]
    if isinstance(node, bool) or node is None:
        return node
    if isinstance(node, str):
        return str(node)
    if isinstance(node, int):
        return int(node)
    if isinstance(node, float):
        return float(node)
    return node


def _written(lines: Lines, place: Sequence[str | int]) -> Path:
    """The path as the person wrote it: without the union members that pydantic names in between."""
    path: Path = ()
    for i, part in enumerate(place):
        if (*path, part) in lines or i == len(place) - 1:
            path = (*path, part)
    return path


def _sentence(model: type[BaseModel], error: Any, lines: Lines) -> str:
    kind = error["type"]
    place = _written(lines, error["loc"])
    name = _spell(place)
    if kind == "extra_forbidden":
        allowed = _keys(model, place[:-1])
        return f"unknown key {place[-1]!r}{_where(place[:-1])}; allowed are {', '.join(sorted(allowed))}.{nearest(str(place[-1]), allowed)}"
    if kind == "missing":
        return f"{name} is missing{_where(place[:-1])}."
    if kind in {"literal_error", "enum"}:
        expected = str(error.get("ctx", {}).get("expected", ""))
        words = [w.strip("'") for w in expected.replace(" or ", ", ").split(", ")]
        return f"{name} is {error['input']!r}, expected {expected}.{nearest(str(error['input']), words)}"
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        ctx = error.get("ctx", {})
        key = str(ctx.get("discriminator", "")).strip("'")
        if kind == "union_tag_not_found":
            return f"{name} lacks the key {key}, which says what it is."
        expected = re.sub(r"<[^:>]*: '([^']*)'>", r"'\1'", str(ctx.get("expected_tags")))
        near = nearest(str(ctx.get("tag")), re.findall(r"'([^']*)'", expected))
        return f"{key}{_where(place)} is {ctx.get('tag')!r}, expected {expected}.{near}"
    message = str(error["msg"]).removeprefix("Value error, ")
    if kind == "value_error":
        return f"{name}: {message}." if place else f"{message}."
    shown = error["input"]
    met = repr(shown) if isinstance(shown, (str, int, float, bool)) or shown is None else _kind(shown)
    return f"{name} is {met}: {message[:1].lower()}{message[1:]}."


def _spell(place: Sequence[str | int]) -> str:
    out = ""
    for part in place:
        if isinstance(part, int):
            out += f"[{part}]"
        elif not out:
            out = part
        else:
            out += f".{part}"
    return out or "the document"


def _where(place: Sequence[str | int]) -> str:
    return f" in {_spell(place)}" if place else ""


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a group of keys"
    if isinstance(value, list):
        return "a list"
    return "empty" if value is None else f"{value!r}"


def _allowed(model: type[BaseModel], place: Sequence[str | int]) -> str:
    return ", ".join(sorted(_keys(model, place)))


def _keys(model: type[BaseModel], place: Sequence[str | int]) -> set[str]:
    """The keys allowed at a path: of every model that can stand there."""
    here: list[Any] = [model]
    for part in place:
        below: list[Any] = []
        for kind in here:
            below += _children(kind, part)
        here = below or here
    keys: set[str] = set()
    for kind in here:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            keys |= {f.alias or n for n, f in kind.model_fields.items()}
    return keys


def _children(kind: Any, part: str | int) -> list[Any]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            if part in (name, field.alias):
                return _open(field.annotation)
        return []
    arguments = get_args(kind)
    if get_origin(kind) is dict and len(arguments) == 2:
        return _open(arguments[1])
    if get_origin(kind) in (list, tuple, Sequence) and isinstance(part, int):
        return [x for a in arguments if a is not Ellipsis for x in _open(a)]
    return []


def _open(kind: Any) -> list[Any]:
    """The members of unions and annotations, and containers as they are."""
    if kind is type(None):
        return []
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    if get_origin(kind) in (dict, list, tuple, Sequence):
        return [kind]
    return [x for a in get_args(kind) for x in _open(a)]
