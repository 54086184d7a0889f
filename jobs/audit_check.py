"""The audit chain checked: in the database or from an export, against itself and against the heads noted elsewhere."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from psycopg import Connection

from jobs.errors import ConfigError, SakigakeError
from jobs.heads import Head, heads_file, read_heads
from models.audit import AuditKind
from sync.chain import Link, record, verify
from sync.chain.links import read_line


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. `lost` are noted heads, up to where it is broken, that the chain lacks and no reseal explains.

    `says` why it does not hold: by the link at which it is broken, or where that is None by itself.
    """

    links: int
    head: Link | None
    broken_at: int | None
    says: str | None
    heads: int
    lost: tuple[Head, ...]

    @property
    def ok(self) -> bool:
        return self.says is None and not self.lost

    def document(self, workspace: str) -> dict[str, Any]:
        """What `audit verify --json` prints."""
        return {
            "ok": self.ok,
            "workspace": workspace,
            "links": self.links,
            "head": None if self.head is None else {"seq": self.head.seq, "hash": self.head.hash},
            "broken": None if self.says is None else {"seq": self.broken_at, "says": self.says},
            "heads": self.heads,
            "lost": [{"seq": h.seq, "hash": h.hash, "at": h.at} for h in self.lost],
        }


def examine(links: Iterable[Link], heads: Sequence[Head] = ()) -> Finding:
    """Checks the links in their order and that every noted head is among those that hold, unless a reseal names it as lost."""
    noted = {h.hash: h for h in heads}
    met: set[str] = set()

    def watched() -> Iterator[Link]:
        for link in links:
            if link.hash in noted:
                met.add(link.hash)
            if link.kind == AuditKind.RESEAL:
                met.update(_lost_by(link))
            yield link

    found = verify(watched())
    broken = found.broken
    # nothing is said of what comes at or after the first broken link: there the chain itself is not believed
    lost = tuple(h for h in noted.values() if h.hash not in met and (broken is None or h.seq < broken.seq))
    return Finding(
        found.links, found.head, broken.seq if broken else None, broken.says if broken else None, len(noted), lost
    )


def examine_export(links: Iterable[Link], heads: Sequence[Head] = ()) -> Finding:
    """The same of an exported file. One without a link holds nothing that could be checked, whoever emptied it."""
    found = examine(links, heads)
    if found.links or found.lost or not found.ok:
        return found
    return replace(found, says="it holds no link, and an empty file proves nothing")


def _lost_by(link: Link) -> Iterator[str]:
    """The heads that a reseal names; none where somebody changed what it says, which the check of the links tells."""
    try:
        yield from (str(h["hash"]) for h in link.says()["lost"])
    except (ValueError, TypeError, KeyError):
        return


def heads_of_export(path: Path, home: Path, workspace: str | None = None) -> Sequence[Head]:
    """The heads noted under `home` for the workspace whose links the export holds; none where none were noted here."""
    name = workspace or next((link.workspace for link in read_export(path)), None)
    if name is None or Path(name).name != name:  # what the export calls itself names no other place
        return ()
    noted = heads_file(home, name)
    return tuple(read_heads(noted)) if noted.exists() else ()


def read_export(path: Path) -> Iterator[Link]:
    """The links of an exported file, one at a time; ConfigError names the line that is none."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield read_line(line)
                except ValueError as e:
                    raise ConfigError(
                        f"{path}:{number}: this line {e}; make the file with `sakigake audit export`."
                    ) from e
    except UnicodeDecodeError as e:
        raise ConfigError(f"{path} is not UTF-8 text; make the file with `sakigake audit export`.") from e
    except OSError as e:
        raise ConfigError(
            f"{path} cannot be read ({(e.strerror or '').lower()}); give an export with --file FILE."
        ) from e


def reseal(conn: Connection[Any], workspace: str, finding: Finding, *, who: str, reason: str, now: Any = None) -> Link:
    """Adds the link that says which noted heads a restored backup lacks, and why. SakigakeError where there is nothing to say."""
    if not reason.strip():
        raise SakigakeError("--reason is empty; say in a few words which backup was restored, and why.")
    if finding.broken_at is not None:
        raise SakigakeError(
            f"The chain is broken at link {finding.broken_at}; a reseal only explains links that a restored backup lacks. "
            "Restore a backup whose chain holds."
        )
    if not finding.lost:
        raise SakigakeError("Every noted head is in the chain, so there is nothing to reseal.")
    lost = [{"seq": h.seq, "hash": h.hash, "at": h.at} for h in finding.lost]
    return record(conn, workspace, AuditKind.RESEAL, who, workspace, {"reason": reason, "lost": lost}, now=now)
