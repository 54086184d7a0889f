"""File locks that the kernel drops however their holder ends."""

import errno
import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from jobs.errors import DatabaseUnavailable

_PAUSE = 0.02  # seconds between two tries


class FileLock:
    """One open file with an advisory lock. Not inherited by programs we start; two instances in one process are two holders."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # A link is not followed: as root, we write where an unprivileged account might have laid one.
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    def try_shared(self) -> bool:
        return self._try(fcntl.LOCK_SH)

    def try_exclusive(self) -> bool:
        return self._try(fcntl.LOCK_EX)

    def wait_shared(self, seconds: float) -> None:
        self._wait(fcntl.LOCK_SH, seconds)

    def wait_exclusive(self, seconds: float) -> None:
        self._wait(fcntl.LOCK_EX, seconds)

    def release(self) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_UN)

    def is_free(self) -> bool:
        """Whether nobody holds it alone. Looks by taking a share for a moment, so holders must allow for a second try."""
        if not self.try_shared():
            return False
        self.release()
        return True

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _try(self, how: int) -> bool:
        try:
            fcntl.flock(self._fd, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno in {errno.ENOLCK, errno.ENOTSUP}:
                raise DatabaseUnavailable(
                    f"The file system under {self._path.parent} has no file locks, which the embedded PostgreSQL needs: "
                    "set SAKIGAKE_HOME to a local disk, or DATABASE_URL to a PostgreSQL server."
                ) from error
            raise
        return True

    def _wait(self, how: int, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._try(how):
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"Another process has held {self._path} for {seconds:.0f} s while starting or stopping the embedded "
                    "PostgreSQL: end it and try again."
                )
            time.sleep(_PAUSE)
