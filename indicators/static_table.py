"""The table managers know: deals divided by conversions, milestone by milestone, and by when each must be reached (METHODS 3f, 8)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from indicators.bootstrap import generator
from indicators.conversion import correct_skips
from indicators.curves import TypeCurves, onward
from indicators.inputs import DEAL, Floats
from indicators.month import Month, rate_spread
from indicators.outlook import Outlook
from indicators.reverse_funnel import static_needs


@dataclass(frozen=True, slots=True)
class StaticRow:
    """How many must have reached a milestone.

    needed      as the conversions say; None where a conversion on the way was never seen
    whole       rounded up
    low, high   with 80 %, given how little or much is known of the conversions; None where no entry was ever watched for one on the way
    rate        the conversion into the next milestone; None for `deal`, and where none was ever seen
    by          the last day for it, half of those that convert being through by the end of the month; None where unknown
    """

    milestone: int
    needed: float | None
    whole: int | None
    low: int | None
    high: int | None
    rate: float | None
    by: int | None


def static_table(
    outlook: Outlook,
    deals: float,
    month: Month,
    *,
    partner_type: int | None = None,
    skipped: tuple[float, ...] = (0.0,) * 5,
) -> tuple[StaticRow, ...]:
    """A row a milestone, for one type or (None) for all together. `skipped` [5] are the shares of unrecorded milestones.

    The range is told even where nobody has converted yet: it is wide then. Where nobody could have, there is none to tell.
    """
    row = outlook.curves[-1 if partner_type is None else partner_type]
    rates = [rate if rate is not None else 0.0 for rate in correct_skips([curve.rate for curve in row], skipped)]
    name = "all" if partner_type is None else outlook.partners.types[partner_type]
    seen = [curve.known for curve in row]
    needs = static_needs(deals, rates) if all(rate > 0 for rate in rates) else None
    return _rows(deals, month, rates, seen, needs, _range(outlook, [row], [1.0], [name], deals), onward(row))


def static_table_of_mix(
    outlook: Outlook, deals: float, month: Month, mix: Floats, skipped: Sequence[tuple[float, ...]]
) -> tuple[StaticRow, ...]:
    """The table of new entries of which the share `mix` [types], summing to 1, is of each type; `skipped` [types][5] as above.

    Of one new entry so many come to a milestone as the types' products of conversions say, each by its share: the rates between are the ratios of those.
    """
    of = [t for t in range(len(mix)) if mix[t] > 0]
    rows, shares = [outlook.curves[t] for t in of], [float(mix[t]) for t in of]
    through = np.array(
        [
            np.cumprod([1.0, *(rate or 0.0 for rate in correct_skips([c.rate for c in row], skipped[t]))])
            for t, row in zip(of, rows, strict=True)
        ]
    )
    reach = (np.array(shares)[:, None] * through).sum(axis=0)
    rates = [float(after / before) if before > 0 else 0.0 for before, after in pairwise(reach)]
    seen = [any(row[k].known for row in rows) for k in range(DEAL)]
    needs = tuple(float(deals * at / reach[-1]) for at in reach) if reach[-1] > 0 else None
    names = [outlook.partners.types[t] for t in of]
    to_deal = np.zeros_like(onward(outlook.curves[-1]))
    for share, way, row in zip(shares, through[:, -1], rows, strict=True):
        to_deal += share * way / max(float(reach[-1]), 1e-100) * onward(row)
    return _rows(deals, month, rates, seen, needs, _range(outlook, rows, shares, names, deals), to_deal)


def _rows(
    deals: float,
    month: Month,
    rates: Sequence[float],
    seen: Sequence[bool],
    needs: tuple[float, ...] | None,
    ends: tuple[list[int | None], list[int | None]],
    to_deal: Floats,
) -> tuple[StaticRow, ...]:
    """`to_deal` [5, days]: of those at a milestone that become a deal, the share that is one by then."""
    low, high = ends
    found = []
    for k in range(DEAL + 1):
        final = float(to_deal[k, -1])
        days = 0 if k == DEAL else int((to_deal[k] >= 0.5 * final - 1e-12).argmax()) if final > 0 else None
        found.append(
            StaticRow(
                milestone=k,
                needed=needs[k] if needs else None if k < DEAL else float(deals),
                whole=math.ceil(needs[k] - 1e-9) if needs else None if k < DEAL else math.ceil(deals - 1e-9),
                low=_at_most(low[k], needs[k] if needs else None),
                high=_at_least(high[k], needs[k] if needs else None),
                rate=rates[k] if k < DEAL and seen[k] else None,
                by=month.end - days if days is not None and (needs or k == DEAL) else None,
            )
        )
    return tuple(found)


def _at_most(end: int | None, needed: float | None) -> int | None:
    """The lower end, no higher than what is needed: draws of a rate of 1 all lie below it."""
    return end if needed is None or end is None else min(end, math.ceil(needed - 1e-9))


def _at_least(end: int | None, needed: float | None) -> int | None:
    return end if needed is None or end is None else max(end, math.ceil(needed - 1e-9))


def _range(
    outlook: Outlook, rows: Sequence[TypeCurves], shares: Sequence[float], names: Sequence[str], deals: float
) -> tuple[list[int | None], list[int | None]]:
    """10 and 90 % of what is needed of each milestone, over draws of the types' rates."""
    through = np.zeros((DEAL + 1, outlook.assumptions.plan_draws))
    for row, share, name in zip(rows, shares, names, strict=True):
        rng = generator(outlook.assumptions.seed, str(outlook.as_of), name, "static")
        draws = np.array([rng.beta(*rate_spread(curve), outlook.assumptions.plan_draws) for curve in row])
        through += share * np.cumprod(np.vstack([np.ones((1, draws.shape[1])), np.maximum(draws, 1e-9)]), axis=0)
    low, high = np.percentile(deals * through / through[-1], [10, 90], axis=1)
    watched = [all(curve.n for row in rows for curve in row[k:]) for k in range(DEAL + 1)]

    def whole(values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> list[int | None]:
        return [math.ceil(v - 1e-9) if seen and v < 1e9 else None for v, seen in zip(values, watched, strict=True)]

    return whole(low), whole(high)
