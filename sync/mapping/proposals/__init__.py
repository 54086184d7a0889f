"""A preset's mapping made to speak of a real CRM: each name that the CRM lacks is replaced by what looks like it there, or left out.

The preset's layout and comments stay. Every choice is told with what it rests on, so that a person can decide.
"""

import io
from collections.abc import Mapping

from ruamel.yaml import YAML

from sync.mapping.proposals.entries import Entries
from sync.mapping.proposals.ground import Choice, Ground, Proposal, Seen, without
from sync.mapping.proposals.partners import Partners, without_words
from sync.mapping.proposals.rest import Rest

__all__ = ["Choice", "Proposal", "Seen", "propose"]


def propose(preset: str, crms: Mapping[str, Seen]) -> Proposal:
    """`preset` is the text of a mapping.yaml whose rules read these connections; each is looked into for its own rules alone."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 200
    yaml.indent(mapping=2, sequence=4, offset=2)
    document, found = yaml.load(preset), Proposal()
    grounds = [Ground(document, connection, seen, found) for connection, seen in crms.items()]
    for ground in grounds:
        entries = Entries(ground)
        for index, rule in ground.rules("entries"):
            entries.find_object(f"entries[{index}]", rule)
        for index, rule in ground.rules("partners"):
            Partners(ground).propose(f"partners[{index}]", rule)
        for index, rule in ground.rules("entries"):
            entries.propose(f"entries[{index}]", rule)
    without_words(grounds)
    rests = [Rest(ground) for ground in grounds]
    without(document, "deals_all_channels", [rule for rest in rests for rule in rest.deals()])
    without(document, "activities", [rule for rest in rests for rule in rest.activities()])
    for rest in rests:
        rest.approaches()
    out = io.StringIO()
    yaml.dump(document, out)
    found.text = out.getvalue()
    return found
