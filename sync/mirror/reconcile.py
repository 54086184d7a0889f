"""Proves that the mirror of an object is complete, and makes it so where it is not.

The CRM lists what lives there, by id and version, and PostgreSQL compares (`listing.py`). Whatever differs is asked for once more by its id, and the answer is landed: an id that is missing from a list is no
proof that the record is gone. What the CRM answers for a record asked for by id also mends the list, so that the comparison can be made
again at the end: a proof is a comparison that finds no difference.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection, sql

from models.counted import counted
from sync.connector import Connector
from sync.errors import Stop
from sync.mirror.forget import forget
from sync.mirror.land import land
from sync.mirror.listing import Listing
from sync.mirror.place import LandCounts, Place, note_landing
from sync.mirror.proof import Proof
from sync.mirror.pull import Connect, Pull
from sync.mirror.refresh import land_refreshed
from sync.mirror.schema import MirrorTable, ensure_table, remembered
from sync.mirror.staging import forget_staging
from sync.records import Identity, Page, ReadSpec

FEW, MOST = 50, 0.5  # removals beyond both, a number and a share of what is held, wait for a person
BATCH = 1000  # ids asked for at a time: what one call for links takes
SETTLES = timedelta(minutes=5)  # what changed within it, the CRM's own count may not count yet, or still


def reconcile_object(
    connect: Connect,
    connector: Connector,
    pull: Pull,
    spec: ReadSpec,
    *,
    progress: Callable[[int, int | None], None] = lambda _done, _expected: None,
    monotonic: Callable[[], float] = time.monotonic,
    accept_removals: bool = False,
) -> Proof:
    """Compares one object with the CRM, repairs it, and compares again. May be killed at any instant: each repair is a transaction.

    Raises Stop before anything is repaired where most of what we hold is not there, unless `accept_removals`: that is more often a
    connection pointed at another account, or a right taken away, than a wish.

    Where it raises, what was repaired before stays. Belongs under the lock of the workspace's runs: nobody else may write here meanwhile.
    """
    proof = Proof(spec.object)
    began = monotonic()
    with connect() as conn:
        sweep = _Sweep(conn, connector, pull, spec, proof, progress)
        try:
            sweep.run(accept_removals=accept_removals)
        finally:
            proof.seconds = round(monotonic() - began, 3)
            if not (conn.closed or conn.broken):
                sweep.listing.clear()
    return proof


class _Sweep:
    """One object's sweep on one database connection."""

    def __init__(
        self,
        conn: Connection[Any],
        connector: Connector,
        pull: Pull,
        spec: ReadSpec,
        proof: Proof,
        progress: Callable[[int, int | None], None],
    ) -> None:
        self.conn = conn
        self.connector = connector
        self.pull = pull
        self.proof = proof
        self.progress = progress
        self.table, self.spec, covered, self.calculated = _mirrored(conn, pull, spec)
        self.listing = Listing(conn, self.table, covered)

    def run(self, *, accept_removals: bool) -> None:
        proof = self.proof
        proof.started_at = self.pull.clock()
        forget_staging(self.conn, self.table)
        counts = [self.connector.count(self.spec.object)]
        self._list(counts[0])
        found = self.listing.compare()
        proof.missing, proof.extra, proof.stale, proof.recent = found
        held = self._here()
        if proof.extra > max(FEW, held * MOST) and not accept_removals:
            raise Stop(
                f"{self.spec.object}: {proof.extra:,} of {held:,} records that we hold are not in the CRM, as our user sees it.",
                remedy="Nothing was marked as deleted. Check that the connection names the right account and that its user may still see the "
                "records; if they are really gone, say: sakigake reconcile --accept-removals",
            )
        self._repair(sum(found[:3]))
        left = sum(self.listing.compare()[:3])
        proof.repaired = sum(found[:3]) - left
        self._retry_parked()
        self._sweep_links()
        self._refresh()
        counts.append(self.connector.count(self.spec.object))
        proof.here, proof.there = self._here(), self.listing.count()
        proof.counted = counts[-1]
        proof.cause = self._doubt(left, [n for n in counts if n is not None])
        proof.proven = proof.cause is None

    def _list(self, expected: int | None) -> None:
        """The CRM's live records, as it lists them."""
        self.listing.begin()
        done = 0
        for some in self.connector.identities(self.spec.object):
            self.listing.add(some)
            done += len(some)
            self.progress(done, expected)
        self.listing.end()

    def _repair(self, total: int) -> None:
        done = 0
        while done < total:
            for page in self.connector.fetch(self.spec, self.listing.different(done, BATCH)):
                with self.conn.transaction():
                    self._believe(page)
                    self._land(page)
            done += BATCH
            self.progress(min(done, total), total)

    def _believe(self, page: Page) -> None:
        """The CRM's word on records asked for by id goes over what its list said, and over what we held, were it newer."""
        records = [r for r in page.records if not (r.merged_into is not None and not r.values)]
        self.conn.execute(
            sql.SQL("""
            update {} t set _version = a.version, _hash = null from unnest(%s::text[], %s::timestamptz[]) as a(id, version)
            where t.id = a.id and t._version > a.version""").format(self.table.identifier),
            ([r.id for r in records], [r.version for r in records]),
        )
        ended = [r.id for r in page.records if r.deleted or r.merged_into is not None]
        live = [Identity(r.id, r.version) for r in page.records if not r.deleted and r.merged_into is None]
        self.listing.mend(live, [*ended, *page.gone, *page.forgotten])

    def _land(self, page: Page) -> LandCounts:
        place = self._place()
        whole = replace(page, gone=(*page.gone, *page.forgotten))
        done = land(self.conn, self.table, whole, place, loading=False)
        if page.forgotten:
            forget(self.conn, self.table, place, page.forgotten)
        note_landing(self.conn, self.table.object, place, done)
        self._count(done)
        return done

    def _place(self) -> Place:
        pull = self.pull
        return Place(pull.workspace, pull.connection, pull.run_id, pull.clock(), tuple(sorted(set(self.spec.fields))))

    def _count(self, done: LandCounts) -> None:
        self.proof.landed += done
        if done.altered:
            self._mark()

    def _sweep_links(self) -> None:
        """Links have no stamps, and no feed: those of all records are read."""
        if not self.spec.associations:
            return
        done = 0
        for ids in self._live_ids():
            sets = self.connector.links(self.spec, ids)
            with self.conn.transaction():
                self.proof.links += self._land(Page((), {}, associations=tuple(sets))).links
            done += len(ids)
            self.progress(done, None)

    def _refresh(self) -> None:
        """Calculated values move no stamp: those that the mapping reads are read again, and nothing else of the records."""
        if not self.calculated:
            return
        # a field that our user can no longer see would be read as empty
        visible = {f.name for f in self.connector.describe(self.spec.object).fields}
        names = [n for n in self.calculated if n in visible]
        done = 0
        for ids in self._live_ids() if names else ():
            read = self.connector.read(self.spec.object, ids, names)
            with self.conn.transaction():
                place = self._place()
                counts = land_refreshed(self.conn, self.table, [r for r in read.values() if not r.missing], place)
                note_landing(self.conn, self.table.object, place, counts)
                self._count(counts)
            self.proof.refreshed += counts.changed
            done += len(ids)
            self.progress(done, None)

    def _retry_parked(self) -> None:
        """What was parked is read again: where it fits now, in the CRM or in its column, it is parked no more."""
        key = (self.pull.workspace, self.pull.connection, self.spec.object)
        rows = self.conn.execute(
            "select distinct record_id from sakigake.parked where workspace = %s and connection = %s and object = %s and step = 'pull'",
            key,
        ).fetchall()
        parked = [r[0] for r in rows]
        for start in range(0, len(parked), BATCH):
            for page in self.connector.fetch(self.spec, parked[start : start + BATCH]):
                told = [*(r.id for r in page.records), *page.gone, *page.forgotten]
                with self.conn.transaction():
                    self.conn.execute(
                        """delete from sakigake.parked where workspace = %s and connection = %s and object = %s and step = 'pull'
                        and record_id = any(%s)""",
                        (*key, told),
                    )
                    self._believe(page)
                    self._land(page)
        row = self.conn.execute(
            "select count(*) from sakigake.parked where workspace = %s and connection = %s and object = %s and step = 'pull'",
            key,
        ).fetchone()
        self.proof.parked = int(row[0]) if row else 0

    def _live_ids(self) -> Iterator[list[str]]:
        after = ""
        query = sql.SQL("select id from {} where not _deleted and id > %s order by id limit %s").format(
            self.table.identifier
        )
        while True:
            ids = [r[0] for r in self.conn.execute(query, (after, BATCH)).fetchall()]
            if ids:
                yield ids
            if len(ids) < BATCH:
                return
            after = ids[-1]

    def _doubt(self, left: int, counts: Sequence[int]) -> str | None:
        """Why the comparison is no proof, if it is none."""
        if left:
            return f"{counted(left, 'record differs after its repair', 'records differ after their repair')}; the next sweep tries again"
        if not counts or self.proof.there in counts:
            return None
        unsettled = self._unsettled()
        if min(counts) - unsettled <= self.proof.there <= max(counts) + unsettled:
            return None
        return f"the CRM counts {counts[-1]} live records and lists {self.proof.there}"

    def _unsettled(self) -> int:
        since = (self.proof.started_at or self.pull.clock()) - SETTLES
        row = self.conn.execute(
            sql.SQL(
                "select count(*) from {} where _version >= %s or _changed_at >= %s and (_deleted or _first_seen_at = _changed_at)"
            ).format(self.table.identifier),
            (since, since),
        ).fetchone()
        return int(row[0]) if row else 0

    def _here(self) -> int:
        row = self.conn.execute(
            sql.SQL("select count(*) from {} where not _deleted").format(self.table.identifier)
        ).fetchone()
        return int(row[0]) if row else 0

    def _mark(self) -> None:
        """The next map step sees that the object changed."""
        self.conn.execute(
            """update sakigake.mirror_object set last_changed_run_id = %s
            where workspace = %s and connection = %s and object = %s""",
            (self.pull.run_id, self.pull.workspace, self.pull.connection, self.spec.object),
        )


def _mirrored(
    conn: Connection[Any], pull: Pull, spec: ReadSpec
) -> tuple[MirrorTable, ReadSpec, datetime | None, tuple[str, ...]]:
    """(the table, the spec with every column it has, what the last pull covered, its calculated fields); Stop where it was not loaded."""
    kept = conn.execute(
        """select description, fields, loaded, covered_until, stale from sakigake.mirror_object
        where workspace = %s and connection = %s and object = %s""",
        (pull.workspace, pull.connection, spec.object),
    ).fetchone()
    stale = kept[4] if kept is not None else {}  # the CRM shows them no more, and they are not compared
    spec = replace(spec, history=tuple(h for h in spec.history if h not in stale))
    needs = {
        *spec.fields,
        *spec.extra,
        *(f"history:{f}" for f in spec.history),
        *(f"association:{a}" for a in spec.associations),
    }
    needs -= stale.keys()
    if kept is None or not kept[2] or not needs <= set(kept[1]):
        raise Stop(
            f"{pull.connection}.{spec.object} has not been read to its end with all that the mapping needs, so there is nothing to compare yet.",
            remedy="Run `sakigake run --only pull` first.",
        )
    description = remembered(kept[0])
    table, _ = ensure_table(conn, pull.schema, description, description.fields)
    whole = replace(spec, fields=tuple(table.columns))
    calculated = tuple(f.name for f in description.fields if f.calculated)
    return table, whole, kept[3], calculated
