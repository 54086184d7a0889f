"""The generated world: seeded, the same bytes for the same settings, with a known truth and a future.

Entries of the future are drawn like those of the past and appear as the clock advances. Outcomes are drawn to their end,
however late, so that eventual rates are known exactly.
"""

from datetime import date, timedelta

import numpy as np

from sandbox.companies import company, spelled_elsewhere
from sandbox.draws import HANDS_IN, Draws, Floats, Funnel, Ints
from sandbox.generate_activities import draw_activities
from sandbox.messy import make_messy
from sandbox.other_deals import other_deals
from sandbox.planted import LOSS_MEAN_DAYS, SILENT_SHARE, STEPS, TYPES, WON_MEAN_DAYS, WON_SHARE
from sandbox.settings import SandboxSettings
from sandbox.truth import count_world, planted_truth
from sandbox.world import Crm, Step, World, WorldEntry, WorldEvent, WorldPartner

DEFAULT_AS_OF = date(2026, 10, 31)
DAYS_A_MONTH = 30.4375
GROWTH = ("sales_agency", "consulting")


def generate_world(settings: SandboxSettings) -> World:
    """Partners, entries, events, activities and other channels' deals of `settings.scenario`."""
    draws = _cast(settings)
    if settings.scenario in ("empty", "partners"):
        return _without_history(draws)
    funnel = _lives(draws, *_lists(draws))
    entries = _entries(draws, funnel)
    events = _events(draws, funnel, entries)
    truth = planted_truth(draws, funnel)
    if settings.scenario == "messy":
        entries, events, planted = make_messy(draws, entries, events)
        truth |= planted
    activities = draw_activities(draws, funnel)
    world = World(draws.start, draws.on(draws.past), draws.partners, entries, events, activities, [], truth)
    world.other_deals = other_deals(draws.rng, world, draws.on(draws.end), salt=settings.seed)
    truth |= count_world(world)
    return world


def _without_history(draws: Draws) -> World:
    """Two CRMs that somebody has just set up: with partners, or with nothing, and nothing that ever happens by itself."""
    partners = draws.partners if draws.settings.scenario == "partners" else []
    world = World(draws.start, draws.on(draws.past), partners, [], [], [], [], {})
    world.truth |= count_world(world)
    return world


def _cast(settings: SandboxSettings) -> Draws:
    """The partners: type, own rates, attitude to lists, weight, day of joining, trade, and the CRMs they stand in."""
    rng, count = np.random.default_rng(settings.seed), settings.partners
    past = round(settings.months * DAYS_A_MONTH)
    start = (settings.as_of or DEFAULT_AS_OF) - timedelta(days=past)
    kinds: Ints = rng.choice(len(TYPES), count, p=[t.share for t in TYPES])
    means = np.array([t.conversion for t in TYPES])[kinds]
    concentration = np.array([t.concentration for t in TYPES])[kinds][:, None]
    rates = rng.beta(means * concentration, (1 - means) * concentration)
    attitude: Ints = rng.choice(4, count, p=[0.10, 0.15, 0.30, 0.45])
    weight = np.array([t.list_rate for t in TYPES])[kinds] * rng.gamma(1.5, 1 / 1.5, count)
    weight *= np.array([0.0, 0.05, 0.4, 1.0])[attitude]
    joined: Ints = np.where(
        rng.random(count) < 0.7, -rng.integers(1, 1500, count), rng.integers(0, max(past - 60, 1), count)
    )
    draws = Draws(rng, settings, start, past, past + settings.future_days, kinds, rates, attitude, weight, joined, [])
    draws.partners = [_partner(draws, i, crms) for i, crms in enumerate(_homes(rng, count))]
    return draws


def _partner(draws: Draws, i: int, crms: tuple[Crm, ...]) -> WorldPartner:
    rng, type_name = draws.rng, TYPES[draws.kinds[i]].name
    industry, scale = _trade(rng, type_name)
    own = company("partner", i, industry=industry, salt=draws.settings.seed)
    same_number = bool(rng.random() < 0.65)
    return WorldPartner(
        id=f"P{i:05d}",
        type=type_name,
        industry=industry,
        scale=scale,
        contract=str(rng.choice(["referral", "mutual", "reseller"], p=[0.75, 0.17, 0.08])),
        willingness=("refused", "unknown", "verbal_yes", "verbal_yes")[draws.attitude[i]],
        submits_list=bool(draws.attitude[i] == HANDS_IN),
        joined_on=draws.on(draws.joined[i]),
        company=own,
        crms=crms,
        elsewhere=spelled_elsewhere(own, same_number=same_number) if len(crms) > 1 else None,
    )


def _homes(rng: np.random.Generator, count: int) -> list[tuple[Crm, ...]]:
    """Exactly 55 % Salesforce, 15 % both (half of them at home in each), the rest HubSpot, in random order."""
    first, both = round(0.55 * count), round(0.15 * count)
    homes: list[tuple[Crm, ...]] = [("salesforce",)] * first
    homes += [("salesforce", "hubspot") if i % 2 == 0 else ("hubspot", "salesforce") for i in range(both)]
    homes += [("hubspot",)] * (count - len(homes))
    return [homes[i] for i in rng.permutation(count)]


def _trade(rng: np.random.Generator, type_name: str) -> tuple[str, str]:
    """Industry and size such that industry x size says the type: a small consulting firm is growth2, a larger one growth1."""
    if type_name == "legacy":
        return "restaurant_services", str(rng.choice(["small", "medium", "large"], p=[0.7, 0.25, 0.05]))
    if type_name == "growth1":
        return str(rng.choice(GROWTH)), str(rng.choice(["medium", "large"], p=[0.7, 0.3]))
    industry = str(rng.choice([*GROWTH, "real_estate", "opening_support"], p=[0.1, 0.1, 0.4, 0.4]))
    return industry, "small" if industry in GROWTH else str(rng.choice(["small", "medium"], p=[0.7, 0.3]))


def _lists(draws: Draws) -> tuple[Ints, Ints]:
    """Partner and day of every entry: weekly Poisson counts; a partner hands in a week's rows together, on a weekday."""
    weeks = np.arange(draws.end // 7 + 1)
    intensity: Floats = draws.weight[:, None] * (weeks[None, :] * 7 >= draws.joined[:, None])
    in_past = intensity[:, weeks * 7 + 6 <= draws.past].sum()
    if in_past > 0:
        intensity = intensity * (draws.settings.entries / in_past)
    counts = draws.rng.poisson(intensity)
    partner, week = np.nonzero(counts)
    day = week * 7 + draws.rng.integers(0, 7, len(week))
    day = np.maximum(day - np.maximum((day + draws.start.weekday()) % 7 - 4, 0), 0)  # weekends to the Friday before
    times = counts[partner, week]
    partner, day = np.repeat(partner, times), np.repeat(day, times)
    inside = day <= draws.end
    order = np.lexsort((partner[inside], day[inside]))
    return partner[inside][order], day[inside][order]


def _lives(draws: Draws, partner: Ints, listed: Ints) -> Funnel:
    """Each entry's life to its end: every step is taken with its partner's own probability, after a gamma lead time."""
    rng, count, kind = draws.rng, len(partner), draws.kinds[partner]
    shape = np.array([t.shape for t in TYPES])[kind]
    mean_days = np.array([t.mean_days for t in TYPES])[kind]
    reached, lost = np.full((count, 5), np.inf), np.full(count, np.inf)
    reached[:, 0] = listed
    alive = np.ones(count, bool)
    for k in range(4):
        converts = alive & (rng.random(count) < draws.rates[partner, k])
        lead = np.rint(rng.gamma(shape, mean_days[:, k] / shape))
        dies = alive & ~converts & (rng.random(count) >= SILENT_SHARE)
        loss = reached[:, k] + 1 + np.rint(rng.exponential(LOSS_MEAN_DAYS, count))
        lost[dies] = loss[dies]
        reached[converts, k + 1] = reached[converts, k] + lead[converts]
        alive = converts
    wins = alive & (rng.random(count) < WON_SHARE)
    won = np.full(count, np.inf)
    won[wins] = reached[wins, 4] + 1 + np.rint(rng.gamma(2.0, WON_MEAN_DAYS / 2, wins.sum()))
    return Funnel(partner, reached, lost, won)


def _entries(draws: Draws, funnel: Funnel) -> list[WorldEntry]:
    at_home = draws.rng.random(len(funnel.partner)) < 0.5  # only asked of partners in both CRMs
    entries = []
    for i, p in enumerate(funnel.partner.tolist()):
        partner = draws.partners[p]
        crm = partner.crms[0] if at_home[i] else partner.crms[-1]
        target = company("target", i, salt=draws.settings.seed)
        listed = draws.on(funnel.reached[i, 0])
        entries.append(WorldEntry(str(i), partner.id, crm, f"{crm[:2]}-{i}", 1, str(i), listed, target))
    return entries


def _events(draws: Draws, funnel: Funnel, entries: list[WorldEntry]) -> list[WorldEvent]:
    """Everything until the world's end, in the order of its day, recorded on the day it happens."""
    days = np.column_stack([funnel.reached, funnel.lost, funnel.won])
    steps: tuple[Step, ...] = (*STEPS, "lost", "won")
    entry, step = np.nonzero(days <= draws.end)
    day = days[entry, step]
    order = np.lexsort((step, entry, day))
    rows = zip(entry[order].tolist(), step[order].tolist(), day[order].tolist(), strict=True)
    return [
        WorldEvent(str(number), str(e), entries[e].external_id, steps[k], draws.on(d), draws.on(d))
        for number, (e, k, d) in enumerate(rows)
    ]
