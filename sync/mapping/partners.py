"""Partners: the records that are one company, whatever CRM they stand in, and what the company is like.

Which records are one company is said by `matching`. The record that its CRM made first names the partner, so that a company that
turns up in a second CRM keeps the id it had in the first.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from models.vocabulary import Partner, RecordRef, Willingness
from sync.mapping.conditions import MirrorValue, one_of, text_of
from sync.mapping.dates import UnreadableDateError, day_of, moment_of
from sync.mapping.facts import IssueKind, Issues, SourceMatch
from sync.mapping.grammar import Mapping
from sync.mapping.identity import corporate_number, domain, record_id
from sync.mapping.matching import Decision, Marks, Matched, Suggestion, match
from sync.mapping.needs import partner_fields, partner_made_by
from sync.mapping.reader import MirrorReader, MirrorRow
from sync.mapping.rules import DAYS, PartnerRule
from sync.mapping.selection import selector

UNCLASSIFIED = "unclassified"
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class PartnerIndex:
    """From a record to the partner it is, records that were merged away included."""

    by_object: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)

    def find(self, connection: str, record: str, object_name: str | None = None) -> str | None:
        """The partner's id; among all partner objects of the connection where the object is not known."""
        for (of_connection, of_object), ids in self.by_object.items():
            if of_connection == connection and object_name in (None, of_object) and record in ids:
                return ids[record]
        return None


@dataclass(slots=True)
class Partners:
    """`suggestions` are for a person to decide; `names` and `marks` say what is known of each record."""

    partners: tuple[Partner, ...]
    matches: tuple[SourceMatch, ...]
    index: PartnerIndex
    suggestions: tuple[Suggestion, ...] = ()
    marks: dict[RecordRef, Marks] = field(default_factory=dict)


@dataclass(slots=True)
class _Source:
    """One live record that a partner rule takes. `made` is when its CRM made it, where the mapping names the field."""

    ref: RecordRef
    rule: int
    marks: Marks
    made: datetime | None
    said: dict[str, str]  # attribute -> the mapping's word, where the field is not empty


def derive_partners(
    mapping: Mapping, source: MirrorReader, issues: Issues, decisions: Sequence[Decision] = (), *, alike: bool = True
) -> Partners:
    """The partners of all connections, in the order of their ids. `decisions` are a person's, oldest first.

    Without `alike`, names that are only alike are not suggested, which takes most of the time where partners are many.
    """
    sources, merged = _read(mapping, source, issues)
    marks = {ref: found.marks for ref, found in sources.items()}
    # a decision on a record that was merged away is about the record that it went into
    moved = (d._replace(left=_survivor(d.left, merged), right=_survivor(d.right, merged)) for d in decisions)
    found = match(marks, [d for d in moved if d.left != d.right], alike=alike)
    _report(found, issues)
    aliases: dict[RecordRef, list[RecordRef]] = defaultdict(list)
    for old in merged:
        survivor = _survivor(old, merged)
        if survivor in sources:
            aliases[survivor].append(old)
    partners, matches, index = [], [], PartnerIndex()
    for members in found.groups.values():
        gone = [old for member in members for old in aliases[member]]
        partner_id = record_id("partner", _naming(members, gone, sources))
        for ref in (*members, *gone):
            index.by_object.setdefault((ref.connection, ref.object), {})[ref.id] = partner_id
        company = sorted((sources[ref] for ref in members), key=lambda s: (s.rule, s.ref))
        partners.append(_partner(mapping, partner_id, company, issues))
        matches += [SourceMatch(s.ref, partner_id, found.matched_by[s.ref]) for s in company]
    _report_unmapped(mapping, sources.values(), issues)
    ordered = tuple(sorted(partners, key=lambda p: p.partner_id))
    return Partners(ordered, tuple(sorted(matches)), index, found.suggestions, marks)


def _naming(members: list[RecordRef], gone: list[RecordRef], sources: MappingType[RecordRef, _Source]) -> RecordRef:
    """The record that names the partner: the first that was made. Of the same object the smallest id counts, merged ones too."""
    # a merge must not rename the partner: records that were merged away, which tell no more when they were made, stand for their winner
    firsts: dict[tuple[str, str], RecordRef] = {}
    for ref in sorted((*members, *gone)):
        firsts.setdefault((ref.connection, ref.object), ref)
    made: dict[tuple[str, str], datetime] = {}
    for ref in members:
        when, place = sources[ref].made or _NEVER, (ref.connection, ref.object)
        made[place] = min(made.get(place, _NEVER), when)
    return min(firsts.items(), key=lambda item: (made.get(item[0], _NEVER), item[1]))[1]


def _read(
    mapping: Mapping, reader: MirrorReader, issues: Issues
) -> tuple[dict[RecordRef, _Source], dict[RecordRef, RecordRef]]:
    """The live records that are partners, and where merged records went."""
    sources: dict[RecordRef, _Source] = {}
    merged: dict[RecordRef, RecordRef] = {}
    by_object: dict[tuple[str, str], list[tuple[int, PartnerRule]]] = defaultdict(list)
    for index, rule in enumerate(mapping.partners):
        by_object[rule.connection, rule.object].append((index, rule))
    for (connection, name), rules in by_object.items():
        made_by = partner_made_by(mapping, connection, name)
        fields = sorted({f for _, rule in rules for f in partner_fields(rule)} | ({made_by} if made_by else set()))
        tests = [(i, rule, selector(rule.where, reader, connection, name, mapping.zone)) for i, rule in rules]
        for row in reader.rows(connection, name, fields, deleted=True):
            ref = RecordRef(connection, name, row.id)
            if row.merged_into:
                merged[ref] = RecordRef(connection, name, row.merged_into)
            elif not row.deleted:
                chosen = next(((index, rule) for index, rule, fits in tests if fits(row)), None)
                if chosen:
                    sources[ref] = _source(mapping, ref, *chosen, row, issues)
    return sources, merged


def _source(mapping: Mapping, ref: RecordRef, index: int, rule: PartnerRule, row: MirrorRow, issues: Issues) -> _Source:
    values = row.values
    told = {mark: text for mark, name in rule.match_on.items() if (text := _said(values.get(name)))}
    number = corporate_number(told.get("corporate_number", ""))
    if number is None and "corporate_number" in told:
        path, met_in = f"partners[{index}].match_on.corporate_number", rule.match_on.corporate_number or ""
        issues.add(IssueKind.CORPORATE_NUMBER_INVALID, path, ref, field=met_in)
    said = {}
    for name, attribute in rule.attributes.items():
        if text := _said(values.get(attribute.field)):
            said[name] = attribute.values.get(text, text)
    marks = Marks(
        name=_said(values.get(rule.name)) if rule.name else "",
        number=number,
        domain=domain(told.get("domain", "")),
        phone=told.get("phone"),
        prefecture=told.get("prefecture"),
        city=told.get("city"),
    )
    made_by = partner_made_by(mapping, ref.connection, ref.object)
    return _Source(ref, index, marks, moment_of(values.get(made_by)) if made_by else None, said)


def _said(value: MirrorValue) -> str:
    return text_of(value).strip()


def _survivor(ref: RecordRef, merged: MappingType[RecordRef, RecordRef]) -> RecordRef:
    """Where a chain of merges ends; a cycle, which no CRM should send, ends where it began."""
    seen = {ref}
    while (following := merged.get(ref)) and following not in seen:
        ref = following
        seen.add(ref)
    return ref


def _report(found: Matched, issues: Issues) -> None:
    for (mark, value), refs in found.ambiguous.items():
        issues.add_all(
            IssueKind.PARTNER_AMBIGUOUS, "partners", refs, field=mark, value=value if mark == "domain" else ""
        )
    for suggestion in found.suggestions:
        issues.add(IssueKind.PARTNER_SUGGESTED, "partners", suggestion.left, field=suggestion.why)
    for members in found.groups.values():
        times = Counter((ref.connection, ref.object) for ref in members)
        again = [ref for ref in members if times[ref.connection, ref.object] > 1]
        issues.add_all(IssueKind.PARTNER_DUPLICATE, "partners", again)


def _partner(mapping: Mapping, partner_id: str, company: list[_Source], issues: Issues) -> Partner:
    """One partner from its records: the first rule's word counts where they disagree, an empty field never does."""
    said: dict[str, str] = {}
    for source in company:
        for name, word in source.said.items():
            if said.setdefault(name, word) != word and name not in (*DAYS, "employees"):
                issues.add(
                    IssueKind.ATTRIBUTES_DIFFER, f"partners[{source.rule}].attributes.{name}", source.ref, field=name
                )
    employees, size = _size(mapping, said.get("employees"))
    attributes = {
        "industry": said.get("industry"),
        "size": size,
        "contract": said.get("contract"),
        "employees": employees,
    }
    if (ended := max(_days(mapping, company, "ended_on", issues), default=None)) is not None:
        attributes["ended_on"] = ended.isoformat()
    return Partner(
        partner_id=partner_id,
        name=next((source.marks.name for source in company if source.marks.name), str(company[0].ref)),
        type=partner_type(mapping, attributes),
        sources=tuple(sorted(source.ref for source in company)),
        willingness=_willingness(company),
        submitted_on=max(_days(mapping, company, "submitted_on", issues), default=None),
        joined_on=min(_days(mapping, company, "joined_on", issues), default=None),
        attributes=attributes,
    )


def _size(mapping: Mapping, employees: str | None) -> tuple[str | None, str | None]:
    """(employees, size); both None where the field holds no number."""
    try:
        count = int(float(employees.replace(",", ""))) if employees else None
    except (ValueError, OverflowError):
        count = None
    if count is None:
        return None, None
    fitting = (n for n, (low, high) in mapping.sizes.items() if low <= count and (high is None or count <= high))
    return str(count), next(fitting, None)


def _willingness(company: list[_Source]) -> Willingness:
    """The first definite answer, in the order of the rules; unknown where nobody has one."""
    words = (source.said.get("willingness") for source in company)
    answers = [Willingness(word) for word in words if word in set(Willingness)]
    return next((answer for answer in answers if answer is not Willingness.UNKNOWN), Willingness.UNKNOWN)


def _days(mapping: Mapping, company: list[_Source], name: str, issues: Issues) -> Iterator[date]:
    for source in company:
        if word := source.said.get(name):
            try:
                day = day_of(word, mapping.zone)
            except UnreadableDateError:
                issues.add(
                    IssueKind.DATE_UNREADABLE, f"partners[{source.rule}].attributes.{name}", source.ref, field=name
                )
                continue
            if day is not None:
                yield day


def partner_type(mapping: Mapping, attributes: MappingType[str, str | None]) -> str:
    """The first type all of whose axes hold; `unclassified` where none does."""
    for name, wanted in mapping.partner_types.items():
        if all(one_of(values)(attributes.get(axis)) for axis, values in wanted.axes()):
            return name
    return UNCLASSIFIED


def _report_unmapped(mapping: Mapping, sources: Iterable[_Source], issues: Issues) -> None:
    """Values that a partner type or the vocabulary should know, and does not."""
    known: dict[str, set[str]] = {"willingness": set(Willingness)}
    for axis in ("industry", "contract"):
        named = {value for kind in mapping.partner_types.values() for value in getattr(kind, axis) or ()}
        if named:
            known[axis] = named
    for source in sources:
        for name, words in known.items():
            word = source.said.get(name)
            if word is not None and word not in words:
                rule = mapping.partners[source.rule]
                attribute = getattr(rule.attributes, name)
                path = f"partners[{source.rule}].attributes.{name}"
                issues.add(IssueKind.UNMAPPED_VALUE, path, source.ref, field=attribute.field, value=word)
