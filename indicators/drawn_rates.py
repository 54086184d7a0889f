"""What the rates of partners may truly be, drawn for what a month may bring: plans and landings are judged by the same draws.

Each partner has a generator of its own, so that nobody else matters to its draws.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from indicators.bootstrap import generator
from indicators.inputs import Floats, Ints
from indicators.outlook import Outlook
from indicators.subjects import STEPS

_AT_ONCE = 16  # partners: few, so that what is worked out for them stays in a processor's cache


@dataclass(frozen=True, eq=False, slots=True)
class DrawnRates:
    """members [n] places of partners; p [n, steps, draws]; generators as drawing p left them."""

    members: Ints
    p: Floats
    generators: tuple[np.random.Generator, ...]


def drawn_rates(outlook: Outlook, members: Ints, draws: int) -> Iterator[DrawnRates]:
    """The drawn rates of these partners, in their order, a few at once."""
    a, b = outlook.rates.spread(outlook.partners.type)
    for first in range(0, len(members), _AT_ONCE):
        some = members[first : first + _AT_ONCE]
        p, generators = np.empty((len(some), len(STEPS), draws)), []
        for at, i in enumerate(some):
            rng = generator(outlook.assumptions.seed, str(outlook.as_of), outlook.partners.ids[i], "target")
            p[at] = drawn_steps(rng, a[i], b[i], draws)
            generators.append(rng)
        yield DrawnRates(some, p, tuple(generators))


def drawn_steps(rng: np.random.Generator, a: Floats, b: Floats, draws: int) -> Floats:
    """[steps, draws] of one partner's rates, each step's from its own beta distribution of `a` and `b` [steps]."""
    # by columns of parameters at once the same numbers are drawn, but each goes through numpy's general iteration
    return np.array([rng.beta(*of_step, draws) for of_step in zip(a, b, strict=True)])
