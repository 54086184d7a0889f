"""The account's time zone beside the mapping's: said where days differ, and no warning where they do not."""

from datetime import UTC, datetime

import pytest

from jobs import doctor
from jobs import settings as settings_of
from jobs.presets.texts import SANDBOX, mapping_text

CONFIG = """
workspaces:
  main:
    connections:
      hubspot: {crm: hubspot, auth: {token: {env: NOT_READ}}}
      salesforce: {crm: salesforce, url: https://x.example, auth: {client_id: x, client_secret: {env: NOT_READ}}}
"""
NOW = datetime(2026, 10, 31, tzinfo=UTC)


@pytest.fixture
def said(tmp_path):
    (tmp_path / "mapping.yaml").write_text(mapping_text(SANDBOX), "utf-8")
    given = settings_of.read(CONFIG).workspaces["main"]
    return lambda zone, now=NOW: list(doctor._zone("hubspot", zone, now, given, tmp_path))


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "Japan", "Asia/Seoul"])
def test_a_zone_of_the_same_days_is_fine(said, zone):
    (found,) = said(zone)
    assert (found.status, found.advice) == (doctor.OK, "")
    assert zone in found.says


def test_another_zone_says_what_that_means_and_what_to_do(said):
    (found,) = said("US/Eastern")
    assert found.status == doctor.WARN
    assert "US/Eastern, the mapping's is Asia/Tokyo" in found.says
    assert "mend `timezone` in mapping.yaml or the account's settings; otherwise nothing is to be done" in found.advice


def test_a_zone_that_nobody_knows_says_nothing(said):
    assert said("Moon/Tranquillity") == []
