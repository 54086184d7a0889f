"""The table managers know: deals divided by conversions, milestone by milestone, and by when each must be reached (METHODS 3f, 8)."""

import math
from dataclasses import dataclass

import numpy as np

from indicators.bootstrap import generator
from indicators.conversion import correct_skips
from indicators.curves import TypeCurves, onward
from indicators.inputs import DEAL
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
    known = all(rate > 0 for rate in rates)
    needs = static_needs(deals, rates) if known else None
    low, high = _range(outlook, row, deals, "all" if partner_type is None else outlook.partners.types[partner_type])
    whole = onward(row)
    found = []
    for k in range(DEAL + 1):
        final = float(whole[k, -1])
        days = int((whole[k] >= 0.5 * final - 1e-12).argmax()) if final > 0 else None
        found.append(
            StaticRow(
                milestone=k,
                needed=needs[k] if needs else None if k < DEAL else float(deals),
                whole=math.ceil(needs[k] - 1e-9) if needs else None if k < DEAL else math.ceil(deals - 1e-9),
                low=_at_most(low[k], needs[k] if needs else None),
                high=_at_least(high[k], needs[k] if needs else None),
                rate=rates[k] if k < DEAL and row[k].known else None,
                by=month.end - days if days is not None and (known or k == DEAL) else None,
            )
        )
    return tuple(found)


def _at_most(end: int | None, needed: float | None) -> int | None:
    """The lower end, no higher than what is needed: draws of a rate of 1 all lie below it."""
    return end if needed is None or end is None else min(end, math.ceil(needed - 1e-9))


def _at_least(end: int | None, needed: float | None) -> int | None:
    return end if needed is None or end is None else max(end, math.ceil(needed - 1e-9))


def _range(outlook: Outlook, row: TypeCurves, deals: float, name: str) -> tuple[list[int | None], list[int | None]]:
    rng = generator(outlook.assumptions.seed, str(outlook.as_of), name, "static")
    draws = np.array([rng.beta(*rate_spread(curve), outlook.assumptions.plan_draws) for curve in row])
    through = np.cumprod(np.maximum(draws, 1e-9)[::-1], axis=0)[::-1]
    needs = np.vstack([deals / through, np.full((1, draws.shape[1]), float(deals))])
    low, high = np.percentile(needs, [10, 90], axis=1)
    watched = [all(curve.n for curve in row[k:]) for k in range(DEAL + 1)]

    def whole(values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> list[int | None]:
        return [math.ceil(v - 1e-9) if seen and v < 1e9 else None for v, seen in zip(values, watched, strict=True)]

    return whole(low), whole(high)
