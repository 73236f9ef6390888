"""Files that users put into place, read and written with care."""

import os
import stat
from pathlib import Path


def read_bytes(path: Path, most: int) -> bytes:
    """Read a regular file of at most `most` bytes; a pipe in its place does not hang the reader.

    Raises:
        OSError: it cannot be read, is no regular file, or is larger.
    """
    # Whether a path is a regular file can change before it is opened, so the open file is asked.
    with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"{path} is not a regular file")
        if status.st_size > most:
            raise OSError(f"{path} has {status.st_size / 1e6:.1f} MB; at most {most / 1e6:g} MB")
        return file.read(most)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file completely or not at all.

    A link stays one, and a file that is replaced passes on its permissions.

    Raises:
        OSError: it cannot be written.
    """
    path = path.resolve()
    permissions = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o644
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.chmod(permissions)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
