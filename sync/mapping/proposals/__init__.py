"""A preset's mapping made to speak of a real CRM: each name that the CRM lacks is replaced by what looks like it there, or left out.

The preset's layout and comments stay. Every choice is told with what it rests on, so that a person can decide.
"""

import io
from collections.abc import Sequence

from ruamel.yaml import YAML

from sync.mapping.proposals.entries import Entries
from sync.mapping.proposals.ground import Choice, Describe, Ground, Proposal
from sync.mapping.proposals.partners import Partners
from sync.mapping.proposals.rest import Rest

__all__ = ["Choice", "Proposal", "propose"]


def propose(preset: str, describe: Describe, objects: Sequence[tuple[str, str]]) -> Proposal:
    """`preset` is the text of a mapping.yaml of one connection; `objects` are (name, label) of the custom objects that there are."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 200
    yaml.indent(mapping=2, sequence=4, offset=2)
    ground = Ground(yaml.load(preset), describe, objects, Proposal())
    partners, entries, rest = Partners(ground), Entries(ground), Rest(ground)
    for index, rule in ground.crm_entries():
        entries.find_object(f"entries[{index}]", rule)
    for index, rule in enumerate(ground.document["partners"]):
        partners.propose(f"partners[{index}]", rule)
    partners.types()
    for index, rule in ground.crm_entries():
        entries.propose(f"entries[{index}]", rule)
    rest.deals()
    rest.activities()
    out = io.StringIO()
    yaml.dump(ground.document, out)
    ground.found.text = out.getvalue()
    return ground.found
