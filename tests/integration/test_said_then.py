"""The past of results: what is read as of any moment is what was said then, whatever was said since."""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from indicators.inputs import EntryTable, PartnerTable
from jobs.explaining.said import as_logged, waiting
from jobs.steps.entry_rows import SAID, entry_rows
from jobs.steps.keep_results import EntriesSaid, Stand, keep
from jobs.steps.moments import computing_moment
from tests.numbers_world import NOW, name_id, workspace_on

PARTNERS = tuple(sorted(name_id(f"partner {n}") for n in range(2)))
ENTRIES = tuple(sorted(name_id(f"entry {n}") for n in range(3)))
FIELDS = ("listed_90d", "tier")
START, DAY = datetime(2026, 10, 1, tzinfo=UTC), date(2026, 10, 1)
Values = dict[tuple[str, str, str], Any]


@dataclass(frozen=True)
class Saying:
    """What one run says. `later`: microseconds since the one before; `former`: by the code that logged what stands, too."""

    partners: dict[str, dict[str, int]]
    entries: dict[str, tuple[int, bool, int]]  # milestone, -1 with none; stalled; owner
    words: str = "a"
    later: int = 1
    former: bool = False


partner_fields = st.dictionaries(st.sampled_from(FIELDS), st.integers(0, 1), min_size=1)
SAYINGS = st.lists(
    st.builds(
        Saying,
        st.dictionaries(st.sampled_from(PARTNERS), partner_fields),
        st.dictionaries(st.sampled_from(ENTRIES), st.tuples(st.integers(-1, 2), st.booleans(), st.integers(0, 1))),
        st.sampled_from("aab"),
        st.integers(0, 1),
        st.booleans(),
    ),
    max_size=7,
)


@dataclass
class Told:
    """A workspace to which runs say something, and what stood after each."""

    conn: psycopg.Connection[Any]
    workspace: str
    known_at: datetime = START
    stood: list[tuple[datetime, Values]] = field(default_factory=list)
    stands: Values = field(
        default_factory=dict
    )  # by field the value, what is beside it, and the run that came to say so
    dice: random.Random = field(default_factory=lambda: random.Random(7))

    def say(self, saying: Saying) -> None:
        self.known_at += timedelta(microseconds=saying.later)
        run = f"run-20261001T000000-{self.dice.getrandbits(24):06x}"  # as of runs that begin in one second
        names = sorted(saying.partners)
        owned = [(e, saying.entries[e]) for e in sorted(saying.entries) if PARTNERS[saying.entries[e][2]] in names]
        said = np.zeros(len(owned), SAID)
        for at, (_, (milestone, stalled, _)) in enumerate(owned):
            said[at]["milestone"], said[at]["since"], said[at]["stalled"], said[at]["next"] = (
                milestone,
                20000,
                stalled,
                1,
            )
        partners = PartnerTable.of(names, ["all"], np.zeros(len(names), np.int64))
        entries = EntryTable.of([e for e, _ in owned], [names.index(PARTNERS[of]) for _, (*_, of) in owned])
        rows: list[Any] = [
            ("partner", name, of, value, {"why": saying.words})
            for name in names
            for of, value in saying.partners[name].items()
        ]
        told = EntriesSaid(entries, said, saying.words, "en", 180)
        with self.conn.transaction():
            written = keep(self.conn, self.workspace, Stand(run, DAY, self.known_at), partners, rows, told)
            self.conn.execute(
                """insert into sakigake.computation (workspace, run_id, as_of, known_at, mapping_hash, code_version, indicators, computed_at)
                values (%s, %s, %s, %s, '', '', '{}', %s)""",
                (self.workspace, run, DAY, self.known_at, START + timedelta(seconds=len(self.stood))),
            )
            if saying.former:
                self.conn.execute(
                    """insert into sakigake.result_log (workspace, subject, subject_id, field, value, inputs, gone, run_id, as_of, known_at)
                    select workspace, subject, subject_id, field, value, inputs, false, run_id, %s, %s from sakigake.field_result
                    where workspace = %s and run_id = %s""",
                    (DAY, self.known_at, self.workspace, run),
                )
        rows += entry_rows([e for e, _ in owned], said, "en", 180)
        before, self.stands = self.stands, {row[:3]: (*row[3:], run) for row in rows}
        for key, (value, beside, _) in self.stands.items():
            if key in before and before[key][:2] == (value, beside):
                self.stands[key] = before[key]
        moved = {key for key in before.keys() | self.stands.keys() if before.get(key) != self.stands.get(key)}
        assert written == len(moved)
        self.stood.append((self.known_at, {row[:3]: row[3] for row in rows}))

    def standing(self) -> Values:
        query = (
            "select subject, subject_id, field, value, inputs, run_id from sakigake.field_result where workspace = %s"
        )
        return {row[:3]: row[3:] for row in self.conn.execute(query, (self.workspace,))}

    def at(self, moment: datetime) -> Values:
        return {
            (subject, of, row["field"]): row["value"]
            for subject, ids in (("partner", PARTNERS), ("entry", ENTRIES))
            for of in ids
            for row in as_logged(self.conn, self.workspace, subject, of, moment)
        }


def test_the_past_as_read_at_every_moment_is_what_was_said_then(engine: Engine, tmp_path: Path) -> None:
    """Values that come back, are removed and come again; runs of one moment; words that change; and logs of the code before."""
    names = count()
    with workspace_on(engine, tmp_path) as place, place.connect() as conn:

        @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(SAYINGS)
        def check(sayings: list[Saying]) -> None:
            told = Told(conn, f"w{next(names)}")
            for saying in sayings:
                told.say(saying)
                assert told.standing() == told.stands
            last = dict(told.stood)  # of runs of one moment, the last
            assert told.at(START - timedelta(microseconds=1)) == {}
            for moment, values in last.items():
                assert told.at(moment) == values
                stalled = {of for (_, of, name), value in values.items() if name == "stalled" and value}
                assert set(waiting(conn, told.workspace, list(ENTRIES), moment)) == stalled

        check()


def test_of_two_runs_within_a_second_the_later_one_is_the_newest_of_its_moment(engine: Engine, tmp_path: Path) -> None:
    """Their names begin alike, and end by chance."""
    with workspace_on(engine, tmp_path) as place, place.connect() as conn:
        told = Told(conn, "w")
        for value in (0, 1, 0, 1, 0, 1):
            told.say(Saying({PARTNERS[0]: {"tier": value}}, {}, later=0))
            assert told.at(told.known_at) == told.stood[-1][1]


def test_no_computation_is_dated_before_an_earlier_one_where_the_clock_of_a_crm_steps_back(
    engine: Engine, tmp_path: Path
) -> None:
    with workspace_on(engine, tmp_path) as place, place.connect() as conn:
        told = Told(conn, place.name, known_at=NOW + timedelta(seconds=2))
        told.say(Saying({}, {}))
        assert computing_moment(conn, place) == told.known_at > place.crm_now()
