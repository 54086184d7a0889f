"""Ids of sixteen bytes say what the texts say: in order, each once, found again."""

from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.events.ids import Ids, places_of

# few halves, so that ids are often equal, and often begin alike
HALVES = st.sampled_from([0, 1, 2**63, 2**64 - 1, 0x0123456789ABCDEF])
IDS = st.lists(st.tuples(HALVES, HALVES).map(lambda h: str(UUID(int=h[0] << 64 | h[1]))) | st.uuids().map(str))


@given(IDS)
def test_texts_come_back_as_they_were(texts):
    ids = Ids.of(texts)
    assert list(ids) == texts
    assert [ids[at] for at in range(len(ids))] == texts
    assert list(ids[1:]) == texts[1:]
    assert list(ids[np.array([t > "8" for t in texts], bool)]) == [t for t in texts if t > "8"]
    assert ids.packed.tobytes() == b"".join(UUID(t).bytes for t in texts)


@given(IDS)
def test_each_once_and_in_the_order_of_the_texts(texts):
    ids = Ids.of(texts)
    each, place = ids.distinct()
    assert list(each) == sorted(set(texts))
    assert [each[at] for at in place] == texts
    assert [texts[at] for at in ids.order()] == sorted(texts)


@given(IDS, IDS)
def test_ids_are_found_among_others_as_texts_are(some, others):
    sought, among = sorted(set(some)), sorted(set(others))
    found = places_of(Ids.of(sought), Ids.of(among))
    assert found.tolist() == [among.index(t) if t in among else -1 for t in sought]
    assert found.tolist() == places_of(sought, among).tolist() == places_of(Ids.of(sought), among).tolist()


@pytest.mark.parametrize("written", ["e1", "0123456789abcdef0123456789abcdef", "0" * 36])
def test_what_is_no_uuid_is_refused(written):
    with pytest.raises(ValueError, match="UUID"):
        Ids.of([written])
