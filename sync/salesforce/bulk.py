"""One bulk job followed to its end, checked while it goes: all pages, none twice, as many records as the job says.

Where a job stands is kept as {"id", "version", "made", "locator", "read"}: the job, the API version that made it, when that was by the CRM's
clock, the page that is due, and how many records came before it. "left" is true of a job that one reading has waited for in vain: later ones
ask once, and go on with the rest of their cycle.
"""

from collections.abc import Iterator
from typing import Any

from sync.errors import BadReply, Underway
from sync.records import Cursor
from sync.salesforce import bulk_jobs
from sync.salesforce.bulk_file import Asked, BulkFile
from sync.salesforce.bulk_jobs import BulkSettings, Job, JobFailed
from sync.salesforce.client import Client
from sync.salesforce.runs import Truncated
from sync.salesforce.stamps import literal, moment

Place = dict[str, Any]


def follow(
    client: Client, settings: BulkSettings, asked: Asked, query: str, at: Place | None
) -> Iterator[tuple[BulkFile | None, Place | None]]:
    """Each page of results with the place behind it; None behind the last. First of all the place of a new job, without a page.

    JobRefused where Bulk does not do the query, JobGone where a job that was begun is not there any more, Underway where it is not done yet.
    Whatever ends the job for good takes it away; what only ends this reading leaves it, so that the next one goes on.
    """
    if at is None:
        new = bulk_jobs.create(client, query, asked.about)
        at = {"id": new.id, "version": new.version, "made": literal(client.now()), "locator": None, "read": 0}
        yield None, at
    job = Job(at["id"], at["version"])
    try:
        made = moment(at["made"]) if "made" in at else client.now()  # versions before this one did not say
        patience = 0.0 if at.get("left") else settings.patience
        try:
            count = bulk_jobs.wait(client, job, asked.about, settings, made, patience=patience)
        except Underway:
            if not at.get("left"):
                yield None, {**at, "left": True}
            raise
        locator, read = at["locator"], at["read"]
        seen: set[str | bytes] = {locator} if locator else set()  # where pages were, and how they began
        while True:
            file = BulkFile(client, job, asked, locator, settings.page)
            read, locator = read + file.count, file.next
            _check(asked.about, file, read, count, repeated=locator in seen or file.start in seen)
            seen |= {mark for mark in (locator, file.start) if mark}
            yield file, None if locator is None else {**at, "locator": locator, "read": read}
            file.close()
            if locator is None:
                break
    except (JobFailed, Truncated, Circle) as e:
        bulk_jobs.remove(client, job, asked.about, running=isinstance(e, JobFailed))
        raise
    bulk_jobs.remove(client, job, asked.about)


def jobs_of(cursor: Cursor) -> list[Job]:
    """The jobs that a reading which stands at this cursor would go on with."""
    places = [cursor.get("job"), *((cursor.get(part) or {}).get("job") for part in ("window", "refresh"))]
    return [Job(at["id"], at["version"]) for at in places if at]


class Circle(BadReply):
    """A page of results points back to one that was read."""


def _check(about: str, file: BulkFile, read: int, count: int, *, repeated: bool) -> None:
    try:
        if repeated or (file.next is not None and file.count == 0):
            raise Circle(f"The results of the bulk {about} run in a circle.", remedy="Try again; they are read anew.")
        if read > count or (file.next is None and read != count):
            raise Truncated(
                f"The bulk {about} counted {count} records and its results held {read}{'' if file.next is None else ' or more'}.",
                remedy="Try again; they are read anew.",
            )
    except BadReply:
        file.close()
        raise
