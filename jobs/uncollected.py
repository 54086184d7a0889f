"""Work that keeps what it makes: the interpreter looks for no garbage among it."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Where millions of values are made and all of them kept, looking for garbage among them finds none and costs a third."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
