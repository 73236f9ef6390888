"""Fetches files from the Hugging Face hub: whole, checked and resumable, or not at all."""

import fcntl
import hashlib
import io
import logging
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from ..errors import DownloadError, SetupError
from ..program import how_to_install

_LOGGER = logging.getLogger(__name__)

_CONTACT_SECONDS = 3.0  # for each of the hub's addresses, which are about four
_LOG_SECONDS = 5.0
STAGING = ".download"
"""Folder, beside them, where files lie until all of them are complete."""

_LOCK = ".download.lock"  # which stays: others may have opened it


@dataclass(frozen=True)
class HubFile:
    """A file of a repository."""

    path: str
    """In the repository; on this machine only its name is kept."""
    size: int | None = None
    """Bytes; None for what the hub says."""
    md5: str | None = None
    """None for the hash that the hub says."""

    @property
    def name(self) -> str:
        """Its name on this machine."""
        return PurePosixPath(self.path).name


@dataclass(frozen=True)
class _Remote:
    """What a file must be."""

    file: HubFile
    url: str
    size: int
    digest: str
    """MD5 [32], SHA-256 [64] or Git's SHA-1 [40] in hexadecimal digits."""


def fetch(repository: str, revision: str, files: Sequence[HubFile], folder: Path) -> bool:
    """Fetch what is missing or different, and put it into a folder once all of it is there.

    An earlier attempt that was cut short is continued. Files appear in their order, so the last one
    tells that all are there.

    Returns:
        Whether anything had to be fetched.

    Raises:
        DownloadError: the hub cannot be reached, has no such file, or sends something else; the
            message says which file.
        OSError: the folder cannot be written, or the disk is too small.
        SetupError: the package huggingface_hub is missing.
    """
    staging = folder / STAGING
    folder.mkdir(parents=True, exist_ok=True)
    with _alone_in(folder):
        staging.mkdir(exist_ok=True)
        revisions = [revision]
        missing = []
        for file in files:
            remote = _find(repository, revisions, file, folder / file.name)
            if remote is not None:
                missing.append((remote, _fetch(remote, staging)))
        for remote, part in missing:
            os.replace(part, folder / remote.file.name)
        shutil.rmtree(staging)
    return bool(missing)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process, on any machine, fetches into the same folder."""
    with (folder / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _LOGGER.info("Waiting for another download into %s", folder)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _find(repository: str, revisions: list[str], file: HubFile, here: Path) -> _Remote | None:
    """What the file must be; None if it is already here.

    `revisions` ends with the commit that the hub has named, if it has: all files are of one.
    """
    if file.md5 is not None and _is(here, file.size, file.md5):
        return None
    with _hub_errors(repository, file):
        from huggingface_hub import get_hf_file_metadata, hf_hub_url

        url = hf_hub_url(repository, file.path, revision=revisions[-1])
        said = get_hf_file_metadata(url, timeout=_CONTACT_SECONDS)
        if said.commit_hash is not None:
            revisions.append(said.commit_hash)
            url = hf_hub_url(repository, file.path, revision=said.commit_hash)
    size = said.size if file.size is None else file.size
    digest = said.etag if file.md5 is None else file.md5
    if size is None or size != said.size or digest is None or len(digest) not in _HASHES:
        raise DownloadError(
            f"Cannot download {file.name} of {repository}: {url} is another file, of {said.size} "
            f"bytes and hash {said.etag}"
        )
    return None if _is(here, size, digest) else _Remote(file, url, size, digest)


def _fetch(remote: _Remote, staging: Path) -> Path:
    """Fetch a file, or the rest of it.

    Raises:
        DownloadError: see `fetch`.
    """
    part = staging / f"{remote.file.name}.{remote.digest[:8]}"
    with part.open("ab") as file:
        if file.tell() > remote.size:
            file.truncate(0)
        done = file.tell()
        free = shutil.disk_usage(staging).free
        if free < remote.size - done:
            raise DownloadError(
                f"{remote.file.name} needs {(remote.size - done) / 1e6:.0f} MB, and the disk of "
                f"{staging.parent} has {free / 1e6:.0f} MB left"
            )
        if done < remote.size:
            _receive(remote, file, done)
    if not _is(part, remote.size, remote.digest):
        part.unlink()
        raise DownloadError(
            f"{remote.file.name} came with the wrong content and was thrown away; try again later"
        )
    return part


def _receive(remote: _Remote, file: io.BufferedWriter, done: int) -> None:
    """Append the bytes of a file from `done` on, and show how far they are."""
    with _hub_errors(remote.url, remote.file):
        from huggingface_hub.file_download import http_get
        from huggingface_hub.utils.tqdm import disable_progress_bars
        from tqdm import tqdm

        disable_progress_bars()  # they would be silent in a log
        on_terminal = sys.stderr.isatty()
        with tqdm.wrapattr(
            file,
            "write",
            total=remote.size,
            initial=done,
            desc=remote.file.name,
            unit_divisor=1000,
            file=sys.stderr if on_terminal else _LogLines(),
            mininterval=0.1 if on_terminal else _LOG_SECONDS,
            bar_format=None if on_terminal else "{desc}: {percentage:.0f} % of {total_fmt}",
        ) as shown:
            http_get(
                remote.url,
                cast(BinaryIO, shown),
                resume_size=done,
                expected_size=remote.size,
                headers={"Accept-Encoding": "identity"},
            )


class _LogLines(io.TextIOBase):
    """Makes log lines of what a progress bar draws."""

    def write(self, text: str) -> int:
        if line := text.strip():
            _LOGGER.info("%s", line)
        return len(text)


@contextmanager
def _hub_errors(repository: str, file: HubFile) -> Iterator[None]:
    """Turns what the hub's library raises into one sentence."""
    try:
        # Its other way of fetching cannot be resumed; and nobody is to be told who fetches.
        for switch in ("HF_HUB_DISABLE_XET", "HF_HUB_DISABLE_TELEMETRY"):
            os.environ.setdefault(switch, "1")  # before its first import
        from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]
    except ModuleNotFoundError as error:
        raise SetupError(
            f"Downloads need the package {error.name}: {how_to_install('piper')}"
        ) from error
    logging.getLogger("huggingface_hub").handlers.clear()  # the root logger prints its lines, too
    for client in ("httpx", "httpx2"):
        logging.getLogger(client).setLevel(logging.WARNING)  # not a line for each request
    try:
        yield
    except (OSError, HTTPError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise DownloadError(f"Cannot download {file.name} of {repository}: {reason}") from error


# --- hashes --------------------------------------------------------------------------------------


def _is(path: Path, size: int | None, digest: str) -> bool:
    """A file has this size and content."""
    if not path.is_file() or path.stat().st_size != size:
        return False
    hashing = hashlib.new(_HASHES[len(digest)], usedforsecurity=False)
    if len(digest) == 40:
        hashing.update(b"blob %d\0" % size)  # Git hashes a file's kind and size first
    with path.open("rb") as file:
        while block := file.read(2**20):
            hashing.update(block)
    return hashing.hexdigest() == digest


_HASHES = {32: "md5", 40: "sha1", 64: "sha256"}
