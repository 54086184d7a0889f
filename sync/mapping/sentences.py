"""Pydantic's findings as sentences that name what was met and what is allowed, with the line where it stands."""

import types
from collections.abc import Hashable
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sync.mapping.document import Document
from sync.mapping.problems import Problem, advice

_WORDS = {
    "string_type": "text",
    "string_too_short": "some text",
    "dict_type": "keys with values",
    "model_type": "keys with values",
    "list_type": "a list",
    "tuple_type": "a list",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
}


def problems_of(error: ValidationError, root: type[BaseModel], document: Document) -> list[Problem]:
    """Every finding, once, in the order of the file."""
    found = {}
    for detail in error.errors(include_url=False):
        location = detail["loc"]
        line = document.line(location)
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
        sentence = _sentence(detail, root)
        found[(line, sentence)] = Problem(document.file, line, sentence, path)
    return sorted(found.values(), key=lambda problem: problem.line)


def _sentence(detail: ErrorDetails, root: type[BaseModel]) -> str:
    kind, location, met = detail["type"], detail["loc"], detail.get("input")
    context: dict[str, Any] = detail.get("ctx") or {}
    # `in` is not written in the shorthand `Field: [a, b]`; the reader knows the field's name
    last = next((str(p) for p in reversed(location) if isinstance(p, str) and p not in ("[key]", "in")), "the file")
    if kind == "extra_forbidden":
        model = _model_at(root, location[:-1])
        return f"unknown key '{last}' in {_noun(model)}; {advice(last, _keys(model))}"
    if kind == "missing":
        model = _model_at(root, location[:-1])
        return f"{_noun(model)} needs '{last}'; it is missing here"
    if kind == "value_error":
        return str(context.get("error", detail["msg"]))
    if kind in ("enum", "literal_error"):
        return f"'{met}' is not known as {_what(location)}; {advice(str(met), _expected(context))}"
    if kind == "too_long":
        return (
            f"'{last}' takes {context.get('max_length')}, found {len(met) if isinstance(met, dict | list) else 'more'}"
        )
    if kind in ("too_short", "string_too_short") or (met is None and kind != "missing"):
        return (
            f"'{last}' is empty; it needs {_WORDS.get(kind, 'a value')}"
            if kind != "too_short"
            else f"'{last}' is empty"
        )
    if kind == "model_type" and context.get("class_name") == "Reference":
        return f"'{last}' needs a field's name or {{association: object, label: text}}, found {_shown(met)}"
    if kind in _WORDS:
        return f"'{last}' needs {_WORDS[kind]}, found {_shown(met)}"
    return f"'{last}': {detail['msg'][:1].lower()}{detail['msg'][1:]}"


def _what(location: tuple[int | str, ...]) -> str:
    if location and location[-1] == "[key]":
        holder = location[-3] if len(location) > 2 else location[0]
        return {"milestones": "a milestone"}.get(str(holder), f"a key of {holder}")
    return f"'{location[-1]}'"


def _expected(context: dict[str, Any]) -> list[str]:
    """Pydantic tells allowed values as prose: 'a', 'b' or 'c'."""
    return str(context.get("expected", "")).replace(" or ", ", ").replace("'", "").split(", ")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "keys with values"
    return "a list" if isinstance(value, list) else f"'{value}'"


def _noun(model: type[BaseModel] | None) -> str:
    return str(getattr(model, "noun", "this part"))


def _keys(model: type[BaseModel] | None) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _model_at(root: type[BaseModel], location: tuple[Hashable, ...]) -> type[BaseModel] | None:
    """The model that stands at a place of the mapping."""
    here: Any = root
    for part in location:
        if isinstance(here, type) and issubclass(here, BaseModel):
            field = next((f for name, f in here.model_fields.items() if (f.alias or name) == part), None)
            here = field.annotation if field else None
        else:
            arguments = get_args(here)
            here = arguments[-1] if arguments else None
        here = _bare(here)
    return here if isinstance(here, type) and issubclass(here, BaseModel) else None


def _bare(annotation: Any) -> Any:
    """The annotation without Annotated and without `| None`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _bare(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        rest = [argument for argument in get_args(annotation) if argument is not type(None)]
        return _bare(rest[0]) if rest else None
    return annotation
