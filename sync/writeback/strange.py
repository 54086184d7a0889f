"""Values of ours in a CRM that our own journal does not know: who wrote them, if not a database that was lost since?

A restored backup knows nothing of the deliveries after it, but the CRM holds what they wrote. So do the results: computed anew from the same
records, they say the same. A field that holds just what we are about to write, though the journal confirmed another value and never sent
this one, was written by us; a few of them are proof. Many values that nobody knows are doubt enough, whoever wrote them.
"""

import json
from collections.abc import Mapping, Sequence

from models.vocabulary import RecordRef
from sync.writeback.changes import Connect
from sync.writeback.plan import Cell, Draft, Stored, blank, same

PROOF = 3  # fields that hold what we computed, and never sent
MANY = 10  # fields that hold what nobody knows
SEVERAL = 2  # of so many records at least: a merge of two moves all values of one


def strange(conn: Connect, workspace: str, drafted: Draft, confirmed: Mapping[Cell, Stored]) -> list[Cell]:
    """Fields whose live values neither the journal nor an edit that was noted explains; empty where they are too few to tell anything."""
    ours = {
        w.cell: w.value
        for w in drafted.agreed
        if w.cell in confirmed and not blank(w.value) and not same(w.field, confirmed[w.cell], w.value)
    }
    theirs = {(e.record, e.field.name): e.theirs for e in drafted.edits if not blank(e.theirs)}
    told = _told_of(conn, workspace, [*ours.items(), *theirs.items()])
    unknown_ours = [cell for cell in ours if cell not in told]
    unknown = [*unknown_ours, *(cell for cell in theirs if cell not in told)]
    if len({record for record, _ in unknown}) < SEVERAL:
        return []
    return unknown if len(unknown_ours) >= PROOF or len(unknown) >= MANY else []


def _told_of(conn: Connect, workspace: str, held: Sequence[tuple[Cell, Stored]]) -> set[Cell]:
    """Those whose value we once sent, or meant to, and those where it was noted as a person's."""
    if not held:
        return set()
    rows = conn.execute(
        """select n.connection, n.object, n.id, n.field from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::jsonb[])
            as n(connection, object, id, field, value)
        where exists (select from sakigake.change c where c.workspace = %s and c.connection = n.connection and c.object = n.object
                and c.record_id = n.id and c.field = n.field and n.value in (c.new, c.old))
            or exists (select from sakigake.person_edit e where e.workspace = %s and e.connection = n.connection and e.object = n.object
                and e.record_id = n.id and e.field = n.field and e.theirs = n.value)""",
        (
            [cell[0].connection for cell, _ in held], [cell[0].object for cell, _ in held], [cell[0].id for cell, _ in held],
            [cell[1] for cell, _ in held], [json.dumps(value) for _, value in held], workspace, workspace,
        ),
    )  # fmt: skip
    return {(RecordRef(r[0], r[1], r[2]), r[3]) for r in rows}
