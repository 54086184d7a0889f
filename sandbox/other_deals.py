"""Deals of other channels: the denominator of the partner-sourced share."""

from datetime import date, timedelta

import numpy as np

from sandbox.companies import company
from sandbox.planted import PARTNER_SOURCED_SHARE
from sandbox.world import World, WorldDeal


def other_deals(rng: np.random.Generator, world: World, end: date, *, salt: int = 0) -> list[WorldDeal]:
    """So many that partners sourced 44 % of all deals: in the 365 days up to `as_of`, before them, and until the end."""
    before = world.start - timedelta(days=1)
    year_ago = max(world.as_of - timedelta(days=365), before)
    own = world.partner_deal_days()
    days: list[date] = []
    for after, until in ((before, year_ago), (year_ago, world.as_of), (world.as_of, end)):
        length = (until - after).days
        if length > 0:
            count = round(sum(after < d <= until for d in own) * (1 / PARTNER_SOURCED_SHARE - 1))
            days += [after + timedelta(days=1 + int(d)) for d in np.sort(rng.integers(0, length, count))]
    crms = rng.choice(["salesforce", "hubspot"], len(days), p=[0.6, 0.4]).tolist()
    sources = rng.choice(["web", "inside_sales", "event", "outbound"], len(days), p=[0.4, 0.3, 0.15, 0.15]).tolist()
    luck = rng.random(len(days)).tolist()
    return [
        WorldDeal(str(i), crms[i], sources[i], day, company("other", i, salt=salt), _won(luck[i], day, world.as_of))
        for i, day in enumerate(days)
    ]


def _won(luck: float, day: date, as_of: date) -> bool | None:
    """A quarter is won and a third lost; deals of the last two months are still open."""
    if (as_of - day).days < 60 or luck > 0.58:
        return None
    return luck < 0.25
