"""How many partners bring deals, how many each, and how soon after the contract (METHODS 3h).

The base is the partners under contract on the as-of day and for at least 30 days. M5 = base x activation x deals per active partner.
"""

from dataclasses import dataclass, replace

import numpy as np

from indicators.assumptions import RATES, Rates
from indicators.inputs import DEAL, NO_DAY, REQUESTED, Days, Flags, Ints, PartnerTable
from indicators.intervals import WHOLE, Interval, wilson
from indicators.kaplan_meier import kaplan_meier
from indicators.paths import PathTable
from indicators.subjects import ALL

TOP = 5


@dataclass(frozen=True, slots=True)
class Activation:
    """One partner type, or `all`. Rates are None where the base is empty, deals per active partner where none is active.

    base        partners under contract for at least the grace
    active      of them, those with a deal in the window (strict)
    engaged     of them, those with any of `requested` .. `deal` in the window
    deals       deals of the base's partners in the window
    newcomers   partners within the grace, left out
    """

    type: str
    base: int
    active: int
    engaged: int
    deals: int
    newcomers: int
    activation: float | None
    interval: Interval
    engagement: float | None
    engagement_interval: Interval
    deals_per_active: float | None


@dataclass(frozen=True, slots=True)
class Concentration:
    """How much hangs on few partners, over the trailing year. Shares are None without deals.

    top_share   share of the deals that came from the five partners with the most
    herfindahl  sum of squared shares: 1 where one partner brings all, 1/n where n bring as many each
    effective   1 / herfindahl: as if so many partners brought as many each
    """

    deals: int
    partners: int
    top_share: float | None
    herfindahl: float | None
    effective: float | None


@dataclass(frozen=True, slots=True)
class SourcedShare:
    """Deals that partners brought, of those of all channels in the trailing year; of all of them, or of the won ones.

    status  `ok`; `no_data` where there are none to be a part of; of won deals `no_condition` where no rule says what makes a deal won
    """

    partner_sourced: int
    all_channels: int
    share: float | None
    interval: Interval
    status: str


@dataclass(frozen=True, slots=True)
class FirstDeal:
    """Days from contract to the first deal, for one type or `all` (Kaplan and Meier: partners without one yet are censored).

    median      None where half have not come to one; `within_90` the share that has within 90 days, None where nobody is watched so long
    before_data partners left out, since their contract began before the first data
    """

    type: str
    partners: int
    events: int
    median: int | None
    low: int | None
    high: int | None
    within_90: float | None
    before_data: int


def activation(paths: PathTable, partners: PartnerTable, windows: Rates = RATES) -> tuple[Activation, ...]:
    """For each type, and `all` last. A partner whose contract day is unknown is under contract, up to the contract's last day."""
    as_of = paths.as_of
    joined = partners.joined_day
    lasts = (partners.ended_day == NO_DAY) | (partners.ended_day >= as_of)
    begun = lasts & ((joined == NO_DAY) | (joined <= as_of))
    base = lasts & ((joined == NO_DAY) | (joined <= as_of - windows.grace))
    n = len(partners)
    recent = (paths.reached != NO_DAY) & (paths.reached > as_of - windows.active_within)
    deals = np.bincount(paths.partner[recent[:, DEAL]], minlength=n)
    touched = np.bincount(paths.partner[recent[:, REQUESTED : DEAL + 1].any(axis=1)], minlength=n)
    made = []
    for name, mine in _types(partners):
        chosen = mine & base
        size, active = int(chosen.sum()), int((chosen & (deals > 0)).sum())
        engaged = int((chosen & (touched > 0)).sum())
        brought = int(deals[chosen].sum())
        made.append(
            Activation(
                name,
                size,
                active,
                engaged,
                brought,
                int((mine & begun & ~base).sum()),
                active / size if size else None,
                wilson(active, size),
                engaged / size if size else None,
                wilson(engaged, size),
                brought / active if active else None,
            )
        )
    return tuple(made)


def concentration(paths: PathTable, n_partners: int, windows: Rates = RATES) -> Concentration:
    """Over the trailing year."""
    day = paths.reached[:, DEAL]
    recent = (day != NO_DAY) & (day > paths.as_of - windows.share_within)
    deals = np.sort(np.bincount(paths.partner[recent], minlength=n_partners))[::-1]
    total = int(deals.sum())
    if total == 0:
        return Concentration(0, 0, None, None, None)
    herfindahl = int((deals * deals).sum()) / total**2
    return Concentration(total, int((deals > 0).sum()), int(deals[:TOP].sum()) / total, herfindahl, 1 / herfindahl)


def sourced_share(partner_sourced: int, all_channels: int) -> SourcedShare:
    """Of two counts; ValueError where the part is larger than the whole."""
    if not all_channels:
        return SourcedShare(partner_sourced, 0, None, WHOLE, "no_data")
    interval = wilson(partner_sourced, all_channels)
    return SourcedShare(partner_sourced, all_channels, partner_sourced / all_channels, interval, "ok")


def won_share(partner_won: int, won: int, judged: int) -> SourcedShare:
    """The partners' part of the won deals; `judged` are the deals of which it is said whether they are won. ValueError as `sourced_share`."""
    found = sourced_share(partner_won, won)
    return found if judged else replace(found, status="no_condition")


def won_entries(paths: PathTable, windows: Rates = RATES) -> int:
    """Entries that came to a deal in the trailing year and were won by the as-of day."""
    day = paths.reached[:, DEAL]
    recent = (day != NO_DAY) & (day > paths.as_of - windows.share_within)
    return int((recent & (paths.won != NO_DAY) & (paths.won <= paths.as_of)).sum())


def time_to_first_deal(paths: PathTable, partners: PartnerTable, first_data: int) -> tuple[FirstDeal, ...]:
    """For each type, and `all` last. Partners without a contract day are left out; so are those whose contract began before `first_data`,
    since their first deal may have come before anything was recorded.
    """
    n = len(partners)
    first = np.full(n, np.iinfo(np.int32).max, np.int64)
    day = paths.reached[:, DEAL]
    known = day != NO_DAY
    np.minimum.at(first, paths.partner[known], day[known])
    joined = partners.joined_day.astype(np.int64)
    counted = (joined != NO_DAY) & (joined <= paths.as_of)
    early = counted & (joined < first_data)
    watched = counted & ~early
    happened = first <= paths.as_of
    duration = np.maximum(np.where(happened, first, paths.as_of) - joined, 0)
    made = []
    for name, mine in _types(partners):
        rows = mine & watched
        curve = kaplan_meier(duration[rows], happened[rows].astype(np.int64))
        low, high = curve.median_interval() if rows.any() else (None, None)
        within = 1 - float(curve.s[90]) if len(curve.s) > 90 else None
        made.append(
            FirstDeal(
                name,
                int(rows.sum()),
                int((rows & happened).sum()),
                curve.median() if rows.any() else None,
                low,
                high,
                within,
                int((early & mine).sum()),
            )
        )
    return tuple(made)


def first_data_day(days: Days | Ints) -> int:
    """The first day on which anything occurred; NO_DAY where nothing did."""
    known = days[days != NO_DAY]
    return int(known.min()) if known.size else NO_DAY


def _types(partners: PartnerTable) -> list[tuple[str, Flags]]:
    each: list[tuple[str, Flags]] = [(name, partners.type == i) for i, name in enumerate(partners.types)]
    return [*each, (ALL, np.ones(len(partners), np.bool_))]
