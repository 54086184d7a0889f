"""A person's word on who is who: kept with who, when and why, in force from the next mapping on, and reversible."""

from datetime import UTC, datetime

import pytest

from jobs.deciding import Known, decide, undo
from jobs.errors import NotFound, SakigakeError
from jobs.wiring import connect_with
from models.vocabulary import RecordRef
from sync.chain import links
from sync.events.decisions import decisions, newest, standing
from sync.mapping.facts import Issues
from sync.mapping.matching import Decision
from sync.mapping.partners import derive_partners
from tests.fake_mirror import FakeMirror
from tests.mapping_world import account, company, preset

MAPPING = preset()
A1, A2 = (RecordRef("salesforce", "Account", name) for name in ("A1", "A2"))
C1 = RecordRef("hubspot", "companies", "501")


def two_names() -> FakeMirror:
    mirror = FakeMirror()
    account(mirror, "A1", Name="株式会社青葉厨房")
    account(mirror, "A2", Name="若葉総研")
    company(mirror, "501", name="青葉厨房㈱")
    return mirror


@pytest.fixture
def desk(engine):
    """(connection, what is known now by the decisions made so far)"""
    mirror = two_names()
    with connect_with(engine)() as conn:

        def known() -> Known:
            from jobs.deciding import _proposal

            found = derive_partners(MAPPING, mirror, Issues(), standing(conn, "main"))
            proposals = tuple(_proposal("partner", s, found.marks) for s in found.suggestions)
            together = {m.source: m.partner_id for m in found.matches}
            return Known({"partner": found.marks, "entry": {}}, {}, proposals, together)

        yield conn, known


def test_a_decision_keeps_who_when_why_and_what_was_shown(desk):
    conn, known = desk
    (proposal,) = known().proposals
    made = decide(conn, "main", known(), proposal.suggestion.suggestion_id, "same", "tanaka", " same office ")
    (kept,) = decisions(conn, "main")
    assert kept == made
    (link,) = links(conn, "main")
    assert (link.kind, link.who, link.subject, link.says()["verdict"]) == (
        "decision",
        "tanaka",
        made.decision_id,
        "same",
    )
    assert (kept.who, kept.reason, kept.verdict, {kept.left, kept.right}) == ("tanaka", "same office", "same", {A1, C1})
    assert kept.shown["why"] == "name"
    assert kept.shown["shared"] == {
        "corporate_number": None,
        "domain": None,
        "name": True,
        "phone": None,
        "place": None,
    }
    assert abs((datetime.now(UTC) - kept.decided_at).total_seconds()) < 60
    assert known().proposals == ()
    assert known().together[A1] == known().together[C1] != known().together[A2]


def test_undoing_is_a_decision_of_its_own_and_brings_the_question_back(desk):
    conn, known = desk
    before = newest(conn, "main")
    made = decide(conn, "main", known(), f"{A1},{C1}", "different", "tanaka", "head office and franchise")
    assert known().proposals == ()
    undone = undo(conn, "main", made.decision_id, "sato", "no franchise any more")
    assert standing(conn, "main") == []
    assert [(d.verdict, d.stands, d.undone_by) for d in decisions(conn, "main")] == [
        ("different", False, undone.decision_id),
        ("undo", False, None),
    ]
    assert len(known().proposals) == 1
    assert [link.kind for link in links(conn, "main")] == ["decision", "undo"]
    assert len({before, made.decision_id, newest(conn, "main")}) == 3
    with pytest.raises(SakigakeError, match="was undone already"):
        undo(conn, "main", made.decision_id, "sato", "again")
    decide(conn, "main", known(), f"{A1},{C1}", "same", "sato", "merged in April")
    assert standing(conn, "main") == [Decision(C1, A1, same=True)]


def test_the_same_word_again_keeps_nothing_new_and_the_opposite_is_refused(desk):
    conn, known = desk
    made = decide(conn, "main", known(), f"{A1},{C1}", "same", "tanaka", "same office")
    assert decide(conn, "main", known(), f"{C1},{A1}", "same", "sato", "too") == made
    with pytest.raises(SakigakeError, match=f"tanaka decided same of these two .* partners undo {made.decision_id}"):
        decide(conn, "main", known(), f"{A1},{C1}", "different", "sato", "no")
    assert len(decisions(conn, "main")) == 1


def test_what_would_make_one_of_two_that_were_told_apart_is_refused(desk):
    conn, known = desk
    apart = decide(conn, "main", known(), f"{A1},{A2}", "different", "tanaka", "two companies")
    decide(conn, "main", known(), f"{A1},{C1}", "same", "tanaka", "same office")
    with pytest.raises(SakigakeError, match=apart.decision_id):
        decide(conn, "main", known(), f"{A2},{C1}", "same", "sato", "looks alike")


@pytest.mark.parametrize(
    ("which", "error", "sentence"),
    [
        ("0a1b2c3d", NotFound, "There is no suggestion '0a1b2c3d' now"),
        (f"{A1}", SakigakeError, "names 1 record, expected two"),
        (f"{A1},{A1}", SakigakeError, "is named twice"),
        (f"{A1},salesforce.Account", SakigakeError, "does not name a record"),
        (f"{A1},salesforce.Account/X9", NotFound, "salesforce.Account/X9: neither a partner's record nor an entry's"),
    ],
)
def test_what_cannot_be_decided_on_is_told_in_one_sentence(desk, which, error, sentence):
    conn, known = desk
    with pytest.raises(error, match=sentence) as caught:
        decide(conn, "main", known(), which, "same", "tanaka", "x")
    assert "青葉" not in str(caught.value)
    assert decisions(conn, "main") == []


def test_a_decision_without_a_reason_is_refused(desk):
    conn, known = desk
    with pytest.raises(SakigakeError, match="--reason is empty"):
        decide(conn, "main", known(), f"{A1},{C1}", "same", "tanaka", " \0 ")
    with pytest.raises(NotFound, match="There is no decision decision-1"):
        undo(conn, "main", "decision-1", "tanaka", "x")


def test_a_merge_in_the_crm_hands_the_decision_on_to_the_survivor():
    mirror = two_names()
    said = [Decision(A1, C1, same=True)]
    mirror.delete("salesforce.Account", "A1", merged_into="A2")
    found = derive_partners(MAPPING, mirror, Issues(), said)
    assert [[ref.id for ref in p.sources] for p in found.partners] == [["501", "A2"]]
