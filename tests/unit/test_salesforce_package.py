"""deploy/salesforce: in step with the catalogue, and in the words of Salesforce's own description of metadata."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import simple_salesforce

from jobs.presets.writing import write_preset
from jobs.settings import load
from jobs.steps.package import write_package
from jobs.wiring import choose_workspace, read_rules
from models.catalogue import CATALOGUE, fields_of
from sync.salesforce.metadata import METADATA
from sync.salesforce.provision_package import ROOT, package

XSD = "{http://www.w3.org/2001/XMLSchema}"
FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "salesforce"


@pytest.fixture(scope="module")
def types() -> dict[str, dict[str, str]]:
    """Children and their types, by complex type, of the WSDL that simple-salesforce brings."""
    wsdl = ET.parse(Path(simple_salesforce.__file__).with_name("metadata.wsdl"))
    found = {}
    for one in wsdl.iter(f"{XSD}complexType"):
        children = {e.get("name", ""): e.get("type", "") for e in one.iter(f"{XSD}element")}
        if one.find(f".//{XSD}extension[@base='tns:Metadata']") is not None:
            children["fullName"] = "xsd:string"
        found[one.get("name", "")] = children
    return found


def check(element: ET.Element, kind: str, types: dict[str, dict[str, str]]) -> None:
    for child in element:
        name = child.tag.removeprefix(f"{{{METADATA}}}")
        assert name in types[kind], f"{kind} has no {name}"
        inner = types[kind][name].removeprefix("tns:")
        if len(child):
            check(child, inner, types)


def test_the_package_in_the_repository_is_the_catalogue_s(tmp_path):
    write_preset("sandbox", tmp_path, sandbox_url="http://127.0.0.1:1")
    _, settings = choose_workspace(load(tmp_path / "sakigake.yaml"), None)
    write_package(tmp_path / "made", settings, read_rules(settings, tmp_path))
    made, held = ({p.relative_to(root): p.read_text("utf-8") for root in [folder] for p in folder.rglob("*") if p.is_file()}
                  for folder in (tmp_path / "made", FOLDER))  # fmt: skip
    assert made == held, "deploy/salesforce is out of step; write it anew with: make package"


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_file_speaks_the_words_of_the_metadata_api(types, language):
    files = package({"Account": fields_of("partner"), "Entry__c": fields_of("entry")}, "acme", language)
    texts = [t for n, t in files.items() if n.endswith(".xml")]
    for text in texts:
        root = ET.fromstring(text)
        kind = root.tag.removeprefix(f"{{{METADATA}}}")
        check(root, {"layoutSections": "LayoutSection"}.get(kind, kind), types)
    names = [n.rpartition("/")[2].partition(".")[0] for n in files if n.endswith(".field-meta.xml")]
    assert len(names) == len(set(names)) == len(CATALOGUE)
    locale = "en_US" if language == "ja" else "ja"
    assert sum(f"-{locale}/Acme_" in n for n in files) == len(CATALOGUE)
    for set_name, editable in (("Sakigake_Fields", "true"), ("Sakigake_Reader", "false")):
        root = ET.fromstring(files[f"{ROOT}/permissionsets/{set_name}.permissionset-meta.xml"])
        rights = root.findall(f"{{{METADATA}}}fieldPermissions")
        assert {r.findtext(f"{{{METADATA}}}editable") for r in rights} == {editable}
        assert len(rights) == len(CATALOGUE)
