"""Our Salesforce fields as source files on disk, for teams that deploy through their own pipeline."""

from pathlib import Path

from jobs.errors import ConfigError
from jobs.settings import WorkspaceSettings
from jobs.settings_connections import SalesforceConnection
from jobs.steps.provision import targets
from models.catalogue import CatalogueField
from sync.mapping.grammar import Mapping as Rules
from sync.salesforce.provision_package import package


def write_package(folder: Path, settings: WorkspaceSettings, rules: Rules) -> list[Path]:
    """The files that were written; ConfigError where the mapping writes to no Salesforce object, or the folder cannot be written.

    Files of an earlier package are replaced; whatever else stands in the folder stays.
    """
    chosen: dict[str, list[CatalogueField]] = {}
    for connection, object_name, fields in targets(rules):
        if isinstance(settings.connections[connection], SalesforceConnection):
            known = chosen.setdefault(object_name, [])
            known += [f for f in fields if f not in known]
    if not chosen:
        raise ConfigError("The mapping writes back to no Salesforce object; name one under `write_back`.")
    written = []
    for name, text in package(chosen, settings.prefix, rules.language).items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8", newline="\n")
        except OSError as e:
            raise ConfigError(f"{path} cannot be written ({e.strerror}); choose another folder.") from e
        written.append(path)
    return written
