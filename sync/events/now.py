# ruff: noqa: S608 - the names in these statements are of our own tables; values are bound
"""Tables of what is now seen: new and changed rows over the old ones, vanished ones taken out, and what they said before kept.

Equal rows are not touched. A partner, entry or activity that vanished stays as a row marked with when, since history and lineage
still name it; a record that is no source any more is no place to write to, so its row goes.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Kept:
    """A table of what is now seen, the staged table that feeds it, and its columns.

    `follows`: columns that follow from what is said, and are staged only where that is new.
    """

    name: str
    key: tuple[str, ...]
    said: tuple[str, ...]
    stays: bool  # a vanished row stays, marked with when
    follows: tuple[str, ...] = ()

    @property
    def staged(self) -> str:
        return f"staged_{self.name}"


_RECORD = ("connection", "object", "record_id")
PARTNERS = Kept(
    "partner", ("partner_id",), ("name", "type", "willingness", "submitted_on", "joined_on", "attributes"), stays=True
)
SOURCES = Kept("partner_source", _RECORD, ("partner_id", "matched_by"), stays=False)
ENTRIES = Kept("entry", ("entry_id",), ("partner_id", *_RECORD, "target"), stays=True, follows=("target_number",))
ENTRY_SOURCES = Kept("entry_source", _RECORD, ("entry_id", "partner_id", "matched_by", "target"), stays=False)
ACTIVITIES = Kept(
    "activity", ("activity_id",), ("partner_id", "entry_id", "kind", "occurred_on", *_RECORD, "rule"), stays=True
)


def keep_now(connection: Connection, kept: Kept, workspace: str, known_at: datetime, scope: list[str] | None) -> int:
    """Makes the table's rows of these partners (all, where `scope` is None) what is staged; returns how many were written."""
    given = {"workspace": workspace, "known_at": known_at, "partners": scope}
    one_key = " and ".join(f"s.{name} = n.{name}" for name in kept.key)
    mine = "true" if scope is None else "n.partner_id = any(:partners)"
    live = "n.removed_at is null" if kept.stays else "true"
    held, offered = (", ".join(f"{alias}.{name}" for name in kept.said) for alias in ("n", "s"))
    vanished = f"not exists (select from {kept.staged} s where {one_key})"
    # said until now: what changes, wherever it stood, and what vanishes of these partners
    fact_id = "n." + kept.key[0] if len(kept.key) == 1 else "n.connection || '.' || n.object || '/' || n.record_id"
    document = ", ".join(f"'{name}', n.{name}" for name in (*kept.key, *kept.said))
    connection.execute(
        text(f"""
        insert into sakigake.past_fact (workspace, kind, fact_id, known_until, known_at, said)
        select n.workspace, '{kept.name}', {fact_id}, :known_at, n.known_at, jsonb_build_object({document})
        from sakigake.{kept.name} n left join {kept.staged} s on {one_key}
        where n.workspace = :workspace and {live} and n.known_at < :known_at
            and ((s.{kept.key[0]} is null and {mine}) or (s.{kept.key[0]} is not null and ({held}) is distinct from ({offered})))
        on conflict do nothing"""),
        given,
    )
    names = (*kept.key, *kept.said, *kept.follows)
    sets = ", ".join(
        (
            *(f"{name} = excluded.{name}" for name in (*kept.said, "known_at")),
            *(f"{name} = coalesce(excluded.{name}, n.{name})" for name in kept.follows),
        )
    )
    new = ", ".join(f"excluded.{name}" for name in kept.said)
    returned = " or n.removed_at is not null" if kept.stays else ""
    changed = connection.execute(
        text(f"""
        insert into sakigake.{kept.name} as n (workspace, {", ".join(names)}, known_at)
        select :workspace, {", ".join(names)}, :known_at from {kept.staged}
        on conflict (workspace, {", ".join(kept.key)}) do update set {sets}{", removed_at = null" if kept.stays else ""}
        where ({held}) is distinct from ({new}){returned}"""),
        given,
        execution_options={"preserve_rowcount": True},
    ).rowcount
    gone = (
        f"update sakigake.{kept.name} n set removed_at = :known_at"
        if kept.stays
        else f"delete from sakigake.{kept.name} n"
    )
    taken = connection.execute(
        text(f"{gone} where n.workspace = :workspace and {live} and {mine} and {vanished}"), given
    ).rowcount
    return changed + taken
