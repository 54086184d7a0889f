"""One name of a mapping against the CRMs' descriptions: is the object there, the field, the value, and does its type fit?"""

from collections.abc import Iterable, Iterator
from collections.abc import Mapping as MappingType
from collections.abc import Set as AbstractSet
from dataclasses import replace

from rapidfuzz.distance import OSA
from rapidfuzz.process import extractOne

from models.vocabulary import LIST_ROW, LISTS
from sync.described import FieldDescription, FieldType, ObjectDescription
from sync.documents import Problem, advice
from sync.mapping.conditions import Condition, number_of
from sync.mapping.fitting_stages import pipelines_taken, stage_problem
from sync.mapping.grammar import Mapping
from sync.mapping.where import Reference, Where

Descriptions = MappingType[tuple[str, str], ObjectDescription]
Absent = MappingType[tuple[str, str], str | None]
Path = tuple[str | int, ...]
_DAYS = (FieldType.DATE, FieldType.DATETIME)
_NUMBERS = (FieldType.INTEGER, FieldType.NUMBER)
NEAR = 0.75  # of 1: below, two names are two fields
_SEVERAL = ("multipicklist", "checkbox", "enumeration/checkbox")  # the CRMs' words for a field of several values


def without(found: ObjectDescription, ours: AbstractSet[str]) -> ObjectDescription:
    """The object as if we had no fields there."""
    return replace(found, fields=tuple(f for f in found.fields if f.name not in ours)) if ours else found


class Fitting:
    """Asks one thing of the descriptions at a time; each answer is the problems that were found."""

    def __init__(
        self, mapping: Mapping, descriptions: Descriptions, absent: Absent, ours: AbstractSet[str] = frozenset()
    ) -> None:
        self._ours = ours
        self._mapping = mapping
        self._absent = absent
        self._descriptions = descriptions

    def object(self, path: Path, connection: str, name: str) -> tuple[ObjectDescription | None, list[Problem]]:
        """The object that a rule reads."""
        return self._named((*path, "from"), connection, name)

    def _named(self, path: Path, connection: str, name: str) -> tuple[ObjectDescription | None, list[Problem]]:
        found = self._descriptions.get((connection, name))
        if found is not None:
            return found, []
        if (connection, name) in self._absent:
            said = self._absent[connection, name]
            return None, [self._mapping.problem(path, said)] if said else []
        if (connection, name) == (LISTS, LIST_ROW):
            return None, []  # ours: its columns are known, whatever CRMs there are
        objects = [known for of_connection, known in self._descriptions if of_connection == connection]
        if objects:
            sentence = f"'{connection}' has no object '{name}' that our user can see; {advice(name, objects)}"
        else:
            connections = [of_connection for of_connection, _ in self._descriptions]
            sentence = f"there is no connection '{connection}'; {advice(connection, connections)}"
        return None, [self._mapping.problem(path, sentence)]

    def field(self, path: Path, found: ObjectDescription, name: str) -> tuple[FieldDescription | None, list[Problem]]:
        field = found.field(name)
        if field is not None:
            return field, []
        known = [f.name for f in found.fields]
        if name in self._ours:
            sentence = (
                f"'{name}' is written by Sakigake itself, and what it writes feeds no rule; {_of_fields(name, known)}"
            )
            return None, [self._mapping.problem(path, sentence)]
        sentence = f"{found.name} has no field '{name}' that our user can see; {_of_fields(name, known, found.hidden)}"
        return None, [self._mapping.problem(path, sentence)]

    def exists(self, path: Path, found: ObjectDescription, name: str | None) -> list[Problem]:
        return self.field(path, found, name)[1] if name else []

    def day(self, path: Path, found: ObjectDescription, name: str | None) -> Iterator[Problem]:
        if name is None:
            return
        field, problems = self.field(path, found, name)
        yield from problems
        if field is not None and field.type not in _DAYS:
            days = [f.name for f in found.fields if f.type in _DAYS]
            sentence = f"'{name}' is no date ({field.crm_type}); {_of_fields(name, days)}"
            yield self._mapping.problem(path, sentence)

    def number(self, path: Path, found: ObjectDescription, name: str) -> Iterator[Problem]:
        """A field of numbers, or of text that may hold them: what is chosen from a list of words never does."""
        field, problems = self.field(path, found, name)
        yield from problems
        if field is not None and not _may_hold_numbers(field):
            known = [f.name for f in found.fields if f.type in _NUMBERS]
            yield self._mapping.problem(path, f"'{name}' is no number ({field.crm_type}); {_of_fields(name, known)}")

    def values(
        self, path: Path, field: FieldDescription, values: tuple[str, ...], where: Where | None = None
    ) -> Iterator[Problem]:
        """Values that the field can never hold; `where` is what records of the rule are like, which bounds a stage's pipeline."""
        if field.pipelines:
            taken = pipelines_taken(where, field) if where is not None else None
            for value in values:
                if sentence := stage_problem(field, value, taken):
                    yield self._mapping.problem(path, sentence)
            return
        options = [value for value, _ in field.options]
        if field.type is FieldType.BOOLEAN:
            options = ["true", "false"]
        if not options:
            return
        by_label = {label: value for value, label in field.options}
        for value in values:
            if value in options:
                continue
            if value in by_label:
                sentence = f"'{value}' is the label of '{by_label[value]}' in {field.name}; write '{by_label[value]}'"
            else:
                sentence = f"'{value}' is no value of {field.name}; {advice(value, options)}"
            yield self._mapping.problem(path, sentence)

    def where(
        self, path: Path, found: ObjectDescription, where: Where, connection: str, among: Where | None = None
    ) -> Iterator[Problem]:
        """Conditions on the record, and on those it is linked to. `among`: what such records are like by another part of the rule."""
        for name, condition in where.conditions.items():
            field, problems = self.field((*path, name), found, name)
            yield from problems
            if field is not None:
                yield from self.condition((*path, name), field, condition, where, among)
        for below, part in where.parts():
            yield from self.where((*path, *below), found, part, connection, among)
        for index, related in enumerate(where.related or ()):
            at = (*path, "related", index)
            there, problems = self.linked(at, found, related.by, related.object, connection, "by")
            yield from problems
            if there is not None:
                yield from self.where((*at, "where"), there, related.where, connection)

    def linked(
        self, path: Path, found: ObjectDescription, by: Reference, named: str | None, connection: str, key: str
    ) -> tuple[ObjectDescription | None, list[Problem]]:
        """The object that a reference leads to, where each field on the way is there and may hold such a record's id."""
        here = found
        place: Path = (key,)
        for step in (by, *(further for _, further in by.steps("") if further is not by)):
            end = step is by.last
            leads_to = by.leads_to(named) if end else step.between
            if step.field:
                field, problems = self.field((*path, *place), here, step.field)
                if field is None:
                    return None, problems
                if field.references and leads_to not in field.references:
                    sentence = f"'{field.name}' does not lead to {leads_to}; {advice(leads_to, field.references)}"
                    return None, [
                        self._mapping.problem((*path, "object") if end and named else (*path, *place), sentence)
                    ]
            named_here = end and named is not None
            next_object, problems = self._named((*path, *(("object",) if named_here else place)), connection, leads_to)
            if next_object is None:
                return None, problems
            here, place = next_object, (*place, "then")
        return here, []

    def condition(
        self, path: Path, field: FieldDescription, condition: Condition, where: Where, among: Where | None = None
    ) -> Iterator[Problem]:
        """Whether the field can hold what it is compared with, where all else of `where`, or else of `among`, holds."""
        bounds = where if among is None or pipelines_taken(where, field) is not None else among
        yield from self.values(path, field, condition.values(), bounds)
        kind = field.crm_type
        free_text = field.type is FieldType.TEXT and not field.options
        if condition.compares_days and field.type not in _DAYS and not free_text:
            yield self._mapping.problem(
                path, f"'{field.name}' is no date ({kind}), so it is neither before nor after one"
            )
        if condition.compares_numbers and not _may_hold_numbers(field):
            yield self._mapping.problem(
                path, f"'{field.name}' is no number ({kind}), so it is neither more nor less than one"
            )
        texts = condition.regex is not None or condition.contains is not None
        if texts and field.type not in (FieldType.TEXT, FieldType.JSON):
            yield self._mapping.problem(path, f"'{field.name}' is no text ({kind}); contains and regex look into text")
        several = kind.lower() in _SEVERAL
        if several and (condition.equals is not None or condition.in_ is not None):
            yield self._mapping.problem(path, f"'{field.name}' holds several values at once; write {{includes: ...}}")

    def stages(
        self, path: Path, found: ObjectDescription, stages: MappingType[str, list[str]], where: Where | None = None
    ) -> Iterator[Problem]:
        for name, values in stages.items():
            field, problems = self.field((*path, name), found, name)
            yield from problems
            if field is not None:
                yield from self.values((*path, name), field, tuple(values), where)

    def reference(
        self,
        path: Path,
        found: ObjectDescription,
        reference: Reference | None,
        connection: str,
        read: MappingType[str, None],
    ) -> list[Problem]:
        """How a record leads to a partner or an entry, which come from the objects `read`. A field of text may hold any id."""
        if reference is None:
            return []
        here = found
        for name, step in reference.steps(found.name):
            if name != here.name:
                next_object, problems = self._named(path, connection, name)
                if next_object is None:
                    return problems
                here = next_object
            if not step.field:
                continue
            field, problems = self.field(path, here, step.field)
            if field is None:
                return problems
            if step is reference.last and (sentence := _leads_past(field, here, read)):
                return [self._mapping.problem(path, sentence)]
        return []


def _leads_past(field: FieldDescription, here: ObjectDescription, read: MappingType[str, None]) -> str | None:
    """What is wrong with a field that can hold no id of these objects' records."""
    if field.references and not any(name in read for name in field.references):
        leading = [f.name for f in here.fields if any(name in read for name in f.references)]
        wanted = " or ".join(read)
        return (
            f"'{field.name}' leads to {', '.join(field.references)} and not to {wanted}; {advice(field.name, leading)}"
        )
    if field.type not in (FieldType.TEXT, *_NUMBERS) or field.options:
        leading = [f.name for f in here.fields if f.references]
        return f"'{field.name}' holds no id of a record ({field.crm_type}); {advice(field.name, leading)}"
    return None


def _of_fields(met: str, there: Iterable[str], hidden: str = "") -> str:
    """The end of a sentence: the field that was meant, where one is called nearly so; otherwise how a `hidden` one comes to be seen.

    Names of one object share words (AgreedOn, RequestedOn), so that what is merely alike is another field.
    """
    names = sorted(there)
    plain = {_plain(name): name for name in reversed(names)}
    near = extractOne(_plain(met), plain.keys(), scorer=OSA.normalized_similarity, score_cutoff=NEAR)
    if near is not None:
        said = f"did you mean '{plain[near[0]]}'? "
    else:
        said = f"mend the name, or, where it is there and hidden, {hidden}. " if hidden else ""
    return said + advice("", names)


def _plain(name: str) -> str:
    return name.casefold().removesuffix("__c").replace("_", "")


def _may_hold_numbers(field: FieldDescription) -> bool:
    if field.type in _NUMBERS:
        return True
    return field.type is FieldType.TEXT and all(number_of(value) is not None for value, _ in field.options)
