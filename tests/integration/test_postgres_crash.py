"""The embedded PostgreSQL under kill -9: data stay, service comes back, and nothing is left running when the last one is gone."""

import os
import signal
import time
from pathlib import Path

import psycopg
import pytest

from tests.integration.holders import Holder, connected, family, keep, keeper, left_of, rows, server, until


def test_killing_the_only_user_ends_the_server_and_keeps_the_data(built_home: Path) -> None:
    """Nobody is there to stop it, so its keeper does, within seconds; the keeper is not left either."""
    with Holder(built_home) as holder:
        keep(holder.url, 1, 2, 3)
        processes = family(built_home)
        holder.kill()
    assert left_of(processes) == []
    with Holder(built_home) as holder:
        assert rows(holder.url) == [1, 2, 3]
        holder.leave()


def test_killing_one_of_two_users_leaves_the_other_undisturbed(built_home: Path) -> None:
    with Holder(built_home) as one, Holder(built_home) as two:
        assert one.url == two.url
        processes = family(built_home)
        with connected(two.url) as open_before:
            one.kill()
            time.sleep(0.5)
            open_before.execute("SELECT 1")
        keep(two.url, 1)
        assert two.leave() == 0
    assert server(built_home) is None
    assert left_of(processes) == []


def test_a_killed_server_comes_back_on_the_same_address_with_all_it_had_committed(built_home: Path) -> None:
    with Holder(built_home) as holder:
        keep(holder.url, *range(100))
        before = server(built_home)
        backends = family(built_home)
        unfinished = connected(holder.url)
        unfinished.execute("INSERT INTO kept VALUES (1000)")  # and no commit
        before.kill()
        assert left_of([process for process in backends if process != keeper(built_home)]) == []
        unfinished.close()
        assert rows(holder.url) == list(range(100))
        assert server(built_home) != before
        processes = family(built_home)
        assert holder.leave() == 0
    assert server(built_home) is None
    assert left_of(processes) == []


def test_a_killed_server_without_users_is_recovered_by_the_next(built_home: Path) -> None:
    """All of them at once, as when a machine loses power."""
    with Holder(built_home) as holder:
        keep(holder.url, 1)
        processes = family(built_home)
        for victim in (keeper(built_home), server(built_home), holder.process):
            os.kill(victim.pid, signal.SIGKILL)
        holder.end()
    assert left_of(processes) == []
    assert (built_home / "postgres" / "cluster" / "data" / "postmaster.pid").exists()
    with Holder(built_home) as holder:
        assert rows(holder.url) == [1]
        holder.leave()


def test_a_killed_keeper_is_replaced_and_the_address_stays(built_home: Path) -> None:
    with Holder(built_home) as holder:
        keep(holder.url, 1)
        before = keeper(built_home)
        before.kill()
        until(lambda: (now := keeper(built_home)) and now != before)
        assert rows(holder.url) == [1]
        processes = family(built_home)
        assert holder.leave() == 0
    assert server(built_home) is None
    assert left_of(processes) == []


def test_killing_keeper_and_user_together_leaves_nothing(built_home: Path) -> None:
    """Nobody is left to stop the server; the kernel interrupts it when its keeper dies (Linux), or the next one does."""
    with Holder(built_home) as holder:
        keep(holder.url, 1)
        processes = family(built_home)
        os.kill(holder.process.pid, signal.SIGSTOP)  # so that it cannot start another keeper in between
        keeper(built_home).kill()
        holder.kill()
    if os.uname().sysname == "Linux":
        assert left_of(processes) == []
    with Holder(built_home) as holder:
        assert rows(holder.url) == [1]
        processes += family(built_home)
        holder.leave()
    assert server(built_home) is None
    assert left_of(processes) == []


def test_a_user_whose_keeper_was_killed_ends_the_server_itself(built_home: Path) -> None:
    """It leaves before it has noticed; nothing is left all the same."""
    with Holder(built_home) as holder:
        assert holder.url
        processes = family(built_home)
        keeper(built_home).kill()
        assert holder.leave() == 0
    assert left_of(processes) == []
    assert family(built_home) == []


def test_asked_to_end_the_keeper_stays_until_the_users_have_gone(built_home: Path) -> None:
    """A service manager asks every process at once; ours still need the database to finish."""
    with Holder(built_home) as holder:
        assert holder.url
        keeper(built_home).terminate()
        time.sleep(0.3)
        keep(holder.url, 1)
        processes = family(built_home)
        os.kill(holder.process.pid, signal.SIGTERM)
        holder.process.wait(60)
    assert left_of(processes) == []


@pytest.mark.parametrize("pause", [0.0, 0.4])
def test_killed_while_building_the_next_start_begins_anew(home: Path, pause: float) -> None:
    """A half-made cluster is never used and does not stay."""
    with Holder(home) as holder:
        until(lambda: list(home.glob("postgres/building-*")) or (home / "postgres" / "cluster").exists())
        time.sleep(pause)
        processes = family(home)
        if processes and (found := keeper(home)):
            found.kill()
        holder.kill()
    assert left_of(processes) == []
    with Holder(home) as holder:
        keep(holder.url, 1)
        assert holder.leave() == 0
    assert list(home.glob("postgres/building-*")) == []


def test_a_left_over_pid_file_that_names_a_strangers_process_does_no_harm(built_home: Path) -> None:
    """After a restart of the machine its number may belong to anyone: they are not taken for the server, nor signalled."""
    with Holder(built_home) as holder:
        keep(holder.url, 1)
        processes = family(built_home)
        for victim in (keeper(built_home), server(built_home), holder.process):
            os.kill(victim.pid, signal.SIGKILL)
        holder.end()
    assert left_of(processes) == []
    names_us(built_home, os.getpid())  # our own number: were it signalled, this run would end
    with Holder(built_home) as holder:
        assert rows(holder.url) == [1]
        assert holder.leave() == 0


def test_a_left_over_pid_file_that_names_another_postgres_does_no_harm(built_home: Path, postgres_server: str) -> None:
    """Not every postgres is ours."""
    with psycopg.connect(postgres_server.replace("+psycopg", ""), autocommit=True) as other:
        folder = Path(str(other.execute("SHOW data_directory").fetchone()[0]))
        if not (folder / "postmaster.pid").exists():
            pytest.fail("the tests' own server is expected on this machine")
        names_us(built_home, int((folder / "postmaster.pid").read_text().split()[0]))
        with Holder(built_home) as holder:
            assert holder.url
            assert holder.leave() == 0
        other.execute("SELECT 1")


def names_us(home: Path, pid: int) -> None:
    file = home / "postgres" / "cluster" / "data" / "postmaster.pid"
    lines = (
        file.read_text().split("\n")
        if file.exists()
        else ["", str(file.parent), "1", "5432", "", "127.0.0.1", "1 1", "ready   "]
    )
    owner = file.parent.stat()
    file.write_text("\n".join([str(pid), *lines[1:]]) + "\n")
    file.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(file, owner.st_uid, owner.st_gid)
