"""What was told and not taken back: retractions are found by what they repeat."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.events.read import without

KEYS = st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=40)


@given(KEYS)
def test_each_retraction_takes_one_of_its_kind(keys):
    told = np.array(sorted(key for key, _ in keys), np.int64)
    taken_back = np.array(sorted(key for key, gone in keys if gone), np.int64)
    assert Counter(without(told, taken_back).tolist()) == Counter(told.tolist()) - Counter(taken_back.tolist())


@pytest.mark.parametrize(("told", "taken_back"), [([], [1]), ([1, 3], [2]), ([1, 1, 2], [1, 1, 1]), ([1], [5])])
def test_a_retraction_of_what_was_never_told_is_no_quiet_loss(told, taken_back):
    with pytest.raises(RuntimeError, match="never told"):
        without(np.array(told, np.int64), np.array(taken_back, np.int64))
