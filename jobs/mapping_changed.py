"""Which milestones differ between two versions of the mapping, where nothing else does on which entries and events rest. Pure."""

from typing import Any

from models.vocabulary import Milestone
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.rules import EntryRule

Changed = dict[int, tuple[Milestone, ...]]  # entry rule -> its milestones that differ


def changed_milestones(old: Rules, new: Rules) -> Changed | None:
    """The milestones that differ; None where anything else does on which entries and events rest."""
    loose = {
        "sizes",
        "partner_types",
        "language",
        "write_back",
        "customers",
        "deals_all_channels",
        "partners",
        "entries",
    }
    if old.model_dump(exclude=loose) != new.model_dump(exclude=loose) or len(old.entries) != len(new.entries):
        return None
    own = {"attributes"}
    if [p.model_dump(exclude=own) for p in old.partners] != [p.model_dump(exclude=own) for p in new.partners]:
        return None
    found: Changed = {}
    for index, (was, now) in enumerate(zip(old.entries, new.entries, strict=True)):
        beside = {"milestones", "ignored", "create"}
        if was.model_dump(exclude=beside) != now.model_dump(exclude=beside):
            return None
        differ = tuple(m for m in Milestone if was.milestones.get(m) != now.milestones.get(m))
        if any(of is not None and of.activity is not None for m in differ for of in _both(was, now, m)):
            return None
        if differ or was.ignored != now.ignored:
            found[index] = differ
    return found


def _both(was: EntryRule, now: EntryRule, milestone: Milestone) -> tuple[Any, Any]:
    return was.milestones.get(milestone), now.milestones.get(milestone)


def paths_of(changed: Changed) -> list[str]:
    """The paths of these milestones in the mapping."""
    return [f"entries[{i}].milestones.{m.value}" for i, milestones in changed.items() for m in milestones]
