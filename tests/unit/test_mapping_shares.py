"""Shares of the partners that make up the whole are derived to what the whole is derived to, each fact and each issue once."""

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from sync.mapping.derive import derive
from sync.mapping.share import Share
from tests.mapping_world import account, entry, preset, small_world

WORLD = small_world()
account(WORLD, "A3", Website="three.example")
entry(WORLD, "E8", "A3", "Nobody knows this stage")
entry(WORLD, "E9", "no partner at all", "Nor this one")
WHOLE = derive(preset(), WORLD)
PARTNERS = [p.partner_id for p in WHOLE.partners]


@given(st.sets(st.sampled_from([*PARTNERS, "one that is no more"])))
def test_two_shares_make_the_whole(named: set[str]):
    parts = [derive(preset(), WORLD, share=Share(frozenset(named), others=others)) for others in (True, False)]
    for name in ("partners", "matches", "entries", "entry_matches", "events", "activities", "deals_all_channels"):
        together = [one for part in parts for one in getattr(part, name)]
        assert len(together) == len(getattr(WHOLE, name)), name
        assert set(map(repr, together)) == set(map(repr, getattr(WHOLE, name))), name
    assert sorted(chain(*(part.met for part in parts))) == sorted(WHOLE.met)


def test_each_share_has_its_own_partners_alone():
    some = derive(preset(), WORLD, share=Share(frozenset(PARTNERS[:1]), others=False))
    assert {e.partner_id for e in (*some.entries, *some.events, *some.activities)} <= set(PARTNERS[:1])
