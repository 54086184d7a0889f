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


SLIPS = [
    (("from: salesforce.Account", "from: salesforse.Account"), "salesforse", "from which this rule reads"),
    (("from: salesforce.", "from: salesforse."), "salesforse", "from which 10 rules read"),
    (("  salesforce: CreatedDate", "  salesforse: CreatedDate"), "salesforse", "which 'created' names"),
    (("entry: {salesforce.", "entry: {salesforse."), "salesforse", "which 'write_back' names"),
]


@pytest.mark.parametrize(("slip", "name", "sentence"), SLIPS)
def test_a_slip_is_told_where_it_is_written_and_nothing_that_follows_from_it_is(slip, name, sentence):
    written = PRESET.read_text("utf-8").replace(*slip)
    line = next(at for at, row in enumerate(written.splitlines(), 1) if slip[1] in row)
    with pytest.raises(DocumentError) as met:
        load_mapping(written, "m.yaml", ["salesforce", "hubspot"])
    assert str(met.value) == (
        f"m.yaml:{line}: sakigake.yaml has no connection '{name}', {sentence}; did you mean 'salesforce'? Allowed: hubspot, salesforce"
    )


def test_what_else_is_wrong_is_told_with_it_though_its_form_be_wrong_too():
    slip = PRESET.read_text("utf-8").replace("from: salesforce.Account", "from: salesforse.Account")
    for old, new, sentence in (
        ("Status__c: Requested}", "Status__c: Agreed}", "is the milestone 'requested' already"),
        ("timezone: Asia/Tokyo", "timezone: Asia/Tokio", "is no time zone"),
    ):
        with pytest.raises(DocumentError) as met:
            load_mapping(slip.replace(old, new), "m.yaml", ["salesforce"])
        told = [problem.sentence for problem in met.value.problems]
        assert len(told) == 2
        assert any(sentence in one for one in told)
        assert any("no connection 'salesforse'" in one for one in told)


def test_a_connection_that_is_like_no_other_is_judged_by_what_can_be_told():
    other = PRESET.read_text("utf-8").replace("salesforce", "odoo")
    with pytest.raises(DocumentError) as met:
        load_mapping(other, "m.yaml", ["salesforce"])
    (told,) = met.value.problems
    assert "no connection 'odoo'" in told.sentence
    assert "did you mean" not in told.sentence
