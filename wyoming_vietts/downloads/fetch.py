"""Fetches downloads: complete and checked, or not at all; an interrupted one is resumed."""

import fcntl
import hashlib
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import SetupError
from ..files import replace_file
from . import hub
from .progress import Progress
from .table import Download

_LOGGER = logging.getLogger(__name__)

STAGING = ".download"
"""Folder beside the files, for parts until all of them are complete."""

_LOCK = ".download.lock"  # never removed, as another process may have opened it

_MOST_TIMES = 2  # the announced size

Convert = Callable[[Mapping[str, bytes]], Mapping[str, bytes]]
"""Converts all files of a download: content by name -> content by name."""


def fetch(download: Download, folder: Path, convert: Convert | None = None) -> bool:
    """Fetch missing and different files, and put them into a folder once all are complete.

    Files appear in their order: the last one marks a complete download. All are of one commit.

    Args:
        convert: for a download that is converted; its files are fetched anew each time.

    Returns:
        Whether anything is new.

    Raises:
        SetupError: the hub cannot be reached, has no such file, or sends something else, the disk
            is too small, or the files cannot be converted; the message says which file.
        OSError: the folder cannot be written.
    """
    staging = folder / STAGING
    folder.mkdir(parents=True, exist_ok=True)
    with _alone_in(folder) as has_waited:
        if has_waited and convert is not None and download.is_in(folder):
            return False
        _remove_link(staging)
        staging.mkdir(exist_ok=True)
        commit: str | None = None
        size = 0
        complete = []
        for file in download.files:
            if file.sha256 is not None and _is(folder / file.name, file.size, file.sha256):
                continue
            remote = hub.find(download.repository, commit or download.revision, file)
            size += remote.size
            if size > _MOST_TIMES * 1e6 * download.megabytes:
                raise SetupError(
                    f"{download.repository} has {size / 1e6:.0f} MB in place of the "
                    f"{download.megabytes} MB that are expected; nothing of {file.name} is fetched"
                )
            if commit is None:
                commit = remote.commit
                _LOGGER.info("Downloading from %s at commit %s", download.repository, commit)
            if convert is not None or not _is(folder / file.name, remote.size, remote.digest):
                complete.append((_fetch_file(remote, staging), file))
        if convert is None:
            for part, file in complete:
                os.replace(part, folder / file.name)
            shutil.rmtree(staging)
            return bool(complete)
        published = {file.name: part.read_bytes() for part, file in complete}
        shutil.rmtree(staging)
        converted = convert(published).items()
        new = [(folder / name, made) for name, made in converted if not _has(folder / name, made)]
        for path, made in new:
            replace_file(path, made)
        return bool(new)


@contextmanager
def _alone_in(folder: Path) -> Iterator[bool]:
    """Wait until no other process, on any machine, fetches into the same folder.

    Yields:
        Whether there was one to wait for.
    """
    lock = _open(folder / _LOCK, os.O_RDWR)
    has_waited = False
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _LOGGER.info("Waiting for another download into %s", folder)
            fcntl.flock(lock, fcntl.LOCK_EX)
            has_waited = True
        yield has_waited
    finally:
        os.close(lock)


def _fetch_file(remote: hub.Remote, staging: Path) -> Path:
    """Fetch a file, or the rest of it."""
    name = remote.file.name
    part = staging / f"{name}.{remote.digest[:8]}"
    try:
        with open(_open(part, os.O_WRONLY | os.O_APPEND), "ab") as file:
            if file.tell() > remote.size:
                file.truncate(0)
            done = file.tell()
            free = shutil.disk_usage(staging).free
            if free < remote.size - done:
                raise SetupError(
                    f"{name} needs {(remote.size - done) / 1e6:.0f} MB, and the disk of "
                    f"{staging.parent} has {free / 1e6:.0f} MB left"
                )
            if done < remote.size:
                _receive(remote, file, done)
    except OSError as error:
        if error.filename is not None:  # it cannot be opened
            raise
        raise SetupError(
            f"Cannot write {name} into {staging.parent}: {error.strerror}; what has come is kept"
        ) from error
    if not _is(part, remote.size, remote.digest):
        part.unlink()
        raise SetupError(f"{name} had the wrong content and was deleted; try again later")
    return part


def _receive(remote: hub.Remote, file: BinaryIO, done: int) -> None:
    """Append the bytes of a file from `done` on, and show the progress."""
    with closing(Progress(remote.file.name, remote.size)) as progress:
        for block in hub.read(remote, done):
            file.write(block)
            done += len(block)
            progress.show(done)


# --- links, and hashes ---------------------------------------------------------------------------


def _open(path: Path, flags: int) -> int:
    """Open or create a file; a link in its place is replaced."""
    _remove_link(path)
    return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o666)


def _remove_link(path: Path) -> None:
    if path.is_symlink():
        path.unlink()


def _has(path: Path, content: bytes) -> bool:
    return path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content


def _is(path: Path, size: int | None, digest: str) -> bool:
    """Return whether a file has this size and this SHA-256 [64] or Git SHA-1 [40]."""
    if not path.is_file() or path.stat().st_size != size:
        return False
    if len(digest) == 64:
        hashing = hashlib.sha256()
    else:  # Git hashes a file's kind and size first
        hashing = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(2**20):
            hashing.update(block)
    return hashing.hexdigest() == digest
