"""A mistyped command says what there is, in one sentence, before anything is started; help is short and starts fast."""

import json
import subprocess
import sys

import pytest

from jobs import cli
from jobs.cli.failures import explain
from jobs.errors import ConfigError, RunBusy


@pytest.fixture(autouse=True)
def _desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAKIGAKE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SAKIGAKE_CONFIG", raising=False)


def ended(capsys, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    said = capsys.readouterr()
    return int(caught.value.code or 0), said.out, said.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("rum", "No such command 'rum'. Did you mean 'run', 'resume'? See: sakigake --help"),
        ("run --onyl pull", "No such option: --onyl"),
        ("run --only pull,mp", "--only names 'mp', which is no step; the steps are pull, map, compute, plan, deliver."),
        ("run --only ,", "--only names no step; the steps are"),
        ("status --workspace other", "sakigake.yaml has no workspace 'other'; it has main."),
        ("status --config other.yaml", "There is no other.yaml; make one with: sakigake init"),
        ("apply plan-1", "Missing option '--reason'; see: "),
        ("explain Account", "'Account' does not name a record; write connection.Object/ID"),
        ("provision --package out --remove", "--package goes alone: it writes files and touches no CRM."),
        ("provision --remove --no-layout", "--remove takes our section off the page layouts too; give it without --no-layout."),
        ("erase Account --reason x", "'Account' does not name a record; write connection.Object/ID"),
        ("erase salesforce.Account/1", "Missing option '--reason'; see: "),
        ("init --preset acme", "There is no preset 'acme'; choose sandbox, salesforce-custom-object, salesforce-lead, salesforce-campaign, hubspot-deals, hubspot-custom-object."),
        ("init --sandbox-url localhost", "--sandbox-url is 'localhost', expected an address such as http://127.0.0.1:8600"),
        ("init", "sakigake.yaml, mapping.yaml, secrets/salesforce_client_secret, secrets/hubspot_token exist already; nothing was written."),
        ("sandbox --rows Account", "--rows 'Account' is not OBJECT=N"),
        ("sandbox --as-of soon", "--as-of is 'soon', expected a day such as 2026-10-31."),
        ("sandbox --as-of 0001-01-01", "as_of lies between 1990 and 2200, got 0001-01-01"),
        ("sandbox --port 0 --world nowhere", "nowhere has no truth.json; give a folder that gen.py wrote"),
        ("sandbox --port 0 --rows hubspot.nope=5", "nope is not an object that can be made large; name companies"),
        ("sandbox --scenario mesy", "scenario is one of clean, messy, empty, partners, got 'mesy'."),
        ("sandbox --port x", "Invalid value for '--port'"),
        ("sandbox --seed -1", "seed must not be negative, got -1; give 0 or more."),
    ],
)  # fmt: skip
def test_a_mistyped_command_says_what_there_is(capsys, tmp_path, arguments, sentence):
    assert ended(capsys, "init")[0] == 0
    code, out, error = ended(capsys, *arguments.split())
    assert (code, out) == (2, "")
    assert error.startswith(f"sakigake: {sentence}")
    assert error.count("\n") == 1
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("file", "old", "new", "sentence"),
    [
        ("sakigake.yaml", "schedule:", "shedule:", "unknown key 'shedule' in a workspace; did you mean 'schedule'?"),
        ("sakigake.yaml", "prefix: sakigake", "prefix: [sakigake", "this is not YAML"),
        ("sakigake.yaml", "mapping: mapping.yaml", "mapping: maping.yaml", "maping.yaml; make one with `sakigake init`, or mend `mapping:`"),
        ("sakigake.yaml", "      hubspot:", "      hub:", ":29: sakigake.yaml has no connection 'hubspot', from which 11 rules read; did you mean 'hub'?"),
        ("sakigake.yaml", "token: {file: secrets/hubspot_token}", "token: PASSWORD-77", "'token' needs {env: VARIABLE} or {file: PATH}, never the secret itself"),
        ("mapping.yaml", "timezone: Asia/Tokyo", "timezone: Asia/Tokio", "mapping.yaml:4: 'Asia/Tokio' is no time zone"),
        ("mapping.yaml", "{contains: 会食}", "{regex: '(a+)+\\1'}", "mapping.yaml:101: the pattern '(a+)+\\1' is not read: invalid escape sequence"),
        ("mapping.yaml", "{contains: 会食}", "{regex: '((x{999}){999}){999}'}", "is not read: invalid repetition size"),
        ("mapping.yaml", "{contains: 会食}", "&again {contains: *again}", "aliases are not read (found *again); write the value out"),
        ("mapping.yaml", "language: ja ", "language: ja\nlanguage: en ", "the key 'language' stands here twice, first on line 5"),
        ("mapping.yaml", "where: {pipeline: partner}", "where: {pipeline: partner, or: []}", "'or' is empty"),
        ("mapping.yaml", "kind: dinner", "kind: diner", "'diner' is not known as kind; did you mean 'dinner'?"),
    ],
)  # fmt: skip
def test_config_check_tells_each_fault_by_file_and_line(capsys, tmp_path, file, old, new, sentence):
    ended(capsys, "init")
    text = (tmp_path / file).read_text("utf-8")
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new), "utf-8")
    code, out, error = ended(capsys, "config", "check")
    assert (code, out) == (2, "")
    assert sentence in error
    assert "PASSWORD-77" not in error


def test_the_schema_is_written_whole_or_refused_in_one_sentence(capsys, tmp_path):
    code, _, error = ended(capsys, "mapping", "schema", "--out", "nowhere/schema.json")
    assert (code, error.count("\n")) == (2, 1)
    assert "nowhere/schema.json cannot be written" in error
    assert ended(capsys, "mapping", "schema", "--out", "mapping.schema.json")[0] == 0
    code, out, _ = ended(capsys, "mapping", "schema")
    assert out == (tmp_path / "mapping.schema.json").read_text("utf-8")
    assert json.loads(out)["title"] == "Sakigake mapping"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("--propose --connection nope", "There is no connection 'nope'; there are salesforce, hubspot."),
        ("--connection hubspot", "--connection says what to propose for; give it with --propose, or leave it out."),
        ("--propose --connection hubspot --preset salesforce-lead", "'salesforce-lead' is not for hubspot; choose hubspot-deals or hubspot-custom-object."),
        ("--propose --preset salesforce-leads", "'salesforce-leads' is not for hubspot or salesforce; choose salesforce-custom-object or"),
    ],
)  # fmt: skip
def test_a_proposal_says_what_it_needs_and_touches_nothing(capsys, tmp_path, arguments, sentence):
    ended(capsys, "init", "--preset", "sandbox")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    code, _, error = ended(capsys, "init", *arguments.split())
    assert (code, error.count("\n")) == (2, 1)
    assert sentence in error
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_config_check_names_the_mappings_version(capsys):
    ended(capsys, "init")
    code, out, error = ended(capsys, "config", "check")
    assert (code, error) == (0, "")
    assert out.startswith("Workspace main is fine; its mapping is version ")


def test_the_version_is_told(capsys):
    code, out, _ = ended(capsys, "--version")
    assert code == 0
    assert out.startswith("sakigake ")


def test_every_command_has_a_short_help(capsys):
    code, out, error = ended(capsys, "--help")
    assert (code, error) == (0, "")
    assert "Traceback" not in out
    commands = out[out.index("Commands") :].splitlines()[1:]
    said = [line[2:12].strip() for line in commands if line.startswith("│")]
    assert len(said) <= 2 * sum(1 for name in said if name)  # two lines each at most


def test_help_and_refusals_load_neither_drivers_nor_arithmetic():
    """What takes two seconds to import may not stand before a sentence of ten words."""
    program = (
        "import sys\n"
        "from jobs.cli import main\n"
        "for given in (['--help'], ['run'], ['rum']):\n"
        "    try:\n"
        "        main(given)\n"
        "    except SystemExit:\n"
        "        pass\n"
        "print([m for m in ('numpy', 'scipy', 'hubspot', 'simple_salesforce', 'sqlalchemy', 'psycopg', 'alembic', 'apscheduler') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


class _Record(Exception):
    """What a library might raise with a record's value in its message."""


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (ConfigError("It is so."), 2, "It is so."),
        (RunBusy("Another run."), 4, "Another run."),
        (OSError(28, "No space left on device", "mirror.csv"), 1, "mirror.csv: no space left on device; make room or mend the place"),
    ],
)  # fmt: skip
def test_a_failure_of_a_known_kind_is_its_sentence_and_code(error, code, sentence):
    said, met = explain(error)
    assert met == code
    assert said.startswith(sentence)


def test_a_fault_of_our_own_says_where_it_is_and_repeats_no_value(capsys):
    try:
        raise _Record("山田太郎 090-1234-5678")
    except _Record as error:
        said, code = explain(error)
    assert code == 1
    assert said.startswith("A fault in Sakigake (_Record at tests/unit/test_cli_refusals.py:")
    assert "山田" not in said
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("state", "message", "shown", "remedy"),
    [
        ("53100", "could not extend file", True, "make room on the disk of the database"),
        ("53300", "too many clients already", True, "raise its max_connections"),
        ("42501", "permission denied for schema sakigake", True, "grant the role"),
        ("57P01", "terminating connection", True, "wait until the server is up"),
        ("22P02", 'invalid input syntax for type date: "山田"', False, "look at its log"),
        ("23505", "duplicate key value", False, "look at its log"),
    ],
)
def test_what_postgresql_refuses_has_a_remedy_and_repeats_no_value_of_a_row(monkeypatch, state, message, shown, remedy):
    import psycopg

    error = psycopg.errors.lookup(state)(message)
    said, code = explain(error)
    assert code == 1
    assert remedy in said
    assert (message in said) == shown
