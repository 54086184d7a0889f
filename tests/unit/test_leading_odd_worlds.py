"""Whatever was typed in, a verdict is told, with numbers that are numbers."""

import math
import warnings
from collections.abc import Iterator
from dataclasses import asdict

import pytest

from indicators.leading.verdicts import VERDICTS
from tests.unit.reference.asking import does_it_lead
from tests.unit.reference.odd_worlds import odd_world

SEEDS = (*range(60), 99, 267, 513, 803)  # the last four once ended in an error, or in no number


def numbers(value: object) -> Iterator[float]:
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        for one in value:
            yield from numbers(one)
    elif isinstance(value, float):
        yield value


@pytest.mark.parametrize("seed", SEEDS)
def test_every_world_gets_verdicts_and_numbers(seed):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what NumPy warns of becomes NaN
        findings = does_it_lead(**odd_world(seed), replicates=99).findings
    assert findings
    assert {f.verdict for f in findings} <= set(VERDICTS)
    assert all(math.isfinite(n) for f in findings for n in numbers(asdict(f)))
