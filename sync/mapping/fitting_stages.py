"""Whether a stage is one of the pipelines that a rule takes: HubSpot's stages belong to one pipeline each, and labels repeat in others."""

import difflib
from collections.abc import Collection, Sequence

from sync.described import FieldDescription, Pipeline
from sync.mapping.where import Where

SHOWN = 12  # stages listed


def pipelines_taken(where: Where, field: FieldDescription) -> frozenset[str] | None:
    """The pipelines that records of these conditions can be in; None where that is left open."""
    if field.pipelines == ():
        return None
    taken: set[str] | None = None
    for part in (where, *(where.and_ or ())):
        condition = part.conditions.get(field.pipeline_field)
        named = (
            set() if condition is None else {*(condition.in_ or ()), *([condition.equals] if condition.equals else [])}
        )
        if named:
            taken = named if taken is None else taken & named
    return None if taken is None else frozenset(taken)


def stage_problem(field: FieldDescription, value: str, taken: Collection[str] | None) -> str | None:
    """The sentence where the value is no stage that such records can be in: what it is, and the nearest that is one."""
    here = [p for p in field.pipelines if taken is None or p.id in taken]
    ids = {stage for p in here for stage, _ in p.stages}
    if value in ids or not ids:  # a pipeline that is not there is told of where it is named
        return None
    labelled = [(p, stage) for p in here for stage, label in p.stages if label == value]
    if labelled:
        told = " and ".join(f"'{stage}' in {_named(p)}" for p, stage in labelled)
        write = f"write '{labelled[0][1]}'" if len(labelled) == 1 else "write the one that is meant"
        return f"'{value}' is the label of the stage {told}; {write}"
    where = f" of {', '.join(_named(p) for p in here)}" if taken is not None else ""
    elsewhere = next(
        ((p, label) for p in field.pipelines for stage, label in p.stages if value in (stage, label)), None
    )
    if elsewhere is not None:
        other, label = elsewhere
        met = f"'{value}'" if label == value else f"'{value}' ({label})"
        return f"{met} is a stage of {_named(other)}, and this rule takes records{where}; {_advice(value, label, here)}"
    return f"'{value}' is no stage{where or f' of {field.name}'}; {_advice(value, value, here)}"


def _named(pipeline: Pipeline) -> str:
    return (
        f"pipeline '{pipeline.id}' ({pipeline.label})" if pipeline.label != pipeline.id else f"pipeline '{pipeline.id}'"
    )


def _advice(value: str, label: str, here: Sequence[Pipeline]) -> str:
    """The nearest stage by id, then by label, and all that are allowed, each with its label."""
    stages = [stage for p in here for stage in p.stages]
    by_id = difflib.get_close_matches(value.lower(), [i.lower() for i, _ in stages], n=1, cutoff=0.6)
    by_label = difflib.get_close_matches(label.lower(), [name.lower() for _, name in stages], n=1, cutoff=0.6)
    near = next(
        (s for s in stages if by_label and s[1].lower() == by_label[0]),
        next((s for s in stages if by_id and s[0].lower() == by_id[0]), None),
    )
    listed = ", ".join(_shown(s) for s in stages[:SHOWN]) + (
        f" and {len(stages) - SHOWN} more" if len(stages) > SHOWN else ""
    )
    return (f"did you mean {_shown(near, quoted=True)}? " if near else "") + f"Allowed: {listed}"


def _shown(stage: tuple[str, str], *, quoted: bool = False) -> str:
    told = f"'{stage[0]}'" if quoted else stage[0]
    return told if stage[0] == stage[1] else f"{told} ({stage[1]})"
