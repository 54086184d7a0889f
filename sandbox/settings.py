"""What a sandbox can be told at start: its world, its credentials, its limits. None of it is a secret: it guards invented data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal, get_args

Scenario = Literal["clean", "messy", "empty", "partners"]  # the last two: no record at all, or partners alone
SalesforceEntries = Literal["custom_object", "leads", "campaign_members"]
HubspotEntries = Literal["deals", "custom_object"]


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """Everything `build` needs. The defaults give the world that `make demo` and docs/sandbox.md speak of."""

    # the world
    seed: int = 7
    partners: int = 100
    months: int = 24
    entries: int = 2400  # expected number recorded in the past; chance makes it a little more or less
    scenario: Scenario = "clean"
    as_of: date | None = None  # the day the clock starts; None: 2026-10-31, or what a world_dir's truth.json says
    future_days: int = 120  # what `advance` can still reveal
    world_dir: Path | None = None  # a folder in gen.py's format, in place of the generated world
    rows: Mapping[str, int] = field(default_factory=dict)  # object name -> rows, to make one object that large

    salesforce_entries: SalesforceEntries = "custom_object"  # how the org keeps attack lists
    hubspot_entries: HubspotEntries = "deals"  # how the portal does: in a pipeline of deals, or in a custom object

    # Salesforce
    salesforce_person_accounts: bool = False
    salesforce_currencies: tuple[
        str, ...
    ] = ()  # several, the corporate one first; empty: one currency, which no field names
    salesforce_client_id: str = "sakigake-sandbox"
    salesforce_client_secret: str = "sandbox-secret"
    salesforce_username: str = "integration@sandbox.invalid"
    salesforce_password: str = "sandbox-password"
    salesforce_jwt_public_key: str | None = None  # PEM; None accepts any well-formed RS256 assertion of the client id
    salesforce_token_lifetime_s: float = 7200.0
    salesforce_daily_limit: int = 100_000
    salesforce_query_weight: int | None = (
        None  # fields of a query, formulas ten times, beyond it: QUERY_TOO_COMPLICATED
    )
    salesforce_language: str = "ja"  # the organisation's own
    salesforce_languages: tuple[str, ...] = ("ja", "en_US")  # those that labels can be translated to
    salesforce_translation_workbench: bool = True
    salesforce_permissions: tuple[str, ...] | None = (
        None  # the integration user's system permissions; None: an administrator's
    )
    salesforce_object_rights: Mapping[str, str] | None = None
    """The integration user's rights by object, letters of "cred" (create, read, edit, delete); objects that are not named: "r". With
    them standard fields are read-only too. None: everything.
    """
    salesforce_bulk_step_s: float = 0.05  # how long a bulk job stays in each of its states

    # HubSpot
    hubspot_token: str = "sandbox-token"
    hubspot_client_id: str = "sandbox-hubspot-app"
    hubspot_client_secret: str = "sandbox-hubspot-secret"
    hubspot_refresh_token: str = "sandbox-refresh-token"
    hubspot_token_lifetime_s: float = 1800.0
    hubspot_scopes: tuple[str, ...] | None = None  # what the tokens were granted; None grants everything
    hubspot_search_lag_s: float = 2.0  # how long search does not yet see a new version
    hubspot_ten_second_limit: int = 190
    hubspot_daily_limit: int = 1_000_000
    hubspot_searches_per_second: int = 5

    limits: bool = True  # False switches rate and day limits off, for measuring throughput

    def __post_init__(self) -> None:
        for name in ("partners", "months", "entries"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}; give a positive number")
        if self.scenario not in get_args(Scenario):
            raise ValueError(f"scenario is one of {', '.join(get_args(Scenario))}, got {self.scenario!r}")
        shapes = {"salesforce_entries": SalesforceEntries, "hubspot_entries": HubspotEntries}
        for name, known in shapes.items():
            if getattr(self, name) not in get_args(known):
                raise ValueError(f"{name} is one of {', '.join(get_args(known))}, got {getattr(self, name)!r}")
        if len(set(self.salesforce_currencies)) != len(self.salesforce_currencies) or any(
            not (len(c) == 3 and c.isascii() and c.isupper()) for c in self.salesforce_currencies
        ):
            raise ValueError(
                f"salesforce_currencies are different codes such as JPY, got {', '.join(self.salesforce_currencies)}"
            )
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}; give 0 or more")
        if self.as_of is not None and not 1990 <= self.as_of.year <= 2200:
            raise ValueError(f"as_of lies between 1990 and 2200, got {self.as_of}; give a day that CRMs know")
        if self.future_days < 0:
            raise ValueError(
                f"future_days must not be negative, got {self.future_days}; 0 makes a world without a future"
            )
        for name, count in self.rows.items():
            if count < 0:
                raise ValueError(f"rows of {name} must not be negative, got {count}")
