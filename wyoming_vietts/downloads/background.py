"""Runs downloads while a server serves, each in a process of its own."""

import asyncio
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..files import explain
from .table import ModelFolders

_LOGGER = logging.getLogger(__name__)

_POLL_SECONDS = 0.5


class Downloads:
    """The downloads under way, and why others have failed."""

    def __init__(self, folders: ModelFolders) -> None:
        self.folders = folders
        self._running: dict[str, asyncio.Task[None]] = {}
        self._errors: dict[str, str] = {}

    def is_running(self, name: str) -> bool:
        return name in self._running

    def error_of(self, name: str) -> str | None:
        """Return why a download has failed; None if it has not."""
        return self._errors.get(name)

    def start(self, name: str) -> "asyncio.Task[None]":
        """Start a download, unless it is under way; return a task that ends when it does."""
        if name not in self._running:
            self._errors.pop(name, None)
            task = self._running[name] = asyncio.create_task(self._download(name))
            task.add_done_callback(lambda _: self._running.pop(name))
        return self._running[name]

    async def cancel(self, name: str) -> None:
        """Stop a download, if it is under way; the next one resumes it."""
        if task := self._running.get(name):
            task.cancel()
            await asyncio.wait([task])

    async def finish(self) -> None:
        """Stop the downloads under way; each resumes when it is started again."""
        await asyncio.gather(*map(self.cancel, [*self._running]))

    async def _download(self, name: str) -> None:
        """Download, or note why not."""
        try:
            error = await self._run(name)
        except OSError as failure:  # such as: no temporary file can be made
            error = explain(failure)
        if error is None:
            _LOGGER.info("Downloaded '%s'", name)
        else:
            self._errors[name] = error
            _LOGGER.warning("The download of '%s' failed: %s", name, error)

    async def _run(self, name: str) -> str | None:
        folders = (
            *("--piper-dir", self.folders.piper_dir, "--vieneu-dir", self.folders.vieneu_dir),
            *("--model-dir", self.folders.model_dir),
        )
        log_format = ("--log-format", "%(message)s")
        return await run_to_end(
            (sys.executable, "-m", "wyoming_vietts", "download", name, *folders, *log_format)
        )


async def run_to_end(
    command: Sequence[str | Path], niceness: int = 0, **environment: str
) -> str | None:
    """Run a command to its end; kill it if this is cancelled.

    Args:
        niceness: 0 to 19; with 19 it leaves the processors to all others.
        environment: variables that it gets in addition.

    Returns:
        If it fails, the last line that it has written, of those marked as errors if there are any.

    Raises:
        OSError: it cannot be run.
    """
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            env=os.environ | environment,
        )
        try:
            os.setpriority(os.PRIO_PROCESS, process.pid, niceness)
            while process.poll() is None:
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            process.kill()  # if it has not ended
            process.wait()
        said.seek(0)
        lines = said.read().decode("utf-8", "replace").strip().splitlines() or ["no message"]
    errors = [line for line in lines if line.startswith("ERROR: ")]
    return None if process.returncode == 0 else (errors or lines)[-1].removeprefix("ERROR: ")
