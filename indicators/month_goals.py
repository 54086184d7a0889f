"""Each partner's deals for the month, set once: a goal does not move while it is worked on.

It is what the last day of the month before told.
"""

from indicators.allocation import Allocation, allocate
from indicators.assumptions import DEFAULTS, Assumptions
from indicators.inputs import Floats, PartnerTable
from indicators.jumps import with_jumps
from indicators.month import Month
from indicators.open_entries import rewound
from indicators.outlook import outlook_by
from indicators.paths import PathTable
from indicators.quick_curves import quick_curves
from indicators.subjects import Funnel
from indicators.target_plan import TargetPlan
from indicators.targets import target_plan


def month_goals(
    paths: PathTable,
    partners: PartnerTable,
    deals: int,
    month: Month,
    following: Month,
    *,
    capacity: Floats | None = None,
    mix: Floats | None = None,
    assumptions: Assumptions = DEFAULTS,
) -> tuple[TargetPlan, Allocation]:
    """The plan for `deals` in `month` and its parts, on the day before the month begins (or the as-of day, where that is earlier)."""
    then = rewound(paths, min(month.start - 1, paths.as_of))
    funnel = Funnel(then)
    curves = with_jumps(quick_curves(funnel, partners.types, assumptions), funnel, assumptions)
    ahead = outlook_by(funnel, partners, curves, assumptions)
    plan = target_plan(ahead, deals, month, capacity=capacity, mix=mix)
    return plan, allocate(ahead, plan, following)
