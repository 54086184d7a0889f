"""What `init` writes for a company with several CRMs: a connection for each preset, and one mapping."""

from pathlib import Path

import pytest

from jobs import settings
from jobs.errors import ConfigError
from jobs.presets.several import by_connection, untouched
from jobs.presets.writing import write_preset
from sync.mapping.loading import load_mapping


@pytest.mark.parametrize("sandbox", [None, "http://127.0.0.1:1"])
def test_every_connection_has_its_preset_and_a_secret_of_its_own(tmp_path: Path, sandbox: str | None) -> None:
    presets = by_connection(["salesforce-lead", "hubspot-deals", "west=hubspot-custom-object"])
    assert presets == {"salesforce": "salesforce-lead", "hubspot": "hubspot-deals", "west": "hubspot-custom-object"}
    written = {w.path.name for w in write_preset(presets, tmp_path, sandbox_url=sandbox)}
    secrets = {"salesforce_client_secret", "hubspot_token", "west_token"}
    assert written == {"sakigake.yaml", "mapping.yaml", "mapping.schema.json"} | (secrets if sandbox else set())
    text = (tmp_path / "sakigake.yaml").read_text("utf-8")
    given = settings.read(text).workspaces["main"].connections
    assert {name: c.crm.value for name, c in given.items()} == {
        "salesforce": "salesforce",
        "hubspot": "hubspot",
        "west": "hubspot",
    }
    told = (
        ("{file: secrets/west_token}", "{file: secrets/hubspot_token}")
        if sandbox
        else ("{env: WEST_TOKEN}", "{env: HUBSPOT_TOKEN}")
    )
    assert all(text.count(secret) == 1 for secret in told)
    mapping = (tmp_path / "mapping.yaml").read_text("utf-8")
    assert {e.connection for e in load_mapping(mapping).entries} == {"salesforce", "hubspot", "west", "lists"}
    crms = {name: c.crm.value for name, c in given.items()}
    assert untouched(mapping, crms)
    assert not untouched(mapping + "# ours\n", crms)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (["none"], "There is no preset 'none'"),
        (["hubspot-deals", "hubspot-custom-object"], "name the second one, such as --preset hubspot2=hubspot-custom-object"),
        (["West=hubspot-deals"], "'West' is no name of a connection"),
        (["sandbox", "hubspot-deals"], "has both CRMs already; give it alone"),
        (["x=sandbox"], "has both CRMs already"),
    ],
)  # fmt: skip
def test_presets_that_do_not_go_together_are_refused_in_one_sentence(said: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        by_connection(said)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
