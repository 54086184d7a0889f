"""The audit chain as values: whatever is changed in it is found, at the first link it touches; exports read back as they were."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.audit_check import examine, read_export
from jobs.errors import ConfigError
from jobs.heads import Head
from sync.chain.links import BEGINNING, Link, canonical, digest, follow, read_line, verify

AT = datetime(2026, 5, 1, 9, 0, 0, 123456, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=12)
DOCUMENT = st.dictionaries(
    TEXT, st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    max_size=4,
)  # fmt: skip


def chain(*documents: dict) -> list[Link]:
    made: list[Link] = []
    for n, document in enumerate(documents):
        made.append(
            follow(
                made[-1] if made else None, workspace="main", at=AT + timedelta(minutes=n), kind="plan", who="aoi",
                subject=f"plan-{n}", document=canonical(document),
            )
        )  # fmt: skip
    return made


@given(st.lists(DOCUMENT, min_size=1, max_size=6))
def test_a_chain_that_nobody_touched_holds(documents):
    links = chain(*documents)
    found = verify(links)
    assert (found.links, found.head, found.broken) == (len(links), links[-1], None)


@given(st.lists(DOCUMENT, min_size=1, max_size=6))
def test_an_export_reads_back_as_it_was(documents):
    links = chain(*documents)
    assert [read_line(link.line()) for link in links] == links
    assert all(link.line().isascii() for link in links)


@given(st.integers(0, 4), st.sampled_from(["kind", "who", "subject", "document", "at", "workspace"]))
def test_any_changed_word_is_found_at_its_link(place, what):
    links = chain({"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}, {"n": 5})
    other = {"at": AT - timedelta(days=1), "document": '{"n":9}'}.get(what, "another")
    links[place] = replace(links[place], **{what: other})
    broken = verify(links).broken
    assert broken is not None
    assert broken.seq in ((place + 1,) if what != "workspace" or place else (1, 2))


@given(st.integers(0, 4))
def test_a_link_that_was_changed_and_hashed_anew_is_found_at_the_next_one(place):
    links = chain({"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}, {"n": 5})
    forged = replace(links[place], document='{"n":9}')
    links[place] = replace(forged, hash=digest(forged))
    found = verify(links)
    if place == 4:  # nothing follows the last link: this is what heads noted elsewhere are for
        assert found.broken is None
        assert examine(links, [Head(5, chain({"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}, {"n": 5})[-1].hash, "")]).lost
    else:
        assert found.broken is not None
        assert found.broken.seq == place + 2
        assert "does not follow" in found.broken.says


@given(st.integers(0, 3), st.integers(1, 4))
def test_a_missing_or_moved_link_is_found(place, other):
    links = chain({"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}, {"n": 5})
    without = [link for n, link in enumerate(links) if n != place]
    missing = verify(without).broken
    assert missing is not None
    assert missing.seq == place + 1
    if place != other:
        links[place], links[other] = links[other], links[place]
        assert verify(links).broken is not None


def test_a_chain_that_was_cut_or_computed_anew_lacks_a_noted_head():
    links = chain({"n": 1}, {"n": 2}, {"n": 3})
    noted = [Head(link.seq, link.hash, "2026-05-01") for link in links]
    assert examine(links, noted).ok
    cut = examine(links[:2], noted)
    assert verify(links[:2]).broken is None
    assert [h.seq for h in cut.lost] == [3]
    anew = examine(chain({"n": 1}, {"n": 2}, {"n": 4}), noted)
    assert not anew.ok


def test_a_broken_link_is_named_and_the_heads_that_come_after_it_are_not_called_lost():
    links = chain({"n": 1}, {"n": 2}, {"n": 3}, {"n": 4})
    noted = [Head(link.seq, link.hash, "2026-05-01") for link in links]
    found = examine([links[0], links[1], replace(links[2], who="nobody"), links[3]], noted)
    assert (found.ok, found.broken_at, found.lost) == (False, 3, ())
    anew = chain({"n": 1}, {"n": 5})
    found = examine([*anew, replace(links[2], who="nobody")], noted)
    assert (found.broken_at, [h.seq for h in found.lost]) == (3, [2])


def test_a_reseal_explains_the_heads_that_it_names_and_no_others():
    links = chain({"n": 1}, {"n": 2}, {"n": 3})
    gone = {"reason": "restored", "lost": [{"seq": 3, "hash": links[2].hash, "at": ""}]}
    sealed = follow(
        links[1], workspace="main", at=AT, kind="reseal", who="aoi", subject="main", document=canonical(gone)
    )
    assert examine([*links[:2], sealed], [Head(3, links[2].hash, "")]).ok
    assert not examine([*links[:2], sealed], [Head(3, links[2].hash, ""), Head(4, "f" * 64, "")]).ok


def test_the_first_link_stands_on_nothing_and_a_later_one_cannot_pretend_to():
    links = chain({"n": 1}, {"n": 2})
    assert links[0].previous == BEGINNING
    lone = replace(links[1], seq=1)
    broken = verify([replace(lone, hash=digest(lone))]).broken
    assert broken is not None
    assert "is not the first of its chain" in broken.says


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("no", "is not JSON"),
        ("{}", "is no link"),
        ("[1]", "is no link"),
        (json.dumps({**json.loads(chain({"n": 1})[0].line()), "at": "today"}), "names no time"),
        (json.dumps({**json.loads(chain({"n": 1})[0].line()), "seq": "1"}), "seq is a number"),
        (json.dumps({**json.loads(chain({"n": 1})[0].line()), "at": "2026-05-01T00:00:00"}), "without a zone"),
    ],
)
def test_a_line_that_is_no_link_is_refused_with_its_number(tmp_path, line, says):
    path = tmp_path / "trail.jsonl"
    path.write_text(chain({"n": 1})[0].line() + "\n" + line + "\n", "utf-8")
    with pytest.raises(ConfigError, match=rf"trail\.jsonl:2: .*{says}"):
        list(read_export(path))
