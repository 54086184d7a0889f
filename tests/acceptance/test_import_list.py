"""A partner's list from a file becomes entries, once, beside those that the CRMs hold; nobody has to trust it blindly."""

# ruff: noqa: F811 (fixtures are imported)
import csv
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import ConfigError, NotFound
from jobs.list_import import Imported, import_list
from jobs.mapping.versions import activate
from jobs.pipeline import run_cycle
from jobs.settings import load
from jobs.tables.lists import show
from jobs.wiring import Workspace, open_workspace
from models.vocabulary import Step
from tests.acceptance.in_process import FACTS, Company
from tests.acceptance.in_process_fixtures import company, loaded_database, world  # noqa: F401 - fixtures

HEADINGS = ["会社名", "電話番号", "リスト提出日", "URL"]
NEW = ["株式会社まっさら", "03-5555-0101", "2025-01-15", "https://massara.example.co.jp"]


@contextmanager
def opened(company: Company) -> Iterator[Workspace]:
    with open_workspace(load(company.folder / "sakigake.yaml"), company.folder, company.engine) as ready:
        yield ready


def partner_of(company: Company) -> tuple[str, str]:
    """(a Salesforce partner's record, its name)."""
    record = company.one("select record_id from sakigake.partner_source where object = 'Account' order by 1 limit 1")
    name = company.one(
        "select p.name from sakigake.partner p join sakigake.partner_source s using (workspace, partner_id) where s.record_id = %s",
        record,
    )
    return f"salesforce.Account/{record}", name


def take_in(company: Company, path: Path, partner: str | None, **more: Any) -> Imported:
    given = {"listed_on": None, "sheet": None, "who": "revops", "dry_run": False, **more}
    with opened(company) as ready:
        return import_list(ready, path, partner=partner, **given)


def written(folder: Path, rows: list[list[str]], name: str = "march.csv") -> Path:
    with (folder / name).open("w", encoding="cp932", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder / name


def mapped(company: Company) -> None:
    with opened(company) as ready:
        run_cycle(ready, steps=(*FACTS, Step.COMPUTE))


def state(company: Company) -> tuple[Any, ...]:
    """What an import could change."""
    return tuple(
        company.one(f"select count(*) from {table}")
        for table in ("sakigake.audit_link", "sakigake.run", "sakigake.mirror_object")
    )


def test_a_list_becomes_entries_of_its_partner_with_their_day_and_source(company: Company, tmp_path: Path) -> None:
    company.clean()
    record, name = partner_of(company)
    before = company.one("select count(*) from sakigake.entry where removed_at is null")
    path = written(tmp_path, [HEADINGS, NEW])
    found = take_in(company, path, name)
    assert (found.document()["taken"], found.document()["partners"]) == (1, {record: 1})
    mapped(company)
    assert company.one("select count(*) from sakigake.entry where removed_at is null") == before + 1
    target = company.one("select target from sakigake.entry where connection = 'lists'")
    assert (target["name"], target["domain"]) == ("株式会社まっさら", "massara.example.co.jp")
    row = company.one("select record_id from sakigake.entry where connection = 'lists'")
    told = company.one(
        "select milestone || ' ' || occurred_on || ' ' || rule from sakigake.event where connection = 'lists' and record_id = %s",
        row,
    )
    assert told.startswith("listed 2025-01-15 entries[2]")
    assert company.one("select file from lists.row") == "march.csv"
    assert company.one("select file_hash from lists.row") == hashlib.sha256(path.read_bytes()).hexdigest()
    link = company.one("select document from sakigake.audit_link where kind = 'import'")
    assert "まっさら" not in link  # values of rows stay out of what can never be erased
    assert found.run is not None
    assert found.run in link


def test_the_same_file_twice_changes_nothing_before_it_is_mapped_and_after(company: Company, tmp_path: Path) -> None:
    company.clean()
    record, _ = partner_of(company)
    path = written(tmp_path, [HEADINGS, NEW, NEW, ["名前だけの店", "", "", ""]])
    take_in(company, path, record)
    for step in (lambda: None, lambda: mapped(company)):
        step()
        before = state(company)
        again = take_in(company, path, record)
        assert (again.run, again.document()["known"]["listed"], again.read.same_as) == (None, 2, {3: 2})
        assert state(company) == before


def test_a_target_that_the_crm_lists_is_known_for_this_partner_and_named_for_another(
    company: Company, tmp_path: Path
) -> None:
    company.clean()
    entry = company.one(
        "select entry_id from sakigake.entry where removed_at is null and target ->> 'domain' is not null and object = 'AttackListEntry__c' order by 1 limit 1"
    )
    said = company.one("select target from sakigake.entry where entry_id = %s", entry)
    owner = company.one("select partner_id from sakigake.entry where entry_id = %s", entry)
    other = company.one(
        "select partner_id from sakigake.partner where partner_id <> %s and removed_at is null order by 1 limit 1",
        owner,
    )
    path = written(tmp_path, [HEADINGS, [said["name"], "", "", said["domain"]]])
    own, others = (take_in(company, path, p, dry_run=True).document() for p in (owner, other))
    assert (own["taken"], own["found"][0]["standing"]) == (0, "listed")
    assert (others["taken"], others["found"][0]["standing"], others["found"][0]["by"]) == (1, "elsewhere", "domain")


def test_a_target_that_buys_already_by_a_rule_of_the_mapping_is_named_and_left_out(
    company: Company, tmp_path: Path
) -> None:
    path = company.folder / "mapping.yaml"
    rule = "customers:\n  - {from: salesforce.Account, where: {Type: {not: Channel Partner / Reseller}}, name: Name, match_on: {domain: Website, phone: Phone}}\n"
    path.write_text(path.read_text("utf-8") + rule, "utf-8")
    with opened(company) as ready, ready.connect() as conn:
        activate(conn, ready.name, ready.rules, who="revops", reason="who buys already", preview=None)
    company.clean()
    record, _ = partner_of(company)
    bought = company.one(
        "select id from salesforce.account where type <> 'Channel Partner / Reseller' and website is not null order by 1 limit 1"
    )
    name, website = (
        company.one(f"select {c} from salesforce.account where id = %s", bought) for c in ("name", "website")
    )
    file = written(tmp_path, [HEADINGS, [name, "", "", website], NEW])
    found = take_in(company, file, record, dry_run=True).document()
    assert found["taken"] == 1
    assert found["found"] == [
        {"row": 2, "standing": "customer", "by": "domain", "partner": f"salesforce.Account/{bought}"}
    ]


def test_an_export_with_a_column_of_partners_is_taken_in_partner_by_partner(company: Company, tmp_path: Path) -> None:
    company.clean()
    record, name = partner_of(company)
    rows = [["Partner", "Company name"], [name, "Alpha Foods"], ["Nobody Ltd", "Beta Foods"], ["", "Gamma Foods"]]
    found = take_in(company, written(tmp_path, rows), None).document()
    assert (found["taken"], found["partners"], [b["row"] for b in found["bad"]]) == (1, {record: 1}, [3, 4])
    assert all("Nobody" not in b["reason"] for b in found["bad"])


def test_a_dry_run_shows_what_would_come_and_stores_nothing(
    company: Company, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    company.clean()
    record, _ = partner_of(company)
    before = state(company)
    rows = [
        HEADINGS,
        NEW,
        ["", "", "", ""],
        ["", "03-1", "", ""],
        ["あした", "", "2999-01-01", ""],
        ["未来", "", "2099-01-01", ""],
    ]
    found = take_in(company, written(tmp_path, rows), record, dry_run=True)
    assert state(company) == before
    from jobs.cli.common import out

    show(out, found, dry_run=True)
    printed = capsys.readouterr().out
    assert "1 row would be taken in; nothing was stored." in printed
    assert "the day is still to come" in printed
    assert [b.number for b in found.bad] == [4, 5, 6]


@pytest.mark.parametrize(
    ("partner", "rows", "error", "said"),
    [
        ("salesforce.Account/001none", [HEADINGS, NEW], NotFound, "no partner of that name or record"),
        (None, [HEADINGS, NEW], ConfigError, "give --partner"),
        (None, [["x"], ["y"]], ConfigError, "no row of headings"),
    ],
)
def test_what_cannot_be_taken_in_is_refused_with_one_sentence_and_nothing_is_stored(
    company: Company, tmp_path: Path, partner: str | None, rows: list[list[str]], error: type[Exception], said: str
) -> None:
    before = state(company)
    with pytest.raises(error, match=said):
        take_in(company, written(tmp_path, rows), partner)
    assert state(company) == before


def test_a_mapping_that_reads_no_lists_is_said_before_anything_is_read(company: Company, tmp_path: Path) -> None:
    path = company.folder / "mapping.yaml"
    text = path.read_text("utf-8")
    assert "  - from: lists.row" in text
    path.write_text("\n".join(line for line in text.splitlines() if "lists.row" not in line), "utf-8")
    with pytest.raises(ConfigError, match=r"add `- from: lists.row` under entries"):
        take_in(company, tmp_path / "none.csv", None)
