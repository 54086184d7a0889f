"""The schema's history: complete, reversible, safe to run twice at once, and impatient with locks."""

import re
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy import Engine, text

from jobs import database as db
from jobs.errors import SchemaBusy, SchemaVersionMismatch
from models.tables import SCHEMA, Base

ROOT = Path(__file__).resolve().parents[2]


def plain(url: str) -> str:
    return url.replace("+psycopg", "")


def tables(url: str) -> set[str]:
    with psycopg.connect(plain(url)) as connection:
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [SCHEMA]).fetchall()
    return {name for (name,) in found} - {"alembic_version"}


def config_for(engine: Engine) -> Config:
    return Config(ROOT / "alembic.ini", attributes={"engine": engine})


def test_models_and_migrations_agree(engine: Engine) -> None:
    """From an empty database, migrations make exactly the tables that the models describe."""
    command.check(config_for(engine))


def test_a_column_without_a_migration_is_noticed(engine: Engine) -> None:
    """The check above can fail."""
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE sakigake.run DROP COLUMN cause"))
    with pytest.raises(Exception, match="add_column"):
        command.check(config_for(engine))


def test_the_mirrors_schemas_are_none_of_the_migrations_business(engine: Engine) -> None:
    """A connection's tables are made at run time; the check does not ask to drop them."""
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA salesforce"))
        connection.execute(text("CREATE TABLE salesforce.account (id text PRIMARY KEY)"))
    command.check(config_for(engine))


def test_downgrade_to_base_leaves_nothing_and_upgrade_makes_it_again(database_url: str) -> None:
    before = tables(database_url)
    assert before == {table.name for table in Base.metadata.tables.values()}
    db.downgrade(database_url, "base")
    assert tables(database_url) == set()
    db.upgrade(database_url)
    assert tables(database_url) == before


def test_two_upgrades_at_once_end_as_one(empty_database_url: str) -> None:
    """The second waits for the first, finds the work done, and succeeds."""
    script = "import sys; from jobs.database import upgrade; upgrade(sys.argv[1])"
    both = [subprocess.Popen([sys.executable, "-c", script, empty_database_url], cwd=ROOT) for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    made = db.engine(empty_database_url)
    db.check_schema_version(made)
    made.dispose()


def test_a_lock_held_by_another_gives_one_sentence_and_changes_nothing(database_url: str) -> None:
    """A migration that cannot get its lock gives up, says what to do, and leaves the version as it was."""
    before = tables(database_url)
    with psycopg.connect(plain(database_url)) as other:
        views = other.execute("SELECT viewname FROM pg_views WHERE schemaname = %s", [SCHEMA]).fetchall()
        for table in (
            *before,
            *(name for (name,) in views),
        ):  # whichever the newest migration is about, if only their comments
            other.execute(sql.SQL("LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE").format(sql.Identifier(SCHEMA, table)))
        with pytest.raises(SchemaBusy, match=r"in use.*sakigake db upgrade"):
            db.downgrade(database_url, "base", patience=timedelta(seconds=0.3))
    assert tables(database_url) == before
    made = db.engine(database_url)
    db.check_schema_version(made)
    made.dispose()


def test_the_turn_is_waited_for(empty_database_url: str) -> None:
    """While another upgrade holds the advisory lock, ours waits and then goes on."""
    with psycopg.connect(plain(empty_database_url), autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(5347081264)")
        ours = threading.Thread(target=db.upgrade, args=(empty_database_url,))
        ours.start()
        ours.join(1.0)
        assert ours.is_alive()
        assert tables(empty_database_url) == set()
        other.execute("SELECT pg_advisory_unlock(5347081264)")
        ours.join(120)
    assert tables(empty_database_url)


def test_migrations_are_numbered_in_one_line_and_titled_in_the_imperative() -> None:
    """The number tells which of two versions is newer, even to code that has never seen the file."""
    script = ScriptDirectory(str(ROOT / "migrations"))
    revisions = list(script.walk_revisions())[::-1]
    assert [revision.revision for revision in revisions] == [f"{n:04d}" for n in range(1, len(revisions) + 1)]
    assert db.code_version() == script.get_current_head()
    for revision in revisions:
        assert Path(revision.path).name.startswith(revision.revision)
        title = revision.doc
        assert re.fullmatch(r"[A-Z][a-z]+ .+\.", title), title
        assert "pass" not in Path(revision.path).read_text().split("def downgrade")[1], (
            f"{revision.revision} has no downgrade"
        )


def versions_of(url: str, what: str) -> None:
    with psycopg.connect(plain(url)) as connection:
        connection.execute("UPDATE sakigake.alembic_version SET version_num = %s", [what])


def test_an_empty_database_is_told_to_upgrade(empty_database_url: str) -> None:
    made = db.engine(empty_database_url)
    with pytest.raises(SchemaVersionMismatch, match=r"none of Sakigake's tables yet: run `sakigake db upgrade`"):
        db.check_schema_version(made)
    made.dispose()


def test_an_older_schema_is_told_to_upgrade(engine: Engine, database_url: str) -> None:
    versions_of(database_url, "0000")
    with pytest.raises(SchemaVersionMismatch, match=r"version 0000 .* run `sakigake db upgrade`"):
        db.check_schema_version(engine)


def test_a_newer_schema_is_left_alone(engine: Engine, database_url: str) -> None:
    """Neither the service nor the upgrade touches what a later Sakigake wrote."""
    versions_of(database_url, "9999")
    with pytest.raises(SchemaVersionMismatch, match=r"version 9999, .* install the Sakigake that wrote it"):
        db.check_schema_version(engine)
    with pytest.raises(SchemaVersionMismatch, match="install the Sakigake that wrote it"):
        db.upgrade(database_url)


def test_a_strangers_schema_is_left_alone(engine: Engine, database_url: str) -> None:
    versions_of(database_url, "3fa85f64")
    with pytest.raises(SchemaVersionMismatch, match=r"version 3fa85f64, so it belongs to another program"):
        db.check_schema_version(engine)
    with pytest.raises(SchemaVersionMismatch, match="belongs to another program"):
        db.upgrade(database_url)


def test_a_schema_of_our_name_without_our_version_is_left_alone(empty_database_url: str) -> None:
    with psycopg.connect(plain(empty_database_url)) as connection:
        connection.execute("CREATE SCHEMA sakigake")
        connection.execute("CREATE TABLE sakigake.fish (id int)")
    with pytest.raises(SchemaVersionMismatch, match="belongs to another program"):
        db.upgrade(empty_database_url)
    assert tables(empty_database_url) == {"fish"}


def test_what_stands_is_the_same_by_field_before_and_after_it_is_kept_by_subject(database_url: str) -> None:
    """Each field with the run that came to say it; and views tell the same."""
    rows = [
        ("main", subject, of, field, value, {"why": f"{field} of {of}"}, run)
        for subject, of, field, value, run in (
            ("partner", "p", "tier", "A", "run-1"),
            ("partner", "p", "deals_90d", None, "run-2"),
            ("partner", "q", "tier", "B", "run-2"),
            ("entry", "e", "milestone", "agreed", "run-1"),
        )
    ]

    def standing(table: str) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
        with psycopg.connect(plain(database_url)) as connection:
            by_field = connection.execute(f"SELECT * FROM sakigake.{table} ORDER BY 1, 2, 3, 4").fetchall()
            return by_field, connection.execute(
                "SELECT partner_id, tier, deals_90d FROM sakigake.bi_partner_scorecard ORDER BY 1"
            ).fetchall()

    db.downgrade(database_url, "0020")
    with psycopg.connect(plain(database_url)) as connection:
        for row in rows:
            given = [Jsonb(cell) if at in (4, 5) else cell for at, cell in enumerate(row)]
            connection.execute("INSERT INTO sakigake.result VALUES (%s, %s, %s, %s, %s, %s, %s)", given)
        connection.execute(
            """INSERT INTO sakigake.partner (workspace, partner_id, name, type, willingness, attributes, known_at)
            SELECT 'main', i, i, 'dealer', 'unknown', '{}', now() FROM unnest(array['p', 'q', 'r']) i"""
        )
    before = standing("result")
    assert before == (sorted(rows), [("p", "A", None), ("q", "B", None), ("r", None, None)])
    db.upgrade(database_url)
    assert standing("field_result") == before
    db.downgrade(database_url, "0020")
    assert standing("result") == before
