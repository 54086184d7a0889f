"""Entries under way on past days of a generator's world: their chances of going on, and which of them did."""

from dataclasses import dataclass

import numpy as np

from indicators.assumptions import DEFAULTS
from indicators.inputs import Flags, Floats
from indicators.open_entries import open_entries
from indicators.partner_rates import partner_rates
from indicators.quick_curves import quick_curves
from indicators.stalled import chance_at_rate, paces
from indicators.subjects import Funnel
from tests.unit.reference.worlds import World

BACK = (190, 250, 310)  # days before the end of the world, so that all had their 180


@dataclass(frozen=True)
class Waiting:
    """Columns of one row an entry: chances by its type and by its partner, below a quarter of the rate by either, older than 95 %, went on."""

    of_type: Floats
    of_partner: Floats
    faint_type: Flags
    faint_partner: Flags
    old: Flags
    went: Flags


def waiting(world: World) -> Waiting:
    """All entries of all of those days that are younger than the horizon."""
    final = world.paths()
    name = final.entry * 100 + final.attempt
    order = np.argsort(name)
    rows = []
    for back in BACK:
        paths = world.paths(world.as_of - back)
        funnel = Funnel(paths)
        table, curves = paces(funnel, world.partners.types), quick_curves(funnel, world.partners.types)
        rates = partner_rates(funnel, world.partners, curves).rate
        under_way = open_entries(paths)
        same = order[np.searchsorted(name[order], paths.entry[under_way.row] * 100 + paths.attempt[under_way.row])]
        for t, steps in enumerate(table):
            for k, pace in enumerate(steps):
                mine = (under_way.type == t) & (under_way.milestone == k) & (under_way.age < DEFAULTS.horizon)
                if pace.assumed:
                    continue
                age, rate = under_way.age[mine], rates[under_way.partner[mine], k]
                chance = pace.chances[age]
                own = chance_at_rate(chance, pace.at_entry, rate)
                on = final.reached[same[mine], k + 1]
                went = (on > paths.as_of) & (on - paths.since[under_way.row[mine]] <= DEFAULTS.horizon)
                little = DEFAULTS.little_chance
                rows.append((chance, own, chance < little * pace.at_entry, own < little * rate, age > pace.p95, went))
    return Waiting(*(np.concatenate(column) for column in zip(*rows, strict=True)))
