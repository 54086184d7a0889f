"""Many tests at once: Holm (1979) for claims, Benjamini and Hochberg (1995) for lists that are explored."""

import numpy as np
from numpy.typing import ArrayLike

from indicators.inputs import Floats


def holm(p: ArrayLike) -> Floats:
    """Adjusted p-values: below .05 with a chance of 5 % that any of the claims is false. In the order given."""
    given = np.asarray(p, np.float64)
    order = np.argsort(given, kind="stable")
    steps = given[order] * (len(given) - np.arange(len(given)))
    adjusted = np.empty(len(given))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if len(given) else steps
    return adjusted


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """Adjusted p-values: of those below q, a share of q is expected to be false. In the order given."""
    given = np.asarray(p, np.float64)
    order = np.argsort(given, kind="stable")[::-1]
    steps = given[order] * len(given) / np.arange(len(given), 0, -1)
    adjusted = np.empty(len(given))
    adjusted[order] = np.minimum(np.minimum.accumulate(steps), 1.0) if len(given) else steps
    return adjusted
