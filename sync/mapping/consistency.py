"""What is wrong between the parts of a mapping whose parts are each right, without asking any CRM."""

from collections.abc import Iterator

from models.vocabulary import LISTS, Milestone, Willingness
from sync.documents import advice
from sync.mapping.creation import creations
from sync.mapping.grammar import Mapping
from sync.mapping.rules import CustomerRule, EntryRule, MilestoneRule, PartnerRule
from sync.mapping.where import Reference

Finding = tuple[tuple[str | int, ...], str]


def inconsistencies(mapping: Mapping) -> Iterator[Finding]:
    """(path, sentence) of each."""
    yield from _types(mapping)
    for index, partner in enumerate(mapping.partners):
        yield from _marks(partner, ("partners", index, "match_on"))
        answers = partner.attributes.willingness
        for met, word in (answers.values if answers else {}).items():
            if word not in set(Willingness):
                yield (
                    ("partners", index, "attributes", "willingness", "values", met),
                    f"'{word}' is no willingness; {advice(word, list(Willingness))}",
                )
    for index, entry in enumerate(mapping.entries):
        yield from _entry(mapping, index, entry)
        yield from creations(mapping, index, entry)
    for index, customer in enumerate(mapping.customers):
        yield from _marks(customer, ("customers", index, "match_on"))
    entry_objects = {rule.from_ for rule in mapping.entries}
    partner_objects = {rule.from_ for rule in mapping.partners}
    for index, rule in enumerate(mapping.activities):
        yield from _association(rule.partner, rule.connection, partner_objects, ("activities", index, "partner"))
        yield from _association(rule.entry, rule.connection, entry_objects, ("activities", index, "entry"))
    for index, deal in enumerate(mapping.deals_all_channels):
        if deal.at is None and mapping.created_field(deal.connection, deal.object) is None:
            sentence = f"this rule needs 'at', since 'created' names no field for {deal.from_}"
            yield ("deals_all_channels", index), sentence
    for subject, objects in (("partner", partner_objects), ("entry", entry_objects)):
        for name in getattr(mapping.write_back, subject):
            if name not in objects:
                alike = sorted(o for o in objects if o.partition(".")[2] == name.partition(".")[2])
                remedy = (
                    f"a rule reads '{alike[0]}': write the same connection in both, as sakigake.yaml names it"
                    if alike
                    else advice(name, objects)
                )
                sentence = f"'{name}' is read by no {subject} rule, so nothing could be written there; {remedy}"
                yield ("write_back", subject, name), sentence


def _marks(partner: PartnerRule | CustomerRule, path: tuple[str | int, ...]) -> Iterator[Finding]:
    """Marks that say nothing alone."""
    marks = dict(partner.match_on.items())
    for mark, other in (("prefecture", "city"), ("city", "prefecture")):
        if mark in marks and other not in marks:
            yield (*path, mark), f"'{mark}' matches together with '{other}' only; name that field too"
    for mark in ("phone", "prefecture"):
        if mark in marks and partner.name is None:
            yield (*path, mark), f"'{mark}' matches together with the name only; say 'name' in this partner rule"


def _types(mapping: Mapping) -> Iterator[Finding]:
    for name, partner_type in mapping.partner_types.items():
        path = ("partner_types", name)
        if name == "unclassified":
            yield path, "'unclassified' is what fits no type; give this type another name"
        if not partner_type.axes():
            yield path, f"the type '{name}' fits every partner; name at least one of: contract, industry, size"
        for size in partner_type.size or ():
            if size not in mapping.sizes:
                yield (
                    (*path, "size"),
                    f"unknown size '{size}'; {advice(size, mapping.sizes) if mapping.sizes else 'there is no sizes: part'}",
                )
        for axis, field in (("industry", "industry"), ("size", "employees"), ("contract", "contract")):
            if getattr(partner_type, axis) and not any(getattr(p.attributes, field) for p in mapping.partners):
                yield (*path, axis), f"no partner rule maps '{field}' under attributes, so this type could never fit"


def _entry(mapping: Mapping, index: int, entry: EntryRule) -> Iterator[Finding]:
    path: tuple[str | int, ...] = ("entries", index)
    partner_objects = {rule.from_ for rule in mapping.partners}
    yield from _association(entry.partner, entry.connection, partner_objects, (*path, "partner"))
    if entry.connection != LISTS and not any(rule.connection == entry.connection for rule in mapping.partners):
        yield (
            (*path, "partner"),
            f"no partner rule reads from '{entry.connection}', so these entries would have no partner",
        )
    for milestone, rule in entry.milestones.items():
        yield from _milestone(mapping, entry, milestone, rule, (*path, "milestones", str(milestone)))
    yield from _stages(mapping, entry, path)


def _stages(mapping: "Mapping", entry: EntryRule, path: tuple[str | int, ...]) -> Iterator[Finding]:
    """Stages that would mean two things: each is one milestone's, or ignored. Those of another record, reached by another link, are others."""
    first: dict[tuple[str, str, str], tuple[str, tuple[str | int, ...]]] = {}
    named: list[tuple[str, str, list[str], str, tuple[str | int, ...]]] = []
    for milestone, rule in entry.milestones.items():
        if rule.stage is not None:
            whose = "" if rule.linked is None else f"{rule.linked.model_dump_json()} {rule.linked_object}"
            at = (*path, "milestones", milestone.value, "enters", rule.stage[0])
            named.append((whose, *rule.stage, f"the milestone '{milestone.value}'", at))
    named += [("", name, stages, "'ignored'", (*path, "ignored", name)) for name, stages in entry.ignored.items()]
    for whose, name, stages, meaning, at in named:
        for place, stage in enumerate(stages):
            other, there = first.setdefault((whose, name, stage), (meaning, (*at, place)))
            if other != meaning:
                line = mapping.line(there)
                said = f"the stage '{stage}' of {name} is {other} already, on line {line}, and here {meaning}"
                yield (*at, place), f"{said}; keep it in the one that it means"


def _milestone(
    mapping: Mapping, entry: EntryRule, milestone: Milestone, rule: MilestoneRule, path: tuple[str | int, ...]
) -> Iterator[Finding]:
    if rule.reason is not None and milestone is not Milestone.LOST:
        yield (*path, "reason"), "'reason' says why an entry was lost; it belongs to the milestone 'lost'"
    if rule.activity is not None:
        kinds = {a.kind for a in mapping.activities if a.entry is not None and a.connection == entry.connection}
        if rule.activity.kind not in kinds:
            sentence = (
                f"no activity rule of '{entry.connection}' has kind: {rule.activity.kind} and an 'entry', "
                "so this milestone could never be reached"
            )
            yield (*path, "activity", "kind"), sentence


def _association(
    reference: Reference | None, connection: str, objects: set[str], path: tuple[str | int, ...]
) -> Iterator[Finding]:
    """An association must lead to an object that some rule reads; otherwise it would find nothing, ever."""
    last = reference.last.association if reference is not None else None
    if last is None or f"{connection}.{last}" in objects:
        return
    known = [name.partition(".")[2] for name in objects if name.startswith(f"{connection}.")]
    sentence = f"no rule reads '{last}' of '{connection}'; {advice(last, known)}"
    yield (*path, "association"), sentence
