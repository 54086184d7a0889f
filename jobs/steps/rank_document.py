"""Partners in order of their conversions, with the chance that each is the best: what `sakigake indicators --rank` tells. Pure."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from indicators.inputs import DEAL, LISTED, Ints, PartnerTable
from indicators.ranking import ranking
from indicators.subjects import STEPS, step_name
from indicators.summary import Results
from jobs.errors import NotFound
from jobs.steps.prospect_document import rounded

WHOLE = step_name((LISTED, DEAL))
ALONE, UNKNOWN = "fewer_than_two_partners", "nobody_converted"


def rank_document(
    results: Results, partners: PartnerTable, names: Sequence[str], seed: str, partner_type: str | None = None
) -> dict[str, Any]:
    """By type and step, partners with entries there, the best first. NotFound where there is nothing to put in order."""
    kinds = [t for t, name in enumerate(partners.types) if partner_type in (None, name)]
    found = {
        partners.types[t]: {step: _of_step(results, partners, names, t, columns, seed) for step, columns in _steps()}
        for t in kinds
    }
    if not any(row["partners"] for steps in found.values() for row in steps.values()):
        who = "no partner type has" if partner_type is None else f"partner type {partner_type} does not have"
        raise NotFound(
            f"There is nothing to rank: {who} two partners with entries on a step that anybody has ever gone; ask again once they do."
        )
    return {"draws": max(row["draws"] for steps in found.values() for row in steps.values()), "rank": found}


def _steps() -> list[tuple[str, list[int]]]:
    """The whole way first."""
    return [(WHOLE, list(range(len(STEPS)))), *((step_name(step), [k]) for k, step in enumerate(STEPS))]


def _of_step(
    results: Results, partners: PartnerTable, names: Sequence[str], kind: int, columns: list[int], seed: str
) -> dict[str, Any]:
    rates = results.prospects.outlook.rates
    who: Ints = np.flatnonzero((partners.type == kind) & (rates.attempts[:, columns[0]] > 0))
    nothing: dict[str, Any] = {"n": len(who), "places": None, "draws": 0, "partners": []}
    if not all(rates.known[k] for k in columns):
        return {"status": UNKNOWN, **nothing}
    if len(who) < 2:
        return {"status": ALONE, **nothing}
    a, b = (shape[who][:, columns] for shape in rates.spread(partners.type))
    ids = [partners.ids[i] for i in who]
    made = ranking(a, b, ids, seed="|".join((seed, str(results.as_of), "rank")))
    order = sorted(range(len(who)), key=lambda i: (round(float(made.expected[i]), 9), ids[i]))
    return {
        "status": "ok",
        "n": len(who),
        "places": made.places,
        "draws": made.draws,
        "partners": [
            {
                "id": ids[i],
                "name": names[who[i]],
                "n": int(rates.attempts[who[i], columns[0]]),
                "rate": rounded(float(rates.rate[who[i], columns].prod())),
                "best": rounded(float(made.best[i])),
                "top_fifth": rounded(float(made.top[i])),
                "expected_rank": rounded(float(made.expected[i])),
            }
            for i in order
        ],
    }
