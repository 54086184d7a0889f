"""Starting points for `sakigake init`: a configuration and a mapping that fit each other and a kind of CRM."""

import contextlib
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from jobs.errors import ConfigError

PRESETS = ("sandbox",)


@dataclass(frozen=True, slots=True)
class Written:
    """A file that `init` wrote, and what it is for."""

    path: Path
    what: str


def schema_text() -> str:
    """The grammar of mapping.yaml as JSON Schema, as it is written beside a mapping."""
    from sync.mapping.grammar import json_schema

    return json.dumps(json_schema(), ensure_ascii=False, indent=1) + "\n"


def write_preset(preset: str, folder: Path, *, sandbox_url: str, force: bool = False) -> list[Written]:
    """Writes the preset's files into `folder`; all or nothing: where one exists already, none is touched (unless `force`)."""
    if preset not in PRESETS:
        raise ConfigError(f"There is no preset {preset!r}; choose {' or '.join(PRESETS)}.")
    if not sandbox_url.startswith(("http://", "https://")):
        raise ConfigError(
            f"--sandbox-url is {sandbox_url!r}, expected an address such as http://127.0.0.1:8600; start one with: sakigake sandbox"
        )
    here = resources.files(__name__)
    texts = {
        folder / "sakigake.yaml": here.joinpath("sandbox.sakigake.yaml")
        .read_text("utf-8")
        .replace("SANDBOX_URL", sandbox_url.rstrip("/")),
        folder / "mapping.yaml": here.joinpath("sandbox.mapping.yaml").read_text("utf-8"),
        # what guards invented data is no secret; it stands in files all the same, as real ones must
        folder / "secrets" / "salesforce_client_secret": "sandbox-secret\n",
        folder / "secrets" / "hubspot_token": "sandbox-token\n",
    }
    present = [str(p) for p in texts if p.exists()]
    if present and not force:
        raise ConfigError(
            f"{', '.join(present)} exist already; nothing was written. Choose another folder with --dir, or overwrite with --force."
        )
    purposes = (
        "workspaces, connections, schedule, guards",
        "what the CRM's stages and fields mean",
        "Salesforce's secret",
        "HubSpot's token",
    )
    _write_all(texts)
    return [Written(p, w) for p, w in zip(texts, purposes, strict=True)]


def _write_all(texts: dict[Path, str]) -> None:
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
