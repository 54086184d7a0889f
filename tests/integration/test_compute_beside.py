"""A computation of which a process beside does a part says, and keeps, what one says that does all of it here."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from indicators.calibration import Calibration
from indicators.landings import Coming
from jobs import beside
from jobs.beside import NUMBERS, Answer, Beside
from jobs.steps.compute import compute
from tests.numbers_world import AS_OF, steady_facts, workspace_on

KEPT = ("computation", "subject_result", "report", "pool", "partner_day", "tier_change", "said_entries")


def kept(engine: Engine) -> dict[str, list[str]]:
    left_out = "- 'computed_at' - 'at' - 'first_used_at'"
    with engine.connect() as conn:
        rows = {
            name: conn.exec_driver_sql(f"select (to_jsonb(t) {left_out})::text from sakigake.{name} t order by 1")
            for name in KEPT
        }
        return {name: [row[0] for row in found] for name, found in rows.items()}


def test_what_is_kept_does_not_tell_who_worked_it_out(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Answer[Any]] = []
    queued = Beside._queued
    monkeypatch.setattr(Beside, "_queued", lambda *given: asked.append(queued(*given)) or asked[-1])
    said = []
    with workspace_on(engine, tmp_path) as workspace, workspace.connect() as conn:
        steady_facts(entries=900, partners=8).store(conn)
    for processors in (1, 2):
        asked.clear()
        monkeypatch.setattr(beside, "processors", lambda n=processors: n)
        with workspace_on(engine, tmp_path) as workspace, Beside(*NUMBERS, at_once=True) as aside:
            assert aside.begin() is (processors == 2)
            compute(workspace, "run-1", AS_OF, None, None, aside)
        said.append(kept(engine))
        with engine.begin() as conn:
            for name in KEPT:
                conn.exec_driver_sql(f"delete from sakigake.{name}")
        elsewhere = [type(one.there.result()) for one in asked if one.there.done() and not one.there.cancelled()]
        assert set(elsewhere) == ({Calibration, tuple, list, dict, Coming} if processors == 2 else set())
    assert said[0] == said[1]
    assert all(said[0].values())
