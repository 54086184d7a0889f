"""In which language a page speaks: one for headings, labels and sentences. The English text is what its Japanese one is found by."""

from dataclasses import dataclass
from string import Formatter
from typing import Any

from jobs.speech_ja import JAPANESE
from models.counted import agreeing
from models.labels import briefly, named


class _Agreeing(Formatter):
    """`{n} {n:entry was|entries were} listed`: the word that fits the number, which may be given as it is shown."""

    def format_field(self, value: Any, format_spec: str) -> Any:
        one, several, many = format_spec.partition("|")
        if several:
            return agreeing(1 if str(value) == "1" else 2, one, many)
        return super().format_field(value, format_spec)


_WRITTEN = _Agreeing()


def _as_in_japanese(sentence: str) -> str:
    """Shares as a Japanese sentence has them: in one piece, and bounds in words."""
    return sentence.replace("< 1 %", "1%未満").replace("> 99 %", "99%超").replace(" %", "%")


@dataclass(frozen=True, slots=True)
class Speech:
    """Texts in `language`, ja or en. A name in braces stands for what is given, `{n:day|days}` for the word that fits it."""

    language: str = "en"

    def __call__(self, text: str, /, **given: Any) -> str:
        found = JAPANESE.get(text, text) if self.language == "ja" else text
        written = _WRITTEN.vformat(found, (), given) if given else found
        return _as_in_japanese(written) if self.language == "ja" and given else written

    def name(self, thing: str, *, brief: bool = False) -> str:
        """The label of a milestone or an activity; `brief`: of a milestone in one word."""
        return (briefly if brief else named)(thing, self.language)

    def step(self, step: str, *, brief: bool = False) -> str:
        """A step between two milestones; in English by their own names, which are short."""
        return self.name(step, brief=brief) if self.language == "ja" else step.replace(">", " → ")

    def steps(self, steps: list[str]) -> str:
        """Several of them in a sentence."""
        return ("、" if self.language == "ja" else ", ").join(map(self.step, steps))

    def kind(self, name: str) -> str:
        """A partner type, as the mapping calls it; all of them together in words."""
        return self(name) if name == "all" else name

    def days(self, n: float | None) -> str:
        """So many days; a dash for none."""
        return "-" if n is None else self("{n} {n:day|days}", n=n)


ENGLISH = Speech()
