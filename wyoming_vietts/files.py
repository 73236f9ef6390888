"""Files that users put into place, read with care."""

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


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole, or not at all.

    Raises:
        OSError: it cannot be written; what was there is as it was.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise


def explain(error: Exception) -> str:
    """The error's message; of a denied file also whose it is, as with a container's volume."""
    if not isinstance(error, PermissionError) or error.filename is None:
        return str(error)
    path = nearest_existing(Path(os.fsdecode(error.filename)))
    return (
        f"{error.strerror}: '{os.fsdecode(error.filename)}' ({path} belongs to user "
        f"{path.stat().st_uid}, and this program runs as user {os.getuid()}; "
        f"'chown -R {os.getuid()} {path}' gives it to that user)"
    )


def nearest_existing(path: Path) -> Path:
    """The path itself, or the first folder above it that is there and can be seen."""
    for candidate in (path.absolute(), *path.absolute().parents):
        if os.path.exists(candidate):  # Path.exists raises where a folder cannot be searched
            return candidate
    return Path("/")
