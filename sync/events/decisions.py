"""Decisions on who is who: which were made, which stand, and the one place where one is added. Rows are never changed."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg import Connection

from models.audit import AuditKind
from models.vocabulary import RecordRef, aware
from sync.chain import record
from sync.mapping.matching import Decision
from sync.writeback.making_journal import one_entry

Subject = Literal["partner", "entry"]
Verdict = Literal["same", "different", "undo"]


@dataclass(frozen=True, slots=True)
class Decided:
    """One row: who said what of which two records, when and why. `undone_by` names the decision that took it back."""

    decision_id: str
    subject: Subject
    verdict: Verdict
    left: RecordRef
    right: RecordRef
    undoes: str | None
    who: str
    reason: str
    decided_at: datetime
    shown: Mapping[str, Any]
    undone_by: str | None = None

    @property
    def stands(self) -> bool:
        return self.verdict != "undo" and self.undone_by is None

    def document(self) -> dict[str, Any]:
        """The decision as JSON."""
        return {
            **asdict(self),
            "left": str(self.left),
            "right": str(self.right),
            "decided_at": self.decided_at.isoformat(),
            "stands": self.stands,
        }


def decisions(conn: Connection[Any], workspace: str) -> list[Decided]:
    """All of them, oldest first."""
    rows = conn.execute(
        """select d.decision_id, d.subject, d.verdict, d.decided_left, d.decided_right, d.undoes, d.who, d.reason, d.decided_at,
            d.shown, u.decision_id
        from sakigake.decision d left join sakigake.decision u on (u.workspace, u.undoes) = (d.workspace, d.decision_id)
        where d.workspace = %s order by d.seq""",
        (workspace,),
    )
    return [
        Decided(
            id_, subject, verdict, RecordRef.parse(left), RecordRef.parse(right), undoes, who, reason, at, shown, by
        )
        for id_, subject, verdict, left, right, undoes, who, reason, at, shown, by in rows
    ]


def standing(conn: Connection[Any], workspace: str) -> list[Decision]:
    """What holds now, oldest first, as the matching takes it: rows of lists and the records made of them first, so that a person's word counts."""
    said = (Decision(d.left, d.right, d.verdict == "same") for d in decisions(conn, workspace) if d.stands)
    return [*one_entry(conn, workspace), *said]


def newest(conn: Connection[Any], workspace: str) -> str:
    """The newest decision's id, or nothing: whoever has mapped by it has mapped by all before it."""
    row = conn.execute(
        "select decision_id from sakigake.decision where workspace = %s order by seq desc limit 1", (workspace,)
    ).fetchone()
    return str(row[0]) if row else ""


def add(conn: Connection[Any], workspace: str, decided: Decided) -> None:
    """Keeps a decision, or the undoing of one, and its link in the audit chain, in the caller's transaction: the only place that does.

    UniqueViolation where it was undone before.
    """
    conn.execute(
        """insert into sakigake.decision (workspace, decision_id, subject, verdict, decided_left, decided_right, undoes, who, reason,
            decided_at, shown) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            workspace,
            decided.decision_id,
            decided.subject,
            decided.verdict,
            str(decided.left),
            str(decided.right),
            decided.undoes,
            decided.who,
            decided.reason,
            aware(decided.decided_at, "decided_at"),
            json.dumps(decided.shown, ensure_ascii=False, sort_keys=True),
        ),
    )
    kind = AuditKind.UNDO if decided.verdict == "undo" else AuditKind.DECISION
    told = {k: v for k, v in decided.document().items() if k not in ("undone_by", "stands", "who")}
    record(conn, workspace, kind, decided.who, decided.decision_id, told, now=decided.decided_at)
