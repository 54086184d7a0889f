"""The views for BI tools: as documented column by column, and readable by a role that may read nothing else."""

import re
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, text

PAGE = (Path(__file__).parents[2] / "docs" / "views.md").read_text("utf-8")
VIEWS = re.findall(r"^## (bi_\w+)$", PAGE, re.MULTILINE)


def documented(view: str) -> list[str]:
    part = PAGE.split(f"## {view}\n")[1].split("\n## ")[0]
    names: list[str] = []
    for cell in re.findall(r"^\| (`.*?) \|", part, re.MULTILINE):
        if "…" in cell:
            first, last = re.findall(r"`(\w+)`", cell)
            whole = documented("bi_partner_scorecard")
            names += whole[whole.index(first) : whole.index(last) + 1]
        else:
            names += re.findall(r"`(\w+)`", cell)
    return names


def columns(engine: Engine, view: str) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(text(f"select * from sakigake.{view} limit 0")).keys())


def test_every_view_is_documented(engine: Engine):
    with engine.connect() as connection:
        there = connection.execute(text("select viewname from pg_views where schemaname = 'sakigake'")).scalars()
        assert sorted(there) == sorted(VIEWS)


@pytest.mark.parametrize("view", VIEWS)
def test_every_column_is_documented_in_its_order(engine: Engine, view: str):
    assert documented(view) == columns(engine, view)


def test_a_reader_needs_the_documented_grants_and_no_more(engine: Engine):
    """The statements of the page, as they stand there; the tables behind the views stay closed."""
    statements = re.search(r"```sql\n(create role.*?)```", PAGE, re.DOTALL).group(1).replace("role bi", "role bi_test")
    with engine.connect() as connection:
        for statement in statements.replace(" to bi;", " to bi_test;").split(";"):
            if statement.strip():
                connection.execute(text(statement))
        connection.execute(text("set local role bi_test"))
        for view in VIEWS:
            assert connection.execute(text(f"select count(*) from sakigake.{view}")).scalar_one() == 0
        with pytest.raises(Exception, match="permission denied") as caught:
            connection.execute(text("select * from sakigake.partner"))
        assert isinstance(caught.value.orig, psycopg.errors.InsufficientPrivilege)
        connection.rollback()
