"""Whatever stands in the tables, each result of the day is a number that can be, or none with a reason; told another way it is the same."""

import math
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from indicators.inputs import NO_DAY, PartnerTable, day_numbers
from jobs import settings_numbers
from jobs.steps.made import tell
from tests.unit.reference.odd_changes import of_one, shuffled, twice, with_a_stranger, without_strays
from tests.unit.reference.odd_checks import broken, numbers
from tests.unit.reference.odd_results import RULES, made_of, told_of
from tests.unit.reference.odd_tables import OddTables, odd_tables

LEAN = replace(settings_numbers.DEFAULTS, replicates=20, draws=60, plan_draws=20)
SEEDS = (*range(32), 53, 56)
CHANGED = (6, 9, 27, 36)
OWN = ("tier", "tier_since", "attack_list_count", "attack_list_submitted_on", "cvr_listed_to_deal", "lead_time_days", "listed_90d", "deals_90d")  # fmt: skip


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(settings_numbers, "DEFAULTS", LEAN)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what NumPy warns of becomes NaN
        yield


def said(world: OddTables, language: str = "en") -> dict[str, Any]:
    return told_of(world, made_of(world, language), language)


def differing(one: Any, other: Any, path: str = "") -> Iterator[str]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in one.keys() | other.keys():
            yield from differing(one.get(key, "nothing"), other.get(key, "nothing"), f"{path} {key}")
    elif one != other:
        yield f"{path}: {one} is not {other}"


@pytest.mark.parametrize("seed", SEEDS)
def test_of_every_workspace_numbers_are_told_that_can_be(seed: int) -> None:
    world = odd_tables(seed)
    made = made_of(world)
    told = told_of(world, made)
    assert all(math.isfinite(n) for n in numbers((told, made.results)))
    assert list(broken(world, made, told)) == []


@pytest.mark.parametrize("seed", CHANGED)
def test_neither_order_nor_telling_twice_nor_what_is_left_out_changes_a_number(seed: int) -> None:
    world = odd_tables(seed)
    told = said(world)
    assert list(differing(told, said(shuffled(world, seed)))) == []
    again = [] if told["document"]["late_histories"] else [said(twice(world))]  # a history's changes are counted
    for changed in (*again, said(without_strays(world))):
        for count in ("issues", "n"):
            changed["document"][count] = told["document"][count]
        for name in (name for name in told if name.startswith("targets")):
            changed[name]["n"] = told[name]["n"]
        assert list(differing(told, changed)) == []


@pytest.mark.parametrize("seed", CHANGED)
def test_another_language_tells_the_same_values(seed: int) -> None:
    world = odd_tables(seed)
    en, ja = ({k: v for k, (v, _) in said(world, language)["rows"].items()} for language in ("en", "ja"))
    assert list(differing({k: v for k, v in en.items() if k[2] not in ("tier_reason", "next_step")},
                          {k: v for k, v in ja.items() if k[2] not in ("tier_reason", "next_step")})) == []  # fmt: skip


@pytest.mark.parametrize("seed", CHANGED)
def test_one_partner_told_alone_is_told_the_same(seed: int) -> None:
    world = odd_tables(seed)
    made = made_of(world)
    rows = told_of(world, made)["rows"]
    for at, name in enumerate(world.partners.ids[:2]):
        own = of_one(world, at)
        told = tell(world.settings, RULES["en"], made.results.pool, own.tables, world.as_of)
        assert told is not None
        mine = {(s, i, field): (v, beside) for s, i, field, v, beside in told.rows(own.activities)}
        fields, entries = {field for _, _, field in mine}, set(own.entries.ids)
        theirs = {k: v for k, v in rows.items() if k[2] in fields and (k[1] == name or k[1] in entries)}
        assert list(differing(theirs, mine)) == []


@pytest.mark.parametrize("seed", CHANGED)
def test_a_partner_of_another_type_changes_nothing_of_what_the_others_tell_themselves(seed: int) -> None:
    world = odd_tables(seed)
    before, after = said(world), said(with_a_stranger(world, seed))
    for part in ("conversion", "lead_time", "drift", "partners"):
        kinds = world.partners.types
        assert list(differing(*({k: told["document"][part][k] for k in kinds} for told in (before, after)))) == []
    rows = [{k: v for k, v in told["rows"].items() if k[1] in world.partners.ids and k[2] in OWN} for told in (before, after)]  # fmt: skip
    assert list(differing(*rows)) == []


def test_days_of_partners_may_lie_before_the_first_that_has_a_number() -> None:
    """-1 stands for none, and is no day that anybody can have said."""
    days = day_numbers(map(date.fromisoformat, ("0001-01-01", "1900-01-01", "1969-12-31", "1970-01-01", "9999-12-31")))
    assert NO_DAY not in days
    assert sorted(days) == days.tolist()
    table = PartnerTable.of([str(i) for i in range(5)], ["a"], [0] * 5, joined_day=days, ended_day=days[::-1])
    assert table.joined_day.tolist() == table.ended_day[::-1].tolist() == days.tolist()
