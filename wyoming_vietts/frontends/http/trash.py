"""Where the files of removed voices lie for an hour, in case that somebody wants them back."""

import asyncio
import contextlib
import re
import secrets
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

KEPT_SECONDS = 3600.0

_FOLDER = ".deleted"
_ID = re.compile(r"[0-9a-f]{16}")


class Trash:
    """A hidden folder beside the recordings. Several servers may share it."""

    def __init__(self, voices_dir: Path) -> None:
        """Take the folder of recordings; an event loop must be running."""
        self._voices_dir = voices_dir
        self._folder = voices_dir / _FOLDER
        self._emptying: asyncio.TimerHandle | None = None
        self.empty()  # of what was removed before the last stop

    def put(self, files: Iterable[Path]) -> str:
        """Move files of the voices' folder here; return what `take_back` wants to know.

        Raises:
            OSError: they cannot be moved.
        """
        identifier = secrets.token_hex(8)
        for file in files:
            here = self._folder / identifier / file.relative_to(self._voices_dir)
            here.parent.mkdir(parents=True, exist_ok=True)
            file.rename(here)
        self.empty()
        return identifier

    def take_back(self, identifier: str) -> list[Path]:
        """Move files back, and return where they are.

        Raises:
            KeyError: they are gone.
            FileExistsError: there are others in their place.
            OSError: they cannot be moved.
        """
        self.empty()
        folder = self._folder / identifier
        if not _ID.fullmatch(identifier) or not folder.is_dir():
            raise KeyError(identifier)
        # The recording comes last: then the voice is complete.
        files = sorted(
            (path for path in folder.rglob("*") if not path.is_dir()),
            key=lambda path: path.suffix != ".toml",
        )
        targets = [self._voices_dir / file.relative_to(folder) for file in files]
        if taken := [target for target in targets if target.exists()]:
            raise FileExistsError(f"There is another {taken[0].name} now")
        for file, target in zip(files, targets, strict=True):
            target.parent.mkdir(parents=True, exist_ok=True)
            file.rename(target)
        shutil.rmtree(folder)
        return targets

    def empty(self) -> None:
        """Remove for good what has been here for an hour, and the rest when its time comes."""
        left = []
        for folder in self._folder.glob("*"):
            with contextlib.suppress(FileNotFoundError):  # another server has removed it
                seconds = folder.stat().st_mtime + KEPT_SECONDS - time.time()
                if seconds > 0:
                    left.append(seconds)
                else:
                    shutil.rmtree(folder, ignore_errors=True)
        if self._emptying is not None:
            self._emptying.cancel()
        if left:
            loop = asyncio.get_running_loop()
            self._emptying = loop.call_later(min(left) + 1, self.empty)
