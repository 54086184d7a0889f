"""Previews where entries stand in several sources: reading anew only what changed, or half of it beside, says what deriving everything says."""

from collections import Counter
from itertools import chain
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st
from sqlalchemy import Engine

from bench.mapping_worlds import CONFIG, NOW, World, fill
from jobs import beside
from jobs import settings as settings_of
from jobs.mapping.versions import activate
from jobs.pipeline import run_cycle
from jobs.preview import both, diff, fields
from jobs.preview.fields import differing_fields
from jobs.preview.numbers import Numbers
from jobs.preview.records import EntryRecords
from jobs.steps import more
from jobs.wiring import Workspace, connect_with
from models.catalogue import BY_NAME
from models.vocabulary import RecordRef, Step
from sync.connector import Connector
from sync.mapping.loading import load_mapping
from sync.writeback.plan import worth_writing
from sync.writeback.written import keep_written

WORLD = World("all three", deals=120, rows=60, entries=400, partners=10)
REQUESTED = "requested: {enters: {Status: Requested}, at: RequestedOn}"
MILESTONES = {
    "salesforce": {
        "requested": (REQUESTED, "requested: {at: LostOn}", "requested: {enters: {Status: [Requested, Listed]}}", ""),
        "agreed": ("agreed: {enters: {Status: Agreed}, at: AgreedOn}", "agreed: {at: ListedOn}", "agreed: {at: NobodyPulled}"),
        "lost": ("lost: {at: LostOn}", "lost: {at: ListedOn}", "lost: {enters: {Status: Lost}}", ""),
    },
    "hubspot": {
        "requested": ("requested: {enters: {stage: Requested}}", "requested: {enters: {stage: [Requested, Asked]}}", ""),
        "agreed and lost": (
            "agreed: {enters: {stage: Agreed}}\n      lost: {enters: {stage: Lost}}",
            "agreed: {enters: {stage: Lost}}\n      lost: {enters: {stage: Agreed}}",
            "lost: {enters: {stage: [Agreed, Lost]}}",
            "agreed: {enters: {stage: Agreed}}",
        ),
    },
}  # fmt: skip
LONG = {
    "another listed": ("listed: {at: ListedOn}", "listed: {at: RequestedOn}"),
    "another condition on entries": ("    partner: Partner", "    where: {ListedOn: {since: 2025-06-01}}\n    partner: Partner"),
    "another condition on partners": ("    name: Name\n", "    name: Name\n    where: {Industry: consulting}\n"),
    "a source less": ("\n  - from: lists.row\n", "\n"),
    "another zone": ("Asia/Tokyo", "America/New_York"),
}  # fmt: skip


class Clock:
    connection = "salesforce"

    def crm_now(self) -> Any:
        return NOW

    def calls(self) -> dict[str, int]:
        return {}

    def quota(self) -> tuple[None, None]:
        return None, None


@pytest.fixture
def mapped(engine: Engine) -> Workspace:
    given_ = settings_of.read(CONFIG).workspaces["main"]
    rules = load_mapping(WORLD.mapping)
    clocks = {name: cast("Connector", Clock()) for name in ("salesforce", "hubspot")}
    made = Workspace("main", given_, rules, engine, connect_with(engine), clocks)
    with made.connect() as conn:
        fill(conn, WORLD)
        activate(conn, "main", rules, who="aoi", reason="looked", preview=None)
    run_cycle(made, steps=[Step.MAP])
    return made


def _changed(choices: dict[tuple[str, str], int]) -> str:
    text = WORLD.mapping
    for (crm, milestone), choice in choices.items():
        was, *others = MILESTONES[crm][milestone]
        assert was in text
        text = text.replace(was, others[choice % len(others)])
    return text


_PLACES = [(crm, milestone) for crm, of in MILESTONES.items() for milestone in of]
CHOICES = st.dictionaries(st.sampled_from(_PLACES), st.integers(0, 2), min_size=1, max_size=3)


def test_whatever_milestones_change_entries_of_several_sources_are_joined_as_by_deriving_everything(
    mapped: Workspace,
) -> None:
    """Days decide which records of two CRMs are one entry, so that a milestone that changes can part and join them."""
    real, seen = both.narrowed, Counter[str]()

    @given(CHOICES)
    @how(max_examples=8, suppress_health_check=list(HealthCheck), deadline=None)
    def check(choices: dict[tuple[str, str], int]) -> None:
        rules = load_mapping(_changed(choices))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(both, "narrowed", lambda *given_: _noted(seen, real(*given_)))
            found = diff.preview(mapped.engine, "main", mapped.settings, rules)
            patch.setattr(both, "narrowed", lambda *_: None)
            whole = diff.preview(mapped.engine, "main", mapped.settings, rules)
        assert found == whole
        seen["regrouped"] += bool(found["entries"]["gained"] or found["entries"]["lost"])

    check()
    assert seen["narrow"] > 5
    assert not seen["wide"]
    assert seen["regrouped"]


def _noted(seen: Counter[str], sides: Any) -> Any:
    seen["wide" if sides is None else "narrow"] += 1
    return sides


def _asked(monkeypatch: pytest.MonkeyPatch) -> list[beside.Answer[Any]]:
    """What a process is asked for from now on."""
    found: list[beside.Answer[Any]] = []
    ask = beside.Beside.ask
    monkeypatch.setattr(beside.Beside, "ask", lambda self, *given: found.append(ask(self, *given)) or found[-1])
    return found


def test_half_read_by_a_process_beside_says_what_all_read_here_says(
    mapped: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _asked(monkeypatch)
    monkeypatch.setattr(both, "MANY", 0)
    for what, (old, new) in LONG.items():
        assert old in WORLD.mapping, what
        rules = load_mapping(WORLD.mapping.replace(old, new, 1))
        said = []
        for processors in (1, 2):
            monkeypatch.setattr(beside, "processors", lambda n=processors: n)
            said.append(diff.preview(mapped.engine, "main", mapped.settings, rules))
        assert said[0] == said[1], what
    assert len(asked) == len(LONG), "no process works at what nobody will ask it for"
    assert all(len(answer.there.result().said) > 20 for answer in asked)
    monkeypatch.setattr(beside.sys, "executable", "/bin/false")  # a process that comes to no end
    assert diff.preview(mapped.engine, "main", mapped.settings, rules) == said[0]
    assert asked[-1].there.exception() is not None


def test_numbers_told_by_a_process_beside_are_those_that_are_told_here(
    mapped: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one rule changes, the version in force is computed on beside: by a process that was begun before, by one begun now, by none."""
    asked = _asked(monkeypatch)
    monkeypatch.setattr(both, "MANY", 0)
    rules = load_mapping(_changed({("salesforce", "requested"): 0, ("hubspot", "agreed and lost"): 0}))
    monkeypatch.setattr(beside, "processors", lambda: 1)
    alone = diff.preview(mapped.engine, "main", mapped.settings, rules)
    assert not asked
    monkeypatch.setattr(beside, "processors", lambda: 2)
    with beside.Beside(*beside.PREVIEW, at_once=True) as aside:
        aside.begin()
        assert diff.preview(mapped.engine, "main", mapped.settings, rules, aside) == alone
    assert diff.preview(mapped.engine, "main", mapped.settings, rules) == alone
    assert [isinstance(answer.there.result(), Numbers) for answer in asked] == [True, True]
    monkeypatch.setattr(beside.sys, "executable", "/bin/false")
    assert diff.preview(mapped.engine, "main", mapped.settings, rules) == alone
    assert asked[-1].there.exception() is not None


def test_both_versions_are_derived_where_the_mirror_moved_on(
    mapped: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mapped.connect() as conn:
        conn.execute("update salesforce.entry set loston = listedon where id < 'E000040'")
        conn.execute("update sakigake.mirror_object set last_changed_run_id = 'later' where object = 'Entry'")
    rules = load_mapping(WORLD.mapping.replace(REQUESTED, "requested: {at: LostOn}"))
    alone = diff.preview(mapped.engine, "main", mapped.settings, rules)
    monkeypatch.setattr(both, "MANY", 0)
    monkeypatch.setattr(beside, "processors", lambda: 2)
    assert diff.preview(mapped.engine, "main", mapped.settings, rules) == alone
    assert alone["events"]["moved"] > 0


def test_fields_are_those_whose_value_differs_from_the_confirmed_one(
    mapped: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held against the plain way: every value of every record, one after the other."""
    rules = load_mapping(WORLD.mapping)
    held = [
        *((RecordRef("salesforce", "Entry", f"E{i:06}"), "milestone", "listed") for i in range(0, 200, 2)),
        *(
            (RecordRef("salesforce", "Entry", f"E{i:06}"), "milestone_since", f"2025-0{i % 8 + 1}-01")
            for i in range(90)
        ),
        *((RecordRef("salesforce", "Entry", f"E{i:06}"), "stalled", i % 3 == 0) for i in range(200)),
        *((RecordRef("salesforce", "Entry", f"E{i:06}"), "deal_probability", None) for i in range(100)),
        *((RecordRef("salesforce", "Account", f"A{i:04}"), "attack_list_count", i) for i in range(8)),
        *((RecordRef("salesforce", "Account", f"A{i:04}"), "tier", "D") for i in range(8)),
    ]
    with mapped.connect() as conn:
        keep_written(conn, "main", [((ref, name), value, "plan", None) for ref, name, value in held], NOW)
    values = {(ref, name): value for ref, name, value in held}

    def watched(
        rules_: Any, becomes: Any, month: Any, partners: Any, activities: Any, records: EntryRecords, confirmed: Any
    ) -> Any:
        places: dict[tuple[str, str], list[RecordRef]] = {("partner", p.partner_id): list(p.sources) for p in partners}
        for place, (ids, entries) in records.by_place.items():
            for record, entry in zip(ids, entries, strict=True):
                places.setdefault(("entry", entry), []).append(RecordRef(*place, record))
        told = chain(becomes.told.rows(more.as_columns(activities, becomes.partners)), month.rows(becomes))
        counts = Counter(
            name
            for subject, subject_id, name, value, _ in told
            for ref in places.get((subject, subject_id), ())
            if (ref.connection, ref.object) in (("salesforce", "Entry"), ("salesforce", "Account"))
            if worth_writing(BY_NAME[name], values.get((ref, name)), value)
        )
        found = differing_fields(rules_, becomes, month, partners, activities, records, confirmed)
        assert found["by_field"] == dict(sorted(counts.items()))
        return found

    monkeypatch.setattr(fields, "differing_fields", watched)
    found = diff.preview(mapped.engine, "main", mapped.settings, rules)["fields"]
    n = sum(found["by_field"].values())
    assert found["total"] == n
    assert "expected_deal_on" not in found["by_field"], "nobody has a day, and no field holds one"
    shown = [(e["record"], e["field"]) for e in found["examples"]]
    assert shown == sorted(shown)
    assert len(shown) == 10
