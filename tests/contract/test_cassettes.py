"""Recorded conversations repeated with nobody there: the connectors read the same replies as they read the living CRM's.

A connector that asks for anything else than was recorded fails here; where that is meant, record anew: python -m tests.contract.cassettes
"""

import contextlib
import json
import re
import socket
from pathlib import Path

import pytest

from sync.writes import WriteOutcome
from tests.contract import cassettes
from tests.contract.cassettes import (
    FOLDER,
    GONE,
    NOBODY,
    SECRET_KEYS,
    SETTINGS,
    SUBJECTS,
    Subject,
    converse,
    record,
    recorder,
    scrubbed,
)

LIMIT = 300_000  # bytes of all cassettes
TOKENS = re.compile(
    rb"\b00D\w{12,15}!|Bearer \w|\bpat-\w|\bBasic \w|eyJ[\w-]{10,}\.|Set-Cookie|Authorization", re.IGNORECASE
)


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection is made, to anyone."""

    def refuse(_self: socket.socket, address: object) -> None:
        raise AssertionError(f"a repetition talks to nobody, and this one wants {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda s: s.name)
def test_a_recorded_conversation_is_repeated_with_the_server_closed(subject: Subject) -> None:
    """What was read is what the sandbox's ledger said at the recording, and every recorded call is made again."""
    with recorder(NOBODY, mode="none").use_cassette(str(subject.cassette), allow_playback_repeats=False) as cassette:
        connector = subject.connect(NOBODY)
        said = converse(subject, connector, act=lambda _record: None)
        connector.close()
        assert cassette.all_played
        assert sum(connector.calls().values()) == len(cassette)
    assert said == json.loads(subject.truth.read_text("utf-8"))
    assert set(said["outcomes"].values()) == {WriteOutcome.APPLIED}
    assert len(said["loaded"]) > 1
    assert len(said["changed"]) == 1


def test_no_cassette_holds_a_secret_or_anything_that_looks_like_one() -> None:
    secrets = [
        v.encode()
        for name in dir(SETTINGS)
        if "secret" in name or name.endswith(("_token", "_password"))
        if isinstance(v := getattr(SETTINGS, name), str)
    ]
    assert len(secrets) >= 5
    files = [path for path in FOLDER.iterdir() if path.suffix in {".yaml", ".json"}]
    assert len(files) >= 2 * len(SUBJECTS)
    for path in files:
        data = path.read_bytes()
        assert not (found := TOKENS.search(data)), (path.name, found)
        assert not [s for s in secrets if s in data], path.name
    logins = [
        line for line in FOLDER.joinpath("salesforce.yaml").read_text("utf-8").splitlines() if "access_token" in line
    ]
    assert logins, "the login is in it, without its token"
    assert all(f'"access_token": "{GONE}"' in line for line in logins)


def test_a_login_s_reply_is_scrubbed_before_it_is_written() -> None:
    told = {"access_token": "a", "signature": "s", "instance_url": "u", "refresh_token": "r"}
    kept = json.loads(scrubbed(json.dumps(told)))
    assert kept == {"access_token": GONE, "signature": GONE, "instance_url": "u", "refresh_token": GONE}
    assert scrubbed('[{"Name": "token"}]') == '[{"Name": "token"}]'
    assert scrubbed("no JSON") == "no JSON"


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda s: s.name)
def test_what_is_recorded_now_holds_no_secret_and_repeats(
    subject: Subject, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A new recording, as a person would make it: the tokens that were really handed out are nowhere in it, and it can be repeated."""
    monkeypatch.setattr(cassettes, "FOLDER", tmp_path)
    handed_out: list[str] = []
    scrub = cassettes.scrubbed

    def watched(text: str) -> str:
        with contextlib.suppress(ValueError):
            told = json.loads(text)
            if isinstance(told, dict):
                handed_out.extend(str(told[key]) for key in SECRET_KEYS & told.keys())
        return scrub(text)

    monkeypatch.setattr(cassettes, "scrubbed", watched)
    record(subject)
    assert handed_out, "there was a login"
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not [secret for secret in handed_out if secret.encode() in kept]
    assert not TOKENS.search(kept)
    with recorder(NOBODY, mode="none").use_cassette(str(subject.cassette), allow_playback_repeats=False):
        connector = subject.connect(NOBODY)
        said = converse(subject, connector, act=lambda _record: None)
        connector.close()
    assert said == json.loads(subject.truth.read_text("utf-8"))


def test_cassettes_stay_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.glob("*.yaml")) < LIMIT
