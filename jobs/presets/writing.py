"""What `sakigake init` writes: the files of a preset or of several, all or none."""

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from jobs.errors import ConfigError
from jobs.presets import several
from jobs.presets.joining import joined
from jobs.presets.texts import SANDBOX, mapping_text
from sync.mapping.grammar import json_schema

SANDBOX_URL = "http://127.0.0.1:8600"
_FOR_SANDBOX = {  # what stands in a preset for a real CRM, and what opens the sandbox
    "https://your-domain.my.salesforce.com      # your My Domain": "SANDBOX_URL",
    "your-connected-app                 # of the client-credentials flow; other ways: docs/operations.md": "sakigake-sandbox",
    "        crm: hubspot\n        auth:": "        crm: hubspot\n        url: SANDBOX_URL\n        auth:",
}


@dataclass(frozen=True, slots=True)
class Written:
    """A file that `init` wrote, and what it is for."""

    path: Path
    what: str


@cache
def schema_text() -> str:
    """The grammar of mapping.yaml as JSON Schema, as it is written beside a mapping."""
    return json.dumps(json_schema(), ensure_ascii=False, indent=1) + "\n"


def write_preset(
    preset: str | Mapping[str, str], folder: Path, *, sandbox_url: str | None = None, force: bool = False
) -> list[Written]:
    """Writes the files of a preset, or of several by their connections' names, into `folder`.

    All or nothing: where one exists already, none is touched (unless `force`). With `sandbox_url` presets for real CRMs are pointed at the
    sandbox, to be tried there.
    """
    presets = several.by_connection([preset]) if isinstance(preset, str) else preset
    whole = SANDBOX in presets.values()
    if sandbox_url is None and whole:
        sandbox_url = SANDBOX_URL
    if sandbox_url is not None and not sandbox_url.startswith(("http://", "https://")):
        raise ConfigError(
            f"--sandbox-url is {sandbox_url!r}, expected an address such as {SANDBOX_URL}; start one with: sakigake sandbox"
        )
    settings = _sandbox_settings() if whole else several.settings_text(presets)
    if sandbox_url is not None:
        settings = _at_sandbox(settings, presets).replace("SANDBOX_URL", sandbox_url.rstrip("/"))
    secrets = several.secrets_of({"salesforce": "salesforce", "hubspot": "hubspot"} if whole else presets)
    written = [
        (Written(folder / "sakigake.yaml", "workspaces, connections, schedule, guards"), settings),
        (Written(folder / "mapping.yaml", "what the CRM's stages and fields mean"), mapping_text(SANDBOX) if whole else joined(presets)),
        *((Written(folder / "secrets" / name, what), text) for name, what, text in (secrets if sandbox_url is not None else ())),
        (Written(folder / "mapping.schema.json", "the mapping's grammar, by which editors complete and check it"), schema_text()),
    ]  # fmt: skip
    texts = {file.path: text for file, text in written}
    # what the schema says is ours to say: one that is there is brought up to date
    present = [str(p) for p in texts if p.exists() and p.name != "mapping.schema.json"]
    if present and not force:
        raise ConfigError(
            f"{', '.join(present)} exist already; nothing was written. Choose another folder with --dir, or overwrite with --force."
        )
    write_all(texts)
    return [file for file, _ in written]


def _sandbox_settings() -> str:
    return resources.files("jobs.presets").joinpath(f"{SANDBOX}.sakigake.yaml").read_text("utf-8")


def _at_sandbox(settings: str, presets: Mapping[str, str]) -> str:
    for real, invented in _FOR_SANDBOX.items():
        settings = settings.replace(real, invented)
    for name in presets:
        for secret, file in (("CLIENT_SECRET", "client_secret"), ("TOKEN", "token")):
            settings = re.sub(
                rf"\{{env: {name.upper()}_{secret}\}}( *# .*| or \{{file: PATH\}})?",
                f"{{file: secrets/{name}_{file}}}",
                settings,
            )
    return settings


def write_all(texts: dict[Path, str]) -> None:
    """Every file is written beside its place first, and put there when all are whole; where one cannot be, none is left."""
    halves: dict[Path, Path] = {}
    made: list[Path] = []
    path = next(iter(texts))
    try:
        for path, text in texts.items():
            secret = path.parent.name == "secrets"
            missing = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if secret else 0o777)
            made += reversed(missing)
            halves[path] = half = path.with_name(path.name + ".new")
            half.unlink(missing_ok=True)
            half.touch(mode=0o600 if secret else 0o644)
            half.write_text(text, "utf-8")
        for path, half in halves.items():
            half.replace(path)
    except OSError as e:
        for half in halves.values():
            with contextlib.suppress(OSError):
                half.unlink(missing_ok=True)
        for folder in reversed(made):
            with contextlib.suppress(OSError):  # not empty: somebody else's
                folder.rmdir()
        raise ConfigError(
            f"{path} cannot be written ({(e.strerror or str(e)).lower()}); make room, or choose a folder of your own with --dir. Nothing was written."
        ) from e
