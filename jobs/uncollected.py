"""Work that keeps what it makes: the interpreter looks for no garbage among it, and memory that arrays leave is kept for the next ones."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress

TOP_PAD = 32 << 20
"""Bytes that are asked of the system beyond what is needed, and not given back while no more are free."""
_M_TOP_PAD = -2  # of glibc's malloc.h


@contextmanager
def uncollected() -> Iterator[None]:
    """Where millions of values are made and all of them kept, looking for garbage among them finds none and costs a third.

    To have the memory of arrays anew from the system each time costs a tenth of the arithmetic; kept it is by glibc, from then on.
    """
    with suppress(OSError, AttributeError):  # another C library has its own ways
        ctypes.CDLL(None).mallopt(_M_TOP_PAD, TOP_PAD)
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
