"""What is published is the same bytes on every machine."""

from typing import Any


def rounded(value: Any) -> Any:
    """A float with six decimals, and nothing without a sign; what is no float stays as it is."""
    return round(value, 6) + 0.0 if isinstance(value, float) else value
