"""The statement that puts what is computed among what stands, and logs what stood before."""

# By subject what is said anew, and what no more; what stands afterwards; and, field by field, what stood before.
WRITE = """with anew as (
        select c.subject, c.subject_id, c.value, c.inputs, n.fields, s.value as stood, s.inputs as stood_by, s.run_id, s.runs
        from computed c
        left join sakigake.subject_result s on (s.workspace, s.subject, s.subject_id) = (%(workspace)s, c.subject, c.subject_id)
        cross join lateral (
            select array_agg(f.key) as fields from jsonb_each(c.value) f
            where (s.value -> f.key, s.inputs -> f.key) is distinct from (f.value, c.inputs -> f.key)) n
        where n.fields is not null),
    no_more as (
        select s.subject, s.subject_id, g.fields, s.value as stood, s.inputs as stood_by, s.run_id, s.runs
        from sakigake.subject_result s
        left join computed c on (c.subject, c.subject_id) = (s.subject, s.subject_id)
        cross join lateral (
            select array_agg(f.key) as fields from jsonb_object_keys(s.value) f(key) where not coalesce(c.value ? f.key, false)) g
        where s.workspace = %(workspace)s and ({removed}) and g.fields is not null),
    moved as (
        select subject, subject_id, coalesce(a.stood, g.stood) as stood, coalesce(a.stood_by, g.stood_by) as stood_by,
            coalesce(a.run_id, g.run_id) as run_id, coalesce(a.runs, g.runs) as runs,
            coalesce(g.fields, '{{}}') as gone, coalesce(a.fields, '{{}}') as fields, a.value, a.inputs
        from anew a full join no_more g using (subject, subject_id)),
    put as (
        insert into sakigake.subject_result as s (workspace, subject, subject_id, value, inputs, run_id, runs)
        select %(workspace)s, subject, subject_id, value, inputs, %(run)s, '{{}}' from moved where stood is null
        union all
        select %(workspace)s, subject, subject_id, (stood - gone) || coalesce(value, '{{}}'), (stood_by - gone) || coalesce(inputs, '{{}}'), run_id,
            (runs - gone) || jsonb_object(fields, array_fill(%(run)s::text, array[cardinality(fields)]))
        from moved where value is not null and stood is not null or stood - gone <> '{{}}'
        on conflict (workspace, subject, subject_id) do update
            set value = excluded.value, inputs = excluded.inputs, runs = excluded.runs),
    removed as (
        delete from sakigake.subject_result s
        where s.workspace = %(workspace)s and s.subject = any('{{entry,partner}}')
            and s.subject_id = any(array(select subject_id from moved where value is null and stood - gone = '{{}}'))
            and (s.subject, s.subject_id) in (select subject, subject_id from moved where value is null and stood - gone = '{{}}')),
    before as (
        select m.subject, m.subject_id, f.field, m.stood -> f.field as value, m.stood_by -> f.field as inputs,
            coalesce(m.runs ->> f.field, m.run_id) as run_id, f.gone
        from moved m
        cross join lateral (
            select field, false as gone from unnest(m.fields) field where m.stood ? field
            union all select unnest(m.gone), true) f),
    logged as (
        insert into sakigake.result_log (workspace, subject, subject_id, field, value, inputs, gone, run_id, as_of, known_at)
        select %(workspace)s, b.subject, b.subject_id, b.field, b.value, b.inputs, false, b.run_id, k.as_of, k.known_at
        from before b join sakigake.computation k on (k.workspace, k.run_id) = (%(workspace)s, b.run_id)
        union all
        select %(workspace)s, subject, subject_id, field, value, inputs, true, %(run)s, %(as_of)s, %(known_at)s from before where gone
        on conflict do nothing)  -- an earlier version of this code logged what stands, too
    select coalesce(sum(cardinality(fields) + cardinality(gone)), 0) from moved"""
