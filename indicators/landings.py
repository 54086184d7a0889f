"""Where a month would end by what is under way, and the chance that its deals are as many as planned (METHODS 3j)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indicators.inputs import Floats, Ints
from indicators.month import Month, deals_in, draws_for, of_scope
from indicators.outlook import Outlook
from indicators.reverse_funnel import chances_of


@dataclass(frozen=True, slots=True)
class Landing:
    """Expected at the month's end without any new entry.

    reached   [5]: what was reached by the as-of day, and those under way that are expected to come to the milestone in what is left
    chance    that the deals are as many as planned; None where none are planned
    """

    reached: tuple[float, ...]
    chance: float | None


def landings(
    outlook: Outlook, month: Month, actual: Ints, coming: Floats, planned: Sequence[float | None]
) -> tuple[Landing, ...]:
    """One for each partner type. `actual` and `coming` [5, types]: reached, and expected of those under way; `planned` [types] deals."""
    found = []
    for at, wanted in enumerate(planned):
        reached = tuple(float(n) for n in actual[:, at] + coming[:, at])
        found.append(Landing(reached, None if wanted is None else _chance(outlook, month, at, math.ceil(wanted))))
    return tuple(found)


def _chance(outlook: Outlook, month: Month, partner_type: int, wanted: int) -> float:
    """By draws of the rates of the type's partners, the same that the month's plan is told by."""
    scope = outlook.partners.type == partner_type
    lacking = wanted - int(deals_in(outlook, month, scope).sum())
    draws = draws_for(outlook, month, of_scope(outlook.under_way, scope), scope)
    return chances_of(lacking, draws.mean, draws.second).reach(np.zeros(len(draws.mean)))
