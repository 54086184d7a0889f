"""Priority tiers A to D: where to spend time (METHODS 3i).

The table (first match wins; the thresholds belong to the partner's type):

    A   a list handed in within 180 days with at least a_up valid rows
    B   the same with at least b_up
    C   the same with at least one, or a spoken yes to handing one in
    D   otherwise

Up at once, on the day the table says so. Down only at a month-end, if the table said a lower tier at that and at the month-end
before, fewer than a_down (from A) or b_down (from B) valid rows were left at both, and the partner has been in its tier for 28 days;
then to the higher of the two tiers said. A tier set by hand holds until its end, while the table goes on counting behind it.
All past month-ends are replayed, so that a tier depends on what is known and never on what was stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indicators.assumptions import DEFAULTS, Assumptions, TierRule
from indicators.counts import ListRows, excluded_on, list_rows, newest_listing, rows_on
from indicators.inputs import (
    FIRST_DAY,
    NO_DAY,
    WILLINGNESS,
    WILLINGNESS_CODE,
    Days,
    EntryTable,
    Flags,
    Ints,
    PartnerTable,
    TierOverride,
)
from indicators.paths import PathTable
from models.vocabulary import Tier, Willingness

TIERS: tuple[Tier, ...] = (Tier.A, Tier.B, Tier.C, Tier.D)
A, B, C, D = range(len(TIERS))


@dataclass(frozen=True, slots=True)
class TierChange:
    """A partner came into `tier` on `day`. `previous` is None for its first. `rule` as in `PartnerTier`."""

    partner: int
    day: int
    tier: Tier
    previous: Tier | None
    rule: str


@dataclass(frozen=True, slots=True)
class PartnerTier:
    """A partner's tier on the as-of day, and all that its reason is told from (`tier_reason.reason`).

    rule        `list_a`, `list_b`, `list_c`, `verbal_yes`, `none`; `held_a`, `held_b`, `held_c`: the table says a lower tier, which has
                not lasted long enough; `override`: set by hand
    table       what the table alone says today
    valid       rows that count, of the list handed in on `submitted_day` (NO_DAY: none within the validity)
    excluded    reason and number of rows on the list that do not count
    rows        thresholds of the partner's type
    falling     the last month-end already said a lower tier
    """

    tier: Tier
    previous: Tier | None
    since: int
    rule: str
    table: Tier
    valid: int
    submitted_day: int
    willingness: Willingness
    excluded: tuple[tuple[str, int], ...]
    rows: TierRule
    list_valid: int
    falling: bool = False
    override: TierOverride | None = None


@dataclass(frozen=True, eq=False, slots=True)
class TierTable:
    """`partners`: one a partner, in the order of PartnerTable. `changes`: the whole replayed history, by partner and day.
    `newest_list` [n]: the day the newest list was handed in, however old, or NO_DAY.
    """

    partners: tuple[PartnerTier, ...]
    changes: tuple[TierChange, ...]
    newest_list: Days


def assign_tiers(
    paths: PathTable, entries: EntryTable, partners: PartnerTable, assumptions: Assumptions = DEFAULTS
) -> TierTable:
    """Tiers on the paths' as-of day, by replay from each partner's first sign of life. The same inputs give the same tiers always."""
    n = len(partners)
    rows = list_rows(paths, entries, n, valid_days=assumptions.list_valid, horizon=assumptions.horizon)
    rules = [assumptions.tier_rules.get(partners.types[t], assumptions.tier_rule) for t in partners.type]
    who, day, closing = _points(rows, partners, paths.as_of)
    table = _Table(rows, partners, rules, assumptions.list_valid)
    said = table.says(who, day)
    fresh = np.r_[True, who[1:] != who[:-1]][: len(who)]
    better = np.r_[False, said.tier[1:] < said.tier[:-1]][: len(who)]
    asked = fresh | better | closing  # on any other day nothing can move
    replays = [_Replay(partner, rules[partner], assumptions.min_in_tier) for partner in range(n)]
    columns = (who[asked], day[asked], closing[asked], said.tier[asked], said.valid[asked])
    for partner, on, is_closing, tier, valid in zip(*(c.tolist() for c in columns), strict=True):
        replays[partner].evaluate(on, tier, valid, closing=is_closing)
    today = table.says(np.arange(n), np.full(n, paths.as_of))
    excluded = excluded_on(rows, n, paths.as_of)
    by_hand: dict[int, list[TierOverride]] = {}
    for override in partners.overrides:
        if override.start <= paths.as_of:
            by_hand.setdefault(override.partner, []).append(override)
    results: list[PartnerTier] = []
    changes: list[TierChange] = []
    for partner, replay in enumerate(replays):
        overrides = by_hand.get(partner, [])
        shown = _with_overrides(replay.changes, overrides, paths.as_of) if overrides else replay.changes
        changes += shown
        acting = _acting(overrides, paths.as_of)
        tier, valid, handed_in = int(today.tier[partner]), int(today.valid[partner]), int(today.submitted[partner])
        results.append(
            PartnerTier(
                tier=shown[-1].tier,
                previous=shown[-1].previous,
                since=shown[-1].day,
                rule="override" if acting else _rule(replay.tier, tier, valid),
                table=TIERS[tier],
                valid=valid,
                submitted_day=handed_in if today.fresh[partner] else NO_DAY,
                willingness=WILLINGNESS[partners.willingness[partner]],
                excluded=tuple((why, int(column[partner])) for why, column in excluded.items() if column[partner]),
                rows=rules[partner],
                list_valid=assumptions.list_valid,
                falling=replay.said_lower is not None,
                override=acting,
            )
        )
    return TierTable(tuple(results), tuple(changes), today.submitted.astype(np.int32))


@dataclass(frozen=True, eq=False, slots=True)
class _Said:
    """What the table says for pairs of partner and day. `fresh`: a list was handed in within its validity."""

    tier: Ints
    valid: Ints
    submitted: Ints
    fresh: Flags


class _Table:
    """The table of tiers over all partners and days."""

    def __init__(self, rows: ListRows, partners: PartnerTable, rules: Sequence[TierRule], list_valid: int) -> None:
        self.rows, self.partners, self.list_valid = rows, partners, list_valid
        self.a_up = np.array([r.a_up for r in rules], np.int64)
        self.b_up = np.array([r.b_up for r in rules], np.int64)

    def says(self, who: Ints, day: Ints) -> _Said:
        """What it says for each pair of partner and day."""
        stated = self.partners.submitted_day[who].astype(np.int64)
        stands = (stated >= FIRST_DAY) & (stated <= day)
        submitted = np.where(stands, stated, newest_listing(self.rows, who, day))
        fresh = (submitted != NO_DAY) & (day - submitted < self.list_valid)
        valid = np.where(fresh, rows_on(self.rows, who, day), 0)
        yes = self.partners.willingness[who] == WILLINGNESS_CODE[Willingness.VERBAL_YES]
        verbal = yes & (self.partners.willingness_day[who] <= day)
        tier = np.select([valid >= self.a_up[who], valid >= self.b_up[who], (valid >= 1) | verbal], [A, B, C], D)
        return _Said(tier.astype(np.int64), valid.astype(np.int64), submitted.astype(np.int64), fresh)


def _points(rows: ListRows, partners: PartnerTable, as_of: int) -> tuple[Ints, Ints, Flags]:
    """Partner, day and whether it is a month-end, by partner and day: every day on which a tier could move."""
    n = len(partners)
    everyone = np.arange(n)
    back = rows.off_end <= as_of  # a row may count again
    signs = [(rows.partner, rows.start), (rows.off_partner[back], rows.off_end[back])]
    for column in (partners.submitted_day, partners.willingness_day, partners.joined_day):
        known = (column >= FIRST_DAY) & (column <= as_of)
        signs.append((everyone[known], column[known].astype(np.int64)))
    who, day = (np.concatenate(c) for c in zip(*signs, strict=True))
    began = np.full(n, as_of, np.int64)
    np.minimum.at(began, who, day)
    ends = month_ends(int(began.min()) if n else as_of, as_of)
    partner, on = np.repeat(everyone, len(ends)), np.tile(ends, n)
    mine = on >= began[partner]
    who = np.concatenate([who, partner[mine], everyone])
    day = np.concatenate([day, on[mine], np.full(n, as_of)])
    span = 1 << 20  # wider than any day number
    key = np.unique(who * span + day)
    who, day = key // span, key % span
    return who, day, np.isin(day, ends)


def month_ends(first: int, last: int) -> Ints:
    """The last days of months from day `first` to day `last`, both included, as day numbers."""
    months = np.arange(
        np.datetime64(first, "D").astype("datetime64[M]"),
        np.datetime64(last, "D").astype("datetime64[M]") + np.timedelta64(2, "M"),
    )
    ends = months.astype("datetime64[D]").astype(np.int64) - 1
    return np.asarray(ends[(ends >= first) & (ends <= last)], np.int64)


class _Replay:
    """One partner's tier, day by day."""

    def __init__(self, partner: int, rows: TierRule, min_in_tier: int) -> None:
        self.partner, self.rows, self.min_in_tier = partner, rows, min_in_tier
        self.tier, self.since = D, NO_DAY
        self.said_lower: int | None = None  # what the last month-end said, if lower
        self.changes: list[TierChange] = []

    def evaluate(self, day: int, table: int, valid: int, *, closing: bool) -> None:
        if not self.changes or table < self.tier:
            self._move(day, table, table, valid)
            self.said_lower = None
        elif closing:
            self._close_month(day, table, valid)

    def _close_month(self, day: int, table: int, valid: int) -> None:
        if not self._falls(table, valid):
            self.said_lower = None
            return
        if self.said_lower is not None and day - self.since >= self.min_in_tier:
            self._move(day, min(self.said_lower, table), table, valid)
        self.said_lower = table if self._falls(table, valid) else None

    def _falls(self, table: int, valid: int) -> bool:
        kept_from = {A: self.rows.a_down, B: self.rows.b_down}.get(self.tier)
        return table > self.tier and (kept_from is None or valid < kept_from)

    def _move(self, day: int, tier: int, table: int, valid: int) -> None:
        previous = TIERS[self.tier] if self.changes else None
        self.tier, self.since = tier, day
        self.changes.append(TierChange(self.partner, day, TIERS[tier], previous, _rule(tier, table, valid)))


def _rule(tier: int, table: int, valid: int) -> str:
    """The line of the table that a tier stands on; `held_*` where the table says a lower tier."""
    if table > tier:
        return f"held_{TIERS[tier].value.lower()}"
    if tier == D:
        return "none"
    return "verbal_yes" if tier == C and valid == 0 else f"list_{TIERS[tier].value.lower()}"


def _acting(overrides: Sequence[TierOverride], day: int) -> TierOverride | None:
    """The override that holds on a day; of several, the one that started last."""
    holding = [o for o in overrides if o.start <= day <= o.until]
    return max(holding, key=lambda o: (o.start, o.until)) if holding else None


def _with_overrides(computed: Sequence[TierChange], overrides: Sequence[TierOverride], as_of: int) -> list[TierChange]:
    """The history as it was shown: at each turn the override that holds, otherwise the computed tier."""
    turns = {c.day for c in computed} | {o.start for o in overrides} | {o.until + 1 for o in overrides}
    shown: list[TierChange] = []
    for day in sorted(t for t in turns if t <= as_of):
        acting = _acting(overrides, day)
        behind = [c for c in computed if c.day <= day]
        if acting is None and not behind:
            continue
        tier, rule = (acting.tier, "override") if acting else (behind[-1].tier, behind[-1].rule)
        if not shown or shown[-1].tier != tier:
            shown.append(TierChange(computed[0].partner, day, tier, shown[-1].tier if shown else None, rule))
    return shown
