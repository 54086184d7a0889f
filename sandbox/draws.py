"""What the parts of the generator share: the dice, the calendar, and who the partners are, as columns."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from sandbox.settings import SandboxSettings
from sandbox.world import WorldPartner

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

REFUSED, UNKNOWN, SAYS_YES, HANDS_IN = range(4)  # a partner's attitude to handing in an attack list


@dataclass(slots=True)
class Draws:
    """One world being drawn. Days are whole numbers from `start`; `past` is the day of `as_of`, `end` the last one drawn."""

    rng: np.random.Generator
    settings: SandboxSettings
    start: date
    past: int
    end: int
    kinds: Ints  # of each partner: its place in planted.TYPES
    rates: Floats  # partner x step: its own probability to take the step at all
    attitude: Ints
    weight: Floats  # how much it lists, relative to the others
    joined: Ints  # day, negative when before the world's start
    partners: list[WorldPartner]

    def on(self, day: float) -> date:
        return self.start + timedelta(days=int(day))


@dataclass(slots=True)
class Funnel:
    """Every entry's whole life. `reached[i, k]` is the day of step k, inf where it never comes; `lost`, `won` likewise."""

    partner: Ints
    reached: Floats
    lost: Floats
    won: Floats
