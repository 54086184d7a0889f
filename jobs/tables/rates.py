"""Tiers, conversion and lead time: what a run and `sakigake indicators` show first."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from jobs.speech import ENGLISH, Speech
from jobs.tables.shape import interval, narrow, number, percent, table
from jobs.tables.steps import greyed
from models.vocabulary import Tier


def tiers(out: Console, per_tier: Mapping[str, int], per_type: Mapping[str, int], say: Speech = ENGLISH) -> None:
    """How many partners stand in each tier, and of which type they are."""
    if not any(per_type.values()):
        out.print(say("There is no partner yet."))
        return
    counts = say("partners"), say("partners ")
    shown = table(say("Partners"), say("tier"), counts[0], "", say("type"), counts[1], right=counts)
    kinds = list(per_type.items())
    letters = list(Tier)
    for i in range(max(len(kinds), len(letters))):
        tier = (letters[i].value, number(per_tier.get(letters[i], 0))) if i < len(letters) else ("", "")
        kind = (kinds[i][0], number(kinds[i][1])) if i < len(kinds) else ("", "")
        shown.add_row(*tier, "", *kind)
    out.print(shown)


def rates(
    out: Console,
    conversion: Mapping[str, Mapping[str, Any]],
    lead_time: Mapping[str, Mapping[str, Any]],
    say: Speech = ENGLISH,
    horizon: int | None = None,
) -> None:
    """Conversion and lead time by type and step; `horizon` in days, where it is known."""
    right = tuple(map(say, ("rate", "95 % interval", "n", "median", "80 % in", "business days")))
    title = (
        say("Conversion and lead time")
        if horizon is None
        else say("Conversion and lead time, within {n} {n:day|days}", n=horizon)
    )
    shown = table(title, say("type"), say("step"), *right, right=right)
    for kind, steps in conversion.items():
        for i, (step, c) in enumerate(steps.items()):
            lead = lead_time.get(kind, {}).get(step, {})
            shown.add_row(
                say.kind(kind) if i == 0 else "",
                say.step(step, brief=narrow(out)),
                percent(c["rate"]),
                interval(c["low"], c["high"], say),
                number(c["n"]),
                greyed(say.days(lead.get("median")), lead),
                greyed(say.days(lead.get("p80")), lead),
                greyed(number(lead.get("business_median")), lead),
            )
        shown.add_section()
    out.print(shown)
