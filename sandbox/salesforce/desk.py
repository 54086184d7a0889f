"""What reps type in: moments of their days, companies, contacts; the ground on which populate.py puts entries and deals."""

import zlib
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.salesforce import currencies, ids, persons, stamps
from sandbox.salesforce.fields import ADMIN_ID, INTEGRATION_ID
from sandbox.salesforce.objects import PARTNER_TYPE, TERRITORIES
from sandbox.salesforce.org import Org
from sandbox.salesforce.rights import PERMISSIONS
from sandbox.salesforce.writer import Writer
from sandbox.store import Record
from sandbox.world import Company, World, WorldPartner

ZONE = ZoneInfo("Asia/Tokyo")
STAFF = {"small": (3, 49), "medium": (50, 299), "large": (300, 3000)}
REPS = (("佐藤", "健太"), ("鈴木", "美咲"), ("高橋", "翔"), ("田中", "さくら"))
REP_IDS = tuple(ids.mint("005", 3 + i) for i in range(len(REPS)))
_MOMENTS = 12  # of a day
FAMILY = ("渡辺", "伊藤", "山口", "松田", "森", "池田", "橋本", "石川")
GIVEN = ("浩二", "恵子", "大樹", "直美", "亮", "千春", "誠", "由紀")


def chance(text: str, upto: int) -> int:
    """A number below `upto` that depends only on the text: the same world makes the same records."""
    return zlib.crc32(text.encode()) % upto


class Desk:
    """Creates and changes records as people, and knows which Account stands for which company."""

    def __init__(self, org: Org, writer: Writer) -> None:
        self._org = org
        self._writer = writer
        self._accounts: dict[str, Record] = {}  # by partner id, or by a company's corporate number
        self._changed_at: dict[str, datetime] = {}  # a record's last change, so that its history keeps its order

    def stamp(self, day: date, text: str, record: Record | None = None) -> datetime:
        """A moment of the day's business hours, the same for the same text; after the record's last change, not after now.

        A day has few such moments: people save lists and mass edits at once, so many records share a second.
        """
        moment = chance(text, _MOMENTS)
        seconds = moment * 9 * 3600 // _MOMENTS + chance(f"{day} {moment}", 9 * 3600 // _MOMENTS)
        at = datetime.combine(day, time(9), ZONE) + timedelta(seconds=seconds)
        at = min(stamps.floor(at), self._org.now())
        last = self._changed_at.get(record.id) if record else None
        return at if last is None or at > last else min(last + timedelta(seconds=1), self._org.now())

    def create(self, object_name: str, values: dict[str, Any], at: datetime, text: str) -> Record:
        obj = self._org.schema.objects[object_name]
        if "OwnerId" in obj.fields:
            values = {"OwnerId": REP_IDS[chance(f"owner {text}", len(REP_IDS))], **values}
        record = self._writer.create(obj, {k: v for k, v in values.items() if v not in (None, "")}, at)
        self._changed_at[record.id] = at
        return record

    def update(self, record: Record, values: dict[str, Any], at: datetime) -> None:
        if record.deleted_at is None and not record.purged and record.merged_into is None:
            self._writer.update(record, values, at)
            self._changed_at[record.id] = at

    def people(self, world: World) -> None:
        at = self.stamp(world.start - timedelta(days=400), "people")
        org, user, settings = self._org, self._org.schema.objects["User"], self._org.settings
        company = {
            "Name": "株式会社さきがけ商事",
            "Country": "JP",
            "TimeZoneSidKey": "Asia/Tokyo",
            "LanguageLocaleKey": settings.salesforce_language,
        }
        edition = {"OrganizationType": "Enterprise Edition", "InstanceName": "JPN7", "IsSandbox": True}
        org.store.create("Organization", company | edition, at, record_id=org.organization_id)
        same = {"IsActive": True, "UserType": "Standard", "TimeZoneSidKey": "Asia/Tokyo", "LanguageLocaleKey": "ja"}
        names = [("管理者", ""), ("Integration", "Sakigake"), *REPS]
        for n, (family, given) in enumerate(names):
            login = settings.salesforce_username if n == 1 else f"user{n}@sandbox.invalid"
            values = {
                "LastName": family,
                "FirstName": given or None,
                "Username": login,
                "Email": login,
                "Alias": f"user{n}",
                **same,
            }
            self._writer.create(user, values, at)
        own = org.store.table("User")[INTEGRATION_ID].fields["LanguageLocaleKey"]
        org.schema.language = None if own == settings.salesforce_language else own
        held = settings.salesforce_permissions
        flags = {f"Permissions{name}": held is None or name in held for name in PERMISSIONS}
        org.store.create("UserPermissionAccess", flags, at)
        assert ADMIN_ID in org.store.table("User")
        assert INTEGRATION_ID in org.store.table("User")
        for record_type, name in org.schema.objects["Account"].record_types:
            values = {"Name": name, "DeveloperName": name, "SobjectType": "Account", "IsActive": True}
            org.store.create("RecordType", values, at, record_id=record_type)
        if settings.salesforce_currencies:
            currencies.populate(org, at)

    def _marks(self, company: Company) -> dict[str, Any]:
        return {
            "Name": company.name,
            "Website": f"https://www.{company.domain}" if company.domain else None,
            "Phone": company.phone,
            "BillingState": company.prefecture,
            "BillingCity": company.city,
            "BillingCountry": "Japan",
            "CorporateNumber__c": company.corporate_number,
        }

    def account_of(self, partner: WorldPartner) -> Record:
        known = self._accounts.get(partner.id)
        if known is not None:
            return self.standing(known)
        low, high = STAFF.get(partner.scale, STAFF["small"])
        values = self._marks(partner.company_in("salesforce")) | {
            "Type": PARTNER_TYPE,
            "RecordTypeId": self._org.schema.objects["Account"].record_types[0][0],
            "Industry": partner.industry,
            "NumberOfEmployees": low + chance(f"staff {partner.id}", high - low + 1),
            "PartnerContract__c": partner.contract,
            "AttackListWillingness__c": partner.willingness,
            "PartnerSince__c": partner.joined_on.isoformat(),
            "Territories__c": ";".join(t for t in TERRITORIES if chance(f"{t} {partner.id}", 3) == 0) or None,
        }
        at = self.stamp(partner.joined_on, f"partner {partner.id}")
        self._accounts[partner.id] = self.create("Account", values, at, partner.id)
        return self._accounts[partner.id]

    def standing(self, record: Record) -> Record:
        """The record, or the one it was merged into."""
        while record.merged_into is not None:
            record = self._org.store.table(record.object)[record.merged_into]
        return record

    def company(self, company: Company, at: datetime) -> Record:
        """The Account of a customer to be; one for each company, however many deals."""
        key = company.corporate_number or company.domain or company.name
        known = self._accounts.get(key)
        if known is not None:
            return self.standing(known)
        more = {"Type": "Prospect", "Industry": "Other", "NumberOfEmployees": 5 + chance(f"staff {key}", 240)}
        more["RecordTypeId"] = self._org.schema.objects["Account"].record_types[1][0]
        self._accounts[key] = self.create("Account", self._marks(company) | more, at, key)
        return self._accounts[key]

    def contact(self, n: int, partner: WorldPartner, account: Record) -> None:
        values = {
            "AccountId": account.id,
            "LastName": FAMILY[n % len(FAMILY)],
            "FirstName": GIVEN[n % len(GIVEN)],
            "Email": f"contact{n}@{partner.company.domain or 'partner.invalid'}",
            "Title": "代表取締役" if n % 3 == 0 else "営業部長",
            "Department": "営業部",
        }
        self.create("Contact", values, self.stamp(partner.joined_on, f"contact {partner.id}"), partner.id)

    def leads(self, world: World) -> None:
        for n, (family, given) in enumerate(zip(FAMILY, GIVEN, strict=True)):
            values = {"LastName": family, "FirstName": given, "Company": f"株式会社見込{n + 1}", "LeadSource": "Web"}
            at = self.stamp(world.as_of - timedelta(days=7 * n + 1), f"lead {n}")
            self.create("Lead", values | {"Email": f"lead{n + 1}@lead.invalid"}, at, f"lead {n}")

    def persons(self, world: World) -> None:
        """Customers who are no companies."""
        for n, (family, given) in enumerate(zip(FAMILY[:4], GIVEN, strict=False)):
            values = {"LastName": family, "FirstName": given, "PersonEmail": f"person{n + 1}@person.invalid"}
            at = self.stamp(world.as_of - timedelta(days=9 * n + 2), f"person {n}")
            self.create("Account", values | {"RecordTypeId": persons.RECORD_TYPE}, at, f"person {n}")
