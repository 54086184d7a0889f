"""What a sweep found of one object, and whether it proves the mirror complete."""

from dataclasses import dataclass, field
from datetime import datetime

from sync.mirror.place import LandCounts


@dataclass(slots=True)
class Proof:
    """What the sweep of one object found and did. `here` and `there` are the live records when it was over."""

    object: str
    started_at: datetime | None = None  # by the CRM's clock
    here: int = 0
    there: int = 0
    counted: int | None = None  # by the CRM's own count
    missing: int = 0  # there, and not here
    extra: int = 0  # here, and not there
    stale: int = 0  # here in another version
    recent: int = 0  # of the missing and stale: those that changed since the last pull, which is no loss
    repaired: int = 0
    links: int = 0  # links that changed without their records
    refreshed: int = 0  # records whose calculated values changed
    parked: int = 0  # values that could not be stored as they are, after another try
    proven: bool = False
    cause: str | None = None  # why it is not proven
    seconds: float = 0.0
    landed: LandCounts = field(default_factory=LandCounts)
