"""sakigake.yaml and secrets for several CRMs at once: a connection each, by its preset, under a name of its own."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources

from jobs.errors import ConfigError
from jobs.presets.joining import joined
from jobs.presets.texts import PRESETS, SANDBOX, mapping_text
from jobs.settings_base import NAME, NAME_IS

_CONNECTION = re.compile(r"(?<=    connections:\n)(?:      .*\n)+?(?=    \w)", re.MULTILINE)


def crm_of(preset: str) -> str:
    """Salesforce's or HubSpot's word, as sakigake.yaml has it."""
    return preset.partition("-")[0]


def by_connection(said: Sequence[str]) -> dict[str, str]:
    """Connection -> preset, of what `--preset` says: PRESET, whose connection is named after its CRM, or NAME=PRESET.

    ConfigError for a preset that there is not, a name that is none, or two presets for one connection.
    """
    found: dict[str, str] = {}
    for one in said:
        name, given, preset = one.rpartition("=")
        if preset not in PRESETS:
            raise ConfigError(f"There is no preset {preset!r}; choose {', '.join(PRESETS)}.")
        if preset == SANDBOX and (given or len(said) > 1):
            raise ConfigError(f"The preset {SANDBOX} has both CRMs already; give it alone.")
        if given and not re.fullmatch(NAME, name):
            raise ConfigError(f"{name!r} is no name of a connection; expected {NAME_IS}.")
        name = name if given else crm_of(preset)
        if name in found:
            raise ConfigError(
                f"Two presets are for the connection {name!r}; name the second one, such as --preset {name}2={preset}."
            )
        found[name] = preset
    return found


def settings_text(presets: Mapping[str, str]) -> str:
    """sakigake.yaml with a connection for each preset; everything else as the first one's file says it."""
    texts = {name: _named(name, preset) for name, preset in presets.items()}
    blocks = "".join(_connection(text) for text in texts.values())
    return _CONNECTION.sub(lambda _: blocks, next(iter(texts.values())))


def untouched(text: str, crms: Mapping[str, str]) -> bool:
    """Whether a mapping is as `init` writes it for connections of these CRMs (by name): nobody has changed it."""
    if text in {mapping_text(preset) for preset in PRESETS}:
        return True
    fitting = [[p for p in PRESETS if crm_of(p) == crm] for crm in crms.values()]
    return any(text == joined(dict(zip(crms, some, strict=True))) for some in itertools.product(*fitting))


def secrets_of(presets: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """(file, what it is, its text) of what opens the sandbox: no secrets, but they stand in files all the same, as real ones must."""
    for name, preset in presets.items():
        of = "" if name == crm_of(preset) else f" for {name}"
        if crm_of(preset) == "salesforce":
            yield f"{name}_client_secret", f"Salesforce's secret{of}", "sandbox-secret\n"
        else:
            yield f"{name}_token", f"HubSpot's token{of}", "sandbox-token\n"


def _named(name: str, preset: str) -> str:
    """The file of the preset's CRM, with the connection's name, also in what its secret is called."""
    crm = crm_of(preset)
    text = resources.files("jobs.presets").joinpath(f"{crm}.sakigake.yaml").read_text("utf-8")
    text = re.sub(rf"^      {crm}: ", f"      {name}: ", text, flags=re.MULTILINE)
    return text.replace(f"{crm.upper()}_", f"{name.upper()}_")


def _connection(text: str) -> str:
    met = _CONNECTION.search(text)
    return met[0] if met else ""
