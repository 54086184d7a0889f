"""How often the leading test finds what was planted, and what was not: the full figures behind docs/indicators.md.

    python -m bench.leading GEN [--seeds 40] [--effects 0.6,0.4,0.2]

GEN is the generator of worlds with known truth (gen.py). Takes five to fifteen minutes; `nice` it on a shared machine.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from indicators.leading.questions import Answers
from indicators.leading.verdicts import LAGGING, LEADING, MECHANICAL, NOT_ENOUGH, USEFUL
from tests.unit.reference.asking import does_it_lead
from tests.unit.reference.far_along import HOW, far_along
from tests.unit.reference.leading_worlds import ACTIVITIES, load

LEADS = {LEADING, USEFUL}
PLANTED, LAG = "co_visit", 5


def answers(gen: Path, scenario: str, seed: int, **options: object) -> Answers:
    given = [f"--{name}={value}" for name, value in options.items()]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, str(gen), "--scenario", scenario, "--out", folder, "--seed", str(seed), *given],
            check=True,
            capture_output=True,
        )
        world = load(Path(folder))
    return does_it_lead(**world, horizons=(4,))


def share(hits: int, n: int) -> str:
    return f"{hits}/{n} = {100 * hits / n:.1f} %" if n else "-"


def found(gen: Path, effect: float, seeds: range) -> dict[str, str]:
    leads = alone = lags = dinners = right_lag = 0
    wrong: Counter[str] = Counter()
    skills: dict[str, list[float]] = {}
    for seed in seeds:
        all_of = answers(gen, "leading", seed, effect=effect)
        planted = all_of.finding(PLANTED)
        alone += planted.forward.p <= 0.05
        if planted.verdict in LEADS:
            leads += 1
            right_lag += abs((planted.forward.peak_lag or 0) - LAG) <= 1
        dinner = all_of.finding("dinner")
        dinners += dinner.verdict == LAGGING
        lags += dinner.reverse.peak_lag == 2
        wrong.update(a for a in ACTIVITIES if a != PLANTED and all_of.finding(a).verdict in LEADS)
        for f in all_of.findings:
            if f.type == "all" and f.skill.deviance is not None:
                skills.setdefault(f.indicator, []).append(f.skill.deviance)
    n = len(seeds)
    return {
        "co_visit leading": share(leads, n),
        "the test of all partners alone, p <= .05": share(alone, n),
        "its lag within a week": share(right_lag, leads),
        "dinner lagging": share(dinners, n),
        "dinner's lag is 2": share(lags, n),
        "others leading": ", ".join(f"{a} {share(wrong[a], n)}" for a in ACTIVITIES if a != PLANTED),
        "median skill at 4 weeks": ", ".join(f"{k} {100 * np.median(v):+.0f} %" for k, v in skills.items()),
    }


def false_alarms(gen: Path, seeds: range, **options: object) -> dict[str, str]:
    any_at_all, single, tests = 0, 0, 0
    for seed in seeds:
        activities = [f for f in answers(gen, "null", seed, **options).findings if f.kind == "activity"]
        any_at_all += any(f.verdict in LEADS or (f.holm or 1) <= 0.05 for f in activities)
        whole = [f for f in activities if f.type == "all"]
        single += sum(f.forward.p <= 0.05 for f in whole)
        tests += len(whole)
    n = len(seeds)
    limit = 0.05 + 2 * (0.05 * 0.95 / n) ** 0.5
    return {
        "families with any false alarm": f"{share(any_at_all, n)} (at most {100 * limit:.1f} %)",
        "single tests with p <= .05, all partners": share(single, tests),
    }


def small_types(gen: Path, seeds: range) -> dict[str, str]:
    """Thirty partners, about ten of each type, that list as much each as a hundred do."""
    small = {"partners": 30, "entries": 1800}
    typed: Counter[str] = Counter()
    for seed in seeds:
        found = answers(gen, "leading", seed, effect=0.6, **small).findings
        typed.update(f.type == "all" for f in found if f.indicator == PLANTED and f.verdict in LEADS)
    n = len(seeds)
    return {
        **false_alarms(gen, seeds, **small),
        "effect 0.6: co_visit leading": share(typed[True], n),
        "in one of the types": share(typed[False], 3 * n),
    }


def visits_to_what_is_far_along(seeds: range) -> dict[str, str]:
    """Worlds of our own: partners visit customers that have agreed, and nobody else."""
    figures: dict[str, str] = {}
    n = len(seeds)
    worlds = [far_along(seed) for seed in seeds]
    with_visit, without = (np.mean([w.won[w.visited == had].mean() for w in worlds]) for had in (True, False))
    figures["visits do nothing: entries with, without a visit that become deals"] = (
        f"{100 * with_visit:.0f} %, {100 * without:.0f} %"
    )
    for how in HOW:
        for asked, plain in (("co_visit leading", False), ("partners and weeks alone", True)):
            leading = 0
            for seed in seeds:
                question = far_along(seed, how=how).question
                found = does_it_lead(**{**question, "under_way": None if plain else question["under_way"]})
                leading += found.finding(PLANTED).verdict in LEADS
            figures[f"{how}: {asked}"] = share(leading, n)
    for how in ("alike", "few"):
        for effect in (0.6, 0.4):
            found = [
                does_it_lead(**far_along(seed, how=how, effect=effect).question).finding(PLANTED) for seed in seeds
            ]
            figures[f"{how}, each visit brings {effect} deals three weeks later: co_visit leading"] = share(
                sum(f.verdict in LEADS for f in found), n
            )
            figures[f"{how}, {effect}: its effect, on average"] = (
                f"{np.mean([f.forward.effect or 0 for f in found]):.2f}"
            )
    return figures


def short_history(gen: Path, seeds: range) -> dict[str, str]:
    right = mechanical = untestable = n = m = 0
    for seed in seeds:
        for f in answers(gen, "leading", seed, months=6).findings:
            if f.kind == "activity":
                n, right = n + 1, right + (f.verdict == NOT_ENOUGH)
            else:
                m, mechanical, untestable = (
                    m + 1,
                    mechanical + (f.verdict == MECHANICAL),
                    untestable + (not f.skill.testable),
                )
    return {
        "activities `not enough data`": share(right, n),
        "milestones `mechanical`": share(mechanical, m),
        "their skill untestable": share(untestable, m),
    }


def report(gen: Path, seeds: int, effects: list[float]) -> Iterator[tuple[str, dict[str, str]]]:
    chosen = range(1, seeds + 1)
    for effect in effects:
        yield f"effect {effect}, 24 months, {seeds} seeds", found(gen, effect, chosen)
    yield f"null, 24 months, {seeds} seeds", false_alarms(gen, chosen)
    many = range(1, 5 * seeds + 1)
    yield f"types of ten partners, 24 months, {len(many)} seeds", small_types(gen, many)
    yield f"visits to what is far along, 24 months, {len(many)} seeds", visits_to_what_is_far_along(many)
    yield f"6 months, {seeds} seeds", short_history(gen, chosen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("gen", type=Path)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--effects", default="0.6,0.4,0.2")
    given = parser.parse_args()
    for title, figures in report(given.gen, given.seeds, [float(e) for e in given.effects.split(",")]):
        print(title)
        print(json.dumps(figures, indent=1, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
