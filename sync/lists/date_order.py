"""In which order a file writes the parts of a day. Alone here, so that the command line can name it without what reads files."""

from enum import StrEnum


class DateOrder(StrEnum):
    """In which order days such as 04/01/2026 are written: a person says so, since no file tells."""

    MDY = "mdy"  # as in the United States
    DMY = "dmy"  # as in most of Europe
