"""Worlds that nobody would plan: few partners, few weeks, few deals, all at one partner, all on one day, dates beyond either end."""

from typing import Any

import numpy as np

from indicators.inputs import LAST_DAY, NO_DAY
from indicators.leading.pipeline import Stays
from indicators.leading.rates import Cohorts, Passages
from indicators.leading.series import Occurrences

MONDAY = 20003
MILESTONES = ("listed", "requested", "agreed", "executed")
ACTIVITIES = ("co_visit", "dinner", "webinar")


def odd_world(seed: int) -> dict[str, Any]:
    """The arguments of `does_it_lead`."""
    chance = np.random.default_rng(seed)
    partners, weeks, types = (int(chance.integers(low, high)) for low, high in ((1, 30), (1, 140), (1, 4)))
    days = 7 * weeks

    def some() -> Occurrences:
        n = int(10 ** chance.uniform(-1, 3.2))
        who = chance.integers(0, partners, n) if chance.random() < 0.7 else np.full(n, chance.integers(0, partners))
        day = MONDAY + (
            chance.integers(0, days + 20, n) if chance.random() < 0.7 else np.full(n, chance.integers(0, days))
        )
        known = day + chance.integers(0, 40, n) if chance.random() < 0.5 else None
        taken_back = np.where(chance.random(n) < 0.2, day + chance.integers(0, 90, n), LAST_DAY)
        return Occurrences.of(who, day, known, taken_back if chance.random() < 0.5 else None)

    reached = {name: some() for name in (*MILESTONES, "deal")}
    passed = {name: Passages(np.arange(len(rows)), rows) for name, rows in reached.items()}
    n = int(10 ** chance.uniform(-1, 3))
    came = MONDAY + chance.integers(-50, days, n)
    under_way = Stays(
        chance.integers(0, partners, n), chance.integers(0, 4, n), came, came + chance.integers(1, 300, n)
    )
    return {
        "deals": reached["deal"],
        "milestones": {name: reached[name] for name in MILESTONES},
        "activities": {name: some() for name in ACTIVITIES[: int(chance.integers(0, 4))]},
        "types": [f"type{at}" for at in range(types)],
        "partner_type": chance.integers(0, types, partners),
        "joined": np.where(
            chance.random(partners) < 0.5, NO_DAY, MONDAY + chance.integers(-100, days + 30, partners)
        ).astype(np.int32),
        "as_of": MONDAY + days + int(chance.integers(-3, 7)),
        "under_way": under_way if chance.random() < 0.6 else None,
        "rates": {
            f"{a}>{b}": Cohorts.of(passed[a], passed[b])
            for a, b in zip((*MILESTONES,), (*MILESTONES[1:], "deal"), strict=True)
        },
    }
