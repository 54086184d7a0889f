"""The second derivative of the logarithm of the gamma function, of many numbers at once."""

import numpy as np

from indicators.inputs import Floats

_TERMS = 6  # numbers from 6 on need no more of the series


def trigamma(x: Floats) -> Floats:
    """Of each x > 0, to eleven digits: quicker by an order than sums of Hurwitz's zeta function, by which SciPy has it, where they are many.

    By its recurrence (Abramowitz and Stegun 1964, 6.4.6) up to where the asymptotic series (6.4.12) is short.
    """
    found, y = np.zeros_like(x), x.copy()
    for _ in range(_TERMS):
        found += 1.0 / (y * y)
        y += 1.0
    w = 1.0 / (y * y)
    series = w * (1 / 6 - w * (1 / 30 - w * (1 / 42 - w * (1 / 30 - w * (5 / 66)))))
    found += (1.0 + 0.5 / y + series) / y
    return found
