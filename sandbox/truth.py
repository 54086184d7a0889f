"""What an indicator should find in a world: the planted rates and lead times, and what they came to by chance."""

from datetime import timedelta
from typing import Any

import numpy as np

from sandbox.draws import Draws, Funnel
from sandbox.planted import LOSS_MEAN_DAYS, SILENT_SHARE, STEPS, TYPES, erlang_quantile
from sandbox.world import World


def planted_truth(draws: Draws, funnel: Funnel) -> dict[str, Any]:
    """Per type: eventual conversion and lead times. Realised rates are of entries listed by `as_of`, their future counted."""
    known = funnel.reached[:, 0] <= draws.past
    by_type = {}
    for k, planted in enumerate(TYPES):
        lives = funnel.reached[known & (draws.kinds[funnel.partner] == k)]
        got = np.isfinite(lives).sum(axis=0)
        span = (lives[:, 4] - lives[:, 0])[np.isfinite(lives[:, 4])]
        by_type[planted.name] = {
            "n_partners": int((draws.kinds == k).sum()),
            "n_entries": len(lives),
            "prior_mean_p": list(planted.conversion),
            "prior_concentration": planted.concentration,
            "realised_eventual_cvr": [round(float(got[j + 1] / max(got[j], 1)), 5) for j in range(4)],
            "realised_listed_to_deal": round(float(got[4] / max(got[0], 1)), 5),
            "listed_to_deal_days": {
                "median": round(float(np.quantile(span, 0.5)), 1) if len(span) else None,
                "p80": round(float(np.quantile(span, 0.8)), 1) if len(span) else None,
            },
            "lead_time": [
                {
                    "step": f"{STEPS[j]}>{STEPS[j + 1]}",
                    "gamma_shape": planted.shape,
                    "mean": planted.mean_days[j],
                    "median": round(erlang_quantile(0.5, planted.shape, planted.mean_days[j]), 3),
                    "p80": round(erlang_quantile(0.8, planted.shape, planted.mean_days[j]), 3),
                }
                for j in range(4)
            ],
        }
    return {
        "scenario": draws.settings.scenario,
        "seed": draws.settings.seed,
        "start": draws.start.isoformat(),
        "as_of": draws.on(draws.past).isoformat(),
        "loss_mean_days": LOSS_MEAN_DAYS,
        "silent_share_of_dead": SILENT_SHARE,
        "duplicated_entries": 0,
        "types": by_type,
        "partner_p": {p.id: np.round(draws.rates[i], 5).tolist() for i, p in enumerate(draws.partners)},
        "leading": None,  # no activity causes deals in a generated world
    }


def count_world(world: World) -> dict[str, Any]:
    """How much of everything is recorded by `as_of`, and the partner-sourced share of the 365 days up to it."""
    seen = [e for e in world.events if e.recorded_on <= world.as_of and e.op == "assert"]
    steps: dict[str, int] = {}
    for event in seen:
        steps[event.step] = steps.get(event.step, 0) + 1
    year_ago = world.as_of - timedelta(days=365)
    own = sum(year_ago < d <= world.as_of for d in world.partner_deal_days())
    others = sum(year_ago < d.created_on <= world.as_of for d in world.other_deals)
    return {
        "n_partners": len(world.partners),
        "n_partners_in_both": sum(len(p.crms) > 1 for p in world.partners),
        "n_entries": sum(e.listed_on <= world.as_of for e in world.entries),
        "n_events": len(seen),
        "n_activities": sum(a.occurred_on <= world.as_of for a in world.activities),
        "n_other_deals": sum(d.created_on <= world.as_of for d in world.other_deals),
        "recorded_steps": steps,
        "partner_sourced_share": round(own / (own + others), 5) if own + others else None,
    }
