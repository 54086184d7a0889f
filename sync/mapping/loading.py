"""mapping.yaml as text becomes a Mapping, or the list of all that is wrong with it."""

from collections.abc import Mapping as MappingType

from pydantic import ValidationError

from sync.documents import DocumentError, Problem, problems_of, read_document
from sync.mapping.consistency import inconsistencies
from sync.mapping.grammar import Mapping
from sync.mapping.problems import MappingError


def load_mapping(text: str, filename: str = "mapping.yaml") -> Mapping:
    """The mapping that the text says. MappingError with all that is wrong, each with its line."""
    try:
        document = read_document(text, filename)
    except DocumentError as error:
        raise MappingError(error.problems) from None
    if not isinstance(document.data, MappingType):
        what = "is empty" if document.data is None else "holds no mapping of keys to values"
        raise MappingError([Problem(filename, 1, f"the file {what}; it starts with timezone:, partners: and entries:")])
    try:
        mapping = Mapping.model_validate(document.data)
    except ValidationError as error:
        raise MappingError(problems_of(error, Mapping, document, key_nouns={"milestones": "a milestone"})) from None
    mapping.came_from(document, text)
    problems = [mapping.problem(path, sentence) for path, sentence in inconsistencies(mapping)]
    if problems:
        raise MappingError(problems)
    return mapping
