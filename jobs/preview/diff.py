"""`mapping diff`: what another version of the mapping would do, computed on the mirrored records as they are. Stores nothing.

All of it happens in one read-only transaction of one moment. The day is that of the last pull, by the CRM's clock, so that the same
mirror and the same two versions give the same preview, and the same hash of it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import psycopg
from sqlalchemy import Engine, text

from jobs.beside import PREVIEW, Beside
from jobs.errors import NotFound
from jobs.mapping.versions import active, rules_of, text_diff, without_names
from jobs.preview.both import both
from jobs.preview.ground import Ground
from jobs.preview.lenient import Missing
from jobs.preview.records import confirmed
from jobs.settings import WorkspaceSettings
from jobs.steps.moments import mapped_at
from jobs.uncollected import uncollected
from models.vocabulary import Partner, Step
from sync.chain.links import canonical
from sync.events.decisions import newest, standing
from sync.events.ids import Ids
from sync.mapping.compare import Difference, RuleDifference, compare_events, total
from sync.mapping.customers import customer_facts
from sync.mapping.grammar import Mapping as Rules

if TYPE_CHECKING:
    from jobs.steps.made import Made

_LANGUAGES: tuple[Literal["en", "ja"], ...] = ("en", "ja")


def preview(
    engine: Engine, workspace: str, settings: WorkspaceSettings, new: Rules, aside: Beside | None = None
) -> dict[str, Any]:
    """The document of `mapping diff`. NotFound where nothing is mirrored yet. `aside` may have begun a process already."""
    with uncollected(), aside or Beside(*PREVIEW, at_once=True) as other, engine.begin() as conn:
        conn.execute(text("set transaction isolation level repeatable read, read only"))
        conn.execute(text("set local max_parallel_workers_per_gather = 0"))  # the processors have work already
        raw = cast("psycopg.Connection[Any]", conn.connection.driver_connection)
        moment, objects = _mirrored(raw, workspace)
        now = active(raw, workspace)
        old = rules_of(raw, workspace, now.mapping_hash) if now else None
        as_of = moment.astimezone(new.zone).date()
        known = max(moment, mapped_at(raw, workspace) or moment)  # what was read is mapped, and known, a little later
        ground = Ground(engine, conn, raw, workspace, settings, standing(raw, workspace), as_of, moment, known)
        reader = ground.reader(new, old or new)
        stands = now is not None and _mapped(raw, workspace) == {
            "objects": objects,
            "mapping": now.mapping_hash,
            "decisions": newest(raw, workspace),
        }
        before, was, after = both(ground, old, new, reader, other, active=now is not None, stands=stands)
        from jobs.preview.fields import differing_fields
        from jobs.preview.numbers import Numbers, made_of

        held = confirmed(raw, workspace)
        same = old is not None and old.customers == new.customers
        becomes = made_of(ground, new, after, None if same else customer_facts(new, reader))
    month = becomes.goals()
    now_told = Numbers.of(becomes)
    earlier, later = was.document, now_told.document
    differences = compare_events(before.said, after.said, after.unmoved)
    document = {
        "workspace": workspace,
        "active": now.mapping_hash if now else None,
        "new": new.hash,
        "as_of": as_of.isoformat(),
        "known_at": moment.isoformat(),
        "missing": [{"what": m.what, "place": m.place, "rules": list(m.rules)} for m in _ordered(reader.missing)],
        "partners": _sets({p.partner_id for p in before.partners}, {p.partner_id for p in after.partners}),
        "entries": _entries(Ids.of(before.entries.ids), Ids.of(after.entries.ids)),
        "activities": {"before": len(before.activities), "after": len(after.activities)},
        "issues": after.issues,
        "events": {**total(differences), "by_rule": [_rule(d) for d in differences]},
        "conversion": _rates(earlier, later, "conversion", ("rate", "n")),
        "lead_time": _rates(earlier, later, "lead_time", ("median", "conversions")),
        "tiers": {t: {"before": earlier["tiers"][t], "after": n} for t, n in later["tiers"].items()},
        "tier_changes": _tier_changes(was.tiers, now_told.tiers, becomes, (*before.partners, *after.partners)),
        "fields": differing_fields(new, becomes, month, after.partners, after.activities, after.records, held),
        "text": text_diff(old.text if old else "", new.text),
    }
    return {**document, "preview": hashlib.sha256(canonical(without_names(document)).encode()).hexdigest()}


def _mirrored(raw: psycopg.Connection[Any], workspace: str) -> tuple[datetime, dict[str, str]]:
    rows = raw.execute(
        """select connection || '.' || object, coalesce(last_changed_run_id, ''), updated_at from sakigake.mirror_object
        where workspace = %s""",
        (workspace,),
    ).fetchall()
    if not rows:
        raise NotFound(
            f"Nothing is mirrored in workspace {workspace} yet, so there is nothing to compute on; say: sakigake run --only pull"
        )
    return max(r[2] for r in rows), {r[0]: r[1] for r in rows}


def _mapped(raw: psycopg.Connection[Any], workspace: str) -> dict[str, Any] | None:
    """What the newest map step had read: where the mirror has not moved since, the stored facts are what it says."""
    row = raw.execute(
        """select counts -> 'input' from sakigake.run_step where workspace = %s and step = %s and status = 'succeeded'
        order by started_at desc limit 1""",
        (workspace, Step.MAP),
    ).fetchone()
    return None if row is None or row[0] is None else {k: row[0].get(k) for k in ("objects", "mapping", "decisions")}


def _ordered(missing: Sequence[Missing]) -> list[Missing]:
    return sorted(missing, key=lambda m: (m.what, m.place))


def _sets(before: set[str], after: set[str]) -> dict[str, int]:
    return {"before": len(before), "after": len(after), "gained": len(after - before), "lost": len(before - after)}


def _entries(before: Ids, after: Ids) -> dict[str, int]:
    stay = int(np.count_nonzero(before.places_among(after) >= 0))
    return {"before": len(before), "after": len(after), "gained": len(after) - stay, "lost": len(before) - stay}


def _rule(found: RuleDifference) -> dict[str, Any]:
    return {
        "rule": found.rule,
        "before": found.before,
        "after": found.after,
        **{kind.value: found.counts[kind] for kind in Difference},
        "examples": [
            {
                "kind": kind.value,
                "source": e.source,
                "milestone": e.milestone,
                "before": e.before.isoformat() if e.before else None,
                "after": e.after.isoformat() if e.after else None,
            }
            for kind in Difference
            for e in found.examples[kind]
        ],
    }


def _rates(was: Mapping[str, Any], becomes: Mapping[str, Any], name: str, keys: Sequence[str]) -> list[dict[str, Any]]:
    """Each type and step of either version, before and after."""
    rows = []
    for kind in dict.fromkeys((*becomes[name], *was[name])):
        for step in dict.fromkeys((*becomes[name].get(kind, ()), *was[name].get(kind, ()))):
            row: dict[str, Any] = {"type": kind, "step": step}
            for when, document in (("before", was), ("after", becomes)):
                found = document[name].get(kind, {}).get(step)
                row[when] = None if found is None else {key: found[key] for key in keys}
            rows.append(row)
    return rows


def _tier_changes(
    old: Mapping[str, str], new: Mapping[str, str], becomes: "Made", partners: Sequence[Partner]
) -> list[dict[str, Any]]:
    """Partners whose tier would change, with the reason of the new one; partners that come or go have no tier on one side."""
    from jobs.steps import results as shaped

    why, why_ja = (
        {row[1]: row[4]["why"] for row in shaped.partner_rows(becomes.results.own, language) if row[2] == "tier"}
        for language in _LANGUAGES
    )
    known = {p.partner_id: p for p in partners}
    return [
        {
            "partner": partner_id,
            "name": known[partner_id].name,
            "record": str(known[partner_id].sources[0]) if known[partner_id].sources else None,
            "before": old.get(partner_id),
            "after": new.get(partner_id),
            "why": why.get(partner_id),
            "why_ja": why_ja.get(partner_id),
        }
        for partner_id in sorted(old.keys() | new.keys(), key=lambda i: (new.get(i) or "Z", old.get(i) or "Z", i))
        if old.get(partner_id) != new.get(partner_id)
    ]
