"""Where in a model a finding of pydantic stands: which part, which field of it, and whether what is written there may be shown.

A model may say three things about itself: `noun`, what it is called in a sentence; `written`, how a person writes it; `secretive`,
that nothing below it is ever repeated, since people put secrets there by mistake.
"""

import types
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

Location = Sequence[Hashable]
KEY = "[key]"  # pydantic's word for the key, rather than the value, of a dict


@dataclass(frozen=True, slots=True)
class Place:
    """What stands at a location: a model where one does, what the field's description says, and whether values are shown."""

    model: type[BaseModel] | None
    description: str | None
    secretive: bool


def place_at(root: type[BaseModel], location: Location) -> Place:
    """The place in `root`. Parts that only pydantic names (a union's branch) choose the branch and are stepped over."""
    here: Any = root
    description: str | None = None
    secretive = _says(root, "secretive")
    for part in location:
        if part == KEY:
            # pydantic names the key before this mark, so `here` is the value's kind already
            continue
        branches = [m for m in _members(here) if _is_model(m)]
        tagged = [m for m in branches if len(branches) > 1 and part in _tags(m)]
        if tagged:
            here = tagged[0]
        elif _is_model(_bare(here)):
            field = _field(_bare(here), part)
            description = field.description if field else None
            here = field.annotation if field else _other(_bare(here))
        else:
            arguments = get_args(_bare(here))
            description, here = _of_key(arguments), arguments[-1] if arguments else None
        secretive = secretive or _says(_bare(here), "secretive")
    found = _bare(here)
    return Place(found if _is_model(found) else None, description, secretive)


def keys(model: type[BaseModel] | None) -> list[str]:
    """The keys that may stand in the model, as they are written."""
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def noun(model: type[BaseModel] | None) -> str:
    return str(getattr(model, "noun", "this part"))


def written(model: type[BaseModel] | None) -> str | None:
    """How a person writes this part, where that is not simply its keys."""
    return getattr(model, "written", None)


def tags(annotations: type[BaseModel], location: Location) -> list[str]:
    """The words that choose between the models which may stand at a location."""
    here: Any = annotations
    for part in location:
        if _is_model(_bare(here)) and not [m for m in _members(here)[1:] if _is_model(m)]:
            field = _field(_bare(here), part)
            here = field.annotation if field else None
        else:
            arguments = get_args(_bare(here))
            here = arguments[-1] if arguments else None
    return sorted(str(tag) for member in _members(here) if _is_model(member) for tag in _tags(member))


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _says(kind: Any, what: str) -> bool:
    return _is_model(kind) and bool(getattr(kind, what, False))


def _field(model: type[BaseModel], part: Hashable) -> FieldInfo | None:
    return next((f for name, f in model.model_fields.items() if (f.alias or name) == part), None)


def _other(model: type[BaseModel]) -> Any:
    """What stands under a key that the model does not name, where it takes such keys."""
    kept = model.__annotations__.get("__pydantic_extra__")
    return get_args(kept)[-1] if kept else None


def _of_key(arguments: tuple[Any, ...]) -> str | None:
    """What the key of a dict is described as."""
    described = (
        [m.description for m in getattr(arguments[0], "__metadata__", ()) if isinstance(m, FieldInfo)]
        if arguments
        else []
    )
    return described[0] if described else None


def _tags(model: type[BaseModel]) -> list[Any]:
    """The values of the model's Literal fields: what a discriminator would say to choose it."""
    return [
        tag
        for f in model.model_fields.values()
        if get_origin(f.annotation) is Literal
        for tag in get_args(f.annotation)
    ]


def _members(annotation: Any) -> list[Any]:
    """A union's members, without Annotated and without None; of anything else, itself."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _members(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [m for argument in get_args(annotation) if argument is not type(None) for m in _members(argument)]
    return [annotation]


def _bare(annotation: Any) -> Any:
    """The annotation without Annotated and without `| None`; of a union its first member."""
    members = _members(annotation)
    return members[0] if members else None
