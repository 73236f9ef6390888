"""Trash: the files of deleted voices, restorable for an hour."""

import asyncio
import contextlib
import math
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from ...files import leads_through_link

KEPT_SECONDS = 3600.0
MIN_SECONDS_AFTER_START = 600.0  # as the time of day may have been wrong, or set since

_FOLDER = ".deleted"
_BESIDE = (".toml", ".json", ".data")  # suffixes of files beside the main one
_ID = re.compile(r"[0-9a-f]{16}")


class Trash:
    """A hidden folder beside the files of voices, which several servers may share.

    Age is measured by a monotonic clock; of files from before the start, by the time of day.
    """

    def __init__(self, voices_dir: Path) -> None:
        """Take the folder of these files; an event loop must be running."""
        self._voices_dir = voices_dir
        self._folder = voices_dir / _FOLDER
        self._loop = asyncio.get_running_loop()
        self._expiry: dict[str, float] = {}  # by the loop's clock
        self._emptying: asyncio.TimerHandle | None = None
        for folder in self._folders():
            with contextlib.suppress(FileNotFoundError):  # another server has removed it
                left = folder.stat().st_mtime + KEPT_SECONDS - time.time()
                left = max(MIN_SECONDS_AFTER_START, min(left, KEPT_SECONDS))
                self._expiry[folder.name] = self._loop.time() + left
        self._schedule()

    def put(self, files: Iterable[Path]) -> str:
        """Move files of the voices' folder here; return the identifier for `restore`."""
        if self._folder.is_symlink():
            raise OSError(f"{self._folder} is a link; remove it, and voices can be deleted")
        identifier = secrets.token_hex(8)
        for file in files:
            here = self._folder / identifier / file.relative_to(self._voices_dir)
            here.parent.mkdir(parents=True, exist_ok=True)
            file.rename(here)
        self._expiry[identifier] = self._loop.time() + KEPT_SECONDS
        self._schedule()
        return identifier

    def restore(self, identifier: str) -> list[Path]:
        """Move files back, and return their paths.

        Raises:
            KeyError: they are gone.
            FileExistsError: other files have taken their place.
            OSError: they cannot be moved.
        """
        folder = self._folder / identifier
        if folder not in self._folders():
            raise KeyError(identifier)
        # The main file comes last: it completes the voice.
        files = sorted(
            (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()),
            key=lambda path: path.suffix not in _BESIDE,
        )
        targets = [self._voices_dir / file.relative_to(folder) for file in files]
        for target in targets:
            if os.path.lexists(target):
                raise FileExistsError(f"There is another {target.name} now")
            if leads_through_link(target, self._voices_dir):
                raise FileExistsError(f"The folder of {target.name} is a link now")
        for file, target in zip(files, targets, strict=True):
            target.parent.mkdir(parents=True, exist_ok=True)
            file.rename(target)
        shutil.rmtree(folder)
        self._expiry.pop(identifier, None)
        return targets

    def _folders(self) -> Iterator[Path]:
        """Find folders of deleted files; links and anything else are left alone."""
        if not self._folder.is_symlink():
            for folder in self._folder.glob("*"):
                if _ID.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink():
                    yield folder

    def _schedule(self) -> None:
        if self._emptying is not None:
            self._emptying.cancel()
        if self._expiry:
            self._emptying = self._loop.call_at(min(self._expiry.values()), self._empty)

    def _empty(self) -> None:
        """Delete expired files for good."""
        now = self._loop.time()
        for folder in [*self._folders()]:
            if self._expiry.get(folder.name, math.inf) <= now:
                shutil.rmtree(folder, ignore_errors=True)
        self._expiry = {name: at for name, at in self._expiry.items() if at > now}
        self._schedule()
