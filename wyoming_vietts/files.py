"""Safely reads and writes files that users provide."""

import glob
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

_LEFTOVER_SECONDS = 3600.0  # without a change; such a file was abandoned


def read_bytes(path: Path, most: int) -> bytes:
    """Read a file; see `open_regular`."""
    with open_regular(path, most) as file:
        return file.read(most)


@contextmanager
def open_regular(path: Path, most: int) -> Iterator[BinaryIO]:
    """Open a regular file of at most `most` bytes; a pipe in its place does not hang the reader.

    Raises:
        OSError: it cannot be opened, is no regular file, or is larger.
    """
    # The open file is checked, as the path may lead to another one in the meantime.
    with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"{path} is not a regular file")
        if status.st_size > most:
            unit, divisor = ("MB", 1e6) if most >= 1e6 else ("kB", 1e3)
            size = f"{status.st_size / divisor:.1f} {unit}"
            raise OSError(f"{path} has {size}; at most {most / divisor:g} {unit}")
        yield file


class Disguise(StrEnum):
    """A file that is often there by mistake; the value is its kind and the remedy."""

    EMPTY_FILE = "empty"
    GIT_LFS_POINTER = (
        "a Git LFS pointer: run 'git lfs pull' where it comes from, then copy it again"
    )
    WEB_PAGE = "a web page, not the file itself: download it again"
    ARCHIVE = "an archive: unpack it"

    @property
    def code(self) -> str:
        """For clients, such as `web-page`."""
        return self.name.lower().replace("_", "-")


def recognize(head: bytes) -> Disguise | None:
    """Recognize a file that is often there by mistake.

    Args:
        head: the first bytes of the file.
    """
    if not head:
        return Disguise.EMPTY_FILE
    if head.startswith(b"version https://git-lfs"):
        return Disguise.GIT_LFS_POINTER
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return Disguise.WEB_PAGE
    if head.startswith((b"PK\x03\x04", b"\x1f\x8b")):
        return Disguise.ARCHIVE
    return None


@contextmanager
def replacement(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to, which then replaces `path` atomically.

    Processes that write the same file, even on different machines, do not interfere. A link itself
    is replaced; a file's permissions are kept.

    Raises:
        OSError: it cannot be written; the old file is unchanged.
    """
    remove_leftovers(path)
    unfinished = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        yield unfinished
        with suppress(FileNotFoundError):
            unfinished.chmod(stat.S_IMODE(path.stat().st_mode))
        os.replace(unfinished, path)
    except BaseException as error:
        unfinished.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None and error.filename is None:
            error.filename = str(path)  # as when the disk is full
        raise


def remove_leftovers(path: Path) -> None:
    """Delete unfinished replacements of a file, left by processes that were killed."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.{'[0-9a-f]' * 8}"):
        with suppress(OSError):
            if time.time() - leftover.stat().st_mtime > _LEFTOVER_SECONDS:
                leftover.unlink()


def replace_file(path: Path, content: bytes) -> None:
    """Write a file; see `replacement`."""
    with replacement(path) as unfinished, unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def leads_through_link(path: Path, folder: Path) -> bool:
    """Return whether a folder between `folder` and a path within it is a link."""
    return any((folder / parent).is_symlink() for parent in path.relative_to(folder).parents[:-1])


def explain(error: Exception) -> str:
    """Return an error's message; for a denied file, such as in a volume, add its owner."""
    if not isinstance(error, PermissionError) or error.filename is None:
        return str(error)
    path = nearest_existing(Path(os.fsdecode(error.filename)))
    return (
        f"{error.strerror}: '{os.fsdecode(error.filename)}' ({path} belongs to user "
        f"{path.stat().st_uid}, and this program runs as user {os.getuid()}; "
        f"'chown -R {os.getuid()} {path}' gives it to that user)"
    )


def nearest_existing(path: Path) -> Path:
    """Return the path itself, or the first folder above it that exists and is accessible."""
    for candidate in (path.absolute(), *path.absolute().parents):
        if os.path.exists(candidate):  # Path.exists raises where a folder cannot be searched
            return candidate
    return Path("/")
