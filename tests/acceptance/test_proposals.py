"""`sakigake init --propose` where a company has both CRMs: one mapping that fits them, or one sentence and untouched files."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.acceptance.conftest import MakeDesk
from tests.acceptance.desk import Desk, Sandbox

BOTH = {"salesforce": "salesforce-custom-object", "hubspot": "hubspot-deals"}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An empty folder; looking into a CRM takes no database."""
    return Desk(tmp_path, tmp_path / "home", None)


@pytest.fixture
def quiet(sandbox: Sandbox) -> Iterator[Sandbox]:
    yield sandbox
    sandbox.faults()


def files(desk: Desk) -> dict[str, bytes]:
    return {str(p.relative_to(desk.folder)): p.read_bytes() for p in desk.folder.rglob("*") if p.is_file()}


def partners_of(desk: Desk) -> set[frozenset[str]]:
    """The records of each partner, as the mapping in force joins them."""
    desk.sakigake("run", "--only", "pull,map")
    with psycopg.connect(str(desk.database_url).replace("+psycopg", "")) as conn:
        rows = conn.execute(
            "select array_agg(connection || '.' || object || '/' || record_id) from sakigake.partner_source group by partner_id"
        ).fetchall()
    return {frozenset(records) for (records,) in rows}


def test_one_mapping_is_proposed_for_both_crms_and_fits_them(desk: Desk, sandbox: Sandbox) -> None:
    found = desk.document("init", "--preset", "sandbox", "--sandbox-url", sandbox.url, "--propose")
    assert found["presets"] == BOTH
    assert (found["choices"], found["left"], found["problems"]) == ([], [], [])
    text = (desk.folder / "mapping.yaml").read_text("utf-8")
    for place in ("salesforce.Account", "hubspot.companies", "salesforce.AttackListEntry__c", "hubspot.deals"):
        assert f"  - from: {place}\n" in text
    assert "fits the CRMs" in desk.sakigake("mapping", "check").stdout
    by_hand = f"{text}# reviewed\n"
    (desk.folder / "mapping.yaml").write_text(by_hand, "utf-8")
    said = desk.sakigake("init", "--propose").stdout
    assert f"Presets {BOTH['salesforce']} for salesforce, {BOTH['hubspot']} for hubspot; wrote " in said
    assert (desk.folder / "mapping.yaml").read_text("utf-8") == by_hand
    assert (desk.folder / "mapping.proposed.yaml").read_text("utf-8") == text


def test_the_records_of_a_partner_in_both_crms_are_one_partner_by_the_proposed_mapping(
    sandbox: Sandbox, make_desk: MakeDesk
) -> None:
    by_preset, by_proposal = make_desk(sandbox), make_desk(sandbox)
    by_proposal.sakigake("init", "--propose")
    assert files(by_proposal)["mapping.yaml"] != files(by_preset)["mapping.yaml"]
    found = partners_of(by_proposal)
    in_both = [p for p in found if {record.partition(".")[0] for record in p} == set(BOTH)]
    assert len(in_both) > 5
    assert found == partners_of(by_preset)


def test_a_connection_that_is_named_is_proposed_for_alone(desk: Desk, sandbox: Sandbox) -> None:
    desk.sakigake("init", "--preset", "sandbox", "--sandbox-url", sandbox.url)
    desk.set("      hubspot:\n", "      hub:\n")
    (desk.folder / "mapping.yaml").write_text("# somebody's own\n", "utf-8")
    found = desk.document("init", "--propose", "--connection", "hub")
    assert found["presets"] == {"hub": "hubspot-deals"}
    (path,) = map(Path, found["written"])
    assert path.name == "mapping.proposed.yaml"
    assert "salesforce." not in path.read_text("utf-8")
    assert files(desk)["mapping.yaml"] == b"# somebody's own\n"
    path.replace(desk.folder / "mapping.yaml")
    desk.sakigake("mapping", "check")


@pytest.mark.parametrize("silent", ["hubspot", "salesforce"])
def test_a_crm_that_does_not_answer_is_named_and_no_file_is_touched(silent: str, desk: Desk, quiet: Sandbox) -> None:
    desk.sakigake("init", "--preset", "sandbox", "--sandbox-url", quiet.url)
    desk.set(
        f"crm: {silent}\n        url: {quiet.url}",
        f"crm: {silent}\n        retry_for: 0\n        url: http://127.0.0.1:9",
    )
    before = files(desk)
    done = desk.sakigake("init", "--propose", code=1)
    assert done.stdout == ""
    assert done.stderr.startswith(
        f"sakigake: {silent} cannot be looked into, so that nothing is proposed and the mapping stays as it is: "
    )
    assert done.stderr.count("\n") == 1
    assert files(desk) == before


def test_a_crm_that_falls_silent_half_way_leaves_no_half_of_a_mapping(desk: Desk, quiet: Sandbox) -> None:
    desk.sakigake("init", "--preset", "sandbox", "--sandbox-url", quiet.url)
    before = files(desk)
    quiet.faults({"match": {"crm": "hubspot", "path": "companies"}, "times": None, "effect": {"kind": "expired_token"}})
    done = desk.sakigake("init", "--propose", code=1)
    assert done.stderr.startswith("sakigake: hubspot cannot be looked into")
    assert quiet.total_calls("salesforce") > 1
    assert files(desk) == before


def test_the_walk_from_init_to_explain_with_both_crms_needs_no_line_by_hand(
    sandbox: Sandbox, tmp_path: Path, database_url: str
) -> None:
    desk = Desk(tmp_path, tmp_path / "home", database_url)
    presets = [word for preset in BOTH.values() for word in ("--preset", preset)]
    found = desk.document("init", *presets, "--sandbox-url", sandbox.url, "--propose")
    assert (found["presets"], found["problems"]) == (BOTH, [])
    assert {Path(p).name for p in found["written"]} == {
        "sakigake.yaml", "mapping.yaml", "mapping.schema.json", "salesforce_client_secret", "hubspot_token"
    }  # fmt: skip
    assert not (desk.folder / "mapping.proposed.yaml").exists()  # what `init` wrote itself is nobody's work
    assert "fits the CRMs" in desk.sakigake("mapping", "check").stdout
    desk.sakigake("db", "upgrade")
    desk.sakigake("run", "--only", "pull")
    coverage = desk.document("mapping", "coverage")
    assert coverage["unmapped"]["list"] == []
    preview = desk.document("mapping", "diff")
    assert preview["events"]["gained"] > 100
    desk.sakigake("mapping", "activate", "--reason", "both presets fit")
    desk.sakigake("run", "--only", "map,compute")
    with psycopg.connect(database_url.replace("+psycopg", "")) as conn:
        rows = conn.execute(
            """select distinct on (r.connection) r.connection || '.' || r.object || '/' || r.record_id from sakigake.partner_source r
            join sakigake.entry e using (workspace, partner_id) where e.connection = r.connection order by r.connection, 1"""
        ).fetchall()
    assert [row[0].partition(".")[0] for row in rows] == ["hubspot", "salesforce"]
    for (record,) in rows:
        told = desk.document("explain", record, "tier")
        assert told["events"], record


def test_each_of_two_connections_of_one_crm_gets_the_preset_that_is_named_for_it(desk: Desk, sandbox: Sandbox) -> None:
    given = ["--preset", "hubspot-deals", "--preset", "west=hubspot-deals"]
    found = desk.document("init", *given, "--sandbox-url", sandbox.url, "--propose")
    assert found["presets"] == {"hubspot": "hubspot-deals", "west": "hubspot-deals"}
    assert {"hubspot_token", "west_token"} <= {Path(p).name for p in found["written"]}
    text = (desk.folder / "mapping.yaml").read_text("utf-8")
    assert all(f"  - from: {place}\n" in text for place in ("hubspot.deals", "west.deals", "west.companies"))
    again = desk.document("init", "--propose", "--preset", "west=hubspot-custom-object", code=0)
    assert again["presets"] == {"hubspot": "hubspot-deals", "west": "hubspot-custom-object"}
    for wrong, sentence in (
        (["east=hubspot-deals"], "There is no connection 'east'; there are hubspot, west."),
        (["west=salesforce-lead"], "The preset 'salesforce-lead' is not for hubspot; choose hubspot-deals or hubspot-custom-object."),
        (["hubspot-deals", "hubspot-custom-object"], "Two presets are for hubspot; say which connection each is for, such as --preset hubspot="),
    ):  # fmt: skip
        done = desk.sakigake("init", "--propose", *(w for one in wrong for w in ("--preset", one)), code=2)
        assert sentence in done.stderr
