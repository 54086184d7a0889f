"""The planted truth of generated worlds: what each partner type converts, how long it takes, how entries end.

The same figures as the generator with known truth that the indicators are judged by, so that both worlds have one answer.
"""

import math
from dataclasses import dataclass

from sandbox.world import Step

STEPS: tuple[Step, ...] = ("listed", "requested", "agreed", "executed", "deal")


@dataclass(frozen=True, slots=True)
class PlantedType:
    """One partner type. Rates and days have one value for each of the four steps from `listed` to `deal`."""

    name: str
    share: float  # of all partners
    list_rate: float  # weight of how many entries it lists
    conversion: tuple[float, float, float, float]  # mean over partners of the probability to reach the next step at all
    concentration: float  # a + b of the Beta that partners' own rates are drawn from
    mean_days: tuple[float, float, float, float]  # of the lead time of those that convert
    shape: int = 2  # of that lead time's gamma distribution


TYPES = (
    PlantedType("legacy", 0.60, 1.0, (0.50, 0.60, 0.75, 0.55), 12.0, (10, 14, 12, 18)),
    PlantedType("growth1", 0.25, 3.0, (0.60, 0.70, 0.80, 0.65), 20.0, (7, 10, 9, 14)),
    PlantedType("growth2", 0.15, 0.8, (0.40, 0.50, 0.70, 0.45), 12.0, (14, 18, 15, 24)),
)
LOSS_MEAN_DAYS = 35.0  # from the last step reached to a recorded loss, exponential, plus one day
SILENT_SHARE = 0.35  # of dead entries: nobody ever records the loss
WON_SHARE, WON_MEAN_DAYS = 0.40, 45.0  # of deals, and days until they are won
PARTNER_SOURCED_SHARE = 0.44  # of all deals of the last 365 days


def erlang_cdf(days: float, shape: int, mean: float) -> float:
    """P(lead time <= days) for a gamma distribution of whole-number shape."""
    z = max(days, 0.0) * shape / mean
    return 1 - math.exp(-z) * sum(z**j / math.factorial(j) for j in range(shape))


def erlang_quantile(q: float, shape: int, mean: float) -> float:
    """The day by which a share q of the converting entries has converted; found by bisection to well under a second."""
    low, high = 0.0, 50 * mean
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if erlang_cdf(middle, shape, mean) < q else (low, middle)
    return low
