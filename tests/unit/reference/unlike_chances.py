"""Sets of unlike chances, and by how much the count that is told of them by their sums alone is off: for the tests and for `bench.recovery`."""

from collections.abc import Callable

import numpy as np

from indicators.happenings import FEW, Happenings, exact_shares

MADE: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "of any kind": lambda rng, n: rng.random(n),
    "up to one half": lambda rng, n: rng.random(n) / 2,
    "within 0.05 of either end": lambda rng, n: np.where(
        rng.random(n) < rng.random(), rng.random(n) * 0.05, 1 - rng.random(n) * 0.05
    ),
    "of 0.02, 0.5 and 0.97": lambda rng, n: rng.choice([0.02, 0.5, 0.97], n, p=rng.dirichlet(np.ones(3))),
    "certain, or of 0.005, and one of 0.45": lambda rng, n: np.r_[
        0.45, np.where(np.arange(n - 1) < rng.integers(1, n - 1), 1.0, 0.005)
    ],
}


def largest_error(kind: str, seed: int, n: int, sets: int) -> float:
    """Over `sets` sets of `n` chances, of the chance of any number or fewer."""
    chances = np.stack([MADE[kind](np.random.default_rng([seed, at]), n) for at in range(sets)], axis=1)
    told = Happenings(Happenings.of(chances).sums).shares(n + 1)
    return float(np.abs(np.cumsum(told, axis=1) - np.cumsum(exact_shares(chances, n + 1), axis=1)).max())


def over_sizes(kind: str, count: int) -> float:
    """`largest_error` over `count` times ten sets of more than are counted exactly."""
    return max(largest_error(kind, seed, FEW + 1 + seed % 96, 10) for seed in range(count))
