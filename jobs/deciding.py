"""Who is who, before a person: what may be one company, and their word on it, kept with who, when and why, and reversible.

A decision takes effect when the next run maps. It is about records, not about our ids, so that it survives whatever is mapped anew.
"""

from dataclasses import dataclass
from typing import Any, cast

import psycopg
from psycopg import Connection, errors
from sqlalchemy import Engine

from jobs.errors import NotFound, SakigakeError
from jobs.runs import new_id, utc_now
from jobs.settings import WorkspaceSettings
from models.counted import counted
from models.vocabulary import RecordRef
from sync.events.decisions import Decided, Subject, Verdict, add, decisions, standing
from sync.events.read import entry_records
from sync.mapping.facts import Issues
from sync.mapping.grammar import Mapping
from sync.mapping.matching import Marks, Suggestion, marks_shared
from sync.mapping.partners import derive_partners
from sync.mapping.same_target import suggestions_of
from sync.mirror.read import Mirror

WHY = {
    "domain": "one domain, which several companies with corporate numbers share",
    "name_and_phone": "one name and one telephone number, which several companies with corporate numbers share",
    "name_and_place": "one name in one city, which several companies with corporate numbers share",
    "name": "one name, and nothing else that is equal",
    "similar_name": "names that are alike",
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """A suggestion as it is shown. `shared` says of each mark whether both have the same; None where one of them has none."""

    subject: Subject
    suggestion: Suggestion
    names: tuple[str, str]
    shared: dict[str, bool | None]

    def document(self) -> dict[str, Any]:
        """The proposal as JSON."""
        s = self.suggestion
        return {
            "suggestion": s.suggestion_id,
            "subject": self.subject,
            "left": str(s.left),
            "right": str(s.right),
            "left_name": self.names[0],
            "right_name": self.names[1],
            "why": s.why,
            "score": s.score,
            "shared": self.shared,
        }


@dataclass(frozen=True, slots=True)
class Known:
    """The records that decisions may be about, by what they are, and what is proposed of them."""

    marks: dict[Subject, dict[RecordRef, Marks]]
    owner: dict[RecordRef, str]  # of an entry's record: its partner
    proposals: tuple[Proposal, ...]
    together: dict[RecordRef, str]  # which record is which company or entry now


def known(engine: Engine, workspace: str, settings: WorkspaceSettings, rules: Mapping) -> Known:
    """All of it as the mirror and the decisions have it now; entries as the newest run mapped them."""
    with engine.begin() as conn:
        raw = cast("psycopg.Connection[Any]", conn.connection.driver_connection)
        said = standing(raw, workspace)
        partners = derive_partners(rules, Mirror(raw, workspace, settings.schema_of), Issues(), said)
        records = entry_records(raw, workspace)
    listed = {r.ref: r.marks for r in records}
    found: list[tuple[Subject, Suggestion]] = [("partner", s) for s in partners.suggestions]
    found += [("entry", s) for s in suggestions_of(records, said)]
    marks: dict[Subject, dict[RecordRef, Marks]] = {"partner": partners.marks, "entry": listed}
    proposals = [_proposal(subject, s, marks[subject]) for subject, s in found]
    together = {m.source: m.partner_id for m in partners.matches} | {r.ref: r.entry_id for r in records}
    return Known(marks, {r.ref: r.partner_id for r in records}, tuple(proposals), together)


def _proposal(subject: Subject, suggestion: Suggestion, marks: dict[RecordRef, Marks]) -> Proposal:
    one, other = marks[suggestion.left], marks[suggestion.right]
    return Proposal(subject, suggestion, (one.name, other.name), marks_shared(one, other))


def decide(
    conn: Connection[Any], workspace: str, of: Known, which: str, verdict: Verdict, who: str, reason: str
) -> Decided:
    """Keeps the person's word on a suggestion (its id) or on two records (`RECORD,RECORD`). NotFound, or what speaks against it.

    Saying the same again keeps nothing new.
    """
    reason = _said(reason)
    subject, left, right = _pair(of, which)
    made = decisions(conn, workspace)
    of_pair = [d for d in made if d.stands and {d.left, d.right} == {left, right}]
    for standing_one in of_pair:
        if standing_one.verdict == verdict:
            return standing_one
        raise SakigakeError(
            f"{standing_one.who} decided {standing_one.verdict} of these two ({standing_one.decision_id}); "
            f"take that back first: sakigake partners undo {standing_one.decision_id} --reason ..."
        )
    if verdict == "same" and (against := _told_apart(of, made, left, right)):
        raise SakigakeError(
            f"They cannot be one: {against.left} and {against.right} were decided to be different ({against.decision_id}), and "
            f"would become one by this; take that back first: sakigake partners undo {against.decision_id} --reason ..."
        )
    shown: dict[str, Any] = {"shared": marks_shared(of.marks[subject][left], of.marks[subject][right])}
    proposed = next(
        (p.suggestion for p in of.proposals if {p.suggestion.left, p.suggestion.right} == {left, right}), None
    )
    if proposed is not None:
        shown |= {"suggestion": proposed.suggestion_id, "why": proposed.why, "score": proposed.score}
    decided = Decided(new_id("decision"), subject, verdict, left, right, None, who, reason, utc_now(), shown)
    with conn.transaction():
        add(conn, workspace, decided)
    return decided


def undo(conn: Connection[Any], workspace: str, decision_id: str, who: str, reason: str) -> Decided:
    """Takes a decision back, as a decision of its own; NotFound where there is none, SakigakeError where it stands no more."""
    reason = _said(reason)
    found = next((d for d in decisions(conn, workspace) if d.decision_id == decision_id), None)
    if found is None:
        raise NotFound(f"There is no decision {decision_id} in workspace {workspace}; see: sakigake partners decisions")
    if found.verdict == "undo":
        raise SakigakeError(f"{decision_id} undid {found.undoes}; to have that again, decide it again.")
    undoing = Decided(
        new_id("decision"), found.subject, "undo", found.left, found.right, decision_id, who, reason, utc_now(), {}
    )
    try:
        with conn.transaction():
            add(conn, workspace, undoing)
    except errors.UniqueViolation as e:
        raise SakigakeError(f"{decision_id} was undone already; see: sakigake partners decisions") from e
    return undoing


def _said(reason: str) -> str:
    plain = reason.replace("\0", "").strip()
    if not plain:
        raise SakigakeError("--reason is empty; say in a few words what shows it, for whoever asks later.")
    return plain


def _pair(of: Known, which: str) -> tuple[Subject, RecordRef, RecordRef]:
    """What the two are, and which."""
    if "/" not in which:
        found = [p for p in of.proposals if p.suggestion.suggestion_id == which]
        if not found:
            raise NotFound(
                f"There is no suggestion {which!r} now; see: sakigake partners suggestions. Two records are written "
                "connection.Object/ID,connection.Object/ID."
            )
        return found[0].subject, found[0].suggestion.left, found[0].suggestion.right
    parts = which.split(",")
    if len(parts) != 2:
        raise SakigakeError(
            f"{which!r} names {counted(len(parts), 'record')}, expected two: connection.Object/ID,connection.Object/ID"
        )
    try:
        left, right = sorted(RecordRef.parse(part.strip()) for part in parts)
    except ValueError as e:
        raise SakigakeError(str(e)) from e
    if left == right:
        raise SakigakeError(f"{left} is named twice; a decision is about two records.")
    for subject, marks in of.marks.items():
        if left in marks and right in marks:
            if subject == "entry" and of.owner[left] != of.owner[right]:
                raise SakigakeError(
                    f"{left} and {right} stand on the lists of two partners; decide on the partners first."
                )
            return subject, left, right
    everybody = {ref for marks in of.marks.values() for ref in marks}
    strangers = [str(ref) for ref in (left, right) if ref not in everybody]
    if strangers:
        raise NotFound(f"{' and '.join(strangers)}: neither a partner's record nor an entry's, as the mapping has it.")
    raise SakigakeError(f"{left} and {right} are a partner and an entry; a decision is about two of one kind.")


def _told_apart(of: Known, made: list[Decided], left: RecordRef, right: RecordRef) -> Decided | None:
    """A standing decision that two companies, which these two would make one, are different."""
    sides = {of.together.get(left), of.together.get(right)}
    for d in made:
        if d.stands and d.verdict == "different" and {of.together.get(d.left), of.together.get(d.right)} == sides:
            return d
    return None
