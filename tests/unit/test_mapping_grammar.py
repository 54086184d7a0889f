"""mapping.yaml as people write it: read where it is right, and told where and how it is wrong."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.mapping.loading import load_mapping
from sync.mapping.problems import MappingError
from tests.mapping_world import preset, preset_text

SMALL = """\
timezone: Asia/Tokyo
partners:
  - from: salesforce.Account
    match_on: {domain: Website}
entries:
  - from: salesforce.Entry__c
    partner: Partner__c
    milestones:
      listed: {at: ListedOn__c}
"""


def said(text: str) -> list[str]:
    with pytest.raises(MappingError) as caught:
        load_mapping(text, "mapping.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_the_sandbox_preset_is_read():
    mapping = preset()
    assert [rule.from_ for rule in mapping.entries] == [
        "salesforce.AttackListEntry__c", "hubspot.deals", "lists.row",
    ]  # fmt: skip
    assert mapping.entries[2].target.domain == "domain"  # a rule on imported lists says the rest by itself
    assert mapping.entries[1].partner.label == "partner"
    assert mapping.entries[0].milestones["deal"].linked_object == "Opportunity"
    assert mapping.write_back.entry["hubspot.deals"] == "default"


def test_an_unknown_key_names_its_line_and_the_key_that_was_meant():
    (first, *_) = said(SMALL.replace("- from: salesforce.Account", "- form: salesforce.Account"))
    assert "mapping.yaml:3: " in first
    assert any(
        "unknown key 'form' in a partner rule; did you mean 'from'?" in s
        for s in said(SMALL.replace("- from: salesforce.A", "- form: salesforce.A"))
    )


def test_every_error_is_reported_in_the_order_of_the_file():
    wrong = SMALL.replace("Asia/Tokyo", "Asia/Tokio").replace("domain:", "domian:").replace("listed:", "listd:")
    found = said(wrong)
    assert [line.split(":")[1] for line in found] == ["1", "4", "9"]
    assert "did you mean 'domain'" in found[1]
    assert "'listd' is not known as a milestone; did you mean 'listed'?" in found[2]


MILESTONES = [
    ("{}", "a milestone needs a source"),
    ("{at: D, activity: {kind: approach}}", "dated by the activity"),
    ("{at: D, object: Opportunity}", "there is no 'linked' here"),
    ("{enters: {A: x, B: y}}", "'enters' takes 1, found 2"),
    ("{at: D, reason: Why}", "it belongs to the milestone 'lost'"),
    ("{activity: {kind: approach}}", "could never be reached"),
    ("{activity: {kind: aproach}}", "did you mean 'approach'"),
    ("{linked: {field: F, association: deals}, at: D}", "write one of the two"),
    ("{linked: [F], at: D}", "found a list"),
    (
        "{linked: {field: F, object: O}, at: D}",
        "'object' names the record in between; without 'then' there is none",
    ),
    ("{linked: {field: F, then: {label: x}}, at: D}", "write one of the two"),
    ("{at: }", "a milestone needs a source"),
    ("{enters: {A: [{b: c}]}}", "'A' needs text, found keys with values"),
]


@pytest.mark.parametrize(("milestone", "sentence"), MILESTONES)
def test_a_milestone_that_cannot_be_is_refused_with_its_line(milestone, sentence):
    found = said(SMALL.replace("{at: ListedOn__c}", milestone))
    assert any(sentence in line and line.startswith("mapping.yaml:9:") for line in found), found


TWICE = [
    ("listed: {at: D}\n      agreed: {enters: {S: A}}\n      executed:\n        enters:\n          S: [B, A]", 13, "'A' of S is the milestone 'agreed' already, on line 10, and here the milestone 'executed'"),
    ("listed: {enters: {S: A}}\n    ignored:\n      S:\n        - B\n        - A", 13, "'A' of S is the milestone 'listed' already, on line 9, and here 'ignored'"),
    ("won: {linked: O, enters: {S: A}}\n      deal: {linked: O, enters: {S: A}}", 10, "'A' of S is the milestone 'won' already, on line 9, and here the milestone 'deal'"),
]  # fmt: skip


@pytest.mark.parametrize(("milestones", "line", "sentence"), TWICE)
def test_a_stage_that_would_mean_two_things_is_refused_where_it_is_named_again(milestones, line, sentence):
    (found,) = said(SMALL.replace("listed: {at: ListedOn__c}", milestones))
    assert found == f"mapping.yaml:{line}: the stage {sentence}; keep it in the one that it means"


@pytest.mark.parametrize(
    "milestones",
    [
        "won: {linked: O, enters: {S: A}}\n      deal: {linked: P, enters: {S: A}}",
        "won: {linked: O, enters: {S: A}}\n    ignored: {S: A}",
        "won: {enters: {S: A}}\n    ignored: {T: A}",
    ],
)
def test_one_word_may_be_a_stage_of_two_fields_and_of_two_records(milestones):
    load_mapping(SMALL.replace("listed: {at: ListedOn__c}", milestones))


MORE = [
    ("partner_types: {a: {size: small}}", "no sizes: part"),
    ("partner_types: {a: {}}", "fits every partner"),
    ("partner_types: {a: {industry: food}}", "no partner rule maps 'industry'"),
    ("sizes: {small: [0, 50], large: [50, null]}", "sizes 'small' and 'large' overlap"),
    ("sizes: {small: [9, 1]}", "write the smaller number first"),
    ("write_back: {partner: {salesforce.Acount: default}}", "did you mean 'salesforce.Account'"),
    ("write_back: {partner: {salesforce.Account: [teir]}}", "did you mean 'tier'"),
    ("write_back: {partner: {salesforce.Account: all}}", "write default"),
    ("deals_all_channels: [{from: salesforce.O, partner_sourced: {S: P}}]", "needs 'at'"),
    ("activities: [{from: salesforce.E, kind: dinner, at: D}]", "belongs to someone"),
    ("activities: [{from: salesforce.E, kind: dinner, at: D, partner: {association: acounts}}]", "no rule reads 'acounts'"),
    ("language: fr", "Allowed: en, ja"),
    ("deals_all_channels: [{from: salesforce.O, at: D, partner_sourced: {}}]", "say what makes a deal partner-sourced"),
    ("deals_all_channels: [{from: salesforce.O, at: D, partner_sourced: {S: P}, won: {}}]", "say what makes a deal won, such as {IsWon: true}, or leave it out"),
    ("deals_all_channels: [{from: salesforce.O, at: D, partner_sourced: {S: P}, won: {S: {contians: x}}}]", "did you mean 'contains'?"),
    ("deals_all_channels: [{from: salesforce.O, at: D, partner_sourced: {S: {contians: x}}}]", "unknown key 'contians' in a condition; did you mean 'contains'?"),
    ("deals_all_channels: [{from: salesforce.O, at: D, partner_sourced: {S: {regex: '('}}}]", "the pattern '(' is not read: missing ): ("),
    ("deals_all_channels: [{from: salesforce.O, at: D, partner_sourced: {or: [{S: {since: soon}}]}}]", "'soon' is no day"),
    ("deals_all_channels: [{from: salesforce.O, at: D, partner_sourced: {or: {S: x}}}]", "'or' needs a list"),
    ("deals_all_channels: [{from: salesforce.O, at: D, partner_sourced: {not: {}}}]", "an empty one would hold for every record"),
    ("deals_all_channels: [{from: salesforce.O, at: D, partner_sourced: {related: {by: X, were: {}}}}]", "unknown key 'were' in a related record; did you mean 'where'?"),
]  # fmt: skip


@pytest.mark.parametrize(("more", "sentence"), MORE)
def test_parts_that_do_not_fit_each_other_are_refused_with_their_line(more, sentence):
    found = said(SMALL + more + "\n")
    assert any(sentence in line and line.startswith("mapping.yaml:10:") for line in found), found


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "mapping.yaml:1: the file is empty"),
        ("- a", "holds no mapping"),
        ("a: [1", "mapping.yaml:1: this is not YAML"),
        ("a: 1\na: 2", "mapping.yaml:2: the key 'a' stands here twice, first on line 1"),
        ("a: &x [1]\nb: *x", "mapping.yaml:2: aliases are not read"),
        ("a: &x [*x]", "aliases are not read"),
        ("a: !!python/object:os.system x", "tags are not read"),
        ("a: 1\nb: \x00", "mapping.yaml:2: a control character stands here"),
        ("a: 1\n---\nb: 2", "this is not YAML"),
        ("? [a]\n: 1", "a key must be a plain word"),
        ("[" * 5000, "nested too deeply"),
    ],
)
def test_yaml_that_is_no_mapping_is_refused_in_one_sentence(text, sentence):
    assert sentence in said(text)[0]


UNPAIRED = [
    ("a: 1\nb: [x, y\nc: 3\nd: 4", 2, "the '[' that opens here is not closed by a ']'; line 3 is read as part of it"),
    ('a: 1\nb: [x, "y"\nc: 3', 2, "the '[' that opens here is not closed by a ']'; line 3 is read as part of it"),
    (
        "e:\n  - {from: a.B, where: {x: [1, 2}, at: D}\n  - {from: a.C}",
        2,
        "the '[' that opens here is not closed by a ']'",
    ),
    ("a: 1\nb: {x: y", 2, "the '{' that opens here is not closed by a '}'"),
    ('a: 1\nb: "x\nc: 3\n', 2, 'the quote (") that opens here is never closed'),
    (
        'a: 1\nb: {x: "100}\nc: {x: "2"}\n',
        2,
        'the quote (") that opens here is closed on line 3 only; close it where its text ends',
    ),
    (
        "a: 1\nb: 'x\nc: 3\nd: '2'\n",
        2,
        "the quote (') that opens here is closed on line 4 only; close it where its text ends",
    ),
    ("a: 1\nb: [x]]\nc: 1", 2, "a ']' stands here, and nothing is open that it closes"),
    ("a: [\n  x,\n  {y: 1} z,\n]", 3, "expected ',' or ']', but got '<scalar>'"),
]


@pytest.mark.parametrize(("text", "line", "sentence"), UNPAIRED)
def test_a_bracket_or_quote_without_its_other_half_is_told_where_it_was_opened(text, line, sentence):
    assert said(text) == [f"mapping.yaml:{line}: this is not YAML: {sentence}"]


def test_a_bomb_of_aliases_is_one_sentence_a_line():
    bomb = "a: &a [x, x]\n" + "".join(
        f"{c}: &{c} [{', '.join(['*' + p] * 9)}]\n" for p, c in zip("abc", "bcd", strict=True)
    )
    with pytest.raises(MappingError) as refused:
        load_mapping(bomb, "mapping.yaml")
    assert str(refused.value).splitlines() == [
        f"mapping.yaml:{line}: aliases are not read (found *{name}); write the value out"
        for line, name in ((2, "a"), (3, "b"), (4, "c"))
    ]


@given(st.text(max_size=200))
def test_no_text_brings_anything_but_a_mapping_error(text):
    with pytest.raises(MappingError):
        load_mapping(text, "mapping.yaml")


@given(st.integers(0, 8), st.text(alphabet="abz:{}[]-'\"# \n0", min_size=1, max_size=12))
def test_a_line_of_rubbish_in_a_good_file_is_read_or_refused(at, rubbish):
    lines = SMALL.splitlines()
    lines[at] += rubbish
    with contextlib.suppress(MappingError):
        load_mapping("\n".join(lines), "mapping.yaml")


def test_the_version_is_of_what_is_said_not_of_how_it_is_laid_out():
    one = load_mapping(SMALL, "a.yaml")
    same = load_mapping("# a comment\n" + SMALL.replace("{at: ListedOn__c}", "\n        at: 'ListedOn__c'"), "b.yaml")
    other = load_mapping(SMALL.replace("ListedOn__c", "Listed_On__c"), "a.yaml")
    assert one.hash == same.hash != other.hash
    assert len(one.hash) == 64


def test_the_order_of_partner_types_is_part_of_the_version():
    text = SMALL.replace("match_on:", "attributes: {industry: Industry}\n    match_on:")
    one = load_mapping(text + "partner_types: {a: {industry: [x]}, b: {industry: [x, y]}}\n")
    other = load_mapping(text + "partner_types: {b: {industry: [x, y]}, a: {industry: [x]}}\n")
    assert one.hash != other.hash


def test_an_unquoted_stage_id_is_the_text_the_crm_writes():
    one = load_mapping(SMALL.replace("{at: ListedOn__c}", "{enters: {dealstage: 1001}}"))
    assert one.entries[0].milestones["listed"].stage == ("dealstage", ["1001"])


def test_a_position_is_kept_for_whoever_judges_later():
    mapping = preset()
    line = mapping.line(("entries", 0, "milestones", "requested", "enters", "Status__c"))
    assert "requested: {enters: {Status__c: Requested}" in preset_text().splitlines()[line - 1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("timezone: Asia/Tokyo\npartners:\n\t- from: crm.Account\n", "m.yaml:3: this is not YAML: a tab stands here"),
        (
            "timezone: Asia/Tokyo\nlanguage： ja\n# all\npartners: []\n",
            "m.yaml:2: this is not YAML: a full-width colon",
        ),
        ("#" * 2_000_001, "m.yaml:1: the file is too long .2,000,001 characters"),
    ],
)
def test_slips_of_the_keyboard_are_named_with_their_own_line(text: str, said: str) -> None:
    with pytest.raises(MappingError, match=said):
        load_mapping(text, "m.yaml")
