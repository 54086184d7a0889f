"""What a computation of everything takes time to load, loaded while the CRMs are read and the mirror is mapped."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from typing import Any

from jobs.beside import NUMBERS, Beside
from jobs.calendar import business_days
from jobs.computing_code import CODE_VERSION
from jobs.wiring import Workspace


@contextmanager
def prepared(workspace: Workspace, before: Mapping[str, Any] | None, as_of: date) -> Iterator[Beside]:
    """What `compute` asks for a part of its numbers; `before` is what the newest computation stands on.

    A country's holidays, and a process that does that part, are begun at once where everything will be computed: on another day, or by another
    mapping or code. Where nothing but facts may have changed, nothing is loaded that may not be needed.
    """
    stands = (as_of.isoformat(), workspace.rules.hash, CODE_VERSION)
    with Beside(*NUMBERS) as aside, ThreadPoolExecutor(1) as beside:
        if before is None or tuple(before.get(key) for key in ("as_of", "mapping", "code")) != stands:
            aside.begin()
            # the first use of a country's calendar loads those of all countries; what is wrong with it is said where it is used
            beside.submit(business_days, workspace.settings.calendar, as_of)
        yield aside
