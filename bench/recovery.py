"""Known truth found again, over many worlds: `python -m bench.recovery [--worlds 40] [--histories 400]`. Prints figures, demands nothing.

Not part of `make bench`: it takes minutes, and needs the generator beside the project.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from indicators.assumptions import DEFAULTS
from tests.unit.reference.histories import play
from tests.unit.reference.plans_met import Told, plans_told, together
from tests.unit.reference.recovery import by_size, cells, foretold, interval_cover, rate_errors
from tests.unit.reference.short_histories import Found, cut, found
from tests.unit.reference.stalls import Waiting, waiting
from tests.unit.reference.unlike_chances import MADE, over_sizes
from tests.unit.reference.worlds import generate

PLANNED = 16  # worlds in which plans are told


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--worlds", type=int, default=40)
    asked.add_argument("--histories", type=int, default=400)
    given = asked.parse_args()
    for scenario in ("clean", "messy"):
        worlds(scenario, given.worlds)
    plans(given.histories)
    short_histories(given.worlds)
    stalls(given.worlds)
    sizes(given.histories)
    counts(given.histories)


def worlds(scenario: str, count: int) -> None:
    """Conversion, lead time, partner rates and forecasts."""
    inside, medians, resolved, rates, errors, cover, apart, bins = [], [], [], [], [], [], [], []
    of_plans = []
    for seed in range(1, count + 1):
        with tempfile.TemporaryDirectory() as folder:
            world = generate(Path(folder), scenario, seed=seed)
        found = cells(world)
        inside += found.inside
        medians += found.medians_off
        resolved += found.resolved_only
        rates += found.rates_off
        told = foretold(world)
        apart.append(told.apart())
        bins.append(told)
        if seed <= PLANNED:
            of_plans.append(plans_told(world))
        if scenario == "clean":
            errors.append(rate_errors(world))
            cover.append(interval_cover(world))
    off = np.abs(medians)
    print(f"\n{scenario}, {count} worlds")
    print(f"  conversion intervals cover the truth in {100 * np.mean(inside):.1f} % of {len(inside):,} cells")
    print(
        f"  conversion is off by {np.mean(rates):+.3f} on average; counting only the resolved by {np.mean(resolved):+.3f}"
    )
    print(
        f"  median lead time: within 2 days in {100 * np.mean(off <= 2):.1f} % of {len(off):,} cells, at most {off.max():.1f} off"
    )
    if errors:
        mean = np.mean(errors, axis=0)
        for name, row in zip(("raw share", "type mean", "partner rate"), mean, strict=True):
            print(f"  RMSE of the {name}: " + " ".join(f"{value:.3f}" for value in row))
        ordered = np.mean([(e[2] < e[1]) & (e[1] < e[0]) for e in errors])
        print(f"  partner rate < type mean < raw share in {100 * ordered:.1f} % of worlds and steps")
        print(f"  80 % intervals of partner rates cover {100 * np.mean(cover):.1f} %")
    z = np.array(apart)
    print(
        "  forecast sums within 2 sd at 30, 60, 90 days: "
        + ", ".join(f"{100 * share:.0f} %" for share in (np.abs(z) <= 2).mean(axis=0))
    )
    print("  their mean distance in sd: " + ", ".join(f"{value:+.2f}" for value in z.mean(axis=0)))
    chance, came = np.concatenate([b.chance for b in bins]), np.concatenate([b.came for b in bins])
    whole = type(bins[0])(chance, came, np.concatenate([b.age for b in bins]), np.zeros(3))
    for low, expected, came_of in whole.waited():
        told = ", ".join(f"{q / max(y, 1):.3f}" for q, y in zip(expected, came_of, strict=True))
        print(
            f"    waited from {low:>2} days on, up to the next line: foretold / came within 30, 60, 90 days {told} ({int(came_of[1]):,} came within 60)"
        )
    for n, expected, share in whole.bins():
        print(f"    {n:>8,} entries: {expected:.3f} foretold within 60 days, {share:.3f} came")
    chances_of_plans(together(of_plans))


def chances_of_plans(whole: Told) -> None:
    """Of plans told a chance, how many were met; and whether landings' intervals held."""
    print(f"  {len(whole.chance):,} plans for milestones: chance told, share met")
    for n, chance, met in whole.bins():
        print(f"    {n:>8,} plans: {chance:.3f} told, {met:.3f} met")
    for name, chance, met in whole.by_milestone():
        print(f"    {name}: {chance:.3f} told, {met:.3f} met")
    print(f"  80 % intervals of landings hold {100 * whole.inside.mean():.1f} % of {len(whole.inside):,}")


def plans(count: int) -> None:
    """Plans carried out in the world they were made for."""
    made = [play(seed) for seed in range(count)]
    safe, mean = (np.mean([getattr(o, f"{name}_plan_deals") >= 20 for o in made]) for name in ("safe", "mean"))
    print(f"\nplans for 20 deals, {count} histories of 200 entries")
    print(f"  the plan with 80 % reached them in {100 * safe:.1f} %, the one on average in {100 * mean:.1f} %")


def stalls(count: int) -> None:
    """Entries that are stalled for their little chance alone: by the partner's own rate, and by the type's."""
    for scenario in ("clean", "messy"):
        made = list[Waiting]()
        for seed in range(1, count + 1):
            with tempfile.TemporaryDirectory() as folder:
                made.append(waiting(generate(Path(folder), scenario, seed=seed)))
        of_type, of_partner, faint_type, faint_partner, old, went = (
            np.concatenate([getattr(one, name) for one in made])
            for name in ("of_type", "of_partner", "faint_type", "faint_partner", "old", "went")
        )
        print(f"\nentries that wait, {count} {scenario} worlds, {len(went):,} in all")
        for name, chance in (("type's", of_type), ("partner's", of_partner)):
            print(
                f"  by the {name} rate: mean squared error of the chance of going on {((chance - went) ** 2).mean():.4f}"
            )
        for name, which in (
            ("by both rates", faint_type & faint_partner),
            ("by the partner's alone", faint_partner & ~faint_type),
            ("by the type's alone", faint_type & ~faint_partner),
        ):
            chosen = which & ~old
            print(f"  stalled {name}, not by age: {chosen.sum():,}, of which {100 * went[chosen].mean():.1f} % went on")


def short_histories(count: int) -> None:
    """Worlds of which changes are known for the last days alone, judged by what the histories show of themselves, and without."""
    print(
        f"\nhistories that begin late, {count} clean worlds: error (RMSE) of rates and medians, share of intervals that hold the truth"
    )
    for days in (366, 231, 131, 0):
        whole = {judged: list[Found]() for judged in (False, True)}
        for seed in range(1, count + 1):
            with tempfile.TemporaryDirectory() as folder:
                world = generate(Path(folder), "clean", seed=seed)
            shown = cut(world, world.as_of - days) if days else cut(world, 0)
            for judged, told in whole.items():
                told.append(found(shown, judged=judged, assumptions=replace(DEFAULTS, replicates=200)))
        for judged, told in whole.items():
            rates, medians, inside = (
                np.array([value for one in told for value in getattr(one, name)])
                for name in ("rates", "medians", "inside")
            )
            print(
                f"  {f'changes of the last {days} days' if days else 'all changes'}, {'as published' if judged else 'taken for true'}: "
                f"{np.sqrt((rates**2).mean()):.3f}, {np.sqrt((medians**2).mean()):.1f} days, {100 * inside.mean():.1f} % of {len(inside):,}; "
                f"{np.mean([one.left_out for one in told]):,.0f} of 6,000 attempts begun before"
            )


def sizes(count: int) -> None:
    """Rates of partners that go, or do not go, by how many entries they have."""
    print(
        f"\nrates that go by size, {count} times 60 partners: error (RMSE) without, as published, and if always fitted"
    )
    for slope in (0.0, 0.25, 0.5):
        rng = np.random.default_rng(1)
        made = [by_size(rng, 60, slope) for _ in range(count)]
        errors = [
            np.sqrt(np.mean([(getattr(w, name) ** 2).mean() for w in made]))
            for name in ("without", "published", "always")
        ]
        few = [np.mean([getattr(w, name)[w.few].mean() for w in made]) for name in ("without", "published")]
        print(
            f"  slope {slope}: said in {100 * np.mean([w.said for w in made]):.1f} %; {errors[0]:.4f}, {errors[1]:.4f}, {errors[2]:.4f}; "
            f"the quarter with the fewest entries is off by {few[0]:+.3f}, {few[1]:+.3f}"
        )


def counts(count: int) -> None:
    """Counts of many unlike happenings, told by sums of their chances, against the exact ones."""
    print(
        f"\ncounts of 65 to 160 happenings by sums of their chances, {10 * count:,} sets each: largest error of a chance"
    )
    for kind in MADE:
        print(f"  {kind}: {over_sizes(kind, count):.5f}")


if __name__ == "__main__":
    main()
