"""What people do to data: steps skipped, taken back, entered late or with a wrong date; entries lost and listed again; the same
entry kept in both CRMs. Applied to a clean world, so that its truth stays known.
"""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from sandbox.draws import Draws
from sandbox.planted import STEPS
from sandbox.world import Crm, Step, WorldEntry, WorldEvent

SKIPPED, REGRESSED, RELISTED, DUPLICATED, AT_MONTH_END, CORRECTED = 0.08, 0.06, 0.08, 0.05, 0.05, 0.01
MEAN_DELAY_DAYS = 2.5


def make_messy(
    draws: Draws, entries: list[WorldEntry], events: list[WorldEvent]
) -> tuple[list[WorldEntry], list[WorldEvent], dict[str, int]]:
    """The entries and events as they are recorded, and the counts of what was planted."""
    rng, last = draws.rng, draws.on(draws.end)
    entries, events = list(entries), list(events)
    relisted = _relist(draws, entries, events)
    events = [e for e in events if not (e.step in STEPS[1:4] and rng.random() < SKIPPED)]
    regressed = _regress(rng, events)
    events = [_recorded(rng, e) for e in events if e.occurred_on <= last]
    duplicated = _duplicate(draws, entries, events)
    corrected = _correct(rng, events, draws.start)
    events.sort(key=lambda e: (e.recorded_on, e.op == "assert", e.occurred_on, e.entry_id.zfill(12), e.id))
    numbers = {e.id: str(n) for n, e in enumerate(events)}
    events = [replace(e, id=numbers[e.id], supersedes=numbers.get(e.supersedes, "")) for e in events]
    planted = {
        "duplicated_entries": duplicated,
        "relisted_entries": relisted,
        "regressions": regressed,
        "corrected_dates": corrected,
    }
    return entries, events, planted


def _relist(draws: Draws, entries: list[WorldEntry], events: list[WorldEvent]) -> int:
    """Some lost targets return on the list months later, as a second attempt with a life of its own."""
    rng, last = draws.rng, draws.on(draws.end)
    by_id = {e.id: e for e in entries}
    rows = {p.id: i for i, p in enumerate(draws.partners)}
    losses = [e for e in events if e.step == "lost" and rng.random() < RELISTED]
    first = len(entries)
    for loss in losses:
        root = by_id[loss.entry_id]
        day = loss.occurred_on + timedelta(days=int(rng.integers(60, 180)))
        if day > last:
            continue
        number = str(len(entries))
        external = f"{root.crm[:2]}-{number}"
        entries.append(replace(root, id=number, external_id=external, attempt=2, root_id=root.id, listed_on=day))
        life: list[tuple[Step, date]] = [("listed", day)]
        for k in range(4):
            if rng.random() >= draws.rates[rows[root.partner_id], k]:
                break
            day += timedelta(days=round(rng.gamma(2.0, 6.0)))
            life.append((STEPS[k + 1], day))
        events += [WorldEvent(f"again-{number}-{s}", number, external, s, d, d) for s, d in life if d <= last]
    return len(entries) - first


def _regress(rng: np.random.Generator, events: list[WorldEvent]) -> int:
    """Agreed, back to requested, agreed again within days."""
    back = [e for e in events if e.step == "agreed" and rng.random() < REGRESSED]
    steps: tuple[Step, Step] = ("requested", "agreed")
    for event in back:
        first = event.occurred_on + timedelta(days=int(rng.integers(1, 5)))
        second = first + timedelta(days=int(rng.integers(1, 9)))
        for step, on in zip(steps, (first, second), strict=True):
            events.append(replace(event, id=f"{event.id}-{step}-again", step=step, occurred_on=on, recorded_on=on))
    return len(back)


def _recorded(rng: np.random.Generator, event: WorldEvent) -> WorldEvent:
    """Typed in some days later, or at the month's end."""
    delay = round(rng.exponential(MEAN_DELAY_DAYS))
    recorded = event.occurred_on + timedelta(days=delay)
    if rng.random() < AT_MONTH_END:
        month_end = (event.occurred_on.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        recorded = max(recorded, month_end)
    return replace(event, recorded_on=recorded)


def _duplicate(draws: Draws, entries: list[WorldEntry], events: list[WorldEvent]) -> int:
    """Some entries of partners in both CRMs are kept in both, with the same target, a day or two apart."""
    rng = draws.rng
    both = {p.id for p in draws.partners if len(p.crms) > 1}
    eligible = [e for e in entries if e.partner_id in both]
    chosen = {e.id for e in eligible if rng.random() < min(1.0, DUPLICATED * len(entries) / max(len(eligible), 1))}
    shift = {i: timedelta(days=int(rng.integers(0, 3))) for i in sorted(chosen, key=int)}
    for e in [e for e in entries if e.id in chosen]:
        other: Crm = "hubspot" if e.crm == "salesforce" else "salesforce"
        entries.append(
            replace(
                e,
                id=f"dup-{e.id}",
                crm=other,
                external_id=f"dup-{e.external_id}",
                root_id=f"dup-{e.root_id}" if e.root_id in chosen else e.root_id,
                listed_on=e.listed_on + shift[e.id],
            )
        )
    events += [
        replace(
            e,
            id=f"dup-{e.id}",
            entry_id=f"dup-{e.entry_id}",
            external_id=f"dup-{e.external_id}",
            occurred_on=e.occurred_on + shift[e.entry_id],
            recorded_on=e.recorded_on + shift[e.entry_id] + timedelta(days=int(rng.integers(0, 4))),
        )
        for e in list(events)
        if e.entry_id in chosen
    ]
    return len(chosen)


def _correct(rng: np.random.Generator, events: list[WorldEvent], start: date) -> int:
    """A wrong date is found weeks later: one retract and one assert, both recorded that day."""
    wrong = [e for e in events if e.step in STEPS and rng.random() < CORRECTED]
    for event in wrong:
        recorded = event.recorded_on + timedelta(days=int(rng.integers(3, 40)))
        right = max(start, event.occurred_on - timedelta(days=int(rng.integers(1, 10))))
        events.append(replace(event, id=f"{event.id}-retract", recorded_on=recorded, op="retract", supersedes=event.id))
        events.append(replace(event, id=f"{event.id}-right", recorded_on=recorded, occurred_on=right))
    return len(wrong)
