"""The suite's expectations of a recording: each is held of the living CRM while that is recorded, then of the recording with nobody there.

Left out are those in which a connection breaks: no recording holds what never arrived.
"""

import inspect
import socket
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from sandbox.server import running
from tests.contract import test_hubspot_connector as hubspot
from tests.contract import test_salesforce_connector as salesforce
from tests.contract.cassettes import tape
from tests.contract.connector_suite import ConnectorSuite, Subject

EXPECTATIONS = tuple(
    name
    for name, test in vars(ConnectorSuite).items()
    if name.startswith("test_")
    and {*inspect.signature(test).parameters} <= {"self", "subject", "connector"}
    and ".fault(" not in inspect.getsource(test)
)


@pytest.fixture(scope="module", params=["salesforce", "hubspot"])
def crm(request: pytest.FixtureRequest) -> Iterator[Subject]:
    if request.param == "salesforce":
        with running(salesforce.SETTINGS) as url:
            yield salesforce.subject_of(url)
    else:
        with running(hubspot.SETTINGS) as url:
            yield hubspot.subject_of(url, "2026-09", oauth=True)


def hold(expectation: str, subject: Subject) -> None:
    test = getattr(ConnectorSuite(), expectation)
    if "connector" not in inspect.signature(test).parameters:
        test(subject=subject)
        return
    connector = subject.connect()
    try:
        test(subject=subject, connector=connector)
    finally:
        connector.close()


def test_most_of_the_suite_is_here() -> None:
    assert len(EXPECTATIONS) >= 20


@pytest.mark.parametrize("expectation", EXPECTATIONS)
def test_it_holds_of_the_living_crm_and_of_its_recording(
    crm: Subject, expectation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: socket.socket, address: object) -> None:
        raise AssertionError(f"a repetition talks to nobody, and this one wants {address}")

    # the CRM's time is what its replies say, so that a repetition asks for the same windows
    subject = replace(crm, connect=partial(crm.connect, monotonic=lambda: 0.0))
    path = str(tmp_path / "cassette.yaml")
    with tape("all").use_cassette(path):
        hold(expectation, subject)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    with tape("none").use_cassette(path, allow_playback_repeats=False) as cassette:
        hold(expectation, subject)
        assert cassette.all_played
