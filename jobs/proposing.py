"""`sakigake init --propose`: looks into the connected CRMs and makes their presets' mapping speak of what is there."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jobs.errors import ConfigError, NothingProposed
from jobs.mapping.check import PATIENCE, own_names, problems_with
from jobs.presets.joining import joined
from jobs.presets.several import untouched
from jobs.presets.texts import PRESETS, SANDBOX
from jobs.presets.writing import write_all
from jobs.settings import WorkspaceSettings
from jobs.wiring import mapping_path, open_connector
from models.vocabulary import Crm
from sync.connector import Connector
from sync.described import ObjectDescription
from sync.documents import Problem
from sync.errors import ObjectMissing, SyncError
from sync.mapping.fitting import without
from sync.mapping.likeness import OBJECTS, PARTNER, best, likeness
from sync.mapping.loading import load_mapping
from sync.mapping.problems import MappingError
from sync.mapping.proposals import Proposal, Seen, propose


@dataclass(frozen=True, slots=True)
class Proposed:
    """What was proposed, by which preset of each connection, where it was written, and what the CRMs still lack of it."""

    presets: Mapping[str, str]
    path: Path
    proposal: Proposal
    problems: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        return {
            "presets": dict(self.presets),
            "written": [str(self.path)],
            "choices": [asdict(choice) for choice in self.proposal.choices],
            "left": self.proposal.left,
            "problems": list(self.problems),
        }


def propose_mapping(
    settings: WorkspaceSettings, folder: Path, presets: Sequence[str] = (), connections: Sequence[str] = ()
) -> Proposed:
    """Writes mapping.yaml where it still is as `init` wrote it, otherwise mapping.proposed.yaml beside it.

    Of all connections, or of those that are named, in the order of sakigake.yaml. A preset is for those of its CRM, one written NAME=PRESET
    for the connection of that name; the others are looked into for their shape. ConfigError where a name or the preset fits no connection, or what the CRMs hold is not like any
    preset; NothingProposed where one of them does not answer: then no file is touched.
    """
    names = _names(settings, connections)
    given = _given({name: settings.connections[name].crm for name in names}, presets)
    path = _place(mapping_path(settings, folder), {name: c.crm for name, c in settings.connections.items()})
    with ExitStack() as stack:
        connectors: dict[str, Connector] = {}
        chosen: dict[str, str] = {}
        seen: dict[str, Seen] = {}
        for name in names:
            of = settings.connections[name]
            connectors[name] = stack.enter_context(closing(open_connector(name, of, folder, retry_for=PATIENCE)))
            ours = own_names({name: connectors[name]}, settings.prefix)
            with _answering(name):
                seen[name] = Seen(_describer(name, connectors[name], ours), connectors[name].custom_objects())
                chosen[name] = given.get(name) or _likeliest(connectors[name], seen[name])
        proposal = propose(joined(chosen), seen)
        try:
            rules = load_mapping(proposal.text, path.name)
        except MappingError as e:
            raise ConfigError(_too_little(names, e)) from e
        problems: list[Problem] = []
        for name, connector in connectors.items():
            with _answering(name):
                problems += problems_with(rules, {name: connector}, settings.prefix)
        lacking = tuple(dict.fromkeys(str(problem) for problem in sorted(problems, key=lambda problem: problem.line)))
    write_all({path: proposal.text})
    return Proposed(chosen, path, proposal, lacking)


def _names(settings: WorkspaceSettings, wanted: Sequence[str]) -> list[str]:
    for name in wanted:
        if name not in settings.connections:
            raise ConfigError(f"There is no connection {name!r}; there are {', '.join(settings.connections)}.")
    return [name for name in settings.connections if not wanted or name in wanted]


def _given(crms: Mapping[str, Crm], presets: Sequence[str]) -> dict[str, str]:
    """The preset of each connection for which one is given; the sandbox's own says nothing of their shape."""
    found: dict[str, str] = {}
    own = {said.rpartition("=")[0] for said in presets}
    for said in sorted(presets, key=lambda said: "=" not in said):
        name, named, preset = said.rpartition("=")
        if preset == SANDBOX and not named:
            continue
        if named and name not in crms:
            raise ConfigError(f"There is no connection {name!r}; there are {', '.join(crms)}.")
        asked = [name] if named else [c for c in crms if c not in own]
        fitting = [c for c in asked if preset in PRESETS and preset.startswith(crms[c])]
        if not fitting:
            theirs = {crms[c] for c in asked} or set(crms.values())
            choices = [p for p in PRESETS if any(p.startswith(crm) for crm in theirs)]
            raise ConfigError(
                f"The preset {preset!r} is not for {' or '.join(sorted(theirs))}; choose {' or '.join(choices)}."
            )
        twice = [c for c in fitting if c in found and found[c] != preset]
        if twice:
            raise ConfigError(
                f"Two presets are for {twice[0]}; say which connection each is for, such as --preset {twice[0]}={preset}."
            )
        found |= dict.fromkeys(fitting, preset)
    return found


def _too_little(names: Sequence[str], error: MappingError) -> str:
    alone = " look at one with --connection NAME, or" if len(names) > 1 else ""
    return (
        f"Too little in {' and '.join(names)} looks like partner sales for a proposal ({error.sentence}), and the mapping stays as it is;"
        f"{alone} write mapping.yaml by hand from a preset."
    )


@contextmanager
def _answering(name: str) -> Iterator[None]:
    """Where the CRM does not answer, or does not let us in, NothingProposed names the connection."""
    try:
        yield
    except SyncError as e:
        raise NothingProposed(
            f"{name} cannot be looked into, so that nothing is proposed and the mapping stays as it is: {e}"
        ) from e


def _describer(name: str, connector: Connector, ours: AbstractSet[str]) -> Callable[[str], ObjectDescription | None]:
    """Objects as the CRM describes them, without what we write: that is like much that a rule might read."""
    held: dict[str, ObjectDescription | None] = {}

    def describe(object_name: str) -> ObjectDescription | None:
        if object_name not in held:
            with _answering(name):
                try:
                    held[object_name] = without(connector.describe(object_name), ours)
                except ObjectMissing:
                    held[object_name] = None
        return held[object_name]

    return describe


def _likeliest(connector: Connector, seen: Seen) -> str:
    """The preset whose shape the CRM has: an object of its own before Campaigns and Leads that name a partner.

    What holds records goes before what holds none, so that an object that somebody tried once does not count. Of an empty organisation the
    shape alone tells; an empty portal has deals in any case.
    """
    shapes = list(_shapes(connector, seen))
    first = shapes[-1 if connector.crm is Crm.HUBSPOT else 0][0]
    return next((preset for preset, name in shapes if connector.count(name)), first)


def _shapes(connector: Connector, seen: Seen) -> Iterator[tuple[str, str]]:
    """(preset, the object in which it looks for entries) of each shape that the CRM might have; the last is what is left."""
    found = best(OBJECTS["entries"], seen.objects)
    if found is not None:
        yield f"{connector.crm}-custom-object", found[0][0]
    if connector.crm is Crm.HUBSPOT:
        yield "hubspot-deals", "deals"
        return
    for name, preset in (("Campaign", "salesforce-campaign"), ("Lead", "salesforce-lead")):
        described = seen.describe(name)
        links = [f for f in (described.fields if described else ()) if f.custom and "Account" in f.references]
        if any(likeness(PARTNER, f.name, f.label).score for f in links):
            yield preset, name
    yield "salesforce-lead", "Lead"


def _place(path: Path, crms: Mapping[str, Crm]) -> Path:
    """Over a file that nobody has changed, beside one that somebody has."""
    if not path.exists() or untouched(path.read_text("utf-8"), crms):
        return path
    return path.with_name(f"{path.stem}.proposed{path.suffix}")
