"""Hidden folders for files that are not complete yet, beside the files of voices."""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = ".upload-"
_NAME = re.compile(rf"{re.escape(_PREFIX)}\w{{8}}", re.ASCII)  # as `mkdtemp` makes them
_LOCK = "lock"


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """Make a hidden folder, locked until its files are in place or refused.

    The lock of a process that was killed is gone: the next start deletes its folder.
    """
    made = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
    try:
        with _lock_of(made) as lock:
            with suppress(OSError):  # on a network share without locks
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def remove_abandoned(folder: Path) -> None:
    """Delete the folders that no process fills any more, here or on another machine."""
    for made in folder.glob(f"{_PREFIX}*"):
        if _NAME.fullmatch(made.name) and not made.is_symlink():
            with suppress(OSError), _lock_of(made) as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails if another process has it
                shutil.rmtree(made)


@contextmanager
def _lock_of(made: Path) -> Iterator[int]:
    """Open the lock of a folder; raise OSError if it is a link or a pipe."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    lock = os.open(made / _LOCK, flags, 0o600)
    try:
        yield lock
    finally:
        os.close(lock)
