"""mapping.yaml as text becomes a Mapping, or the list of all that is wrong with it."""

from collections.abc import Collection
from collections.abc import Mapping as MappingType
from dataclasses import dataclass

from pydantic import ValidationError

from sync.documents import DocumentError, Problem, problems_of, read_document
from sync.mapping.connections import as_meant, unknown_connections
from sync.mapping.consistency import inconsistencies
from sync.mapping.grammar import Mapping
from sync.mapping.problems import MappingError


@dataclass(frozen=True, slots=True)
class Looked:
    """A mapping whose form is right, and all that is wrong with it by itself. `meant` has names of connections that are nearly right put right."""

    said: Mapping
    meant: Mapping
    problems: list[Problem]


def look_through(text: str, filename: str = "mapping.yaml", connections: Collection[str] | None = None) -> Looked:
    """What the text says, and its contradictions. `connections` are those of sakigake.yaml, where they are known.

    MappingError where its form is wrong already.
    """
    try:
        document = read_document(text, filename)
    except DocumentError as error:
        raise MappingError(error.problems) from None
    if not isinstance(document.data, MappingType):
        what = "is empty" if document.data is None else "holds no mapping of keys to values"
        raise MappingError([Problem(filename, 1, f"the file {what}; it starts with timezone:, partners: and entries:")])
    unknown = [] if connections is None else unknown_connections(document, connections)
    try:
        mapping = Mapping.model_validate(document.data)
    except ValidationError as error:
        found = problems_of(error, Mapping, document, key_nouns={"milestones": "a milestone"})
        raise MappingError([*found, *unknown]) from None
    mapping.came_from(document, text)
    meant = as_meant(mapping, connections) if unknown and connections is not None else mapping
    problems = [*unknown, *(meant.problem(path, sentence) for path, sentence in inconsistencies(meant))]
    return Looked(mapping, meant, problems)


def load_mapping(text: str, filename: str = "mapping.yaml", connections: Collection[str] | None = None) -> Mapping:
    """The mapping that the text says. MappingError with all that is wrong, each with its line; `connections` as in `look_through`."""
    looked = look_through(text, filename, connections)
    if looked.problems:
        raise MappingError(looked.problems)
    return looked.said
