"""People hear of what waits for them, and a teller that is broken stops nothing."""

# ruff: noqa: F811 (fixtures are imported)
from pathlib import Path
from typing import Any

import pytest

from jobs.alerts import alert
from jobs.settings_connections import Secret
from tests.webhook import heard  # noqa: F401

# the hundred services that Apprise loads are not ours to mend
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def test_everybody_named_hears_of_it(
    heard: tuple[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    address, told = heard
    monkeypatch.setenv("HOOK", address)
    assert alert([Secret(env="HOOK")], tmp_path, "a plan is held", "plan-1 waits")
    assert (told[0]["title"], told[0]["message"]) == ("a plan is held", "plan-1 waits")


def test_an_address_that_is_none_or_does_not_answer_is_told_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NONSENSE", "no-such-service://secret-part")
    monkeypatch.setenv("AWAY", "json://127.0.0.1:9/")
    assert not alert([Secret(env="NONSENSE"), Secret(env="UNSET")], tmp_path, "title", "body")
    assert not alert([Secret(env="AWAY")], tmp_path, "title", "body")
    said = "".join(capfd.readouterr())
    assert "secret-part" not in said


def test_nobody_named_is_nobody_to_tell(tmp_path: Path) -> None:
    assert alert([], tmp_path, "title", "body")
