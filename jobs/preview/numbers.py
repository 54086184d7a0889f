"""What is computed on the facts of one version of the mapping. It takes all of the arithmetic, whose import takes time: see `both`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jobs.preview.ground import Ground
from jobs.preview.sides import Side
from jobs.steps.inputs import Given, read_inputs
from jobs.steps.made import Made, make
from sync.mapping.facts import CustomerFact
from sync.mapping.grammar import Mapping as Rules


def made_of(ground: Ground, rules: Rules, side: Side, customers: Sequence[CustomerFact] | None = None) -> Made:
    """The results of these facts; `customers` in the place of those that are stored."""
    given = Given(side.partners, side.entries, side.events, customers)
    tables = read_inputs(ground.conn, ground.workspace, ground.as_of, ground.moment, given)
    return make(ground.settings, rules, tables, ground.as_of)


@dataclass(frozen=True, slots=True)
class Numbers:
    """What is shown of the results of one version: the indicators per type and step, and each partner's tier."""

    document: dict[str, Any]
    tiers: dict[str, str]

    @classmethod
    def of(cls, made: Made) -> "Numbers":
        return cls(made.document(), {p.partner_id: p.tier.tier.value for p in made.results.partners})


def numbers(ground: Ground, rules: Rules, side: Side) -> Numbers:
    """Those of these facts."""
    return Numbers.of(made_of(ground, rules, side))
