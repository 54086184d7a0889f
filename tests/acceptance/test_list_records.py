"""Rows of a partner's list become records of the CRM, each once, whatever goes wrong on the way; and are taken away again untouched.

The oracle is the sandbox's ledger: the records that really came to stand there.
"""

# ruff: noqa: F811 (fixtures are imported)
import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.erasing import erase_record
from jobs.list_import import ERASED, Imported, import_list
from jobs.mapping.versions import activate
from jobs.pipeline import run_cycle
from jobs.progress import NoProgress
from jobs.steps import approve
from jobs.steps.provision import provision
from jobs.steps.undo import undo_run
from jobs.wiring import Workspace
from models.vocabulary import RecordRef, Step
from sync.errors import PermissionMissing, SyncError
from tests.acceptance.in_process import FACTS, Company, Skipping
from tests.acceptance.in_process_fixtures import company, loaded_database, world  # noqa: F401 - fixtures

HEADINGS = ["会社名", "電話番号", "URL"]
SALESFORCE, HUBSPOT = ("salesforce", "AttackListEntry__c"), ("hubspot", "deals")
MAKES = {
    "salesforce": {"crm": "salesforce", "method": "POST", "path": r"/composite/sobjects$"},
    "hubspot": {"crm": "hubspot", "method": "POST", "path": r"/deals/batch/create$"},
}
IN_SALESFORCE = ("    ignored: {Status__c", "    create: {set: {Status__c: Listed}}\n    ignored: {Status__c")
IN_HUBSPOT = (
    "    partner: {association: companies, label: partner}\n    target:\n      name: target_name",
    """    create: {set: {dealname: {row: name}, pipeline: partner, dealstage: "1001"}}
    partner: {association: companies, label: partner}
    target:
      name: target_name""",
)
FOLLOWING = {"Status__c": "Requested"}


class Lists(Company):
    """A company whose lists become records."""

    @contextmanager
    def opened(self) -> Iterator[Workspace]:
        with self._opened({"salesforce": Skipping(), "hubspot": Skipping()}) as ready:
            yield replace(ready, folder=self.folder, home=self.folder / "home")

    def says(self, *changes: tuple[str, str]) -> None:
        """The mapping says so, and is in force; the unique fields are there."""
        path = self.folder / "mapping.yaml"
        text = path.read_text("utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        path.write_text(text, "utf-8")
        with self.opened() as ready:
            provision(ready.settings, ready.rules, ready.connectors, dry_run=False)
            with ready.connect() as conn:
                activate(conn, ready.name, ready.rules, who="revops", reason="lists become records", preview=None)
        self.cycle()

    def cycle(self, *more: Step) -> None:
        self.sandbox.advance(0.05)  # search shows records some moments late
        with self.opened() as ready:
            run_cycle(ready, steps=(*FACTS, *more))

    def take_in(self, path: Path, partner: str, **more: Any) -> Imported:
        given = {"listed_on": None, "sheet": None, "who": "revops", "dry_run": False, **more}
        with self.opened() as ready:
            return import_list(ready, path, partner=partner, **given)

    def undo(self, run: str | None, **more: Any) -> dict[str, Any]:
        with self.opened() as ready:
            return undo_run(ready, str(run), "the wrong file", NoProgress(), **more)

    def partner(self, crm: str) -> str:
        """A partner that stands in this CRM alone."""
        record = self.one(
            """select connection || '.' || object || '/' || record_id from sakigake.partner_source s where connection = %s and not exists (
                select from sakigake.partner_source o where o.partner_id = s.partner_id and o.connection <> s.connection)
            order by 1 limit 1""",
            crm,
        )
        assert record is not None
        return str(record)

    def standing(self, place: tuple[str, str]) -> list[dict[str, Any]]:
        """The records that lists made and that stand in the CRM."""
        key = "Sakigake_List_Row__c" if place[0] == "salesforce" else "sakigake_list_row"
        return [
            r
            for r in self.sandbox.ledger()["records"]
            if (r["crm"], r["object"]) == place and r["fields"].get(key) and not r["deleted"]
        ]

    def holding(self, text: str) -> set[str]:
        """Every table of ours in which the text stands."""
        tables = self.one(
            """select array_agg(format('%%I.%%I', schemaname, tablename)) from pg_tables
            where schemaname in ('sakigake', 'lists', 'salesforce', 'hubspot')"""
        )
        held = "select exists (select from {} t where to_jsonb(t)::text like %s)"
        return {t.replace('"', "") for t in tables if self.one(held.format(t), f"%{text}%")}

    def entries(self, names: list[str]) -> list[tuple[str, int]]:
        """(target's name, records) of each entry of these targets."""
        found = self.one(
            """select jsonb_agg(jsonb_build_array(e.target ->> 'name', (select count(*) from sakigake.entry_source s
                where (s.workspace, s.entry_id) = (e.workspace, e.entry_id))) order by e.target ->> 'name')
            from sakigake.entry e where e.removed_at is null and e.target ->> 'name' = any(%s)""",
            names,
        )
        return [(name, count) for name, count in found or []]


@pytest.fixture
def lists(company: Company) -> Lists:
    return Lists(company.sandbox, company.folder, company.url, company.engine)


@pytest.fixture(autouse=True)
def undisturbed(world: Any) -> Iterator[None]:
    yield
    world.faults()


def names(count: int) -> list[str]:
    return [f"株式会社新規{n:04d}" for n in range(1, count + 1)]


def written(folder: Path, count: int, name: str = "march.csv") -> Path:
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [HEADINGS, *([n, "", f"https://shinki{i:04d}.example.jp"] for i, n in enumerate(names(count)))]
        )
    return folder / name


def test_rows_become_records_of_the_custom_object_and_one_entry_each(lists: Lists, tmp_path: Path) -> None:
    lists.says(IN_SALESFORCE)
    partner = lists.partner("salesforce")
    found = lists.take_in(written(tmp_path, 3), partner, listed_on=None)
    assert found.creates is not None
    assert found.creates.document() | {"plan": None} == {
        "objects": {"salesforce.AttackListEntry__c": 3}, "local": {}, "plan": None, "held": False, "held_because": [],
        "delivered": {"confirmed": 3, "failed": 0, "dropped": 0}, "refused": [], "untold": [],
    }  # fmt: skip
    made = lists.standing(SALESFORCE)
    assert sorted(r["fields"]["TargetName__c"] for r in made) == names(3)
    assert {(r["fields"]["Partner__c"], r["fields"]["Status__c"]) for r in made} == {
        (partner.partition("/")[2], "Listed")
    }
    assert all(r["fields"]["ListedOn__c"] and r["fields"]["TargetWebsite__c"] for r in made)
    ids = lists.one("select array_agg(entry_id order by entry_id) from sakigake.entry where removed_at is null")
    lists.cycle()
    assert lists.entries(names(3)) == [(n, 2) for n in names(3)]
    lists.cycle()
    assert len(lists.entries(names(3))) == 3
    assert len(lists.one("select array_agg(entry_id) from sakigake.entry where removed_at is null")) == len(ids) + 3


def test_rows_become_deals_of_the_pipeline_tied_to_the_partner_by_their_label(lists: Lists, tmp_path: Path) -> None:
    lists.says(IN_HUBSPOT)
    partner = lists.partner("hubspot")
    found = lists.take_in(written(tmp_path, 130), partner)
    assert found.creates is not None
    assert found.creates.delivered == {"confirmed": 130, "failed": 0, "dropped": 0}
    made = lists.standing(HUBSPOT)
    assert len(made) == 130
    assert {(r["fields"]["pipeline"], r["fields"]["dealstage"]) for r in made} == {("partner", "1001")}
    lists.cycle()
    assert lists.entries(names(130)) == [
        (n, 2) for n in names(130)
    ]  # the label leads to the partner, or there would be none
    calls = [c for c in lists.sandbox.calls() if c.get("template", c.get("path", "")).endswith("/batch/create")]
    assert sum(c["count"] for c in calls) >= 2


def test_the_same_file_twice_makes_nothing_before_it_is_read_back_and_after(lists: Lists, tmp_path: Path) -> None:
    lists.says(IN_SALESFORCE, IN_HUBSPOT)
    path = written(tmp_path, 2)
    with path.open("a", encoding="utf-8") as file:
        file.write("名前だけの店,,\n")  # no mark but its name: one entry with its record all the same
    for crm, place in (("salesforce", SALESFORCE), ("hubspot", HUBSPOT)):
        partner = lists.partner(crm)
        lists.take_in(path, partner)
        for step in (lambda: None, lists.cycle):
            step()
            runs = lists.one("select count(*) from sakigake.run")
            again = lists.take_in(path, partner)
            assert (again.run, again.creates and again.creates.places) == (None, {})
            assert lists.one("select count(*) from sakigake.run") == runs
            assert len(lists.standing(place)) == 3
    assert lists.entries(["名前だけの店"]) == [("名前だけの店", 2)] * 2  # one of each partner


@pytest.mark.parametrize("crm", MAKES)
def test_a_lost_answer_and_one_that_takes_effect_late_make_no_record_twice(
    lists: Lists, tmp_path: Path, crm: str
) -> None:
    change, place = (IN_SALESFORCE, SALESFORCE) if crm == "salesforce" else (IN_HUBSPOT, HUBSPOT)
    lists.says(change)
    partner = lists.partner(crm)
    for made, effect in ((5, {"kind": "lost_reply"}), (8, {"kind": "late_apply", "delay": 0.5})):
        lists.sandbox.faults({"match": MAKES[crm], "effect": effect, "times": 1})
        found = lists.take_in(written(tmp_path, made), partner)
        assert found.creates is not None
        assert found.creates.delivered == {"confirmed": 5 if made == 5 else 3, "failed": 0, "dropped": 0}
        lists.sandbox.late_calls_are_applied()
        assert len(lists.standing(place)) == made
    assert lists.one("select count(*) from sakigake.creation where status = 'confirmed' and record_id is not null") == 8


@pytest.mark.parametrize("crm", MAKES)
def test_records_that_take_effect_between_looking_up_and_sending_again_are_refused_the_second_time_and_found(
    lists: Lists, tmp_path: Path, crm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, place = (IN_SALESFORCE, SALESFORCE) if crm == "salesforce" else (IN_HUBSPOT, HUBSPOT)
    lists.says(change)
    from sync.writeback.making import _Making

    real, asked = _Making.look_up, []

    def too_early(self: Any, some: Any) -> dict[str, str]:
        asked.append(len(some))
        return {} if len(asked) <= 2 else real(self, some)

    monkeypatch.setattr(_Making, "look_up", too_early)
    lists.sandbox.faults({"match": MAKES[crm], "effect": {"kind": "lost_reply"}, "times": 1})
    found = lists.take_in(written(tmp_path, 4), lists.partner(crm))
    assert found.creates is not None
    assert (found.creates.delivered, asked) == ({"confirmed": 4, "failed": 0, "dropped": 0}, [4, 4, 4])
    assert len(lists.standing(place)) == 4


def test_what_was_sent_when_the_process_died_is_looked_up_by_the_next_run_and_made_once(
    lists: Lists, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists.says(IN_SALESFORCE)
    partner, path = lists.partner("salesforce"), written(tmp_path, 4)
    from sync.writeback.making import _Making

    class Killed(BaseException):
        pass

    def dies(*_args: Any) -> None:
        raise Killed

    monkeypatch.setattr(_Making, "_judged", dies)  # the answer came, and nobody was there to take note
    with pytest.raises(Killed):
        lists.take_in(path, partner)
    monkeypatch.undo()
    assert lists.one("select count(*) from sakigake.creation where status = 'sent'") == 4
    lists.cycle()
    assert lists.one("select count(*) from sakigake.creation where status = 'confirmed'") == 4
    assert lists.entries(names(4)) == [(n, 2) for n in names(4)]
    assert lists.take_in(path, partner).run is None
    assert len(lists.standing(SALESFORCE)) == 4


@pytest.mark.parametrize("crm", MAKES)
def test_a_record_that_the_crm_refuses_is_told_by_its_row_and_made_once_that_is_mended(
    lists: Lists, tmp_path: Path, crm: str
) -> None:
    change, place = (IN_SALESFORCE, SALESFORCE) if crm == "salesforce" else (IN_HUBSPOT, HUBSPOT)
    lists.says(change)
    code = "FIELD_CUSTOM_VALIDATION_EXCEPTION" if crm == "salesforce" else "VALIDATION_ERROR"
    refuse = {"action": "refuse", "crm": crm, "object": place[1], "id": "new"}
    lists.sandbox.act(**refuse, code=code, message="株式会社新規0001 is barred", times=2)
    partner, path = lists.partner(crm), written(tmp_path, 5)
    found = lists.take_in(path, partner)
    assert found.creates is not None
    assert found.creates.delivered == {"confirmed": 3, "failed": 2, "dropped": 0}
    assert [row for row, _ in found.creates.refused] == [2, 3]
    assert all(code in reason and "barred" not in reason for _, reason in found.creates.refused)
    lists.sandbox.act(**refuse, code="REQUIRED_FIELD_MISSING", times=1)
    again = lists.take_in(path, partner)
    assert again.creates is not None
    assert again.creates.delivered == {"confirmed": 1, "failed": 1, "dropped": 0}
    if crm == "salesforce":
        assert again.creates.refused == ((2, "a required field of the record is empty (REQUIRED_FIELD_MISSING)"),)
    lists.take_in(path, partner)
    assert len(lists.standing(place)) == 5


def test_the_first_records_of_a_workspace_and_too_many_at_once_wait_for_a_person(lists: Lists, tmp_path: Path) -> None:
    path = lists.folder / "sakigake.yaml"
    path.write_text(
        path.read_text("utf-8").replace("first_plan: deliver", "first_plan: hold\n      created: 2"), "utf-8"
    )
    lists.says(IN_SALESFORCE)
    partner, file = lists.partner("salesforce"), written(tmp_path, 3)
    found = lists.take_in(file, partner)
    assert found.creates is not None
    assert found.creates.plan is not None
    assert [s.partition(" records")[0] for s in found.creates.held_because] == ["These are the first", "3"]
    assert lists.standing(SALESFORCE) == []
    again = lists.take_in(file, partner)  # waits with the same plan
    assert again.creates is not None
    assert (again.run, again.creates.plan) == (None, found.creates.plan)
    lists.cycle()  # a cycle has no word on it
    with lists.opened() as ready:
        shown = approve.plan_document(ready, found.creates.plan)
        assert [c["values"]["TargetName__c"] for c in shown["creates"]] == names(3)
        done = approve.apply_plan(ready, found.creates.plan, "the list of March", NoProgress())
    assert done["delivered"] == {"confirmed": 3, "failed": 0, "dropped": 0}
    assert len(lists.standing(SALESFORCE)) == 3


def test_a_dry_run_tells_where_rows_would_go_and_makes_nothing(lists: Lists, tmp_path: Path) -> None:
    lists.says(IN_SALESFORCE)
    there = lists.take_in(written(tmp_path, 2), lists.partner("salesforce"), dry_run=True).creates
    elsewhere = lists.take_in(written(tmp_path, 2), lists.partner("hubspot"), dry_run=True).creates
    assert there is not None
    assert elsewhere is not None
    assert (there.places, there.local) == ({"salesforce.AttackListEntry__c": 2}, {})
    assert (elsewhere.places, sum(elsewhere.local.values())) == ({}, 2)
    assert lists.standing(SALESFORCE) == []
    assert lists.one("select count(*) from sakigake.creation") == 0


def test_undo_takes_away_what_nobody_touched_and_says_why_the_rest_stays(lists: Lists, tmp_path: Path) -> None:
    lists.says(IN_SALESFORCE)
    partner, path = lists.partner("salesforce"), written(tmp_path, 4)
    found = lists.take_in(path, partner)
    lists.cycle(Step.COMPUTE, Step.PLAN, Step.DELIVER)  # our own fields do not count as touched
    made = {r["fields"]["TargetName__c"]: r["id"] for r in lists.standing(SALESFORCE)}
    first, second, third, fourth = names(4)
    lists.sandbox.act(
        action="edit", crm="salesforce", object=SALESFORCE[1], id=made[first], fields={"TargetPhone__c": "03-1111-2222"}
    )
    lists.sandbox.act(action="edit", crm="salesforce", object=SALESFORCE[1], id=made[second], fields=FOLLOWING)
    lists.cycle()
    would = lists.undo(found.run, dry_run=True)
    assert len(would["removes"]) == 2
    assert len(lists.standing(SALESFORCE)) == 4
    done = lists.undo(found.run)
    assert done["delivered"] == {"confirmed": 2, "failed": 0, "dropped": 2}
    reasons = {c["record"].partition("/")[2]: c["cause"] for c in done["cannot"]}
    assert reasons[made[first]] == "somebody has changed TargetPhone__c since"
    assert "requested" in reasons[made[second]]
    assert {r["fields"]["TargetName__c"] for r in lists.standing(SALESFORCE)} == {first, second}
    lists.cycle()
    assert lists.entries(names(4)) == [(first, 2), (second, 2)]
    assert len(lists.undo(found.run)["cannot"]) == 2  # those two still stay
    again = lists.take_in(path, partner)  # whoever wants them after all says so by importing the file again
    assert again.creates is not None
    assert again.creates.places == {"salesforce.AttackListEntry__c": 2}
    lists.cycle()
    assert {n for n, _ in lists.entries([third, fourth])} == {third, fourth}


def test_what_was_undone_is_made_again_by_the_same_list_at_once(lists: Lists, tmp_path: Path) -> None:
    """The entries still stand until the next run reads that their records are gone."""
    lists.says(IN_SALESFORCE)
    partner, path = lists.partner("salesforce"), written(tmp_path, 3)
    found = lists.take_in(path, partner)
    lists.cycle()
    first = {r["id"] for r in lists.standing(SALESFORCE)}
    lists.undo(found.run)
    again = lists.take_in(path, partner)
    assert [j.found.standing.value for j in again.judged] == ["new"] * 3
    assert again.creates is not None
    assert again.creates.delivered == {"confirmed": 3, "failed": 0, "dropped": 0}
    second = {r["id"] for r in lists.standing(SALESFORCE)}
    assert (len(second), second & first) == (3, set())
    for _ in range(2):
        lists.cycle()
        assert lists.entries(names(3)) == [(n, 2) for n in names(3)]
        assert lists.take_in(path, partner).run is None


def test_erasing_a_record_that_a_list_made_erases_its_row_and_the_journal_and_neither_comes_back(
    lists: Lists, tmp_path: Path
) -> None:
    lists.says(IN_SALESFORCE)
    partner, path = lists.partner("salesforce"), written(tmp_path, 2)
    refuse = {"action": "refuse", "crm": "salesforce", "object": SALESFORCE[1], "id": "new", "code": "STRING_TOO_LONG"}
    lists.sandbox.act(**refuse, message="x", times=1)
    lists.take_in(path, partner)
    lists.take_in(path, partner)  # so that two plans hold the first row
    lists.cycle()
    name, kept = names(2)
    (made,) = (r["id"] for r in lists.standing(SALESFORCE) if r["fields"]["TargetName__c"] == name)
    assert lists.holding(name) >= {"sakigake.creation", "lists.row", "salesforce.attacklistentry__c", "sakigake.entry"}
    with lists.opened() as ready:
        done = erase_record(ready, RecordRef("salesforce", SALESFORCE[1], made), "her letter")
    assert (len(done["rows"]), done["made"], done["erased"]["mirror"]) == (1, [], 2)
    assert lists.holding(name) == set()
    again = lists.take_in(path, partner)
    assert [(b.number, b.reason) for b in again.bad] == [(2, ERASED)]
    assert (again.run, len(lists.standing(SALESFORCE))) == (None, 2)
    lists.cycle()
    assert lists.holding(name) == set()
    assert "sakigake.creation" in lists.holding(kept)


def test_erasing_a_row_names_the_record_that_it_became_and_a_plan_that_waits_no_longer_makes_it(
    lists: Lists, tmp_path: Path
) -> None:
    path = lists.folder / "sakigake.yaml"
    path.write_text(path.read_text("utf-8").replace("first_plan: deliver", "first_plan: hold"), "utf-8")
    lists.says(IN_SALESFORCE)
    found = lists.take_in(written(tmp_path, 2), lists.partner("salesforce"))
    name, _ = names(2)
    row = RecordRef("lists", "row", str(lists.one('select id from "lists"."row" where name = %s', name)))
    with lists.opened() as ready:
        assert erase_record(ready, row, "her letter")["made"] == []
        assert lists.holding(name) == set()
        assert found.creates is not None
        done = approve.apply_plan(ready, str(found.creates.plan), "the list of March", NoProgress())
        assert done["delivered"] == {"confirmed": 1, "failed": 0, "dropped": 0}
        (left,) = lists.standing(SALESFORCE)
        other = RecordRef("lists", "row", left["fields"]["Sakigake_List_Row__c"])
        assert erase_record(ready, other, "his letter")["made"] == [f"salesforce.{SALESFORCE[1]}/{left['id']}"]


def test_a_record_deleted_in_the_crm_takes_its_row_with_it_and_brings_it_back(lists: Lists, tmp_path: Path) -> None:
    lists.says(IN_SALESFORCE)
    lists.take_in(written(tmp_path, 1), lists.partner("salesforce"))
    lists.cycle()
    (made,) = lists.standing(SALESFORCE)
    for action, left in (("delete", []), ("undelete", [(names(1)[0], 2)])):
        lists.sandbox.act(action=action, crm="salesforce", object=SALESFORCE[1], id=made["id"])
        lists.cycle()
        assert lists.entries(names(1)) == left


def test_no_unique_field_no_record_and_what_breaks_half_way_is_made_by_the_next_import(
    lists: Lists, tmp_path: Path
) -> None:
    lists.says(IN_HUBSPOT)
    partner, path = lists.partner("hubspot"), written(tmp_path, 150)
    absent = {"kind": "status", "status": 404, "body": {"status": "error", "category": "OBJECT_NOT_FOUND"}}
    key = {"crm": "hubspot", "method": "GET", "path": "/properties/.*sakigake_list_row$"}
    lists.sandbox.faults({"match": key, "effect": absent, "times": None})
    with pytest.raises(PermissionMissing, match="sakigake_list_row"):
        lists.take_in(path, partner)
    assert lists.standing(HUBSPOT) == []
    assert lists.one("select status from sakigake.run order by started_at desc limit 1") == "failed"
    forbidden = {"kind": "status", "status": 403, "body": {"status": "error", "category": "MISSING_SCOPES"}}
    lists.sandbox.faults({"match": MAKES["hubspot"], "effect": forbidden, "skip": 1, "times": 1})
    with pytest.raises(SyncError):
        lists.take_in(path, partner)
    assert len(lists.standing(HUBSPOT)) == 100
    lists.sandbox.faults()
    again = lists.take_in(path, partner)
    assert again.creates is not None
    assert (again.creates.places, len(lists.standing(HUBSPOT))) == ({"hubspot.deals": 50}, 150)
