"""A share of the work of deriving: that of some partners, or of all others with what is nobody's."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Share:
    """The partners of `named`, or (`others`) all but these; what belongs to no partner goes with the others, so that it is told once."""

    named: frozenset[str]
    others: bool

    def has(self, partner_id: str) -> bool:
        return (partner_id in self.named) != self.others


WHOLE = Share(frozenset(), others=True)
