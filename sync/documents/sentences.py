"""Pydantic's findings as sentences that name what was met and what is allowed, with the line where it stands."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sync.documents.places import KEY, keys, noun, place_at, tags, written
from sync.documents.problems import Problem, advice
from sync.documents.reader import Document

_WORDS = {
    "string_type": "text",
    "string_too_short": "some text",
    "dict_type": "keys with values",
    "model_type": "keys with values",
    "model_attributes_type": "keys with values",
    "list_type": "a list",
    "tuple_type": "a list",
    "path_type": "the name of a file",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def problems_of(
    error: ValidationError, root: type[BaseModel], document: Document, *, key_nouns: Mapping[str, str] | None = None
) -> list[Problem]:
    """Every finding, once, in the order of the file. `key_nouns` says what the keys below a key are called: `milestones: a milestone`."""
    found = {}
    for detail in error.errors(include_url=False):
        location = detail["loc"]
        if detail["type"] == "union_tag_invalid":
            location = (*location, _discriminator(detail))
        line = document.line(location)
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
        sentence = _sentence(detail, root, key_nouns or {})
        found[(line, sentence)] = Problem(document.file, line, sentence, path)
    return sorted(found.values(), key=lambda problem: problem.line)


def _sentence(detail: ErrorDetails, root: type[BaseModel], key_nouns: Mapping[str, str]) -> str:
    kind, location, met = detail["type"], detail["loc"], detail.get("input")
    context: dict[str, Any] = detail.get("ctx") or {}
    # `in` is not written in the shorthand `Field: [a, b]`; the reader knows the field's name
    last = next((str(p) for p in reversed(location) if isinstance(p, str) and p not in (KEY, "in")), "the file")
    here = place_at(root, location)
    found = _kind(met) if here.secretive else _shown(met)
    if kind == "extra_forbidden":
        model = place_at(root, location[:-1]).model
        return f"unknown key '{last}' in {noun(model)}; {advice(last, keys(model))}"
    if kind == "missing":
        return f"{noun(place_at(root, location[:-1]).model)} needs '{last}'; it is missing here"
    if kind == "value_error":
        return str(context.get("error", detail["msg"]))
    if kind in ("enum", "literal_error"):
        return f"'{met}' is not known as {_what(location, key_nouns)}; {advice(str(met), _expected(context))}"
    if kind == "union_tag_invalid":
        return f"'{context.get('tag')}' is not known as {_discriminator(detail)}; {advice(str(context.get('tag')), tags(root, location))}"
    if kind == "union_tag_not_found":
        return f"'{last}' needs '{_discriminator(detail)}', which says what it is; {advice('', tags(root, location))}"
    if kind == "string_pattern_mismatch":
        form = here.description or "another form"
        return f"'{last}' must be {form}" if location[-1:] == (KEY,) else f"'{last}' needs {form}, found {found}"
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"'{last}' needs {words} {context.get(name):g}, found {found}"
    if kind == "too_long":
        return (
            f"'{last}' takes {context.get('max_length')}, found {len(met) if isinstance(met, dict | list) else 'more'}"
        )
    if kind in ("too_short", "string_too_short") or met is None:
        return (
            f"'{last}' is empty; it needs {_WORDS.get(kind, 'a value')}"
            if kind != "too_short"
            else f"'{last}' is empty"
        )
    if kind in ("model_type", "model_attributes_type", "dict_type") and written(here.model):
        return f"'{last}' needs {written(here.model)}, found {found}"
    if kind in _WORDS:
        return f"'{last}' needs {_WORDS[kind]}, found {found}"
    return f"'{last}': {detail['msg'][:1].lower()}{detail['msg'][1:]}"


def _what(location: tuple[int | str, ...], key_nouns: Mapping[str, str]) -> str:
    if location and location[-1] == KEY:
        holder = str(location[-3] if len(location) > 2 else location[0])
        return key_nouns.get(holder, f"a key of {holder}")
    return next((str(part) for part in reversed(location) if isinstance(part, str)), "a value")


def _expected(context: dict[str, Any]) -> list[str]:
    """Pydantic tells allowed values as prose: 'a', 'b' or 'c'."""
    return str(context.get("expected", "")).replace(" or ", ", ").replace("'", "").split(", ")


def _discriminator(detail: ErrorDetails) -> str:
    return str((detail.get("ctx") or {}).get("discriminator", "")).strip("'")


def _shown(value: Any) -> str:
    """What is written there; an address with a name or a query in it may carry a secret, and is not repeated."""
    text = str(value)
    return (
        _kind(value)
        if isinstance(value, dict | list) or ("://" in text and ("@" in text or "?" in text))
        else f"'{text}'"
    )


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "keys with values"
    return "a list" if isinstance(value, list) else "a value (not repeated here, since it may be a secret)"
