"""A mapping that cannot be used. What a problem is, and how it is worded, is the same for every document of ours."""

from sync.documents import DocumentError


class MappingError(DocumentError):
    """The mapping cannot be used. Carries every problem found, in the order of the file; prints one line each."""
