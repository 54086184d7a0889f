"""The presets of several connections as one mapping.yaml: the rules of each in turn, so that one partner's records in several CRMs are met as one."""

import re
from collections.abc import Mapping

from jobs.presets.texts import mapping_text

_BLOCK = re.compile(
    r"^(created|partners|entries|activities|deals_all_channels|write_back):\n((?: .*\n|\n(?= ))+)", re.MULTILINE
)
_HEAD = re.compile(r"^# (?:Salesforce|HubSpot): (.+) Explained in docs/mapping\.md\.$", re.MULTILINE)
_ENTRIES = re.compile(r"^# Entries: (.+)$", re.MULTILINE)
_MATCHED = re.compile(r"(match_on: \{[^}\n]*)\}.*")
_LISTS = "\n  - from: lists.row"  # stands once, after the rules of all CRMs
# Fields that every org has. Some companies lack a corporate number or a domain in one CRM: their name with these tells them there.
_MARKS = {
    "salesforce": "phone: Phone, prefecture: BillingState, city: BillingCity",
    "hubspot": "phone: phone, prefecture: state, city: city",
}
_PARTNER_MADE = {"salesforce": "Account: CreatedDate", "hubspot": "companies: createdate"}


def joined(presets: Mapping[str, str]) -> str:
    """The mapping of connections, each by its preset; of a single connection it is the preset under the connection's name.

    In the order given: where the records of a partner disagree, the first connection's value counts. What presets say alike (zone,
    language, sizes, types) is said once.
    """
    texts = {name: _named(name, preset) for name, preset in presets.items()}
    first = next(iter(texts.values()))
    if len(texts) == 1:
        return first
    heads = "".join(f"\n# {name}: {_said(_HEAD, text)}" for name, text in texts.items())
    text = _HEAD.sub(
        lambda _: f"# What the records of {' and '.join(texts)} mean to partner sales. Explained in docs/mapping.md.{heads}", first
    )  # fmt: skip
    text = _ENTRIES.sub("# Entries: one record a target, in each CRM in its own way.", text)
    blocks = {name: dict(_BLOCK.findall(text)) for name, text in texts.items()}
    return _BLOCK.sub(lambda met: f"{met[1]}:\n{_block(met[1], presets, texts, blocks)}", text)


def _named(name: str, preset: str) -> str:
    """The preset's text, where a connection has a name of its own."""
    crm, text = _crm(preset), mapping_text(preset)
    return text.replace(f"{crm}.", f"{name}.").replace(f"  {crm}: ", f"  {name}: ")


def _crm(preset: str) -> str:
    return preset.partition("-")[0]


def _said(what: re.Pattern[str], text: str) -> str:
    met = what.search(text)
    return met[1] if met else ""


def _block(
    key: str, presets: Mapping[str, str], texts: Mapping[str, str], blocks: Mapping[str, Mapping[str, str]]
) -> str:
    bodies = {name: found[key] for name, found in blocks.items()}
    match key:
        case "created":
            moments = (f"  {name}.{_PARTNER_MADE[_crm(preset)]}\n" for name, preset in presets.items())
            first, *rest = moments
            noted = first.rstrip("\n") + "     # of partners: the record made first names the partner\n"
            return "".join(bodies.values()) + noted + "".join(rest)
        case "partners":
            return "".join(
                _MATCHED.sub(rf"\1, {_MARKS[_crm(presets[name])]}}}  # the same partner elsewhere", body)
                for name, body in bodies.items()
            )
        case "entries":
            rules = (
                f"  # {name}: {_said(_ENTRIES, texts[name])}\n{body.partition(_LISTS)[0]}"
                for name, body in bodies.items()
            )
            lists = next(iter(bodies.values())).partition(_LISTS)
            return "\n".join(rules) + lists[1] + lists[2]
        case "write_back":
            return "".join(
                f"  {subject}: {{{', '.join(_said(re.compile(rf'^  {subject}: {{(.*)}}', re.MULTILINE), body) for body in bodies.values())}}}\n"
                for subject in ("partner", "entry")
            )
        case _:
            return "\n".join(bodies.values()) if key == "activities" else "".join(bodies.values())
