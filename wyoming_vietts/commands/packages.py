"""Installs the packages of VietTTS, which the app's image lacks, while the app serves."""

import asyncio
import hashlib
import logging
import os
import re
import shutil
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..downloads.background import Downloads, run_to_end
from ..downloads.table import DOWNLOADS, VIETTS
from ..errors import SetupError
from ..files import explain

_LOGGER = logging.getLogger(__name__)

RETRY_SECONDS = 3600.0
PROGRESS_SECONDS = 30.0
_DISK_BYTES = 2_000_000_000  # the packages, and their files until they are installed
_STAGING, _CACHE = "staging", "cache"
_NICENESS = 10  # speech comes first
_ENGINE = "wyoming_vietts.engines.vietts.engine"


class Packages:
    """The packages that are pinned in a folder, which are installed into another.

    Each set of pins has a folder of its own there, which appears when it is complete.
    """

    def __init__(self, folder: Path, pins_dir: Path) -> None:
        """Read the pins.

        Args:
            folder: where to install; nothing else may be there.
            pins_dir: requirement files; without any, nothing is missing.
        """
        self._folder = folder
        self._pins = {path.name: path.read_bytes() for path in sorted(pins_dir.glob("*.txt"))}
        content = b"\0".join([sys.implementation.cache_tag.encode(), *self._pins.values()])
        self._place = folder / hashlib.sha256(content).hexdigest()[:16]

    @property
    def are_missing(self) -> bool:
        """Whether they must be installed."""
        return bool(self._pins) and not self._place.is_dir()

    def use(self) -> None:
        """Make this process and its children import them; delete those of other pins."""
        if self._folder.is_dir():
            for path in self._folder.iterdir():
                if path not in (self._place, self._folder / _CACHE):
                    shutil.rmtree(path, ignore_errors=True)
        place, others = str(self._place), os.environ.get("PYTHONPATH")
        if self._place.is_dir() and place not in sys.path:
            sys.path.append(place)
            os.environ["PYTHONPATH"] = os.pathsep.join([place, others] if others else [place])

    async def install(self) -> None:
        """Install them, for the next `use`.

        Raises:
            SetupError, OSError: they cannot be installed; complete downloads are kept.
        """
        staging, cache = self._folder / _STAGING, self._folder / _CACHE
        await asyncio.to_thread(shutil.rmtree, staging, ignore_errors=True)
        target, temporary = staging / "packages", staging / "temporary"
        for path in (target, temporary, cache):
            path.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(staging).free
        if free < _DISK_BYTES:
            raise SetupError(
                f"they need {_DISK_BYTES / 1e9:g} GB, and the disk of {self._folder} has "
                f"{free / 1e9:.1f} GB left"
            )
        try:
            for name, pins in self._pins.items():
                (staging / name).write_text(_without_installed(pins.decode()))
                await _pip(
                    *("--require-hashes",) * (b"--hash" in pins),
                    *("--requirement", staging / name, "--target", target, "--cache-dir", cache),
                    temporary=temporary,
                )
            found = os.pathsep.join([str(target), *sys.path])
            error = await run_to_end((sys.executable, "-c", f"import {_ENGINE}"), PYTHONPATH=found)
            if error is not None:
                raise SetupError(f"what was installed does not work: {error}")
        except BaseException:
            await asyncio.to_thread(shutil.rmtree, staging, ignore_errors=True)
            raise
        await asyncio.to_thread(self._put_in_place, target)

    def _put_in_place(self, target: Path) -> None:
        os.sync()  # or the folder may outlive a loss of power, and its files not
        target.rename(self._place)
        for name in (_STAGING, _CACHE):
            shutil.rmtree(self._folder / name)


async def prepare_vietts(packages: Packages, downloads: Downloads) -> None:
    """Install the packages of VietTTS and download its model, each unless it is there.

    A failure is logged; the next try follows after an hour.
    """
    _LOGGER.info(
        "Preparing VietTTS: its packages (1 GB), then its model (%.1f GB). The app speaks with "
        "another engine until then",
        DOWNLOADS[VIETTS].megabytes / 1000,
    )
    progress = asyncio.create_task(_show_progress(downloads.folders.model_dir.parents[1]))
    try:
        while (error := await _try_to_prepare(packages, downloads)) is not None:
            _LOGGER.warning("VietTTS is not ready; the next try is in an hour: %s", error)
            await asyncio.sleep(RETRY_SECONDS)
    finally:
        progress.cancel()


async def _try_to_prepare(packages: Packages, downloads: Downloads) -> str | None:
    """Return why it has failed, if it has."""
    if packages.are_missing:
        try:
            await packages.install()
        except (SetupError, OSError) as error:
            return f"Cannot install its packages: {explain(error)}"
        packages.use()  # which converts the model as soon as it is there
        _LOGGER.info("The packages of VietTTS are installed")
    if not DOWNLOADS[VIETTS].is_in(downloads.folders.folder_of(VIETTS)):
        download = downloads.start(VIETTS)
        await asyncio.wait([download])
        if download.cancelled():
            return "The download of its model was stopped on the page"
    return downloads.error_of(VIETTS)


async def _show_progress(folder: Path) -> None:
    """Log from time to time how much has come onto the disk."""
    before = shutil.disk_usage(folder).used
    while True:
        await asyncio.sleep(PROGRESS_SECONDS)
        came = max(0, shutil.disk_usage(folder).used - before)
        _LOGGER.info("Preparing VietTTS: %d MB have come", came / 1e6)


async def _pip(*arguments: str | Path, temporary: Path) -> None:
    """Run `pip install`.

    Raises:
        SetupError: it fails; the message is its own.
    """
    options = ("--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--no-input")
    command = (sys.executable, "-m", "pip", "install", *options, *arguments)
    error = await run_to_end(command, niceness=_NICENESS, TMPDIR=str(temporary))
    if error is not None:
        raise SetupError(
            f"{error}; is this machine connected to the Internet, and is there room on its disk?"
        )


def _without_installed(pins: str) -> str:
    """Leave out the pins of packages that this Python already has in that version."""
    blocks: Sequence[str] = re.split(r"\n(?=\S)", pins)
    return "\n".join(block for block in blocks if not _is_installed(block))


def _is_installed(block: str) -> bool:
    match = re.match(r"([\w.-]+)==([^\s;]+)", block)
    try:
        return match is not None and version(match[1]) == match[2]
    except PackageNotFoundError:
        return False
