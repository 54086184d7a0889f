"""What is wrong with a document, said so that the reader can mend it: file, line, what was met, what is allowed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

SHOWN = 12  # more names than this are a wall, not a help


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to mend. `line` counts from 1; `path` names the place, such as `entries[0].milestones.requested.at`."""

    file: str
    line: int
    sentence: str
    path: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.sentence}"


class DocumentError(Exception):
    """A document cannot be used. Carries every problem found, in the order of the file; prints one line each, and no line twice."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        once: dict[str, Problem] = {}
        for problem in problems:
            once.setdefault(str(problem), problem)  # one line may name one alias a hundred times
        self.problems = tuple(sorted(once.values(), key=lambda problem: problem.line))
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @property
    def file(self) -> str:
        return self.problems[0].file

    @property
    def line(self) -> int:
        return self.problems[0].line

    @property
    def sentence(self) -> str:
        return self.problems[0].sentence


def nearest(met: str, allowed: Iterable[str]) -> str | None:
    """The allowed name that was most likely meant, or None. Case is forgiven first, then spelling."""
    names = sorted(set(allowed))
    folded = {name.casefold(): name for name in reversed(names)}
    if met.casefold() in folded:
        return folded[met.casefold()]
    close = get_close_matches(met.casefold(), list(folded), n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def advice(met: str, allowed: Iterable[str]) -> str:
    """The end of a sentence: the nearest allowed name, then the allowed ones (all, or how many there are)."""
    names = sorted(set(allowed))
    if not names:
        return "none is allowed here"
    guess = nearest(met, names)
    listed = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    return (f"did you mean '{guess}'? " if guess else "") + f"Allowed: {listed}"
