"""The audit trail in PostgreSQL: one chain however many write at once, nothing changed, nothing kept that can be read of persons."""

import threading

import psycopg
import pytest
from psycopg import errors

from jobs.audit_check import examine, reseal
from jobs.errors import ConfigError, SakigakeError
from jobs.heads import Head, heads_file, note_head, read_heads
from sync.chain import head, links, record


@pytest.fixture
def conn(database_url):
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as opened:
        yield opened


def test_links_of_a_workspace_follow_each_other_and_workspaces_have_chains_of_their_own(conn):
    record(conn, "main", "activation", "aoi", "abc", {"reason": "first", "日本": "語 \0 \ud800"})
    record(conn, "other", "plan", "sakigake", "plan-1", {"changes": 0.1})
    record(conn, "main", "plan", "sakigake", "plan-2", {"changes": 3, "share": 1e300})
    found = examine(links(conn, "main"))
    assert found.ok
    assert found.links == 2
    assert [link.seq for link in links(conn, "other")] == [1]
    assert next(iter(links(conn, "main"))).says()["日本"] == "語 \0 \ud800"


def test_a_link_is_there_only_if_what_it_tells_of_is(conn):
    with conn.transaction(force_rollback=True):
        record(conn, "main", "plan", "sakigake", "plan-1", {})
        assert head(conn, "main") is not None
    assert head(conn, "main") is None


def test_many_writers_at_once_make_one_chain(database_url):
    url = database_url.replace("+psycopg", "")

    def write(name: str) -> None:
        with psycopg.connect(url, autocommit=True) as mine:
            for n in range(20):
                with mine.transaction():
                    mine.execute("select 1")  # the transaction's snapshot must not be older than its turn
                    record(mine, "main", "decision", name, f"{name}-{n}", {})

    writers = [threading.Thread(target=write, args=(f"w{n}",)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with psycopg.connect(url) as conn:
        found = examine(links(conn, "main"))
    assert (found.ok, found.links) == (True, 80)


@pytest.mark.parametrize(
    "statement",
    ["update sakigake.audit_link set who = 'x'", "delete from sakigake.audit_link", "truncate sakigake.audit_link"],
)
def test_the_database_refuses_to_rewrite_the_trail(conn, statement):
    record(conn, "main", "plan", "sakigake", "plan-1", {})
    with pytest.raises(errors.RestrictViolation, match="append-only"):
        conn.execute(statement)
    assert examine(links(conn, "main")).links == 1


def test_who_takes_the_trigger_away_and_changes_a_row_is_found_out(conn):
    for n in range(4):
        record(conn, "main", "approval", "aoi", f"plan-{n}", {"reason": "checked"})
    conn.execute("alter table sakigake.audit_link disable trigger all")
    conn.execute("update sakigake.audit_link set who = 'somebody' where seq = 3")
    found = examine(links(conn, "main"))
    assert (found.broken_at, found.links) == (3, 2)
    assert "was changed" in str(found.says)


def test_of_persons_only_keyed_hashes_are_kept(conn):
    one = record(conn, "main", "import", "aoi", "list", {}, personal={"phone": "03-1234-5678", "name": None})
    same = record(conn, "main", "import", "aoi", "list", {}, personal={"phone": "03-1234-5678"})
    elsewhere = record(conn, "other", "import", "aoi", "list", {}, personal={"phone": "03-1234-5678"})
    assert "1234" not in one.document
    assert one.says()["personal"]["name"] is None
    assert one.says()["personal"]["phone"] == same.says()["personal"]["phone"]
    assert one.says()["personal"]["phone"] != elsewhere.says()["personal"]["phone"]


def test_an_unknown_kind_is_refused(conn):
    with pytest.raises(ValueError, match="gossip"):
        record(conn, "main", "gossip", "aoi", "x", {})


def test_heads_are_noted_once_each_and_show_a_chain_that_was_cut(conn, tmp_path):
    for n in range(3):
        record(conn, "main", "plan", "sakigake", f"plan-{n}", {})
        note_head(conn, "main", tmp_path)
        note_head(conn, "main", tmp_path)
    path = heads_file(tmp_path, "main")
    assert path.stat().st_mode & 0o077 == 0
    noted = list(read_heads(path))
    assert [h.seq for h in noted] == [1, 2, 3]
    conn.execute("alter table sakigake.audit_link disable trigger all")
    conn.execute("delete from sakigake.audit_link where seq = 3")
    found = examine(links(conn, "main"), noted)
    assert [h.seq for h in found.lost] == [3]
    with pytest.raises(SakigakeError, match="--reason is empty"):
        reseal(conn, "main", found, who="aoi", reason=" ")
    reseal(conn, "main", found, who="aoi", reason="restored the backup of yesterday")
    assert examine(links(conn, "main"), noted).ok
    with pytest.raises(SakigakeError, match="nothing to reseal"):
        reseal(conn, "main", examine(links(conn, "main"), noted), who="aoi", reason="again")


def test_a_file_of_heads_that_holds_something_else_is_refused_by_its_line(tmp_path):
    path = tmp_path / "main.heads"
    path.write_text('{"seq": 1, "hash": "a", "at": ""}\nno\n')
    with pytest.raises(ConfigError, match=r"main\.heads:2"):
        list(read_heads(path))
    assert Head(1, "a", "") == next(iter(read_heads(path)))
