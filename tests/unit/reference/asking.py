"""Does it lead? As tests ask it, of what `Question` takes."""

from typing import Any

from indicators.leading import questions
from indicators.leading.questions import Answers, Question


def does_it_lead(*given: Any, **named: Any) -> Answers:
    return questions.does_it_lead(Question(*given, **named))
