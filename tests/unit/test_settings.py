"""sakigake.yaml as people write it: read where it is right, told by file and line where it is not, and no secret repeated."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicators.assumptions import DEFAULTS, TierRule
from indicators.inputs import FIRST_DAY
from jobs.errors import ConfigError
from jobs.presets.writing import write_preset
from jobs.settings import load, read
from jobs.settings_connections import HubspotConnection, SalesforceConnection, Secret
from jobs.settings_numbers import Assumed
from jobs.wiring import open_connector
from sync.documents import DocumentError

SMALL = """\
workspaces:
  main:
    connections:
      sales:
        crm: salesforce
        url: https://acme.my.salesforce.com
        auth:
          client_id: abc
          client_secret: {env: SALES_SECRET}
      hub:
        crm: hubspot
        auth: {token: {file: secrets/hub}}
"""


def said(text: str) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        read(text)
    return [str(problem) for problem in caught.value.problems]


ROWS = {"a_up": 8, "a_down": 6, "b_up": 4, "b_down": 1}


def test_each_crm_has_its_own_settings():
    connections = read(SMALL).workspaces["main"].connections
    assert isinstance(connections["sales"], SalesforceConnection)
    assert isinstance(connections["hub"], HubspotConnection)
    assert connections["hub"].url == "https://api.hubapi.com"


def test_the_schema_is_the_connections_name_unless_another_is_given():
    workspace = read(SMALL.replace("crm: hubspot", "crm: hubspot\n        schema: hub_mirror")).workspaces["main"]
    assert [workspace.schema_of(c) for c in workspace.connections] == ["sales", "hub_mirror"]


def test_a_version_without_quotes_is_the_text_it_looks_like():
    text = SMALL.replace("crm: salesforce", "crm: salesforce\n        api_version: 66.0")
    assert read(text).workspaces["main"].connections["sales"].api_version == "66.0"


@pytest.mark.parametrize(
    ("written", "instead", "sentence"),
    [
        ("crm: salesforce", "crm: salesforc", "sakigake.yaml:5: 'salesforc' is not known as crm; did you mean 'salesforce'? Allowed: hubspot, salesforce"),
        ("crm: hubspot", "note: x", "sakigake.yaml:10: 'hub' needs 'crm', which says what it is; Allowed: hubspot, salesforce"),
        ("connections:", "conections:", "sakigake.yaml:3: unknown key 'conections' in a workspace; did you mean 'connections'?"),
        ("client_id: abc", "clientid: abc", "sakigake.yaml:8: unknown key 'clientid' in auth of Salesforce; did you mean 'client_id'?"),
        ("client_id: abc", "client_id:", "sakigake.yaml:8: 'client_id' is empty"),
        ("{env: SALES_SECRET}", "{env: A, file: b}", "sakigake.yaml:9: a secret names exactly one place"),
        ("{env: SALES_SECRET}", "{}", "sakigake.yaml:9: a secret names exactly one place"),
        ("{token: {file: secrets/hub}}", "{client_id: a}", "sakigake.yaml:12: give either `token`, or"),
        ("https://acme.my.salesforce.com", "acme", "sakigake.yaml:6: 'url' needs the org's My Domain, such as https://acme.my.salesforce.com, found 'acme'"),
        ("  hub:", "  sakigake:", "sakigake.yaml:10: the schema sakigake is taken by our own tables"),
        ("  hub:", "  pg_hub:", "sakigake.yaml:10: the schema pg_hub is taken by PostgreSQL"),
        ("crm: hubspot", "crm: hubspot\n        schema: sales", "sakigake.yaml:12: the schema sales is taken by connection sales of workspace main"),
        ("  hub:", "  Hub-1:", "sakigake.yaml:10: 'Hub-1' must be a name of small letters"),
        ("crm: hubspot", "crm: hubspot\n        daily_budget: 5", "sakigake.yaml:12: 'daily_budget' needs at least 100, found '5'"),
        ("crm: hubspot", "crm: hubspot\n        read_timeout: soon", "sakigake.yaml:12: 'read_timeout' needs a number, found 'soon'"),
        ("crm: hubspot", "crm: hubspot\n        fields: some", "sakigake.yaml:12: 'fields' needs which fields of the mapped objects are mirrored"),
        ("crm: hubspot", "crm: hubspot\n        mirror: {deals: some}", "sakigake.yaml:12: 'some' is not understood; write mapped, all, or a list of field names"),
        ("crm: hubspot", "crm: hubspot\n        objects_at_once: 0", "sakigake.yaml:12: 'objects_at_once' needs at least 1, found '0'"),
        ("crm: hubspot", "crm: hubspot\n        objects_at_once: 50", "sakigake.yaml:12: 'objects_at_once' needs at most 10, found '50'"),
        ("crm: hubspot", "crm: hubspot\n        bulk_page: 5000", "sakigake.yaml:12: unknown key 'bulk_page' in a connection to HubSpot"),
        ("crm: salesforce", "crm: salesforce\n        bulk_threshold: 0", "sakigake.yaml:6: 'bulk_threshold' needs at least 1, found '0'"),
        ("crm: salesforce", "crm: salesforce\n        bulk_threshold: soon", "sakigake.yaml:6: 'soon' is not understood; write a number of records, or never"),
        ("crm: salesforce", "crm: salesforce\n        bulk_threshold:", "sakigake.yaml:6: nothing is not understood; write a number of records, or never"),
        ("crm: salesforce", "crm: salesforce\n        bulk_threshold: 2.5", "sakigake.yaml:6: 'bulk_threshold' needs a whole number, found '2.5'"),
        ("crm: salesforce", "crm: salesforce\n        bulk_page: 10", "sakigake.yaml:6: 'bulk_page' needs at least 1000, found '10'"),
        ("crm: salesforce", "crm: salesforce\n        bulk_deadline: 5", "sakigake.yaml:6: 'bulk_deadline' needs at least 60, found '5'"),
        ("  main:", "  main:\n    schedule: {cycle: daily}", "sakigake.yaml:3: 'cycle' needs time between the starts of two cycles, such as 90s, 15m, 1h, found 'daily'"),
        ("  main:", "  main:\n    guards: {first_plan: delivr}", "sakigake.yaml:3: 'delivr' is not known as first_plan; did you mean 'deliver'?"),
        ("  main:", "  main:\n    prefix: ''", "sakigake.yaml:3: 'prefix' needs a word of 2 to 20"),
        ("workspaces:", "workspaces:\n  # none\nother:", "sakigake.yaml:1: 'workspaces' is empty"),
    ],
)  # fmt: skip
def test_a_fault_names_its_line_what_was_met_and_what_is_allowed(written, instead, sentence):
    found = said(SMALL.replace(written, instead, 1))
    assert any(line.startswith(sentence) for line in found), found


def test_every_fault_is_told_at_once_in_the_order_of_the_file():
    found = said(
        SMALL.replace("crm: salesforce", "crm: sforce")
        .replace("token", "tokn")
        .replace("  main:", "  main:\n    prefx: a")
    )
    assert [line.split(":")[1] for line in found] == ["3", "6", "13"]


@pytest.mark.parametrize(
    "text", ["", "# nothing", "- a", "hello", "workspaces: [1", "a: 1\na: 2", "a: &x 1\nb: *x", "a: !!set {}", "\x00"]
)
def test_what_is_no_configuration_at_all_is_one_sentence_with_a_line(text):
    found = said(text)
    assert len(found) == 1
    assert found[0].startswith("sakigake.yaml:")


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("{env: SALES_SECRET}", "TOP-SECRET-9"),
        ("{env: SALES_SECRET}", "[TOP-SECRET-9]"),
        ("{env: SALES_SECRET}", "{env: TOP-SECRET-9}"),
        ("{env: SALES_SECRET}", "{value: TOP-SECRET-9}"),
        ("{token: {file: secrets/hub}}", "TOP-SECRET-9"),
        ("{token: {file: secrets/hub}}", "{token: TOP-SECRET-9}"),
        ("{token: {file: secrets/hub}}", "{refresh_token: {file: [TOP-SECRET-9]}}"),
        ("https://acme.my.salesforce.com", "https://me:TOP-SECRET-9@acme.my.salesforce.com"),
        ("https://acme.my.salesforce.com", "https://acme.my.salesforce.com/?key=TOP-SECRET-9"),
    ],
)
def test_a_secret_that_was_put_into_the_file_is_refused_and_not_repeated(written, instead):
    """People do this; the message may end in a ticket."""
    found = said(SMALL.replace(written, instead))
    assert found
    assert "TOP-SECRET-9" not in "\n".join(found)


def test_bulk_jobs_may_be_barred():
    sales = read(SMALL.replace("crm: salesforce", "crm: salesforce\n        bulk_threshold: never"))
    assert sales.workspaces["main"].connections["sales"].bulk_threshold is None
    assert read(SMALL).workspaces["main"].connections["sales"].bulk_threshold == 20_000


def test_bulk_settings_reach_the_connector(monkeypatch):
    monkeypatch.setenv("SALES_SECRET", "s3")
    text = "crm: salesforce\n        bulk_threshold: 7000\n        bulk_page: 2500\n        bulk_deadline: 900"
    settings = read(SMALL.replace("crm: salesforce", text)).workspaces["main"].connections["sales"]
    connector = open_connector("sales", settings, Path())
    bulk = connector._bulk
    connector.close()
    assert (bulk.threshold, bulk.page, bulk.deadline) == (7000, 2500, 900)


@given(st.text(max_size=120))
def test_no_text_brings_anything_but_faults_with_lines(text):
    with pytest.raises(DocumentError):
        read(text)


def test_a_missing_file_says_how_to_make_one(tmp_path):
    with pytest.raises(
        ConfigError, match=r"make one with: sakigake init --preset sandbox, or say where it is with --config"
    ):
        load(tmp_path / "sakigake.yaml")


@pytest.mark.parametrize("make", [lambda p: p.write_bytes(b"a: \xff"), lambda p: p.mkdir()])
def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path, make):
    make(tmp_path / "sakigake.yaml")
    with pytest.raises(ConfigError, match=r"^[^\n]*sakigake\.yaml (is not UTF-8 text|cannot be read)[^\n]*$"):
        load(tmp_path / "sakigake.yaml")


def test_the_preset_is_read_and_names_its_secrets_by_files_of_the_owner(tmp_path):
    write_preset("sandbox", tmp_path, sandbox_url="http://127.0.0.1:8600/")
    hub = load(tmp_path / "sakigake.yaml").workspaces["main"].connections["hubspot"]
    assert hub.url == "http://127.0.0.1:8600"
    assert hub.auth.token.read(tmp_path) == "sandbox-token"
    assert {p.stat().st_mode & 0o077 for p in (tmp_path / "secrets").iterdir()} == {0}


def test_a_secret_is_read_from_its_variable_without_the_line_end(monkeypatch):
    monkeypatch.setenv("SAKIGAKE_A_SECRET", "s3\n")
    assert Secret(env="SAKIGAKE_A_SECRET").read(Path()) == "s3"


def test_an_unset_variable_is_named():
    with pytest.raises(ConfigError, match=r"SAKIGAKE_NOT_SET is not set; put the secret there"):
        Secret(env="SAKIGAKE_NOT_SET").read(Path())


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o666])
def test_a_secret_that_everybody_can_read_is_refused_with_the_command_that_mends_it(tmp_path, mode):
    file = tmp_path / "token"
    file.write_text("TOP-SECRET-9")
    file.chmod(mode)
    with pytest.raises(ConfigError, match=rf"chmod 600 {file}") as caught:
        Secret(file=file).read(Path())
    assert "TOP-SECRET-9" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "cannot be read"), (b" \n", "is empty"), (b"\xff\xfe", "is not UTF-8 text")],
)
def test_a_secret_file_without_a_secret_says_so(tmp_path, content, sentence):
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
        file.chmod(0o600)
    with pytest.raises(ConfigError, match=sentence) as caught:
        Secret(file=Path("token")).read(tmp_path)
    assert str(file) in str(caught.value)


def test_a_path_that_no_system_takes_is_a_sentence_too():
    with pytest.raises(ConfigError, match="its name is no name of a file"):
        Secret(file=Path("a\x00b")).read(Path(os.sep))


def test_what_the_numbers_assume_is_taken_from_the_section_and_the_rest_from_the_defaults():
    given = Assumed.model_validate(
        {
            "list_valid": 90,
            "sure": 0.9,
            "smallest_effect": 0.5,
            "tiers": {"legacy": ROWS, "default": {**ROWS, "a_up": 9}},
        }
    )
    made = given.for_numbers("seed")
    assert (made.list_valid, made.sure, made.horizon, made.seed) == (90, 0.9, DEFAULTS.horizon, "seed")
    assert made.tier_rules["legacy"] == TierRule(**ROWS)
    assert made.tier_rules["growth1"] == DEFAULTS.tier_rules["growth1"]
    assert made.tier_rule == TierRule(**{**ROWS, "a_up": 9})
    assert given.floors.smallest_effect == 0.5
    assert Assumed().for_numbers("") == replace(DEFAULTS, seed="", tier_rules=Assumed().for_numbers("").tier_rules)


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ("horizon: 5", "'horizon' needs at least 30, found '5'"),
        ("sure: 1.5", "'sure' needs at most 0.99, found '1.5'"),
        ("list_valid: soon", "'list_valid'"),
        ("horizont: 180", "unknown key 'horizont' in assumptions; did you mean 'horizon'?"),
        ("within: [0]", "needs at least 1"),
        ("history_from: soon", "'history_from'"),
        ("override_lasts: 400", "'override_lasts' needs at most 366"),
        ("own_curve: 0", "'own_curve' needs at least 1"),
        ("capacity_weeks: 3", "'capacity_weeks' needs at least 4"),
        ("capacity_spare: 0.9", "'capacity_spare' needs at least 1"),
        ("tiers: {a: {a_up: 3, a_down: 2, b_up: 3, b_down: 1}}", "they must fall: a_up, a_down, b_up, b_down"),
    ],
)
def test_an_assumption_that_cannot_be_is_refused_with_its_line(section, sentence):
    (met,) = said(SMALL + f"    assumptions:\n      {section}\n")
    assert met.startswith("sakigake.yaml:14: ")
    assert sentence in met


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ("default_p80: 60", "default_p80 is 60, default_p95 60 and horizon 180; they must rise"),
        ("horizon: 50", "default_p80 is 30, default_p95 60 and horizon 50; they must rise"),
        ("within: [60, 30]", "within is [60, 30]; write different days that rise up to 180"),
        ("within: [30, 200]", "within is [30, 200]; write different days that rise up to 180"),
    ],
)
def test_assumptions_that_do_not_fit_each_other_are_refused_with_their_line(section, sentence):
    (met,) = said(SMALL + f"    assumptions:\n      {section}\n")
    assert met.startswith("sakigake.yaml:13: ")
    assert sentence in met


@pytest.mark.parametrize(
    ("mix", "sentence"),
    [
        ("{legacy: -1}", "'legacy' needs at least 0, found '-1'"),
        ("{legacy: 0, growth1: 0}", "mix is 0 for legacy, growth1; give one partner type or more a weight above 0"),
        ("{legacy: many}", "'legacy'"),
        ("3", "'mix'"),
    ],
)
def test_a_mix_of_new_entries_that_cannot_be_is_refused_with_its_line(mix, sentence):
    (met,) = said(SMALL + f"    targets:\n      mix: {mix}\n")
    assert met.startswith("sakigake.yaml:1")
    assert sentence in met


def test_every_assumption_that_can_be_set_reaches_the_numbers():
    """A setting that nothing reads would be a promise that nobody keeps."""
    changed = {
        "horizon": 200, "window": 100, "partner_window": 300, "list_valid": 90, "min_in_tier": 10, "quiet": 7, "sure": 0.9,
        "within": [10], "own_curve": 40, "default_p80": 20, "default_p95": 40, "override_lasts": 30, "capacity_weeks": 13,
        "capacity_spare": 2.0,
    }  # fmt: skip
    made = Assumed.model_validate(changed).for_numbers("")
    for name, value in changed.items():
        assert getattr(made, name) == (tuple(value) if isinstance(value, list) else value), name
    assert set(Assumed.model_fields) - set(changed) == {"tiers", "active_within", "smallest_effect", "history_from"}
    assert Assumed.model_validate({"history_from": "2000-01-02"}).history_start == FIRST_DAY + 1
    assert Assumed().history_start is None, "found in the histories themselves"
