"""Ids, moments, our fields' names and values, the day's budget: the pure parts of the Salesforce connector."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.catalogue import CATALOGUE, CatalogueField, Kind
from sync.described import FieldDescription, FieldType
from sync.errors import BadReply, QuotaExhausted
from sync.salesforce.auth import ClientCredentials, JwtBearer, trusted
from sync.salesforce.budget import DAY, Budget
from sync.salesforce.ids import is_id, long_id, same
from sync.salesforce.provision_field import metadata, unfit
from sync.salesforce.stamps import literal, moment, next_minute, parameter, seconds_to_wait
from sync.salesforce.transport import checked_url
from sync.salesforce.values import LONGEST_TEXT, api_name, decode, encode
from tests.shared_folder import shared

ID15 = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", min_size=15, max_size=15)


@given(ID15)
def test_a_short_id_and_its_long_form_are_one_key(short):
    assert long_id(long_id(short)) == long_id(short)
    assert long_id(short)[:15] == short
    assert same(short, long_id(short))


@given(ID15, ID15)
def test_ids_that_differ_only_by_case_stay_two_even_where_case_is_lost(one, other):
    if one != other:
        assert long_id(one).lower() != long_id(other).lower()


def test_long_ids_are_those_that_salesforce_makes():
    recorded = shared("recordings", "salesforce", "amp-labs+connectors__providers_salesforce_test_read-list-leads.json")
    urls = [row["attributes"]["url"] for row in json.loads(recorded.read_text())["records"]]
    ids = [url.rpartition("/")[2] for url in urls]
    assert ids
    assert [long_id(i[:15]) for i in ids] == ids


@pytest.mark.parametrize("text", ["", "001", "001000000000001AAa", "001-00000000001", "００１000000000001", "0" * 16])
def test_what_is_no_id_is_refused(text):
    assert not is_id(text)
    with pytest.raises(ValueError, match="not a Salesforce id"):
        long_id(text)


@pytest.mark.parametrize(
    "text", ["2026-05-01T07:25:37.000+0000", "2026-05-01T07:25:37Z", "2026-05-01T16:25:37.000+09:00"]
)
def test_a_moment_is_the_same_instant_however_it_is_written(text):
    assert moment(text) == datetime(2026, 5, 1, 7, 25, 37, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-05-01T07:25:37", "yesterday", None, 5])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(BadReply):
        moment(text)


@given(st.datetimes(datetime(1700, 1, 1), datetime(4000, 12, 31), timezones=st.just(UTC)))
def test_a_moment_survives_soql_to_the_millisecond(at):
    assert moment(literal(at)) == at.replace(microsecond=at.microsecond // 1000 * 1000)


def test_the_delete_log_takes_whole_minutes():
    at = datetime(2026, 5, 1, 7, 25, 37, 5, tzinfo=UTC)
    assert parameter(next_minute(at)) == "2026-05-01T07:26:00+00:00"
    assert next_minute(at.replace(second=0, microsecond=0)) == at.replace(second=0, microsecond=0)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("", None), ("soon", None), ("7", 7), ("-3", 0), ("Fri, 01 May 2026 07:26:07 GMT", 30)],
)
def test_a_wait_is_read_from_numbers_and_dates(header, seconds):
    assert seconds_to_wait(header, datetime(2026, 5, 1, 7, 25, 37, tzinfo=UTC)) == seconds


# our fields


def a_field(kind: Kind, digits: int = 0) -> CatalogueField:
    return CatalogueField("some_field", "partner", kind, "", "", "", "", digits=digits)


def test_every_field_of_the_catalogue_has_a_name_that_salesforce_takes():
    names = [api_name(f, "sakigake") for f in CATALOGUE]
    assert len(set(names)) == len(names)
    assert "Sakigake_Tier__c" in names
    assert "Sakigake_Listed_90d__c" in names


@pytest.mark.parametrize("prefix", ["", "9lives", "a__b", "x" * 40, "名"])
def test_a_prefix_that_salesforce_would_not_take_is_refused(prefix):
    with pytest.raises(ValueError, match="choose another prefix"):
        api_name(CATALOGUE[0], prefix)


def live(field: CatalogueField, sent: object) -> object:
    """What Salesforce gives back: doubles with a point, read as text; text without blanks at its ends."""
    if isinstance(sent, bool) or sent is None:
        return sent
    if isinstance(sent, int | float):
        return str(float(sent))
    return str(sent).strip()


@given(st.integers(-(10**14), 10**14))
def test_integers_come_back_as_they_were_sent(n):
    field = a_field(Kind.INTEGER)
    assert decode(field, live(field, encode(field, n))) == n


@given(st.decimals(-(10**9), 10**9, places=2), st.integers(0, 3))
def test_numbers_come_back_as_the_catalogue_rounds_them(n, digits):
    field = a_field(Kind.PERCENT, digits)
    assert decode(field, live(field, encode(field, n))) == float(field.rounded(n))


@given(st.dates())
def test_dates_come_back_as_they_were_sent(day):
    field = a_field(Kind.DATE)
    assert decode(field, live(field, encode(field, day))) == day.isoformat()
    assert encode(field, day.isoformat()) == encode(field, day)


@given(st.text(max_size=400))
def test_text_comes_back_and_fits_the_field(text):
    field = a_field(Kind.TEXT)
    sent = encode(field, text)
    assert decode(field, live(field, sent)) == (sent or None)
    assert len((sent or "").encode("utf-16-le", "surrogatepass")) <= 2 * LONGEST_TEXT
    assert encode(field, sent) == sent


@pytest.mark.parametrize("value", [True, False])
def test_flags_come_back_as_they_were_sent(value):
    assert decode(a_field(Kind.FLAG), encode(a_field(Kind.FLAG), value)) is value


@pytest.mark.parametrize("kind", [k for k in Kind if k is not Kind.FLAG])
def test_nothing_comes_back_as_nothing(kind):
    assert decode(a_field(kind), encode(a_field(kind), None)) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), "many"])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(ValueError, match="some_field"):
        encode(a_field(Kind.NUMBER), value)


def test_a_moment_is_refused_where_a_day_is_due():
    with pytest.raises(TypeError):
        encode(a_field(Kind.DATE), datetime(2026, 5, 1, tzinfo=UTC))
    assert encode(a_field(Kind.DATE), date(2026, 5, 1)) == "2026-05-01"


# who we are and where we go


def test_secrets_show_in_no_representation():
    assert "s3cret" not in repr(ClientCredentials("app", "s3cret"))
    assert "s3cret" not in repr(JwtBearer("app", "user", "s3cret"))


@pytest.mark.parametrize(
    ("instance", "url", "trust"),
    [
        ("https://acme.my.salesforce.com", "https://acme.my.salesforce.com", True),
        ("https://acme.my.salesforce.com", "https://login.salesforce.com", True),
        ("https://acme.lightning.force.com", "https://acme.my.salesforce.com", True),
        ("http://acme.my.salesforce.com", "https://acme.my.salesforce.com", False),
        ("https://acme.my.salesforce.com.evil.example", "https://acme.my.salesforce.com", False),
        ("https://evilsalesforce.com", "https://acme.my.salesforce.com", False),
        ("http://127.0.0.1:81", "http://127.0.0.1:80", False),
        ("https://acme.my.salesforce.com", "http://127.0.0.1:80", False),
        ("http://127.0.0.1:80", "http://127.0.0.1:80", True),
    ],
)
def test_a_token_goes_to_the_configured_host_or_to_salesforce_only(instance, url, trust):
    assert trusted(instance, url) is trust


@pytest.mark.parametrize("url", ["acme", "ftp://acme", "https://", "https://user:pw@acme", "http://acme:port"])
def test_what_is_no_address_is_refused_with_an_example(url):
    with pytest.raises(Exception, match=r"https://acme\.my\.salesforce\.com"):
        checked_url(url)


def test_the_budget_frees_itself_after_a_day():
    now = [0.0]
    budget = Budget(2, lambda: now[0])
    budget.spend()
    now[0] = 3600
    budget.spend()
    with pytest.raises(QuotaExhausted):
        budget.spend()
    now[0] = DAY + 1
    budget.spend()
    with pytest.raises(QuotaExhausted):
        budget.spend()


def test_what_the_crm_told_of_its_quota_is_asked_again_after_a_while():
    now = [0.0]
    budget = Budget(None, lambda: now[0])
    budget.told(999, 1000)
    with pytest.raises(QuotaExhausted):
        budget.spend()
    now[0] = timedelta(minutes=11).total_seconds()
    budget.spend()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_labels_and_help_of_the_catalogue_fit_salesforce_uncut(language):
    for f in CATALOGUE:
        made = metadata(f, language)
        assert made["label"] == f.label(language)
        assert made["inlineHelpText"] == f.help(language)
        assert f.help("en" if language == "ja" else "ja") in made["description"]


@pytest.mark.parametrize("kind", list(Kind))
def test_a_field_that_was_made_by_us_is_recognised_as_ours(kind):
    crm_types = {
        "Picklist": "picklist",
        "Text": "string",
        "Number": "double",
        "Percent": "percent",
        "Date": "date",
        "Checkbox": "boolean",
    }
    field = a_field(kind, 1)
    there = FieldDescription("x", FieldType.TEXT, "x", crm_types[metadata(field, "en")["type"]])
    assert unfit(field, there) is None
    assert unfit(field, replace(there, crm_type="reference")) is not None
    assert unfit(field, replace(there, calculated=True)) is not None


def test_a_picklist_that_lacks_one_of_our_values_is_not_ours():
    tier = next(f for f in CATALOGUE if f.name == "tier")
    there = FieldDescription("x", FieldType.TEXT, "x", "picklist", options=(("A", "A"), ("B", "B"), ("C", "C")))
    assert "lacks D" in unfit(tier, there)
