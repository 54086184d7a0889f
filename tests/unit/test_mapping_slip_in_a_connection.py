"""A slip in the connection of a rule: the reader does not tell to copy it."""

from pathlib import Path

import pytest

from sync.documents import DocumentError
from sync.mapping.loading import load_mapping

PRESET = Path(__file__).parents[2] / "jobs" / "presets" / "salesforce-custom-object.mapping.yaml"


def test_a_connection_written_in_two_ways_is_to_be_written_as_the_settings_name_it():
    written = PRESET.read_text("utf-8")
    slip = written.replace("from: salesforce.Account", "from: salesforse.Account")
    assert slip != written
    with pytest.raises(DocumentError) as met:
        load_mapping(slip)
    said = str(met.value)
    assert "a rule reads 'salesforse.Account'" in said
    assert "did you mean" not in said
