"""The statements that compare the log of events with the staged facts and add to it.

An event stands while no retraction supersedes it. A fact says something else when its day, its entry, its partner, its evidence or
its reason moved; the rule's place in the file may move freely: an event keeps the rule and mapping by which it was asserted.
`{scope}` stands for which partners are mapped: all, or some of them.
"""

STANDING = """
    create temporary table standing on commit drop as
    select e.* from sakigake.event e
    where e.workspace = :workspace and e.op = 'assert' and {scope} and not exists (
        select from sakigake.event r where r.workspace = e.workspace and r.supersedes = e.event_id)"""

# Ids are UUIDs drawn in SQL from what only the tables know: which event is taken back, how often a fact was asserted.
RETRACT = """
    with done as (
        insert into sakigake.event (workspace, event_id, fact_id, entry_id, partner_id, milestone, occurred_on, known_at, op,
            supersedes, evidence, reconstructed, connection, object, record_id, source_change_id, reason, rule, mapping_hash, run_id)
        select l.workspace,
            encode(substr(sha256(convert_to('retract ' || l.event_id, 'UTF8')), 1, 16), 'hex')::uuid::text,
            l.fact_id, l.entry_id, l.partner_id, l.milestone, l.occurred_on, :known_at, 'retract',
            l.event_id, l.evidence, false, l.connection, l.object, l.record_id, l.source_change_id, l.reason, l.rule,
            :mapping_hash, :run_id
        from standing l left join staged_event s on s.fact_id = l.fact_id
        where s.fact_id is null or (l.occurred_on, l.entry_id, l.partner_id, l.evidence, l.reason)
            is distinct from (s.occurred_on, s.entry_id, s.partner_id, s.evidence, s.reason)
        returning milestone)
    select milestone, count(*) from done group by milestone order by milestone"""

# How often each fact was taken back, this time included: as often as it was asserted before.
RETRACTED = """
    create temporary table retracted on commit drop as
    select e.fact_id, count(*) as n from sakigake.event e
    where e.workspace = :workspace and e.supersedes is not null and e.fact_id in (select s.fact_id from staged_event s)
    group by e.fact_id"""

# The first assertion of a fact bears the fact's own id; later ones are numbered by those before them.
ASSERT = """
    with done as (
        insert into sakigake.event (workspace, event_id, fact_id, entry_id, partner_id, milestone, occurred_on, known_at, op,
            supersedes, evidence, reconstructed, connection, object, record_id, source_change_id, reason, rule, mapping_hash, run_id)
        select :workspace,
            case when before.n is null then s.fact_id else
                encode(substr(sha256(convert_to('assert ' || s.fact_id || ' ' || before.n, 'UTF8')), 1, 16), 'hex')::uuid::text end,
            s.fact_id, s.entry_id, s.partner_id, s.milestone, s.occurred_on,
            case when :first_load then least(s.stamped_at, :known_at) else :known_at end, 'assert',
            null, s.evidence, :first_load and s.stamped_at is not null and s.stamped_at < :known_at,
            s.connection, s.object, s.record_id, s.source_change_id, s.reason, s.rule, :mapping_hash, :run_id
        from staged_event s
        left join standing l on l.fact_id = s.fact_id
        left join retracted before on before.fact_id = s.fact_id
        where l.fact_id is null or (l.occurred_on, l.entry_id, l.partner_id, l.evidence, l.reason)
            is distinct from (s.occurred_on, s.entry_id, s.partner_id, s.evidence, s.reason)
        returning milestone)
    select milestone, count(*) from done group by milestone order by milestone"""

STANDING_COUNTS = """
    select e.milestone, count(*) from sakigake.event e
    where e.workspace = :workspace and e.op = 'assert' and {scope} and not exists (
        select from sakigake.event r where r.workspace = e.workspace and r.supersedes = e.event_id)
    group by e.milestone order by e.milestone"""

PARTNERS_BY_TYPE = """
    select type, count(*) from sakigake.partner where workspace = :workspace and {scope} and removed_at is null
    group by type order by type"""

ROWS_OF_NOW = """
    select '{table}', count(*) from sakigake.{table} where workspace = :workspace and {scope} and removed_at is null"""
