"""The guide names every key of the grammar and every kind of issue, and its example is a mapping that loads."""

import re
from pathlib import Path

import pytest

from jobs.presets.texts import PRESETS, SANDBOX, mapping_text
from models.vocabulary import ActivityKind
from sync.mapping import create, rules
from sync.mapping.conditions import Condition
from sync.mapping.facts import IssueKind
from sync.mapping.grammar import Mapping
from sync.mapping.loading import load_mapping
from sync.mapping.where import Reference, Related, Where

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "mapping.md").read_text("utf-8")
MODELS = (Mapping, Condition, Where, Related, Reference, rules.PartnerRule, rules.Attributes, rules.EntryRule, rules.MilestoneRule, rules.ActivityRule, rules.DealRule, rules.CustomerRule, create.Create, create.First, create.Filling)  # fmt: skip


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_key_is_explained(model):
    keys = [field.alias or name for name, field in model.model_fields.items()]
    missing = [key for key in keys if not re.search(rf"\b{key}\b", GUIDE)]
    assert missing == []


def test_every_issue_and_every_kind_of_activity_is_explained():
    assert [kind.value for kind in (*IssueKind, *ActivityKind) if f"`{kind.value}`" not in GUIDE] == []


def test_the_examples_together_are_a_mapping():
    blocks = re.findall(r"```yaml\n(.*?)```", GUIDE.partition("## Changing a mapping")[0], re.DOTALL)
    extra = "timezone: Asia/Tokyo\ncreated: {salesforce: CreatedDate}\n"
    text = extra + "".join(blocks)
    text = text.replace("      industry: Industry\n", "      industry: Industry\n      contract: Contract__c\n")
    # the guide's second activity is HubSpot's, whose deals are entries in the preset but not here
    text = re.sub(
        r"  - \{from: hubspot\.tasks.*\n",
        "  - {from: salesforce.Task, kind: approach, entry: WhatId, at: ActivityDate}\n",
        text,
    )
    mapping = load_mapping(text, "docs/mapping.md")
    assert len(mapping.entries[0].milestones) == 5


@pytest.mark.parametrize(
    ("title", "preset"),
    [("A plain Salesforce org", "salesforce-lead"), ("A HubSpot portal", "hubspot-deals"), ("Both", SANDBOX)],
)
def test_the_worked_examples_are_the_presets_that_are_shown_on_worlds_of_their_shape(title, preset):
    text = re.search(r"```yaml\n(.*?)```", GUIDE.partition(f"### {title}\n")[2], re.DOTALL).group(1)
    assert load_mapping(text, title).hash == load_mapping(mapping_text(preset), preset).hash


def test_every_preset_is_in_the_table():
    assert [preset for preset in PRESETS if f"| `{preset}` |" not in GUIDE] == []
