"""Values on HubSpot's wire: what we write comes back as what we meant."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.catalogue import CATALOGUE, CatalogueField, Kind
from sync.hubspot.provision import api_name, property_of
from sync.hubspot.values import decode, encode, milliseconds, moment


def field(kind: Kind, digits: int = 0) -> CatalogueField:
    return CatalogueField("x", "partner", kind, "X", "X", "", "", digits=digits)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-02-25T16:26:25.880Z", datetime(2026, 2, 25, 16, 26, 25, 880000, UTC)),
        ("2022-05-03T09:00:00Z", datetime(2022, 5, 3, 9, tzinfo=UTC)),
        ("2024-09-19T04:30:45-08:00", datetime(2024, 9, 19, 12, 30, 45, tzinfo=UTC)),
        ("1651568400000", datetime(2022, 5, 3, 9, tzinfo=UTC)),
        (1651568400000, datetime(2022, 5, 3, 9, tzinfo=UTC)),
        ("2022-05-03", datetime(2022, 5, 3, tzinfo=UTC)),
        ("1700-01-01T00:00:00Z", datetime(1700, 1, 1, tzinfo=UTC)),
        ("", None),
        (None, None),
        ("soon", None),
        (True, None),
        ("9" * 30, None),
    ],
)
def test_instants_are_read_in_every_form_hubspot_writes(text: Any, expected: datetime | None) -> None:
    assert moment(text) == expected


def test_filters_take_epoch_milliseconds() -> None:
    assert milliseconds(datetime(2022, 5, 3, 9, 0, 0, 7000, UTC)) == "1651568400007"


@given(st.decimals(min_value=-(10**9), max_value=10**9, allow_nan=False, allow_infinity=False))
def test_a_number_comes_back_as_its_rounded_self(value: Decimal) -> None:
    for digits, kind in ((0, Kind.INTEGER), (1, Kind.PERCENT), (2, Kind.NUMBER)):
        one = field(kind, digits)
        wire = encode(one, value)
        assert isinstance(wire, str)
        assert "E" not in wire
        assert Decimal(str(decode(one, wire))) == one.rounded(value)
        assert encode(one, decode(one, wire)) == wire


@pytest.mark.parametrize("text", ["12", "12.0", "12.00", " 12".strip()])
def test_one_number_has_one_meaning_however_it_is_written(text: str) -> None:
    assert decode(field(Kind.INTEGER), text) == 12
    assert isinstance(decode(field(Kind.INTEGER), text), int)


@given(st.sampled_from([f for f in CATALOGUE if f.kind is Kind.CHOICE]), st.data())
def test_choices_come_back(one: CatalogueField, data: st.DataObject) -> None:
    value = data.draw(st.sampled_from([c[0] for c in one.choices]))
    assert decode(one, encode(one, value)) == value


@pytest.mark.parametrize(
    ("kind", "value", "wire", "back"),
    [
        (Kind.FLAG, True, "true", True),
        (Kind.FLAG, False, "false", False),
        (Kind.DATE, date(2026, 10, 31), "2026-10-31", "2026-10-31"),
        (Kind.DATE, "2026-10-31", "2026-10-31", "2026-10-31"),
        (Kind.TEXT, "毎週の定例", "毎週の定例", "毎週の定例"),
        (Kind.TEXT, "", None, None),
        (Kind.INTEGER, None, None, None),
        (Kind.PERCENT, 12.0, "12", 12),
        (Kind.INTEGER, -0.2, "0", 0),
    ],
)
def test_every_kind_of_result_has_one_form(kind: Kind, value: Any, wire: str | None, back: Any) -> None:
    assert encode(field(kind), value) == wire
    assert decode(field(kind), wire) == back


def test_a_cleared_property_reads_as_nothing_in_both_of_its_forms() -> None:
    for kind in Kind:
        assert decode(field(kind), "") is None
        assert decode(field(kind), None) is None


def test_what_a_person_typed_over_a_field_is_seen_and_not_taken_for_a_number() -> None:
    assert decode(field(Kind.INTEGER), "many") == "many"
    assert decode(field(Kind.NUMBER), "1e400000") == "1e400000"
    assert decode(field(Kind.NUMBER), "Infinity") == "Infinity"
    assert decode(field(Kind.DATE), "soon") == "soon"
    assert decode(field(Kind.DATE), "1793404800000") == "2026-10-31"
    assert decode(field(Kind.FLAG), "perhaps") == "perhaps"


def test_a_datetime_is_refused_for_a_date_since_its_day_depends_on_the_zone() -> None:
    with pytest.raises(TypeError, match="time zone"):
        encode(field(Kind.DATE), datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_catalogue_field_makes_a_property_hubspot_accepts(language: str) -> None:
    for one in CATALOGUE:
        made = property_of(one, "sakigake", language)
        assert made["name"] == api_name(one, "sakigake") == f"sakigake_{one.name}"
        assert made["label"] == one.label(language)
        assert one.label("en" if language == "ja" else "ja") in made["description"]
        assert made["type"] in {"bool", "date", "enumeration", "number", "string"}
        assert ("options" in made) == (one.kind in (Kind.CHOICE, Kind.FLAG))
        assert [o["displayOrder"] for o in made.get("options", ())] == list(range(len(made.get("options", ()))))


def test_the_prefix_is_written_in_lower_case_since_hubspots_names_are() -> None:
    assert api_name(CATALOGUE[0], "Acme") == "acme_tier"
