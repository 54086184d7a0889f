"""What is not right on this machine ends in one sentence, in its exit code, and in nothing half-written: files, secrets, database, port.

What the CRM refuses is in test_bad_input_crm.py; how a mistyped command is answered, in tests/unit/test_cli_refusals.py.
"""

import resource
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.database import code_version
from tests.acceptance.bad_input_fixtures import Asker


@pytest.fixture
def asker(tmp_path: Path) -> Asker:
    """A folder that init wrote; no database and no CRM is there."""
    made = Asker(tmp_path, "postgresql://me:PASSWORD-77@127.0.0.1:9/nowhere")
    made.succeeds("init")
    return made


@pytest.fixture
def desk(asker: Asker, database_url: str) -> Asker:
    """The same with a database that is ready."""
    return Asker(asker.folder, database_url)


def files_may_have(size: int) -> Callable[[], None]:
    """Run in the child before the command: a disk on which no file can grow beyond so many bytes."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


# --- files


def test_a_missing_configuration_says_how_to_make_one(tmp_path):
    said = Asker(tmp_path).refused("run", code=2)
    assert said.startswith("There is no sakigake.yaml; make one with: sakigake init --preset sandbox")
    assert list(tmp_path.iterdir()) == []


def test_faults_in_the_configuration_are_told_by_file_and_line_before_anything_is_started(asker):
    asker.edit("sakigake.yaml", ("crm: salesforce", "crm: salesforc"), ("cycle: 5m", "cycle: often"))
    first, second = asker.refused("run", code=2).splitlines()
    assert first == (
        "sakigake.yaml:9: 'salesforc' is not known as crm; did you mean 'salesforce'? Allowed: hubspot, salesforce"
    )
    assert "'cycle' needs time between the starts of two cycles" in second
    assert not (asker.folder / "home").exists()


@pytest.mark.parametrize("room", [0, 4500])
def test_a_full_disk_leaves_no_half_of_what_init_writes(tmp_path, room):
    said = Asker(tmp_path).refused("init", "--dir", "trial", code=2, preexec_fn=files_may_have(room))
    assert "cannot be written (file too large); make room, or choose a folder of your own with --dir." in said
    assert list(tmp_path.iterdir()) == []


def test_init_touches_nothing_where_one_of_its_files_exists(asker):
    (asker.folder / "mapping.yaml").unlink()
    assert "sakigake.yaml" in asker.refused("init", code=2)
    assert not (asker.folder / "mapping.yaml").exists()


def test_a_secret_file_that_everybody_reads_is_refused_with_the_command_that_mends_it(desk):
    path = desk.folder / "secrets" / "hubspot_token"
    path.chmod(0o644)
    before = desk.tables()
    assert f"can be read by everybody on this machine; say: chmod 600 {path}" in desk.refused("run", code=2)
    assert desk.tables() == before


def test_a_variable_that_is_not_set_is_named(desk):
    desk.edit("sakigake.yaml", ("token: {file: secrets/hubspot_token}", "token: {env: HUBSPOT_TOKEN_OF_OURS}"))
    said = desk.refused("run", code=2)
    assert said.startswith("The environment variable HUBSPOT_TOKEN_OF_OURS is not set; put the secret there")


# --- the database and where it lives


def test_a_database_that_is_not_there_is_named_without_its_password(asker):
    said = asker.refused("status", code=1)
    assert said == (
        "The database nowhere at 127.0.0.1:9 cannot be reached: Connection refused; "
        "check DATABASE_URL, or unset it to use the embedded PostgreSQL."
    )


def test_an_address_of_another_kind_of_database_is_refused_without_its_password(asker):
    other = Asker(asker.folder, more={"DATABASE_URL": "mysql://me:PASSWORD-77@somewhere/x"})
    assert "expected postgresql://user:password@host:5432/database" in other.refused("status", code=1)


@pytest.mark.parametrize(
    ("statement", "command", "sentence"),
    [
        ("drop schema sakigake cascade", "status", "holds none of Sakigake's tables yet: run `sakigake db upgrade`"),
        ("update sakigake.alembic_version set version_num = '0000'", "run", f"is of schema version 0000 and this Sakigake works with {code_version()}: stop what else uses it and run `sakigake db upgrade`"),
        ("update sakigake.alembic_version set version_num = '9999'", "run", f"is of schema version 9999, and this Sakigake knows no later one than {code_version()}: install"),
        ("update sakigake.alembic_version set version_num = '9999'", "db upgrade", f"is of schema version 9999, and this Sakigake knows no later one than {code_version()}: install"),
        ("drop table sakigake.alembic_version", "serve", "so it belongs to another program: give Sakigake a database of its own"),
        ("drop table sakigake.alembic_version", "db upgrade", "so it belongs to another program: give Sakigake a database of its own"),
    ],
)  # fmt: skip
def test_tables_of_another_version_stop_a_command_and_stay_as_they_are(desk, statement, command, sentence):
    desk.execute(statement)
    before = desk.tables()
    assert sentence in desk.refused(*command.split(), code=1)
    assert desk.tables() == before


@pytest.mark.parametrize("below", ["taken", "taken/home"])
def test_a_home_that_cannot_be_used_names_the_setting(asker, below):
    (asker.folder / "taken").write_text("")
    said = Asker(asker.folder, more={"SAKIGAKE_HOME": str(asker.folder / below)}).refused("status", code=1)
    assert str(asker.folder / "taken") in said
    assert "set SAKIGAKE_HOME to a folder that you own" in said


def test_a_full_disk_below_the_home_is_told_with_the_place(asker):
    full = Asker(asker.folder, more={"SAKIGAKE_HOME": str(asker.folder / "full")})
    said = full.refused("status", code=1, preexec_fn=files_may_have(0))
    assert str(asker.folder / "full") in said
    assert "file too large" in said


# --- the port


def test_a_port_in_use_is_refused_before_the_world_is_made(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = Asker(tmp_path).refused("sandbox", "--port", str(port), code=1)
    assert said == f"port {port} on 127.0.0.1 is in use by another program; stop that one, or choose another port."
