"""The newest pool, kept: with it one partner's results follow from what that partner did, without reading anybody else."""

import json
from dataclasses import dataclass, is_dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from psycopg import Connection

from indicators.curves import StepCurve
from indicators.exposure import Exposure
from indicators.histories import LateHistory
from indicators.partner_priors import Prior
from indicators.pool import Pool, WholeWay
from indicators.stalled import StepPace

Conn = Connection[Any]


@dataclass(frozen=True, slots=True)
class KeptPool:
    """The pool with what it stands on. `basis` is all that results depend on, but for the facts."""

    pool: Pool
    run_id: str
    as_of: date
    known_at: datetime
    basis: dict[str, Any]


def keep(
    conn: Conn, workspace: str, run_id: str, as_of: date, known_at: datetime, basis: dict[str, Any], pool: Pool
) -> None:
    """Keeps the pool in place of the one before, in the caller's transaction."""
    conn.execute(
        """insert into sakigake.pool (workspace, run_id, as_of, known_at, basis, document) values (%s, %s, %s, %s, %s, %s)
        on conflict (workspace) do update set run_id = excluded.run_id, as_of = excluded.as_of, known_at = excluded.known_at,
            basis = excluded.basis, document = excluded.document""",
        (workspace, run_id, as_of, known_at, json.dumps(basis), as_text(pool)),
    )


def newest(conn: Conn, workspace: str, basis: dict[str, Any]) -> KeptPool | None:
    """The pool that was kept last, where it stands on the same day, mapping, code and settings; None otherwise."""
    row = conn.execute(
        "select run_id, as_of, known_at, document from sakigake.pool where workspace = %s and basis = %s",
        (workspace, json.dumps(basis)),
    ).fetchone()
    return None if row is None else KeptPool(of_text(row[3]), row[0], row[1], row[2], basis)


def as_text(pool: Pool) -> str:
    """As JSON, from which every number is read back as it was."""
    return json.dumps(_plain(pool), separators=(",", ":"))


def of_text(text: str) -> Pool:
    """What `as_text` wrote."""
    held = json.loads(text)
    return Pool(
        as_of=held["as_of"],
        types=tuple(held["types"]),
        whole=tuple(WholeWay(**w) for w in held["whole"]),
        paces=tuple((day, tuple(tuple(map(_pace, row)) for row in table)) for day, table in held["paces"]),
        curves=tuple(tuple(map(_curve, row)) for row in held["curves"]),
        priors=tuple(tuple(map(_prior, row)) for row in held["priors"]),
        arriving=tuple((a, b) for a, b in held["arriving"]),
        draws=held["draws"],
        forecast=held["forecast"],
        late=tuple(LateHistory(**one) for one in held["late"]),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return [_plain(v) for v in value] if isinstance(value, tuple) else value


def _pace(held: dict[str, Any]) -> StepPace:
    return StepPace(**{**held, "chances": np.array(held["chances"], np.float64)})


def _prior(held: dict[str, Any]) -> Prior:
    return Prior(**{**held, "exposure": Exposure(**held["exposure"])})


def _curve(held: dict[str, Any]) -> StepCurve:
    curves = {name: np.array(held[name], np.float64) for name in ("delay", "loss")}
    following = held.get("following")
    return StepCurve(**{**held, **curves, "following": None if following is None else np.array(following, np.float64)})
