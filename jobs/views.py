"""What our tables say of a workspace, as JSON documents: status, explanation, indicators. Reading only."""

from collections.abc import Mapping
from typing import Any

from psycopg import Connection

from jobs.errors import NotFound
from jobs.pausing import paused
from jobs.reports import Stamp
from jobs.then import stood_on
from models.vocabulary import STEPS

Conn = Connection[Any]


def rows(conn: Conn, query: str, given: Mapping[str, Any] | tuple[Any, ...]) -> list[dict[str, Any]]:
    """The rows of a query as documents: moments and days as text."""
    cursor = conn.execute(query, given)
    names = [c.name for c in cursor.description or ()]
    return [
        {k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in zip(names, row, strict=True)} for row in cursor
    ]


def status(conn: Conn, workspace: str) -> dict[str, Any]:
    """Last runs, how fresh each object is, what waits for a person, what was parked."""
    runs = rows(
        conn,
        """select run_id as run, started_at, finished_at, status, as_of, cause from sakigake.run
        where workspace = %s order by started_at desc limit 5""",
        (workspace,),
    )
    delivered = rows(
        conn,
        """select s.run_id as run, s.finished_at, s.counts ->> 'plan' as plan, s.counts -> 'written' as written
        from sakigake.run_step s where s.workspace = %s and s.step = 'deliver' and s.status = 'succeeded'
        order by s.started_at desc limit 1""",
        (workspace,),
    )
    objects = rows(
        conn,
        """with pulls as (select s.counts, r.started_at from sakigake.run r join sakigake.run_step s using (workspace, run_id)
            where r.workspace = %s and s.step = 'pull' order by r.started_at desc limit 20)
        select o.connection, o.object, l.told ->> 'status' as status, l.told ->> 'cause' as cause, o.table_name as table, o.loaded, o.covered_until, o.updated_at,
            o.last_run_id as run, o.last_changed_run_id as last_changed_run,
            case when o.gone_since is not null then array[''] else array(select jsonb_object_keys(o.stale) order by 1) end as stale_fields,
            (select count(*) from sakigake.parked p where p.workspace = o.workspace and p.connection = o.connection
                and p.object = o.object) as parked,
            r.here, r.there, r.missing, r.extra, r.stale, r.repaired, p.proven_at,
            round(extract(epoch from now() - p.proven_at), 1)::float8 as proof_age_seconds,
            round(extract(epoch from (o.updated_at - o.covered_until) + (now() - coalesce(s.finished_at, now()))), 1)::float8
                as lag_seconds
        from sakigake.mirror_object o
        left join lateral (select * from sakigake.reconciliation r where (r.workspace, r.connection, r.object)
            = (o.workspace, o.connection, o.object) order by finished_at desc limit 1) r on true
        left join lateral (select max(finished_at) as proven_at from sakigake.reconciliation p where
            (p.workspace, p.connection, p.object) = (o.workspace, o.connection, o.object) and p.proven) p on true
        left join sakigake.run_step s on (s.workspace, s.run_id, s.step) = (o.workspace, o.last_run_id, 'pull')
        left join lateral (select counts -> concat(o.connection, '.', o.object) as told from pulls
            where counts ? concat(o.connection, '.', o.object) order by started_at desc limit 1) l on true
        where o.workspace = %s order by 1, 2""",
        (workspace, workspace),
    )
    held = rows(
        conn,
        """select plan_id as plan, kind, created_at, expires_at, changes, held_because from sakigake.plan
        where workspace = %s and status = 'held' order by created_at desc""",
        (workspace,),
    )
    calls = rows(
        conn,
        """select distinct on (a.connection) a.connection, a.calls as last_run_calls, a.quota_limit, a.quota_used
        from sakigake.api_calls a join sakigake.run r using (workspace, run_id)
        where a.workspace = %s order by a.connection, a.quota_limit is null, r.started_at desc""",
        (workspace,),
    )
    issues = conn.execute(
        """select counts -> 'issues' from sakigake.run_step where workspace = %s and step = 'map' and status = 'succeeded'
            and counts ? 'issues' order by started_at desc limit 1""",
        (workspace,),
    ).fetchone()
    return {
        "workspace": workspace,
        "runs": runs,
        "last_delivery": delivered[0] if delivered else None,
        "objects": objects,
        "parked": parked(conn, workspace),
        "drift": drift(conn, workspace),
        "held_plans": held,
        "paused": paused(conn, workspace),
        "quota": calls,
        "unplaced": issues[0] if issues and issues[0] else {},
        "unmapped": unmapped(conn, workspace),
    }


def parked(conn: Conn, workspace: str) -> list[dict[str, Any]]:
    """Values that could not be stored as they are, by field and cause: how many, one of the records, and since when. Never a value."""
    return rows(
        conn,
        """select connection, object, field, cause, count(*) as values, min(record_id) as record, min(parked_at) as since
        from sakigake.parked where workspace = %s group by 1, 2, 3, 4 order by count(*) desc, 1, 2, 3, 4""",
        (workspace,),
    )


def unmapped(conn: Conn, workspace: str) -> dict[str, Any]:
    """Values that no rule names, the most frequent first: how many, how many records hold them, and since when."""
    values = rows(
        conn,
        """select connection, object, field, value, kind, records, rules, first_seen_at, run_id as run from sakigake.unmapped_value
        where workspace = %s and resolved_at is null order by records desc, 1, 2, 3, 4""",
        (workspace,),
    )
    entries = conn.execute("select count(*) from sakigake.unplaced_entry where workspace = %s", (workspace,)).fetchone()
    return {
        "values": len(values),
        "records": sum(v["records"] for v in values),
        "entries": entries[0] if entries else 0,
        "list": values,
    }


def drift(conn: Conn, workspace: str) -> list[dict[str, Any]]:
    """How the CRMs' descriptions came to differ: what is open, then what the last seven days brought."""
    return rows(
        conn,
        """select d.connection, d.object, d.field, d.kind, d.value, d.was, d.now, d.first_seen_at, d.resolved_at, d.depends
        from sakigake.drift d left join sakigake.mirror_object o using (workspace, connection, object)
        where d.workspace = %s and (d.resolved_at is null or d.first_seen_at > o.updated_at - interval '7 days')
        order by d.resolved_at is not null, 1, 2, 3, 4, 5""",
        (workspace,),
    )


def newest_computation(conn: Conn, workspace: str) -> Stamp | None:
    """What the newest computation stands on; None where there was none."""
    row = conn.execute(
        """select run_id, as_of, known_at, mapping_hash, code_version, computed_at from sakigake.computation
        where workspace = %s order by computed_at desc limit 1""",
        (workspace,),
    ).fetchone()
    return None if row is None else Stamp(*row)


def indicators(conn: Conn, workspace: str) -> dict[str, Any]:
    """The newest computation's conversions, lead times and tiers, with the axes they stand on."""
    row = conn.execute(
        """select run_id, as_of, known_at, mapping_hash, code_version, indicators from sakigake.computation
        where workspace = %s order by computed_at desc limit 1""",
        (workspace,),
    ).fetchone()
    if row is None:
        raise NotFound(f"Nothing has been computed for workspace {workspace} yet; say: sakigake run")
    return {
        "workspace": workspace,
        "run": row[0],
        "as_of": row[1].isoformat(),
        "known_at": row[2].isoformat(),
        "mapping": row[3],
        "code_version": row[4],
        **stood_on(conn, workspace, row[0]),
        **in_order(row[5]),
    }


def late_histories(conn: Conn, workspace: str) -> list[dict[str, Any]]:
    """Histories that begin later than their records, as the newest computation found them."""
    row = conn.execute(
        """select indicators -> 'late_histories' from sakigake.computation
        where workspace = %s order by computed_at desc limit 1""",
        (workspace,),
    ).fetchone()
    return row[0] if row and row[0] else []


def in_order(document: dict[str, Any]) -> dict[str, Any]:
    """The indicators with types and steps in the order of the funnel; jsonb sorts keys by their length."""
    sorted_parts = ("conversion", "lead_time", "drift", "partner_rates")
    kinds = {"partners": dict(sorted(document["partners"].items()))} if "partners" in document else {}
    return {**document, **kinds, **{part: _in_order(document[part]) for part in sorted_parts if part in document}}


def _in_order(by_type: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Steps as the funnel has them, the whole way last; `all` after the types."""
    order = [f"{a}>{b}" for a, b in STEPS]
    return {
        kind: dict(sorted(steps.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order)))
        for kind, steps in sorted(by_type.items(), key=lambda item: (item[0] == "all", item[0]))
    }
