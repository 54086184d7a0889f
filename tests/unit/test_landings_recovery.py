"""Chances of plans on a world whose future is known. Over many worlds: python -m bench.recovery."""

import numpy as np
import pytest

from tests.unit.reference.plans_met import plans_told
from tests.unit.reference.worlds import generate


def test_of_plans_told_a_chance_about_as_many_are_met(tmp_path):
    """Plans of one world share their luck: what is told holds within a sixth in each bin, and the sure and the hopeless are so."""
    found = plans_told(generate(tmp_path, "messy", seed=2), origins=3)
    large = [(chance, met) for n, chance, met in found.bins() if n >= 100]
    assert len(large) >= 4
    for chance, met in large:
        assert met == pytest.approx(chance, abs=0.16)
    assert (found.met[found.chance > 0.99]).mean() > 0.97
    assert (found.met[found.chance < 0.01]).mean() < 0.03
    assert 0.72 <= np.mean(found.inside) <= 0.95
