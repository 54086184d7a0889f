"""What provisioning makes in Salesforce beyond fields and rights, against the sandbox; its Metadata API as the oracle."""

from collections.abc import Iterator
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.catalogue import BY_NAME, CatalogueField, Kind, fields_of
from sandbox.server import running
from sandbox.settings import SandboxSettings
from sync.connector import ProvisionStep
from sync.salesforce import ClientCredentials, SalesforceConnector
from sync.salesforce.metadata import MetadataApi, element, tag, text
from sync.salesforce.provision_layout import ours, section, shown, with_section, without_section
from sync.salesforce.provision_views import VIEWS, own_label
from tests.contract.salesforce_org import Org

SMALL = SandboxSettings(partners=2, months=2, entries=5)
OURS = {"prefix": "sakigake", "language": "ja"}
DUE = CatalogueField("next_regular_meeting_due", "partner", Kind.DATE, "Next regular meeting", "次回定例", "-", "-")
PARTNER = [f for f in fields_of("partner") if f.name != DUE.name] + [DUE]


class Place:
    """A sandbox, a connector, and the Metadata API beside it."""

    def __init__(self, url: str, settings: SandboxSettings) -> None:
        self.org = Org(url, settings)
        auth = ClientCredentials(settings.salesforce_client_id, settings.salesforce_client_secret)
        self.connector = SalesforceConnector("salesforce", url, auth, sleep=lambda _: None)
        self.api = MetadataApi(self.connector._client)

    def provision(
        self, fields: list[CatalogueField] = PARTNER, *, dry_run: bool = False, layout: bool = True
    ) -> dict[str, ProvisionStep]:
        steps = self.connector.provision("Account", fields, dry_run=dry_run, layout=layout, **OURS)
        return {s.what: s for s in steps}

    def remove(self, fields: list[CatalogueField] = PARTNER) -> dict[str, ProvisionStep]:
        return {s.what: s for s in self.connector.unprovision({"Account": fields}, prefix="sakigake", dry_run=False)}

    def pages(self) -> dict[str, str]:
        """All layouts, list views and translations, as text."""
        layouts = self.api.read("Layout", [n for n in self.api.names("Layout") if n.startswith("Account-")])
        views = self.api.read("ListView", self.api.names("ListView"))
        told = self.api.read("CustomObjectTranslation", ["Account-en_US", "Account-ja"])
        return {name: ET.tostring(one, encoding="unicode") for name, one in {**layouts, **views, **told}.items()}


def place(**settings: object) -> Iterator[Place]:
    made = replace(SMALL, **settings)  # type: ignore[arg-type]
    with running(made) as url:
        yield Place(url, made)


@pytest.fixture
def here() -> Iterator[Place]:
    yield from place()


def test_reps_find_views_sections_and_labels_in_both_languages_and_a_second_time_changes_nothing(here):
    first = here.provision()
    assert {s.status for s in first.values()} == {"created", "advice"}
    assert {"list view 優先度Aのパートナー", "list view 今週が期限の定例会"} <= set(first)
    views = here.api.read("ListView", ["Account.Sakigake_Tier_A_Partners", "Account.Sakigake_Regular_Meeting_Due"])
    said = {
        n: [text(f, k) for f in v.findall(tag("filters")) for k in ("field", "operation", "value")]
        for n, v in views.items()
    }
    assert said == {
        "Account.Sakigake_Tier_A_Partners": ["Sakigake_Tier__c", "equals", "A"],
        "Account.Sakigake_Regular_Meeting_Due": ["Sakigake_Next_Regular_Meeting_Due__c", "lessOrEqual", "THIS_WEEK"],
    }
    assert all(v.find(tag("sharedTo")) is None for v in views.values()), "everybody sees them"
    layouts = here.api.read("Layout", [n for n in here.api.names("Layout") if n.startswith("Account-")])
    assert len(layouts) == 2
    for layout in layouts.values():
        sections = [text(s, "label") for s in layout.findall(tag("layoutSections"))]
        assert sections == ["Information", "Sakigake", "System Information"]
        items = ours(layout).iter(tag("layoutItems"))
        assert {text(i, "behavior") for i in items} == {"Readonly"}
        assert {f"Sakigake_{n}__c" for n in ("Tier", "Tier_Reason", "Stalled_Entries")} <= shown(layout)
    (told,) = here.api.read("CustomObjectTranslation", ["Account-en_US"]).values()
    english = {text(f, "name"): (text(f, "label"), text(f, "help")) for f in told.findall(tag("fields"))}
    tier = BY_NAME["tier"]
    assert english["Sakigake_Tier__c"] == (tier.label_en, tier.help_en)
    assert here.connector.describe("Account").field("Sakigake_Tier__c").label == tier.label_ja
    pages, ledger = here.pages(), here.org.ledger("")
    again = here.provision()
    assert {s.status for s in again.values()} == {"present", "advice"}
    assert (here.pages(), here.org.ledger("")) == (pages, ledger)


def test_values_of_a_picklist_keep_their_order_and_numbers_their_places(here):
    here.provision()
    fields = {f["name"]: f for f in here.org.get("sobjects/Account/describe")["fields"]}
    assert [v["value"] for v in fields["Sakigake_Tier__c"]["picklistValues"]] == ["A", "B", "C", "D"]
    assert fields["Sakigake_Tier__c"]["restrictedPicklist"]
    rate = fields["Sakigake_Cvr_Listed_To_Deal__c"]
    assert (rate["type"], rate["precision"], rate["scale"]) == ("percent", 6, 1)
    assert (fields["Sakigake_Tier_Reason__c"]["type"], fields["Sakigake_Tier_Reason__c"]["length"]) == ("string", 255)
    assert fields["Sakigake_Tier__c"]["inlineHelpText"] == BY_NAME["tier"].help_ja


def test_layouts_stay_as_they_are_where_that_is_wished(here):
    before = {n: v for n, v in here.pages().items() if n.startswith("Account-Account")}
    steps = here.provision(layout=False)
    assert not [s for s in steps if "layout" in s]
    assert {n: v for n, v in here.pages().items() if n in before} == before
    assert {s.status for s in here.provision().values()} == {"present", "created", "advice"}


def test_a_dry_run_shows_the_very_requests_and_no_secret(here):
    pages = here.pages()
    shown_steps = here.provision([BY_NAME["tier"]], dry_run=True)
    assert here.pages() == pages
    bodies = [s.request["body"] for s in shown_steps.values() if s.request and isinstance(s.request["body"], str)]
    assert here.org.token not in str(bodies)
    assert here.connector._client.token.value not in str(bodies)
    kinds = [
        k for body in bodies for k in ("CustomObjectTranslation", "ListView", "Layout") if f'xsi:type="{k}"' in body
    ]
    assert kinds == ["CustomObjectTranslation", "ListView", "Layout", "Layout"]
    assert {n for n, s in shown_steps.items() if s.status == "would create"} == {
        n for n, s in here.provision([BY_NAME["tier"]]).items() if s.status == "created"
    }


def test_a_list_view_whose_label_somebody_uses_already_gets_our_prefix_behind_it(here):
    theirs = {"label": "優先度Aのパートナー", "filterScope": "Mine", "fullName": "Account.My_Best"}
    (saved,) = here.api.upsert("ListView", [element("metadata", theirs)])
    assert saved.code is None
    steps = here.provision([BY_NAME["tier"]])
    assert steps["list view 優先度Aのパートナー (sakigake)"].status == "created"
    views = here.api.read("ListView", ["Account.My_Best", "Account.Sakigake_Tier_A_Partners"])
    assert [text(v, "label") for v in views.values()] == ["優先度Aのパートナー", "優先度Aのパートナー (sakigake)"]
    again = here.provision([BY_NAME["tier"]])
    assert again["list view 優先度Aのパートナー"].status == "present"


@given(st.sampled_from(VIEWS), st.from_regex("[a-z][a-z0-9]{0,14}", fullmatch=True), st.sampled_from(["ja", "en"]))
def test_a_label_of_ones_own_fits_into_salesforce_and_tells_the_prefix(view, prefix, language):
    label = own_label(view, prefix, language)
    assert len(label) <= 40
    assert label.endswith(f" ({prefix})")


def test_without_the_translation_workbench_one_sentence_says_what_to_do():
    for there in place(salesforce_translation_workbench=False):
        steps = there.provision([BY_NAME["tier"]])
        assert steps["translations to en_US"].status == "advice"
        assert "Translation Language Settings" in steps["translations to en_US"].advice
        assert steps["list view 優先度Aのパートナー"].status == "created", "the rest goes on"


def test_an_english_organisation_gets_english_labels_and_a_japanese_translation():
    for there in place(salesforce_language="en_US"):
        steps = there.provision([BY_NAME["tier"]])
        assert steps["translations to ja"].status == "created"
        assert there.connector.describe("Account").field("Sakigake_Tier__c").label == BY_NAME["tier"].label_ja, (
            "our user reads Japanese"
        )
        (view,) = there.api.read("ListView", ["Account.Sakigake_Tier_A_Partners"]).values()
        assert text(view, "label") == "Tier A partners"


def test_a_field_of_another_type_that_we_cannot_see_is_refused_and_gets_no_rights_from_us(here):
    here.org.new_field("Account.Sakigake_Tier__c", type="Date")
    step = here.provision([BY_NAME["tier"]])["field Sakigake_Tier__c"]
    assert step.status == "refused"
    assert "type Date" in step.advice
    assert not here.org.query("SELECT Id FROM FieldPermissions WHERE Field = 'Account.Sakigake_Tier__c'")


def test_a_user_without_the_rights_gets_the_names_of_those_that_are_needed():
    for there in place(salesforce_permissions=("ApiEnabled",)):
        steps = there.provision([BY_NAME["tier"]])
        assert steps["field Sakigake_Tier__c"].status == "refused"
        for right in ("Customize Application", "Manage Profiles and Permission Sets", "Modify Metadata"):
            assert right in steps["field Sakigake_Tier__c"].advice


def test_removal_leaves_what_others_made_as_it_was(here):
    before = here.pages()
    mine = here.org.new_field("Account.Mine__c", type="Date")
    here.provision()
    (view,) = here.api.read("ListView", ["Account.Sakigake_Tier_A_Partners"]).values()
    (layout,) = here.api.read("Layout", ["Account-Account Layout"]).values()
    ours(layout).find(tag("layoutColumns")).append(element("layoutItems", {"behavior": "Edit", "field": "Mine__c"}))
    assert [s.code for s in here.api.upsert("Layout", [layout])] == [None]
    (editor,) = here.org.query("SELECT Id FROM PermissionSet WHERE Name = 'Sakigake_Fields'")
    more = {"SobjectType": "Account", "Field": "Account.Mine__c", "PermissionsRead": True}
    here.org.create("FieldPermissions", ParentId=editor["Id"], **more)
    steps = here.remove()
    assert steps["permission set Sakigake_Fields"].status == "kept"
    assert "Account.Mine__c" in steps["permission set Sakigake_Fields"].advice
    assert steps["permission set Sakigake_Reader"].status == "removed"
    assert here.org.call("GET", f"tooling/sobjects/CustomField/{mine}").status_code == 200
    after = here.pages()
    assert "Mine__c" in after["Account-Account Layout"], "a section in which somebody else's field stands stays"
    assert "Sakigake_" not in after["Account-Account Layout"]
    untouched = [n for n in before if n != "Account-Account Layout"]
    assert {n: after[n] for n in untouched} == {n: before[n] for n in untouched}
    assert text(view, "fullName") not in after


def test_removal_keeps_a_field_of_our_name_that_somebody_else_made(here):
    here.org.new_field("Account.Sakigake_Tier__c", type="Picklist", valueSet={
        "valueSetDefinition": {"value": [{"fullName": v, "label": v} for v in "ABCD"]}
    })  # fmt: skip
    assert here.provision([BY_NAME["tier"]])["field Sakigake_Tier__c"].status == "present"
    assert here.remove([BY_NAME["tier"]])["field Sakigake_Tier__c"].status == "kept"
    assert here.org.query("SELECT Id FROM CustomField WHERE DeveloperName = 'Sakigake_Tier'", "tooling/query")


def test_a_section_that_people_rearranged_stays_and_gets_only_what_is_new(here):
    two = [BY_NAME["tier"], BY_NAME["tier_since"]]
    here.provision(two)
    (layout,) = here.api.read("Layout", ["Account-Account Layout"]).values()
    changed = without_section(layout, {"Sakigake_Tier_Since__c"})
    here.api.upsert("Layout", [changed])
    here.provision([*two, BY_NAME["tier_reason"]])
    (layout,) = here.api.read("Layout", ["Account-Account Layout"]).values()
    assert {n for n in shown(layout) if n.startswith("Sakigake_")} == {"Sakigake_Tier__c", "Sakigake_Tier_Reason__c"}


NAMES = st.lists(st.sampled_from([f"F{n}__c" for n in range(8)]), unique=True, max_size=8)


@given(st.lists(NAMES, max_size=3), NAMES)
def test_a_section_put_in_and_taken_out_leaves_the_layout_as_it_was(sections, ours_names):
    taken: set[str] = set()
    layout = element("records", {"fullName": "X-Y"})
    for place_, names in enumerate(sections):
        own = [f"O_{n}" for n in names if n not in taken]
        taken |= set(names)
        part = section(own)
        part.find(tag("label")).text = f"S{place_}"
        layout.append(part)
    before = ET.tostring(layout)
    made = with_section(layout, ours_names, set())
    assert ET.tostring(layout) == before, "what is read is not changed in place"
    if not ours_names:
        assert made is None
        return
    assert shown(made) == shown(layout) | set(ours_names)
    assert with_section(made, ours_names, set(ours_names)) is None
    assert ET.tostring(without_section(made, set(ours_names))) == before
