"""Whether anything leads, worked out in a process of its own: the arithmetic of results keeps ours, and its lock, busy."""

from typing import Any

from indicators.leading.questions import Answers, does_it_lead

Question = dict[str, Any]
"""What `does_it_lead` is given, by name."""


def work(question: Question) -> Answers:
    """The answers to the question."""
    return does_it_lead(**question)
