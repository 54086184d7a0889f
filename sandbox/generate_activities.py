"""What partner managers do: regular meetings by cadence, co-visits, study sessions, dinners, webinars, a touch now and then.

None of it causes deals here; dinners follow them by about two weeks. Worlds with a planted cause come from a folder.
"""

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np

from sandbox.draws import UNKNOWN, Draws, Funnel
from sandbox.world import WorldActivity

A_WEEK = {"co_visit": 0.02, "study_session": 0.03, "webinar": 0.02, "dinner": 0.004}  # per partner
KEPT = 0.85  # share of due regular meetings that take place
WEEKLY = 20  # of 100 partners meet every week: those that list most


def draw_activities(draws: Draws, funnel: Funnel) -> list[WorldActivity]:
    """All activities up to the world's end, ordered by day. Every one falls on a weekday once its partner has joined."""
    days = [*_cadence(draws), *_occasions(draws), *_dinners(draws, funnel)]
    placed = sorted((_weekday(draws.on(day)), partner, kind) for day, partner, kind in days)
    return [
        WorldActivity(str(n), draws.partners[p].id, kind, on, crm=draws.partners[p].crms[0])
        for n, (on, p, kind) in enumerate(placed)
    ]


def _cadence(draws: Draws) -> Iterator[tuple[int, int, str]]:
    """Regular meetings weekly or every four weeks, and for the latter a light touch between them."""
    rng, count = draws.rng, len(draws.partners)
    weekly = set(np.argsort(-draws.weight, kind="stable")[: max(1, count * WEEKLY // 100)].tolist())
    for i in range(count):
        if draws.attitude[i] <= UNKNOWN:  # nobody visits them by plan
            continue
        step = 7 if i in weekly else 28
        due = np.arange(max(int(draws.joined[i]), 0) + int(rng.integers(0, step)), draws.end + 1, step)
        yield from ((int(d), i, "regular_meeting") for d in due[rng.random(len(due)) < KEPT])
        if i not in weekly:
            kept = (rng.random(len(due)) < KEPT) & (due + 14 <= draws.end)
            yield from ((int(d), i, "touch") for d in due[kept] + 14)


def _occasions(draws: Draws) -> Iterator[tuple[int, int, str]]:
    rng, count = draws.rng, len(draws.partners)
    share = (draws.weight + 0.02) / (draws.weight + 0.02).sum()
    for kind, rate in A_WEEK.items():
        n = int(rng.poisson(rate * count * (draws.end + 1) / 7))
        when, who = rng.integers(0, draws.end + 1, n).tolist(), rng.choice(count, n, p=share).tolist()
        yield from ((d, p, kind) for d, p in zip(when, who, strict=True) if d >= draws.joined[p])


def _dinners(draws: Draws, funnel: Funnel) -> Iterator[tuple[int, int, str]]:
    rng, deal = draws.rng, funnel.reached[:, 4]
    celebrated = np.flatnonzero(np.isfinite(deal) & (rng.random(len(deal)) < 0.4))
    after = deal[celebrated].astype(int) + 14 + rng.integers(-3, 4, len(celebrated))
    who = funnel.partner[celebrated].tolist()
    yield from ((d, p, "dinner") for d, p in zip(after.tolist(), who, strict=True) if d <= draws.end)


def _weekday(day: date) -> date:
    """Saturdays and Sundays move to the Friday before."""
    return day - timedelta(days=max(0, day.weekday() - 4))
