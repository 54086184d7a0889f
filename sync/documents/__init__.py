"""YAML files that people write (sakigake.yaml, mapping.yaml): read, checked by pydantic, every fault named by file and line."""

from sync.documents.problems import DocumentError, Problem, advice, nearest
from sync.documents.reader import Document, read_document
from sync.documents.sentences import problems_of

__all__ = ["Document", "DocumentError", "Problem", "advice", "nearest", "problems_of", "read_document"]
