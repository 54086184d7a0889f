"""What is under way, entry by entry: the chance of a deal within so many days, and when it would come (METHODS 3e).

One step: of the entries open after c days, with a partner's rate p, the delays F of those that will convert and G of the losses,

    P(next within h more days) = p (F(c+h) - F(c)) / (p (1 - F(c)) + (1 - p) (1 - G(c)))

To the deal: that, convolved with the delays of the steps that follow, times their rates. Delays are the type's, rates the partner's,
so that one table a type and milestone serves every entry.

Where milestones go unrecorded, the next step of an entry is the one to the milestone that is recorded next, whichever that is (`jumps`).

The p of an entry is its partner's without the entry itself: how long it has waited speaks once, in the formula, and not a second time
through the partner's rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indicators.curves import TypeCurves, onward, waiting, within_after
from indicators.inputs import DEAL, LISTED, Floats, Ints
from indicators.jumps import jump_tables
from indicators.open_entries import OpenEntries
from indicators.partner_rates import PartnerRates


@dataclass(frozen=True, eq=False, slots=True)
class WayTables:
    """One partner type.

    tables    [4][days, horizons]: A[c, h] of `within_after`, from each milestone to the deal
    columns   the horizons of the tables; None where they are all, from 0 days on
    converters, others   [4, days]: the share still open after c days, of those that will go on and of those that never will
    p50, p80  [4, days]: days until half, and 80 %, of those that become a deal have, from age c; -1 beyond support
    rates     [4]: the type's own
    known     every step has been seen to convert
    """

    tables: tuple[Floats, ...]
    columns: tuple[int, ...] | None
    converters: Floats
    others: Floats
    p50: Ints
    p80: Ints
    rates: Floats
    known: bool

    @property
    def horizon(self) -> int:
        """The last day that curves speak of."""
        return len(self.converters[0]) - 1

    def reaches(self, days: Sequence[int]) -> list[Floats]:
        """[4][ages, m] of the tables: within so many days, at most the horizon. ValueError where they were not made for these."""
        asked = [min(h, self.horizon) for h in days]
        places = asked if self.columns is None else [self.columns.index(h) for h in asked]
        return [table[:, places] for table in self.tables]


def way_tables(
    curves: Sequence[TypeCurves], to: int = DEAL, *, only: Sequence[int] | None = None
) -> tuple[WayTables, ...]:
    """The tables of each type, to the deal or to an earlier milestone. `curves` is what `type_curves` gives; equal rows are worked out once.

    `only`: the horizons that will be asked for; dates cannot be told then.
    """
    made: dict[tuple[int, ...], WayTables] = {}
    rows = []
    for row in curves:
        key = tuple(part for curve in row for part in (id(curve.delay), id(curve.following)))
        if key not in made:
            made[key] = _tables(row, to, None if only is None else [min(h, len(row[0].delay) - 1) for h in only])
        rows.append(made[key])
    return tuple(rows)


def chances(
    waiting_at: OpenEntries, ways: Sequence[WayTables], rates: PartnerRates, days: Sequence[int], *, to: int = DEAL
) -> Floats:
    """For each open entry [n, horizons] the chance of milestone `to` within so many days."""
    found = np.zeros((len(waiting_at), len(days)))
    for t, way in enumerate(ways):
        reaches = way.reaches(days)
        for k in range(LISTED, to):
            mine = np.flatnonzero((waiting_at.type == t) & (waiting_at.milestone == k))
            if not mine.size:
                continue
            age = np.minimum(waiting_at.age[mine], way.horizon)
            whose, converters, others = waiting_at.partner[mine], way.converters[k, age], way.others[k, age]
            of = rates.rate[whose]
            p = np.where(
                rates.attempts[whose, k] > 0,
                _without_itself(of[:, k], rates.size[whose, k], converters, others),
                of[:, k],
            )
            through = p * of[:, k + 1 : to].prod(axis=1)
            both = p * converters + (1 - p) * others
            share = np.divide(through, both, out=np.zeros(len(mine)), where=both > 0)
            found[mine] = np.minimum(share[:, None] * reaches[k][age], 1.0)
    return found


def _without_itself(p: Floats, size: Floats, converters: Floats, others: Floats) -> Floats:
    """The partner's rate as the other entries tell it: this one counted as one of `size`, and as a conversion by its chance."""
    both = p * converters + (1 - p) * others
    counted = np.divide(p * converters, both, out=np.zeros(len(p)), where=both > 0)
    return np.asarray(np.clip((p * size - counted) / np.maximum(size - 1, 1e-9), 0.0, 1.0), np.float64)


def _tables(curves: TypeCurves, to: int, only: Sequence[int] | None) -> WayTables:
    steps = curves[:to]
    following = onward(curves, to)
    if steps[0].following is not None:
        jumps = jump_tables(curves, to, only)
        tables, converters, others = jumps.tables, jumps.converters, jumps.others
    else:
        tables = tuple(within_after(curve.delay, following[k + 1], only) for k, curve in enumerate(steps))
        converters, others = (np.array(rows) for rows in zip(*(waiting(curve) for curve in steps), strict=True))
    dated = tables if only is None else ()
    return WayTables(
        tables=tables,
        columns=None if only is None else tuple(only),
        converters=converters,
        others=others,
        p50=np.array([_days_until(table, 0.5) for table in dated]),
        p80=np.array([_days_until(table, 0.8) for table in dated]),
        rates=np.array([curve.rate for curve in curves]),
        known=all(curve.known for curve in steps),
    )


def _days_until(table: Floats, share: float) -> Ints:
    final = table[:, -1]
    reached = table >= (share * final)[:, None] - 1e-12
    return np.asarray(np.where(final > 1e-12, reached.argmax(axis=1), -1), np.int64)
