"""Tables of what is now seen as a query reads them: their rows of now, or together with what was kept of the past as known at a moment."""

_NOW = {
    "entry": "(select * from sakigake.entry where workspace = %(w)s and removed_at is null)",
    "entry_source": "(select * from sakigake.entry_source where workspace = %(w)s)",
    "activity": "(select * from sakigake.activity where workspace = %(w)s and removed_at is null)",
}
_PAST = """(
    select {columns} from sakigake.{table} where workspace = %(w)s and known_at <= %(k)s {live}
    union all
    select {said} from sakigake.past_fact
    where workspace = %(w)s and kind = '{table}' and known_at <= %(k)s and known_until > %(k)s)"""
_LIVE = "and removed_at is null"
_RECORD = ("entry_id", "partner_id", "connection", "object", "record_id")
# A target of the past has no number.
_KEPT: dict[str, tuple[str, tuple[str, ...], dict[str, str]]] = {
    "entry": (_LIVE, _RECORD, {"target_number": "null::bigint", "target": "said -> 'target'"}),
    "entry_source": ("", _RECORD, {}),
    "activity": (_LIVE, ("partner_id", "entry_id", "kind"), {"occurred_on": "(said ->> 'occurred_on')::date"}),
}


def tables(*, past: bool) -> dict[str, str]:
    """By table, the subquery that stands for its rows. It is given the workspace as `w`, and of the past the moment as `k`."""
    if not past:
        return _NOW
    return {
        table: _PAST.format(
            table=table,
            live=live,
            columns=", ".join((*texts, *others)),
            said=", ".join((*(f"said ->> '{name}'" for name in texts), *others.values())),
        )
        for table, (live, texts, others) in _KEPT.items()
    }
