"""What the tests of bad input need: a desk whose first run is done, to copy; the sentence a command ends with; the tables as they are."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from tests.acceptance import ready
from tests.acceptance.desk import Sandbox, environment
from tests.acceptance.ready import COMMAND

SECRETS = ("sandbox-secret", "sandbox-token", "WRONG-SECRET-77", "PASSWORD-77")
LIMIT = 60.0  # seconds for one command
WRITTEN = (
    ("salesforce", "Account"),
    ("salesforce", "AttackListEntry__c"),
    ("hubspot", "companies"),
    ("hubspot", "deals"),
)
# what a run may note of itself although it failed
NOTES = {
    "run",
    "run_step",
    "api_calls",
    "provisioned",
}  # the last: where fields were meant to be made, noted before the first is
AT_A_LINE = re.compile(r"^(sakigake: )?\S+\.yaml:\d+: \S")


@dataclass(frozen=True)
class Asker:
    """A person in a folder, who types commands that cannot work."""

    folder: Path
    database_url: str | None = None
    more: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        address = {"DATABASE_URL": self.database_url} if self.database_url else {}
        return environment(**{"SAKIGAKE_HOME": str(self.folder / "home"), **address, **self.more})

    def run(self, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
        if options:
            done = subprocess.run(
                [COMMAND, *arguments],
                cwd=self.folder,
                env=self.environment(),
                capture_output=True,
                text=True,
                timeout=LIMIT,
                check=False,
                **options,  # type: ignore[call-overload]
            )
        else:
            done = ready.run(arguments, self.folder, self.environment(), LIMIT)
        self.keeps_secrets(done.stdout + done.stderr)
        return done

    def keeps_secrets(self, said: str) -> None:
        password = make_url(self.database_url).password if self.database_url else None
        told = [secret for secret in (*SECRETS, password) if secret and str(secret) in said]
        assert told == [], said

    def succeeds(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout

    def refused(self, *arguments: str, code: int, **options: object) -> str:
        """The sentence on standard error; fails unless it is the only thing said, and `code` the exit code."""
        done = self.run(*arguments, **options)
        assert done.returncode == code, f"ended with {done.returncode}\n{done.stdout[-1500:]}\n{done.stderr[-3000:]}"
        assert "Traceback" not in done.stderr
        assert "fault in Sakigake" not in done.stderr
        assert done.stdout == ""
        lines = done.stderr.splitlines()
        assert lines, "it said nothing"
        assert lines[0].startswith("sakigake: ")
        if len(lines) > 1:  # several faults of one file
            assert [line for line in lines if not AT_A_LINE.match(line)] == []
        return done.stderr.removeprefix("sakigake: ").strip()

    def edit(self, name: str, *pairs: tuple[str, str]) -> None:
        """Changes a file as in an editor."""
        path = self.folder / name
        text = path.read_text("utf-8")
        for old, new in pairs:
            assert old in text, old
            text = text.replace(old, new)
        path.write_text(text, "utf-8")

    def secret(self, name: str, text: str) -> None:
        (self.folder / "secrets" / name).write_text(text, "utf-8")

    def copy(self, folder: Path, database_url: str | None) -> "Asker":
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return Asker(folder, database_url)

    @contextmanager
    def connected(self) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        assert self.database_url
        with psycopg.connect(self.database_url.replace("+psycopg", ""), autocommit=True, connect_timeout=10) as conn:
            yield conn

    def execute(self, statement: str) -> None:
        with self.connected() as conn:
            conn.execute(statement.encode())

    def tables(self) -> dict[str, str | None]:
        """Every table's content as a sum, without what a failed run may note of itself; and no note repeats a secret."""
        with self.connected() as conn:
            named = conn.execute(
                "select schemaname, tablename from pg_tables where schemaname not in ('pg_catalog', 'information_schema') order by 1, 2"
            ).fetchall()
            found: dict[str, str | None] = {}
            for schema, name in named:
                of = sql.Identifier(str(schema), str(name))
                if schema == "sakigake" and name in NOTES:
                    said = conn.execute(sql.SQL("select coalesce(string_agg(t::text, ' '), '') from {} t").format(of))
                    self.keeps_secrets(str(said.fetchone()))
                    continue
                row = conn.execute(
                    sql.SQL("select md5(string_agg(t::text, ' ' order by t::text)) from {} t").format(of)
                ).fetchone()
                assert row
                found[f"{schema}.{name}"] = None if row[0] is None else str(row[0])
        return found

    @contextmanager
    def nothing_changes(self, sandbox: Sandbox) -> Iterator[None]:
        """Fails where the block leaves another mirror, another event, another plan or another CRM than it found."""
        tables, written = self.tables(), writes(sandbox)
        yield
        assert self.tables() == tables
        assert writes(sandbox) == written


def writes(sandbox: Sandbox) -> list[Any]:
    """Every write that the CRMs applied to what we write back to."""
    return [
        write for crm, name in WRITTEN for write in sandbox.control("GET", f"ledger?crm={crm}&object={name}")["writes"]
    ]


def empty_world(folder: Path) -> Path:
    """A world in which nobody has ever introduced anybody."""
    columns = {
        "partners": "partner_id,type,industry,scale,contract,willingness,joined_on",
        "entries": "entry_id,partner_id,crm,external_id,attempt,root_entry_id,listed_on",
        "events": "event_id,entry_id,partner_id,external_id,milestone,occurred_on,recorded_on,op,supersedes",
        "activities": "activity_id,partner_id,kind,occurred_on",
    }
    for name, header in columns.items():
        (folder / f"{name}.csv").write_text(header + "\n")
    (folder / "truth.json").write_text(json.dumps({"as_of": "2026-10-31"}))
    return folder
