"""Several currencies: each record says which one its amounts are in. Rates convert nothing that is stored, and move no stamp."""

from collections.abc import Sequence
from datetime import datetime

from sandbox.salesforce.fields import audit, day, identity, number, picklist
from sandbox.salesforce.objects import make, plain
from sandbox.salesforce.org import Org
from sandbox.salesforce.schema import Field, Object

_WITH_AMOUNTS = ("Account", "Contact", "Lead", "Opportunity", "AttackListEntry__c")
_WHOLE = {"JPY", "KRW", "VND"}
RATES = {"USD": 0.0067, "EUR": 0.0061, "GBP": 0.0053}  # to 1 JPY


def switch_on(org: Org, currencies: Sequence[str]) -> None:
    """The first currency is the corporate one."""
    values = plain(*currencies)
    for name in _WITH_AMOUNTS:
        field = picklist("CurrencyIsoCode", "Currency ISO Code", values, length=3, restricted=True, defaulted=True,
                         default=currencies[0])  # fmt: skip
        org.schema.objects[name].fields[field.name] = field
    org.schema.add(_currency_type(values))
    org.schema.add(_dated_rate(values))


def populate(org: Org, at: datetime) -> None:
    """One row a currency, and one rate of last year and of this."""
    for n, (code, _) in enumerate(org.schema.objects["CurrencyType"].fields["IsoCode"].values):
        rate = 1.0 if n == 0 else RATES.get(code, 0.01)
        told = {"IsoCode": code, "ConversionRate": rate, "DecimalPlaces": 0 if code in _WHOLE else 2}
        org.store.create("CurrencyType", {**told, "IsActive": True, "IsCorporate": n == 0}, at)
        for year, factor in ((at.year - 1, 1.1), (at.year, 1.0)):
            span = {"StartDate": f"{year}-01-01", "NextStartDate": f"{year + 1}-01-01"}
            org.store.create("DatedConversionRate", {"IsoCode": code, **span, "ConversionRate": rate * factor}, at)


def _currency_type(values: tuple[tuple[str, str], ...]) -> Object:
    return make("CurrencyType", "Currency Type", "Currency Types", "01L", [
        identity("Currency Type"),
        picklist("IsoCode", "Currency ISO Code", values, length=3, nillable=False, name_field=True),
        number("ConversionRate", "Conversion Rate", 18, 6),
        Field("DecimalPlaces", "int", "Decimal Places", digits=1),
        Field("IsActive", "boolean", "Active", nillable=False, defaulted=True),
        Field("IsCorporate", "boolean", "Corporate Currency", nillable=False, defaulted=True, updateable=False),
        *audit(),
    ], deletable=False, replicateable=False)  # fmt: skip


def _dated_rate(values: tuple[tuple[str, str], ...]) -> Object:
    return make("DatedConversionRate", "Dated Conversion Rate", "Dated Conversion Rates", "04w", [
        identity("Dated Conversion Rate"),
        picklist("IsoCode", "Currency ISO Code", values, length=3, nillable=False),
        day("StartDate", "Start Date", nillable=False),
        day("NextStartDate", "Next Start Date"),
        number("ConversionRate", "Conversion Rate", 18, 6, nillable=False),
        *audit(),
    ], replicateable=False)  # fmt: skip
