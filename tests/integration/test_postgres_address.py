"""Which database is used, and what is said where there is none to use."""

import subprocess
import sys
import time
from datetime import UTC, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import OperationalError

from jobs import database as db
from jobs.errors import DatabaseTooOld, DatabaseUnavailable
from tests.integration.holders import family, server


def with_(url: str, **changes: object) -> str:
    return make_url(url).set(**changes).render_as_string(hide_password=False)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_any_postgresql_address_is_used_as_it_is(empty_database_url: str, home: Path, scheme: str) -> None:
    """No embedded server is started, and no home is made, where an address is given."""
    with db.database(home, with_(empty_database_url, drivername=scheme)) as url:
        assert make_url(url).drivername == "postgresql+psycopg"
        made = db.engine(url)
        with made.connect() as connection:
            assert connection.scalar(text("SELECT current_database()")) == make_url(empty_database_url).database
        made.dispose()
    assert not home.exists()


@pytest.mark.parametrize("url", [None, ""])
def test_without_an_address_the_embedded_one_is_used_and_can_be_migrated(built_home: Path, url: str | None) -> None:
    with db.database(built_home, url) as address:
        db.upgrade(address)
        made = db.engine(address)
        db.check_schema_version(made)
        made.dispose()
        assert server(built_home)
    assert family(built_home) == []


def test_a_wrong_password_is_said_without_saying_any_password(empty_database_url: str, home: Path) -> None:
    wrong = with_(empty_database_url, password="opensesame")
    with pytest.raises(DatabaseUnavailable) as refused, db.database(home, wrong):
        pass
    said = str(refused.value)
    assert "password authentication failed" in said
    assert "check DATABASE_URL" in said
    assert "opensesame" not in said
    assert "\n" not in said


def test_a_server_that_is_not_there_is_said_at_once(home: Path) -> None:
    before = time.monotonic()
    with (
        pytest.raises(
            DatabaseUnavailable, match=r"x at 127\.0\.0\.1:1 cannot be reached: Connection refused; check DATABASE_URL"
        ),
        db.database(home, "postgresql://u:p@127.0.0.1:1/x"),
    ):
        pass
    assert time.monotonic() - before < 5


def test_a_database_that_is_not_there_is_said(empty_database_url: str, home: Path) -> None:
    with (
        pytest.raises(DatabaseUnavailable, match='database "nowhere" does not exist'),
        db.database(home, with_(empty_database_url, database="nowhere")),
    ):
        pass


@pytest.mark.parametrize(
    "url", ["mysql://u:hunter2@h/x", "postgresql+asyncpg://u:hunter2@h/x", "hunter2", "postgresql://u:hunter2@h:port/x"]
)
def test_what_is_no_postgresql_address_is_refused_without_repeating_it(home: Path, url: str) -> None:
    """It may hold a password."""
    with (
        pytest.raises(DatabaseUnavailable, match="expected postgresql://user:password@host") as refused,
        db.database(home, url),
    ):
        pass
    assert "hunter2" not in str(refused.value)


def test_an_older_server_is_refused_in_one_sentence(
    empty_database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told by the real server's own version, against a demand that none meets."""
    monkeypatch.setattr(db, "OLDEST", 99)
    with (
        pytest.raises(DatabaseTooOld, match=r"is PostgreSQL \d+\.\d+, and Sakigake needs 99 or later"),
        db.database(home, empty_database_url),
    ):
        pass


def test_a_database_that_does_not_keep_utf8_is_refused(empty_database_url: str, home: Path) -> None:
    name = make_url(empty_database_url).database + "_ascii"
    with psycopg.connect(empty_database_url.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C'")
        with (
            pytest.raises(DatabaseUnavailable, match="keeps text as SQL_ASCII"),
            db.database(home, with_(empty_database_url, database=name)),
        ):
            pass
        admin.execute(f"DROP DATABASE {name}")


def test_no_wait_is_endless(database_url: str) -> None:
    made = db.engine(
        database_url, statement_timeout=timedelta(milliseconds=500), lock_timeout=timedelta(milliseconds=100)
    )
    with made.connect() as one, made.connect() as two:
        with pytest.raises(OperationalError, match="statement timeout"):
            one.execute(text("SELECT pg_sleep(30)"))
        one.rollback()
        one.execute(text("LOCK TABLE sakigake.run"))
        with pytest.raises(OperationalError, match="lock timeout"):
            two.execute(text("SELECT count(*) FROM sakigake.run"))
    made.dispose()


def test_sessions_keep_utc_and_say_who_they_are(engine: Engine) -> None:
    with engine.connect() as connection:
        assert (
            connection.scalar(text("SELECT now()")).tzinfo == UTC or connection.scalar(text("SHOW TimeZone")) == "UTC"
        )
        assert connection.scalar(text("SHOW application_name")) == "sakigake"
        assert connection.scalar(text("SHOW search_path")) == "public"


def test_the_limits_outlive_a_rollback(engine: Engine) -> None:
    """They are set outside of any transaction."""
    with engine.connect() as connection:
        connection.rollback()
        assert connection.scalar(text("SHOW lock_timeout")) == "30s"
        assert connection.scalar(text("SHOW statement_timeout")) == "10min"


def test_a_pool_recovers_by_itself_when_the_embedded_server_was_killed(built_home: Path) -> None:
    """The server is back on the same address, and a dead connection in the pool is replaced unseen."""
    with db.database(built_home, None) as url:
        made = db.engine(url)
        with made.connect() as connection:
            connection.scalar(text("SELECT 1"))
        before = server(built_home)
        before.kill()
        deadline = time.monotonic() + 60
        while True:
            try:
                with made.connect() as connection:
                    assert connection.scalar(text("SELECT 1")) == 1
                if server(built_home) not in {before, None}:
                    break
            except OperationalError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        made.dispose()


def test_it_is_installed_anywhere(empty_database_url: str, tmp_path: Path) -> None:
    """Migrations are found beside their package, also where the current folder has a models/ of its own."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").write_text("raise SystemExit('the wrong models')")
    code = "import sys; sys.path.append(sys.argv[2]); from jobs.database import upgrade; upgrade(sys.argv[1])"
    root = str(Path(db.__file__).parents[1])
    done = subprocess.run([sys.executable, "-P", "-c", code, empty_database_url, root], cwd=tmp_path, check=False)
    assert done.returncode == 0
