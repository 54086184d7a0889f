"""`sakigake indicators --rank`: who is the best, as table, JSON and CSV, from our tables."""

import csv
import io
import json

import pytest

from tests.acceptance.documents import documented
from tests.numbers_world import AS_OF
from tests.said import said


def asked(capsys, *words, code=0):
    return said(capsys, "indicators", "--rank", *words, code=code)


def test_partners_are_put_in_order_with_the_chance_that_each_is_the_best(steady, capsys):
    found = json.loads(asked(capsys, "--json"))
    assert set(found) <= documented("indicators --rank")
    assert set(found["rank"]) == {"legacy", "growth1"}
    for steps in found["rank"].values():
        assert list(steps) == [
            "listed>deal",
            "listed>requested",
            "requested>agreed",
            "agreed>executed",
            "executed>deal",
        ]
        for row in steps.values():
            assert row["status"] == "ok"
            assert sum(p["best"] for p in row["partners"]) == pytest.approx(1, abs=1e-4)
            assert sum(p["top_fifth"] for p in row["partners"]) == pytest.approx(row["places"], abs=1e-4)
            ranks = [p["expected_rank"] for p in row["partners"]]
            assert ranks == sorted(ranks)
    assert asked(capsys, "--json") == asked(capsys, "--json", "--as-of", str(AS_OF), "--known-at", found["known_at"])


def test_a_type_or_a_partner_is_looked_at_alone(steady, capsys):
    whole = json.loads(asked(capsys, "--json"))
    first = whole["rank"]["legacy"]["listed>deal"]["partners"][0]
    assert json.loads(asked(capsys, "--json", "--type", "legacy"))["rank"] == {"legacy": whole["rank"]["legacy"]}
    page = asked(capsys, "--partner", first["id"], "--language", "en")
    assert first["name"] in page
    assert whole["rank"]["legacy"]["listed>deal"]["partners"][1]["name"] not in page
    rows = list(csv.DictReader(io.StringIO(asked(capsys, "--csv", "--partner", first["id"]))))
    assert {row["partner"] for row in rows} == {first["id"]}
    assert float(rows[0]["expected_rank"]) == first["expected_rank"]
    assert "最高" in asked(capsys, "--language", "ja")


def test_what_cannot_be_ranked_is_told_in_a_sentence(steady, capsys, tmp_path):
    assert "There is no partner type 'nobody'" in asked(capsys, "--type", "nobody", code=1)
    assert "leave --plot out" in asked(capsys, "--plot", str(tmp_path / "x.png"), code=2)
    assert "choose one" in asked(capsys, "--csv", "--json", code=2)
    assert "There is nothing to rank" in asked(capsys, "--as-of", "2001-01-01", code=1)
