"""kill -9 at each place that matters while a page is being stored: its rows and its cursor are there together, or not at all."""

# ruff: noqa: F811 (fixtures are imported)
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.desk import environment
from tests.acceptance.dying import MOMENTS
from tests.acceptance.in_process import Company
from tests.acceptance.in_process_fixtures import reader_of_pages, world_of_pages  # noqa: F401

ROOT = Path(__file__).parents[2]
PAGE = 2000


def killed(company: Company, moment: str, count: int) -> None:
    """`sakigake run --only pull`, which kills itself when that moment comes for the so many-th time."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.acceptance.dying",
            "run",
            "--only",
            "pull",
            "--config",
            str(company.folder / "sakigake.yaml"),
        ],
        cwd=ROOT,
        env=environment(
            DATABASE_URL=company.url, DIE_AT=moment, DIE_AFTER=str(count), SAKIGAKE_HOME=str(company.folder)
        ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]


@pytest.mark.parametrize("moment", list(MOMENTS))
def test_a_page_is_stored_with_its_cursor_or_not_at_all(reader_of_pages: Company, moment: str) -> None:
    """Killed in mid first load, then left alone: the mirror is the ledger."""
    company = reader_of_pages
    killed(company, moment, 8)
    if company.one("select to_regclass('salesforce.opportunity')") is not None:
        loaded, reached = company.one(
            "select array[loaded::text, cursor ->> 'after'] from sakigake.mirror_object where object = 'Opportunity'"
        )
        rows = company.one("select count(*) from salesforce.opportunity")
        behind = company.one("select count(*) from salesforce.opportunity where id > coalesce(%s, '')", reached)
        if loaded == "false":
            assert behind == 0, "rows without the cursor that stands for them"
            assert rows % PAGE == 0
    assert company.one("select count(*) from sakigake.run where status = 'succeeded'") == 0
    company.recovers()


def test_a_bulk_file_is_stored_with_its_cursor_or_not_at_all(reader_of_pages: Company) -> None:
    """Killed behind the second of three files: the first is there, its job goes on, and nothing is there twice."""
    company = reader_of_pages
    company.set("salesforce", bulk_threshold=1000, bulk_page=PAGE)
    company.salesforce = {"bulk_threshold": 1000, "bulk_page": PAGE}
    killed(company, "between a file's rows and its cursor", 2)
    rows = company.one("select count(*) from salesforce.opportunity")
    job = company.one("select cursor -> 'job' from sakigake.mirror_object where object = 'Opportunity'")
    assert (rows, job["read"]) == (PAGE, PAGE)
    company.recovers(runs=1)
