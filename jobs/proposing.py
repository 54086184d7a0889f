"""`sakigake init --propose`: looks into the connected CRM and makes a preset's mapping speak of what is there."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jobs.errors import ConfigError
from jobs.mapping_check import problems_with
from jobs.presets import PRESETS, SANDBOX, mapping_text
from jobs.settings import WorkspaceSettings
from jobs.wiring import mapping_path, open_connector
from models.vocabulary import Crm
from sync.connector import Connector, ObjectDescription
from sync.errors import ObjectMissing
from sync.mapping.grammar import load_mapping
from sync.mapping.likeness import OBJECTS, PARTNER, best, likeness
from sync.mapping.problems import MappingError
from sync.mapping.proposals import Proposal, propose


@dataclass(frozen=True, slots=True)
class Proposed:
    """What was proposed, where it was written, and what the CRM still lacks of it."""

    preset: str
    path: Path
    proposal: Proposal
    problems: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        return {
            "preset": self.preset,
            "written": [str(self.path)],
            "choices": [asdict(choice) for choice in self.proposal.choices],
            "left": self.proposal.left,
            "problems": list(self.problems),
        }


def propose_mapping(settings: WorkspaceSettings, folder: Path, preset: str | None) -> Proposed:
    """Writes mapping.yaml where it still is as a preset, otherwise mapping.proposed.yaml beside it.

    ConfigError where the workspace has several connections or the CRM is not like any preset; SyncError where it does not answer.
    """
    if len(settings.connections) != 1:
        raise ConfigError(
            f"A mapping is proposed for one connection, and sakigake.yaml has {', '.join(settings.connections)}; "
            "propose for each in a folder of its own, and put the two mappings together as docs/mapping.md shows."
        )
    ((name, given),) = settings.connections.items()
    with closing(open_connector(name, given, folder)) as connector:
        objects = connector.custom_objects()
        describe = _describer(connector)
        chosen = preset if preset is not None and preset != SANDBOX else _likeliest(connector, objects, describe)
        if chosen not in PRESETS or not chosen.startswith(given.crm):
            raise ConfigError(
                f"The preset {chosen!r} is not for {given.crm}; choose {' or '.join(p for p in PRESETS if p.startswith(given.crm))}."
            )
        text = mapping_text(chosen)
        if name != given.crm:  # the connection has a name of its own
            text = text.replace(f"{given.crm}.", f"{name}.").replace(f"  {given.crm}: ", f"  {name}: ")
        proposal = propose(text, describe, objects)
        path = _place(mapping_path(settings, folder))
        try:
            rules = load_mapping(proposal.text, path.name)
        except MappingError as e:
            raise ConfigError(
                f"{given.crm} holds too little that looks like partner sales for a proposal: {e.sentence}. Write mapping.yaml by hand from the preset."
            ) from e
        problems = tuple(str(problem) for problem in problems_with(rules, {name: connector}))
    try:
        path.write_text(proposal.text, "utf-8")
    except OSError as e:
        raise ConfigError(f"{path} cannot be written ({(e.strerror or str(e)).lower()}); nothing was proposed.") from e
    return Proposed(chosen, path, proposal, problems)


def _describer(connector: Connector) -> Callable[[str], ObjectDescription | None]:
    held: dict[str, ObjectDescription | None] = {}

    def describe(name: str) -> ObjectDescription | None:
        if name not in held:
            try:
                held[name] = connector.describe(name)
            except ObjectMissing:
                held[name] = None
        return held[name]

    return describe


def _likeliest(
    connector: Connector, objects: Sequence[tuple[str, str]], describe: Callable[[str], ObjectDescription | None]
) -> str:
    """The preset whose shape the CRM has: an object of its own before Campaigns and Leads that name a partner. Empty objects do not count."""
    found = best(OBJECTS["entries"], objects)
    if found is not None and connector.count(found[0][0]):
        return f"{connector.crm}-custom-object"
    if connector.crm is Crm.HUBSPOT:
        return "hubspot-deals"
    for name, preset in (("Campaign", "salesforce-campaign"), ("Lead", "salesforce-lead")):
        described = describe(name)
        links = [f for f in (described.fields if described else ()) if f.custom and "Account" in f.references]
        if any(likeness(PARTNER, f.name, f.label).score for f in links) and connector.count(name):
            return preset
    return "salesforce-lead"


def _place(path: Path) -> Path:
    """Over a file that nobody has changed, beside one that somebody has."""
    if not path.exists() or path.read_text("utf-8") in {mapping_text(p) for p in PRESETS}:
        return path
    return path.with_name(f"{path.stem}.proposed{path.suffix}")
