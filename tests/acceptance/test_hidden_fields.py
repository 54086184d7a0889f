"""A field that the CRM hides from us, and shows again, by the real command: what was read stays, and nothing is concluded meanwhile."""

from typing import Any

from tests.acceptance.conftest import MakeDesk
from tests.acceptance.desk import Desk, Sandbox
from tests.acceptance.truth import Ledger, connected, mapped_fields, mirror_differences

HIDDEN = {
    "salesforce": ("AttackListEntry__c", "AgreedOn__c", "TargetName__c"),
    "hubspot": ("deals", "agreed_on", "target_name"),
}


def held(desk: Desk, crm: str, record: str) -> tuple[Any, ...]:
    kind, hidden, other = HIDDEN[crm]
    with connected(str(desk.database_url)) as conn:
        query = f"select {hidden.lower()}::text, {other.lower()} from {crm}.{kind.lower()} where id = %s"
        row = conn.execute(query, (record,)).fetchone()
    assert row is not None
    return tuple(row)


def events(desk: Desk) -> list[Any]:
    with connected(str(desk.database_url)) as conn:
        return conn.execute("select event_id, op from sakigake.event order by 1, 2").fetchall()


def test_hidden_fields_of_both_crms_are_reported_kept_and_recovered(sandbox: Sandbox, make_desk: MakeDesk) -> None:
    desk = make_desk(sandbox)
    desk.sakigake("provision")
    desk.sakigake("run", "--json")
    ledger = Ledger.of(sandbox.ledger())
    chosen = {
        crm: next(i for (c, k, i), r in ledger.records.items() if (c, k) == (crm, kind) and r["fields"].get(hidden))
        for crm, (kind, hidden, _) in HIDDEN.items()
    }
    before = {crm: held(desk, crm, record) for crm, record in chosen.items()}
    assert all(old for old, _ in before.values())
    known, written = events(desk), ledger.last_seq
    for crm, (kind, hidden, other) in HIDDEN.items():
        sandbox.act(crm=crm, action="edit", object=kind, id=chosen[crm], fields={hidden: "2026-10-20", other: "改名"})
        sandbox.act(crm=crm, action="hide", object=kind, field=hidden)
    sandbox.search_catches_up()

    # hidden: told with what rests on it, the rest is read on, nothing is taken back, nothing is written
    refused = desk.sakigake("run", code=1)
    assert "stale" in refused.stderr
    assert all(hidden in refused.stderr for _, hidden, _ in HIDDEN.values())
    status = desk.document("status")
    told = {(d["connection"], d["object"], d["field"]): d for d in status["drift"] if not d["resolved_at"]}
    for crm, (kind, hidden, _) in HIDDEN.items():
        drift = told[crm, kind, hidden]
        assert drift["kind"] == "missing"
        assert drift["depends"]["milestones"] == ["agreed"]
        assert "agreed_90d" in drift["depends"]["fields"]
        assert any("milestones.agreed" in rule for rule in drift["depends"]["rules"])
        one = next(o for o in status["objects"] if (o["connection"], o["object"]) == (crm, kind))
        assert one["stale_fields"] == [hidden]
        assert one["status"] == "succeeded", "what is shown of it is read as ever"
        assert held(desk, crm, chosen[crm]) == (before[crm][0], "改名"), "kept as it was read last"
        with connected(str(desk.database_url)) as conn:
            comment = conn.execute(
                "select col_description(%s::regclass, attnum) from pg_attribute where attrelid = %s::regclass and attname = %s",
                (f"{crm}.{kind.lower()}", f"{crm}.{kind.lower()}", hidden.lower()),
            ).fetchone()
        assert comment is not None
        assert "STALE" in comment[0]
    assert status["runs"][0]["status"] == "failed"
    table = desk.sakigake("status").stdout
    assert "OPEN" in table
    assert all(hidden in table for _, hidden, _ in HIDDEN.values())
    assert desk.document("doctor", code=1)["ok"] is False
    assert events(desk) == known
    assert Ledger.of(sandbox.ledger()).written_since(written) == []

    # shown again: its values are read, facts follow, and the CRMs hold what was computed from them
    for crm, (kind, hidden, _) in HIDDEN.items():
        sandbox.act(crm=crm, action="show", object=kind, field=hidden)
    desk.sakigake("run", "--json")
    status = desk.document("status")
    assert [d for d in status["drift"] if not d["resolved_at"]] == []
    assert [o["stale_fields"] for o in status["objects"] if o["stale_fields"]] == []
    assert {crm: held(desk, crm, record) for crm, record in chosen.items()} == dict.fromkeys(
        HIDDEN, ("2026-10-20", "改名")
    )
    assert len(events(desk)) > len(known)
    after = Ledger.of(sandbox.ledger())
    assert after.written_since(written), "write-back goes on"
    with connected(str(desk.database_url)) as conn:
        assert mirror_differences(conn, after, mapped_fields(desk.folder)) == []
