"""Whether anything leads, worked out in a process of its own: the arithmetic of results keeps ours, and its lock, busy."""

import pickle
import sys
from typing import Any

from indicators.leading.questions import does_it_lead

Question = dict[str, Any]
"""What `does_it_lead` is given, by name."""


def main() -> None:
    """Answers the question on standard input."""
    question: Question = pickle.load(sys.stdin.buffer)  # noqa: S301 - the process that started this one wrote it
    pickle.dump(does_it_lead(**question), sys.stdout.buffer, pickle.HIGHEST_PROTOCOL)
