"""Trigamma against SciPy's, and against known values."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import polygamma

from indicators.trigamma import trigamma


@given(st.lists(st.floats(-6.0, 8.0), min_size=1, max_size=20))
def test_as_scipy_has_it(powers: list[float]) -> None:
    x = 10.0 ** np.array(powers)
    assert trigamma(x) == pytest.approx(polygamma(1, x), rel=1e-11)


def test_known_values() -> None:
    found = trigamma(np.array([[0.5, 1.0], [2.0, 3.0]]))
    sixth = math.pi**2 / 6
    assert found == pytest.approx(np.array([[math.pi**2 / 2, sixth], [sixth - 1, sixth - 1.25]]), rel=1e-11)


def test_what_is_given_stays_as_it_was() -> None:
    x = np.array([0.25, 7.0])
    trigamma(x)
    assert x.tolist() == [0.25, 7.0]
