"""Which version of the mapping is in force, and how another one comes into force: on a person's word, with the preview they saw.

A version is the hash of what the file says. A run works with the version that it began with, to its end; before it begins, the file
has to say what was activated last, whatever way it came to be changed. The newest row of `mapping_activation` is the version in force.
"""

import difflib
import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import Connection

from jobs.errors import ConfigError, MappingWaits
from jobs.runs import utc_now
from jobs.settings import WorkspaceSettings
from jobs.wiring import Workspace, mapping_path, read_rules
from models.audit import AuditKind
from models.vocabulary import Step
from sync.chain import record
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.loading import load_mapping
from sync.mapping.problems import MappingError

BY_ITSELF = "sakigake"
"""Who activated, where the configuration let the first version come into force by itself."""


@dataclass(frozen=True, slots=True)
class Activation:
    """A version that came into force. `preview` is the document that `mapping diff` printed, None where nothing was mirrored yet."""

    seq: int
    mapping_hash: str
    previous_hash: str | None
    activated_at: datetime
    who: str
    reason: str
    diff: str
    preview: dict[str, Any] | None

    def document(self) -> dict[str, Any]:
        """The activation as JSON."""
        return {
            "seq": self.seq,
            "version": self.mapping_hash,
            "previous": self.previous_hash,
            "activated_at": self.activated_at.isoformat(),
            "who": self.who,
            "reason": self.reason,
            "diff": self.diff,
            "preview": self.preview,
        }


_COLUMNS = "seq, mapping_hash, previous_hash, activated_at, who, reason, diff, preview"


def active(conn: Connection[Any], workspace: str) -> Activation | None:
    """The version in force, None before the first activation."""
    row = conn.execute(
        f"select {_COLUMNS} from sakigake.mapping_activation where workspace = %s order by seq desc limit 1",  # noqa: S608
        (workspace,),
    ).fetchone()
    return Activation(*row) if row else None


def history(conn: Connection[Any], workspace: str) -> list[Activation]:
    """All activations, the newest first."""
    rows = conn.execute(
        f"select {_COLUMNS} from sakigake.mapping_activation where workspace = %s order by seq desc",  # noqa: S608
        (workspace,),
    )
    return [Activation(*row) for row in rows]


def content(conn: Connection[Any], workspace: str, mapping_hash: str | None) -> str | None:
    """The text of a version, as it was when it was first used; None where it is not known."""
    row = conn.execute(
        "select content from sakigake.mapping_version where workspace = %s and mapping_hash = %s",
        (workspace, mapping_hash),
    ).fetchone()
    return str(row[0]) if row else None


def rules_of(conn: Connection[Any], workspace: str, mapping_hash: str) -> Rules | None:
    """A version's rules; None where it is not known, or where this Sakigake does not read its grammar any more."""
    text = content(conn, workspace, mapping_hash)
    try:
        return None if text is None else load_mapping(text, f"version {mapping_hash[:12]}")
    except MappingError:
        return None


def activate(
    conn: Connection[Any],
    workspace: str,
    rules: Rules,
    *,
    who: str,
    reason: str,
    preview: dict[str, Any] | None,
    now: datetime | None = None,
) -> Activation:
    """Brings the version into force, in one transaction with its link of the audit trail. Two at once come one after the other.

    ConfigError where it is in force already.
    """
    at = now or utc_now()
    preview = None if preview is None else without_names(preview)
    with conn.transaction():
        conn.execute("select pg_advisory_xact_lock(hashtextextended('sakigake activation ' || %s, 0))", (workspace,))
        before = active(conn, workspace)
        if before is not None and before.mapping_hash == rules.hash:
            raise ConfigError(
                f"Version {rules.hash[:12]} of the mapping is in force already, since {before.activated_at:%Y-%m-%d %H:%M} UTC; "
                "comments and layout make no other version."
            )
        previous = before.mapping_hash if before else None
        text = text_diff(content(conn, workspace, previous) or "", rules.text)
        made = Activation(1 if before is None else before.seq + 1, rules.hash, previous, at, who, reason, text, preview)
        conn.execute(
            """insert into sakigake.mapping_version (workspace, mapping_hash, content, first_used_at) values (%s, %s, %s, %s)
            on conflict do nothing""",
            (workspace, rules.hash, rules.text, at),
        )
        conn.execute(
            f"insert into sakigake.mapping_activation (workspace, {_COLUMNS}) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",  # noqa: S608
            (
                workspace, made.seq, made.mapping_hash, made.previous_hash, made.activated_at, who, reason, text,
                None if preview is None else json.dumps(preview),
            ),
        )  # fmt: skip
        said = {"previous": previous, "reason": reason, "preview": None if preview is None else preview["preview"]}
        record(conn, workspace, AuditKind.ACTIVATION, who, rules.hash, said, now=at)
    return made


def require_active(conn: Connection[Any], workspace: Workspace, steps: Collection[Step]) -> None:
    """Passes where the file says what is in force. MappingWaits tells how to look at the change and how to activate it.

    Before any version is in force, reading alone is let through, since a preview needs something to count; and where the
    configuration says so, the first version comes into force by itself.
    """
    rules = workspace.rules
    now = active(conn, workspace.name)
    if now is not None and now.mapping_hash == rules.hash:
        return
    if now is None:
        guards = workspace.settings.guards
        if guards.first_mapping == "activate" or guards.first_plan == "deliver":
            activate(
                conn,
                workspace.name,
                rules,
                who=BY_ITSELF,
                reason="the first version, as the guards allow",
                preview=None,
            )
            return
        if set(steps) <= {Step.PULL}:
            return
    raise MappingWaits(_waiting(workspace, now))


def waited_before(conn: Connection[Any], workspace: Workspace) -> bool:
    """Whether a run was refused for this very file before: it was held against the CRMs then, and need not be at each turn."""
    now = active(conn, workspace.name)
    row = conn.execute(
        "select exists (select from sakigake.run where workspace = %s and mapping_hash = %s and cause = %s)",
        (workspace.name, workspace.rules.hash, _waiting(workspace, now)),
    ).fetchone()
    return bool(row and row[0])


def _waiting(workspace: Workspace, now: Activation | None) -> str:
    rules = workspace.rules
    if now is None:
        return (
            f"No version of the mapping is in force in workspace {workspace.name}, and {rules.filename} waits for a person. "
            "Read the CRMs with `sakigake run --only pull`, look with `sakigake mapping diff`, then say: "
            "sakigake mapping activate --reason WHY"
        )
    return (
        f"{rules.filename} says something else (version {rules.hash[:12]}) than the version in force ({now.mapping_hash[:12]}, "
        f"activated {now.activated_at:%Y-%m-%d} by {now.who}), so nothing was done. Look with `sakigake mapping diff`, then say: "
        "sakigake mapping activate --reason WHY; or put the file back."
    )


def current(workspace: Workspace) -> Workspace:
    """The workspace with its mapping as the file says now: a service sees a change without a restart. ConfigError where it is faulty."""
    rules = read_rules(workspace.settings, workspace.folder)
    return workspace if rules.hash == workspace.rules.hash else replace(workspace, rules=rules)


def standing(conn: Connection[Any], workspace: str, settings: WorkspaceSettings, folder: Path) -> dict[str, Any]:
    """For `status`: the version in force, since when and by whom, what the file says, and whether that waits for a person."""
    now = active(conn, workspace)
    try:
        file: str | None = read_rules(settings, folder).hash
    except ConfigError:
        file = None
    in_force = now.mapping_hash if now else None
    return {
        "active": in_force,
        "activated_at": now.activated_at.isoformat() if now else None,
        "who": now.who if now else None,
        "file": file,
        "waits": file != in_force,
    }


def put_in_place(text: str, settings: WorkspaceSettings, folder: Path, in_force: str | None, new: str) -> Path | None:
    """Makes the workspace's own file say what was activated from another one; returns the file, None where it says so already.

    ConfigError where the own file holds changes that were never activated, since they would be lost.
    """
    path = mapping_path(settings, folder)
    if path.exists():
        held = read_rules(settings, folder).hash
        if held == new:
            return None
        if held != in_force:
            raise ConfigError(
                f"{path} holds changes that were never activated, and would be replaced: activate that file, or put it aside first."
            )
    half = path.with_name(path.name + ".new")
    try:
        half.write_text(text, "utf-8")
        half.replace(path)
    except OSError as e:
        half.unlink(missing_ok=True)
        raise ConfigError(f"{path} cannot be written ({(e.strerror or '').lower()}); nothing was activated.") from e
    return path


def without_names(preview: dict[str, Any]) -> dict[str, Any]:
    """The preview as it is hashed and kept: partners by id and record alone, since a sole proprietor's name is a person's."""
    changes = [{k: v for k, v in change.items() if k != "name"} for change in preview["tier_changes"]]
    return {**preview, "tier_changes": changes}


def text_diff(before: str, after: str) -> str:
    """What changed between two texts, as a unified diff."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "in force", "new", lineterm="", n=2)
    return "\n".join(lines)
