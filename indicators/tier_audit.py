"""Do the tiers hold still, and do they sort partners rightly? Only days after a tier was given count for it (METHODS 3i).

Deals before that day made the tier, so counting them would show that tier A brings deals because deals made tier A.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indicators.inputs import DEAL, NO_DAY
from indicators.paths import PathTable
from indicators.tiers import TIERS, TierChange

QUARTER, MONTH = 365.25 / 4, 365.25 / 12
MOST_FLAPS = 0.5


@dataclass(frozen=True, slots=True)
class TierAudit:
    """Over the trailing year.

    moves            changes of tier, a partner's first left out
    flap_rate        changes per partner and quarter; `steady` where it is under one half. None without partners
    deals_per_month  by tier, A to D: deals per partner and month from the day after it was given; None where no partner was in it
    ordered          A has most and D fewest; None where two tiers cannot be compared
    """

    moves: int
    flap_rate: float | None
    steady: bool | None
    deals_per_month: tuple[float | None, ...]
    ordered: bool | None


def audit(changes: Sequence[TierChange], paths: PathTable, n_partners: int, *, days: int = 365) -> TierAudit:
    """How the replayed tiers of `n_partners` fared up to the paths' as-of day."""
    as_of, after = paths.as_of, paths.as_of - days
    by_partner: dict[int, list[TierChange]] = {}
    for change in sorted(changes, key=lambda c: (c.partner, c.day)):
        by_partner.setdefault(change.partner, []).append(change)
    day = paths.reached[:, DEAL]
    known = (day != NO_DAY) & (day > after)
    deals: dict[int, list[int]] = {}
    for partner, on in zip(paths.partner[known].tolist(), day[known].tolist(), strict=True):
        deals.setdefault(partner, []).append(on)
    held, brought = np.zeros(len(TIERS), np.int64), np.zeros(len(TIERS), np.int64)
    watched = moves = 0
    for partner, mine in by_partner.items():
        watched += as_of - max(mine[0].day, after)
        moves += sum(c.day > after and c.previous is not None for c in mine)
        for change, following in zip(mine, [*mine[1:], None], strict=True):
            first = max(change.day, after) + 1
            last = as_of if following is None else following.day
            if last < first:
                continue
            at = TIERS.index(change.tier)
            held[at] += last - first + 1
            brought[at] += sum(first <= d <= last for d in deals.get(partner, ()))
    flaps = moves / (watched / QUARTER) if n_partners and watched else None
    rates = tuple(float(b) / (int(h) / MONTH) if h else None for b, h in zip(brought, held, strict=True))
    told = [r for r in rates if r is not None]
    ordered = None if len(told) < 2 else all(a >= b for a, b in itertools.pairwise(told))
    return TierAudit(moves, flaps, None if flaps is None else flaps < MOST_FLAPS, rates, ordered)
