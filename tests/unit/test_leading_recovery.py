"""What the generator planted is found again and nothing else; the full figures over 40 seeds: python -m bench.leading GEN."""

import subprocess
import sys

import pytest

from indicators.leading.verdicts import LAGGING, LEADING, MECHANICAL, NOT_ENOUGH, USEFUL
from tests.shared_folder import shared
from tests.unit.reference.asking import does_it_lead
from tests.unit.reference.leading_worlds import ACTIVITIES, load

SEEDS = range(1, 5)
LEADS = {LEADING, USEFUL}


def answers(folder, scenario, seed, *, milestones=False, **options):
    given = [f"--{name}={value}" for name, value in options.items()]
    command = [sys.executable, str(shared("gen.py")), "--scenario", scenario, "--out", str(folder), "--seed", str(seed)]
    subprocess.run([*command, *given], check=True, timeout=60, capture_output=True)
    world = load(folder)
    if not milestones:
        world["milestones"] = {}
    return does_it_lead(**world, horizons=(4,))


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    return [answers(tmp_path_factory.mktemp(f"leading{seed}"), "leading", seed) for seed in SEEDS]


def test_the_planted_activity_leads_by_its_planted_lag(planted):
    found = [w.finding("co_visit") for w in planted]
    leading = [f for f in found if f.verdict in LEADS]
    assert len(leading) >= len(found) - 1  # 95 % of 40 in the full run
    assert all(abs(f.lead_weeks - 5) <= 1 for f in leading)


def test_dinners_are_seen_to_follow_by_two_weeks(planted):
    found = [w.finding("dinner") for w in planted]
    assert [f.verdict for f in found] == [LAGGING] * len(found)
    assert {f.reverse.peak_lag for f in found} == {2}


def test_what_only_shares_the_season_or_is_noise_does_not_lead(planted):
    wrong = [w.finding(a).verdict in LEADS for w in planted for a in ACTIVITIES if a != "co_visit"]
    assert sum(wrong) <= 1


def test_where_nothing_was_planted_nothing_is_found(tmp_path_factory):
    """At most 5 % and two standard errors of whole families, of five activities for all partners and each type."""
    alarms = 0
    for seed in SEEDS:
        found = answers(tmp_path_factory.mktemp(f"null{seed}"), "null", seed).findings
        alarms += any(f.verdict in LEADS for f in found)
    assert alarms / len(SEEDS) <= 0.05 + 2 * (0.05 * 0.95 / len(SEEDS)) ** 0.5


def test_half_a_year_is_not_enough_data_and_milestones_are_mechanical_with_untestable_skill(tmp_path):
    found = answers(tmp_path, "leading", 7, milestones=True, months=6).findings
    assert {f.verdict for f in found if f.kind == "activity"} == {NOT_ENOUGH}
    assert all("weeks" in f.short_of for f in found if f.kind == "activity")
    assert {f.verdict for f in found if f.kind == "milestone"} == {MECHANICAL}
    assert not any(f.skill.testable for f in found)
    assert all(f.more_weeks for f in found if f.type == "all")


def test_the_same_world_gives_the_same_answers(planted, tmp_path):
    assert answers(tmp_path, "leading", SEEDS[0]).findings == planted[0].findings
