"""Connections that a mapping names and the settings do not have: told where they are written, and read on as what was meant."""

from collections.abc import Collection, Iterator
from collections.abc import Mapping as MappingType
from typing import Any

from models.vocabulary import LISTS
from sync.documents import Document, Problem, advice, nearest
from sync.mapping.grammar import Mapping

PARTS = ("partners", "entries", "activities", "deals_all_channels", "customers")
"""The parts of a mapping whose rules read from a connection."""
Path = tuple[str | int, ...]


def unknown_connections(document: Document, known: Collection[str]) -> list[Problem]:
    """One problem for each, since it is one thing to mend wherever else it is written: where a rule reads first, or else where it is named.

    The document may be wrong otherwise.
    """
    places: dict[str, list[Path]] = {}
    for name, path in _named(document.data):
        if name not in known and name != LISTS:
            places.setdefault(name, []).append(path)
    found = []
    for name, paths in places.items():
        first = min(paths, key=lambda path: (path[-1] != "from", document.line(path)))
        found.append(Problem(document.file, document.line(first), f"{_met(name, paths)}; {advice(name, known)}"))
    return found


def as_meant(mapping: Mapping, known: Collection[str]) -> Mapping:
    """The mapping with each unknown connection that is nearly a known one read as that one, so that all else can be judged.

    Lines stay those of the file.
    """

    def meant(name: str) -> str:
        connection, dot, rest = name.partition(".")
        right = connection if connection in known or connection == LISTS else nearest(connection, known)
        return f"{right or connection}{dot}{rest}"

    lines: dict[Path, Path] = {}  # as it is meant -> as it is written

    def keys(path: Path, held: MappingType[str, Any]) -> dict[str, Any]:
        lines.update({(*path, meant(name)): (*path, name) for name in held if meant(name) != name})
        return {meant(name): value for name, value in held.items()}

    rules = {
        part: [rule.model_copy(update={"from_": meant(rule.from_)}) for rule in getattr(mapping, part)]
        for part in PARTS
    }
    back = mapping.write_back
    back = back.model_copy(
        update={subject: keys(("write_back", subject), getattr(back, subject)) for subject in type(back).model_fields}
    )
    read = mapping.model_copy(update={**rules, "created": keys(("created",), mapping.created), "write_back": back})
    read.written_as(lines)
    return read


def _named(data: Any) -> Iterator[tuple[str, Path]]:
    """(connection, where it is written) of each, as far as the document has the shape of a mapping."""
    if not isinstance(data, dict):
        return
    for part in PARTS:
        rules = data.get(part)
        for index, rule in enumerate(rules if isinstance(rules, list) else ()):
            name = rule.get("from") if isinstance(rule, dict) else None
            if isinstance(name, str) and "." in name:
                yield name.partition(".")[0], (part, index, "from")
    back = data.get("write_back")
    held: dict[Path, Any] = {("created",): data.get("created")}
    if isinstance(back, dict):
        held |= {("write_back", subject): named for subject, named in back.items()}
    for path, named in held.items():
        for name in named if isinstance(named, dict) else ():
            yield name.partition(".")[0], (*path, name)


def _met(name: str, paths: list[Path]) -> str:
    readers = sum(path[-1] == "from" for path in paths)
    match readers:
        case 0:
            named = f"which '{paths[0][0]}' names"
        case 1:
            named = "from which this rule reads"
        case _:
            named = f"from which {readers} rules read"
    return f"sakigake.yaml has no connection '{name}', {named}"
