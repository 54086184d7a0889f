"""Why a version was activated is asked for where somebody can answer, and never left as an empty cell."""

import pytest

from jobs.cli import mapping_versions
from jobs.cli.mapping_versions import NO_REASON, reason_of


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    questions: list[str] = []

    def answer(question: str, **_: object) -> str:
        questions.append(question)
        return " the CRM's history counts "

    monkeypatch.setattr(mapping_versions.typer, "prompt", answer)
    return questions


def test_a_reason_that_is_given_is_kept_and_nobody_is_asked(asked: list[str]) -> None:
    assert reason_of(" stages renamed ", ask=True) == "stages renamed"
    assert asked == []


@pytest.mark.parametrize("given", ["", "  "])
def test_on_a_terminal_it_is_asked_for(asked: list[str], given: str) -> None:
    assert reason_of(given, ask=True) == "the CRM's history counts"
    assert len(asked) == 1


@pytest.mark.parametrize("given", ["", "  "])
def test_where_nobody_can_answer_the_row_says_that_none_was_given(asked: list[str], given: str) -> None:
    assert reason_of(given, ask=False) == NO_REASON
    assert asked == []


def test_an_empty_answer_is_said_so_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping_versions.typer, "prompt", lambda *_, **__: "")
    assert reason_of("", ask=True) == NO_REASON
