"""The published schema: what an editor underlines while a person types is what the reader refuses, but for what no schema can tell."""

import json
import re
from copy import deepcopy
from functools import cache, reduce
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter, ValidationError

from jobs.presets.texts import PRESETS, SANDBOX, mapping_text
from sync.documents import read_document
from sync.mapping.conditions import Day, Number
from sync.mapping.grammar import json_schema
from sync.mapping.loading import load_mapping
from sync.mapping.patterns import problem_of
from sync.mapping.problems import MappingError
from sync.mapping.written import WRITTEN_DAY, WRITTEN_NUMBER, WRITTEN_PATTERN
from tests.mapping_world import preset_text
from tests.unit.test_list_records import REFUSED
from tests.unit.test_mapping_grammar import MILESTONES, MORE, SMALL, TWICE

GUIDE = (Path(__file__).parents[2] / "docs" / "mapping.md").read_text("utf-8")

# What a schema cannot tell, by a piece of the reader's sentence: the reason, which docs/mapping.md says too.
NAMES, NUMBERS, PARENTHESES = (
    "It cannot hold one name against another",
    "It cannot hold one number against another",
    "It cannot count the parentheses of a pattern",
)
BEYOND = {
    "overlap": NUMBERS,
    "write the smaller number first": NUMBERS,
    "is read by no": NAMES,
    "already, on line": NAMES,
    "no rule reads 'acounts'": NAMES,
    "holds the partner; take it out of set": NAMES,
    "leads to the partner; another field names": NAMES,
    "holds the record that comes first; take it out": NAMES,
    "a new record would hold": NAMES,
    "holds something else already; another field": NAMES,
    "missing ): (": PARENTHESES,
}


@cache
def validator() -> Draft202012Validator:
    return Draft202012Validator(json_schema())


def faults(text):
    """What an editor with the schema would underline."""
    return [error.message for error in validator().iter_errors(read_document(text, "").data)]


def refused(text):
    with pytest.raises(MappingError) as caught:
        load_mapping(text)
    return str(caught.value)


CORPUS = [
    *(SMALL.replace("{at: ListedOn__c}", milestone) for milestone, _ in MILESTONES),
    *(f"{SMALL}{more}\n" for more, _ in MORE),
    *(SMALL.replace("listed: {at: ListedOn__c}", milestones) for milestones, _, _ in TWICE),
    *(text for text, _ in REFUSED),
]


@pytest.mark.parametrize("text", CORPUS, ids=range(len(CORPUS)))
def test_every_broken_mapping_of_the_tests_is_underlined_but_for_what_no_schema_can_tell(text):
    said = refused(text)
    told = [line for line in said.splitlines() if not any(piece in line for piece in BEYOND)]
    assert bool(faults(text)) is bool(told), said


def test_what_is_beyond_a_schema_is_met_in_the_tests_and_said_in_the_guide():
    said = "\n".join(refused(text) for text in CORPUS)
    assert [piece for piece in BEYOND if piece not in said] == []
    assert [reason for reason in set(BEYOND.values()) if reason not in GUIDE] == []


def test_the_schema_completes_keys_and_takes_the_shorthands():
    schema = json_schema()
    partner = schema["$defs"]["PartnerRule"]
    assert {"from", "where", "match_on"} <= set(partner["properties"])
    assert partner["additionalProperties"] is False
    assert {"string", "array"} <= {
        kind.get("type") for kind in schema["$defs"]["Where"]["additionalProperties"]["anyOf"]
    }


def test_an_editor_with_the_schema_takes_what_is_right():
    Draft202012Validator.check_schema(json_schema())
    assert faults(SMALL) == faults(preset_text()) == []
    for name in (*PRESETS, SANDBOX):
        with_lists = mapping_text(name).replace("    # create: ", "    create: ")
        assert (name, faults(with_lists)) == (name, [])
        load_mapping(with_lists)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("- from: salesforce.Account", "- form: salesforce.Account"),
        ("listed: {at: ListedOn__c}", "listd: {at: ListedOn__c}"),
        ("{at: ListedOn__c}", "{att: ListedOn__c}"),
        ("match_on: {domain: Website}", "where: {Type: {contians: x}}"),
        ("match_on: {domain: Website}", "where: {or: {Type: x}}"),
        ("match_on: {domain: Website}", "where: {related: {by: X}}"),
        ("timezone: Asia/Tokyo", "timezone: Asia/Tokyo\nwrite_back: {partner: {salesforce.Account: [teir]}}"),
        ("timezone: Asia/Tokyo\n", ""),
        ("from: salesforce.Account", "from: Account"),
        ("{at: ListedOn__c}", "{reason: X}"),
        ("{at: ListedOn__c}", "{activity: {kind: approach}, at: X}"),
        ("{at: ListedOn__c}", "{at: X, object: Y}"),
        ("{at: ListedOn__c}", "{enters: {S: []}}"),
        ("partner: Partner__c", "partner: {field: X, association: y}"),
        ("partner: Partner__c", "partner: {label: x}"),
        ("partner: Partner__c", "partner: {field: X, label: y}"),
        ("match_on: {domain: Website}", "where: {Type: {}}"),
        ("match_on: {domain: Website}", "where: {not: {}}"),
        ("match_on: {domain: Website}", "where: {or: [{}]}"),
        ("match_on: {domain: Website}", "where: {related: {by: X, where: {}}}"),
        ("timezone: Asia/Tokyo", "timezone: Asia/Tokyo\npartner_types: {a: {}}"),
        ("timezone: Asia/Tokyo", "timezone: Asia/Tokyo\nactivities: [{from: a.B, kind: touch, at: X}]"),
        ("timezone: Asia/Tokyo", "timezone: Asia/Tokyo\ndeals_all_channels: [{from: a.B, partner_sourced: {}}]"),
    ],
)
def test_an_editor_with_the_schema_underlines_what_the_reader_refuses(right, wrong):
    text = SMALL.replace(right, wrong, 1)
    assert faults(text)
    assert refused(text)


@pytest.mark.parametrize(
    "pattern",
    [
        "(?i)qbr",
        r"\(?=",
        "[(?=]",
        r"^(週次|月次)定例",
        r"\Qa(?=b\E",
        r"\123",
        "[[:alpha:]]+",
        "[]a]",
        "(?P<x>a)",
        "(?:a)",
        r"a\.b",
    ],
)
def test_a_pattern_that_is_read_is_not_underlined(pattern):
    assert problem_of(pattern) is None
    assert re.search(WRITTEN_PATTERN, pattern)


@pytest.mark.parametrize("pattern", ["(?=a)b", "a(?!b)", "(?<=a)b", "(?<!a)b", r"(a)\1", r"\9", "[a", "a\\"])
def test_a_pattern_that_looks_around_refers_back_or_is_left_open_is_underlined(pattern):
    assert problem_of(pattern) is not None
    assert not re.search(WRITTEN_PATTERN, pattern)


@given(st.text(alphabet="a(?=!<:)[]^\\\\QE19.", max_size=10))
def test_no_pattern_that_is_read_is_underlined(pattern):
    assert problem_of(pattern) is not None or re.search(WRITTEN_PATTERN, pattern)


@given(st.from_regex(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z") | st.dates().map(str) | st.text(max_size=11))
def test_a_day_is_underlined_exactly_where_it_is_refused(text):
    assert bool(re.search(WRITTEN_DAY, text)) is _read(Day, text) or "\n" in text


@given(st.text(alphabet="0123456789.,+-e _", max_size=6))
def test_no_number_that_is_read_is_underlined(text):
    assert bool(re.search(WRITTEN_NUMBER, text)) or not _read(Number, text)


def _read(kind, text):
    try:
        TypeAdapter(kind).validate_python(text)
    except ValidationError:
        return False
    return True


WORDS = ("and", "among", "at", "customers", "entry", "field", "first", "instead", "linked", "match_on", "name", "not", "object", "of", "or",
         "partner", "reason", "regex", "related", "row", "set", "since", "stands", "then", "values", "where")  # fmt: skip
PIECES = (None, "", "x", "salesforce.Account", "lists.row", 1, True, [], {}, ["a"], {"field": "A"}, "2026-01-31", {"association": "companies"},
          {"row": "name"}, ["A", ""], {"then": "B", "field": "A"}, "approach")  # fmt: skip


def places(part, path=()):
    """Every place of a document but the whole."""
    for key, below in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
        yield (*path, key)
        yield from places(below, (*path, key))


@pytest.mark.parametrize("word", ["1", "yes", '"true"'])
def test_whether_a_field_is_empty_is_true_or_false_for_reader_and_editor_alike(word):
    text = mapping_text("salesforce-campaign").replace("empty: false", f"empty: {word}", 1)
    assert f"empty: {word}" in text
    assert faults(text)
    with pytest.raises(MappingError, match="'empty' needs true or false"):
        load_mapping(text)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_the_reader_takes_is_never_underlined_however_a_mapping_was_changed(data):
    held = read_document(mapping_text("salesforce-campaign").replace("    # create: ", "    create: "), "").data
    held = json.loads(json.dumps(held))
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(list(places(held))))
        parent, key = reduce(lambda part, step: part[step], path[:-1], held), path[-1]
        how = data.draw(st.sampled_from(["take away", "replace", "add"]))
        if how == "take away":
            del parent[key]
        elif how == "replace" or not isinstance(parent, dict):
            parent[key] = deepcopy(data.draw(st.sampled_from(PIECES)))
        else:
            parent[data.draw(st.sampled_from(WORDS))] = deepcopy(data.draw(st.sampled_from(PIECES)))
    text = json.dumps(held)  # which is YAML
    try:
        load_mapping(text)
    except MappingError:
        return
    assert faults(text) == []
