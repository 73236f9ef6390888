"""Makes voices of recordings; renames and deletes voices of files, for the page."""

import asyncio
import os
import time
from collections import deque
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import web

from ...engines.cloning import CloningEngine
from ...engines.contract import FileVoice, slug
from ...engines.voice_settings import VoiceSettings
from ...errors import RecordingError, RequestError
from ...files import leads_through_link, replace_file
from ...recordings import Heard
from ...speech.synthesizer import Synthesizer
from ...steps import finish_in_turns
from ..fields import required_text
from .guard import Guard
from .page_api import DefaultVoice, described
from .requests import HttpError, read_body, read_form, read_json
from .staging import remove_abandoned, staging
from .trash import Trash

MOST_IN_AN_HOUR = 10  # voices that are made or uploaded
_HOUR_SECONDS = 3600.0
_MAX_RECORDING_BYTES = 20_000_000
_UPLOADS_AT_ONCE = 4  # each is in memory
_FORM_BYTES = 10_000  # beside the recording
_MAX_NAME_CHARACTERS = 40
_MAX_DESCRIPTION_CHARACTERS = 80


class VoiceRoutes:
    """The routes for recordings, and for the voices made of files."""

    def __init__(self, synthesizer: Synthesizer, default: DefaultVoice, voices_dir: Path) -> None:
        """Manage the files of a folder, which need not exist yet."""
        self._catalogue = synthesizer.catalogue
        self._default = default
        self._voices_dir = voices_dir
        folders = [voices_dir]
        if (piper := self._catalogue.piper) is not None:
            folders.append(piper.voices_dir)
        remove_abandoned(voices_dir)
        self._trashes = {folder: Trash(folder) for folder in folders}
        self._uploads = asyncio.Semaphore(_UPLOADS_AT_ONCE)
        self._made: deque[float] = deque(maxlen=MOST_IN_AN_HOUR)  # when, by the monotonic clock

    def routes(self, guard: Guard) -> list[web.RouteDef]:
        return [
            web.post("/api/recordings", self._check),
            web.post("/api/voices", guard.changing(self._make)),
            web.patch("/api/voices/{name}", guard.changing(self._rename)),
            web.delete("/api/voices/{name}", guard.changing(self._remove)),
            web.post("/api/undo/{id}", guard.changing(self._undo)),
        ]

    async def _check(self, request: web.Request) -> web.Response:
        engine = self._engine()
        async with self._uploads:
            content = await read_body(request, _MAX_RECORDING_BYTES)
            return web.json_response(await hearing(engine, content))

    async def _make(self, request: web.Request) -> web.Response:
        engine = self._engine()
        async with self._uploads:
            form = await read_form(request, _MAX_RECORDING_BYTES + _FORM_BYTES)
            description = _checked(form.get("description", b"").decode("utf-8", "replace"))
            if form.get("consent") != b"yes":
                raise HttpError(
                    "no-consent", "Only clone the voices of people who have agreed to it"
                )
            content = form.get("recording", b"")
            await listen(engine, content)
        self.count_new()
        description = self._free_description(description)
        name = self._free_name(description)
        settings_file = self._voices_dir / f"{name}.toml"
        recording = self._voices_dir / f"{name}{suffix_of(content)}"
        self._voices_dir.mkdir(parents=True, exist_ok=True)
        with staging(self._voices_dir) as folder:
            files = {settings_file: VoiceSettings(description).as_toml().encode()}
            files[recording] = content  # last, as it completes the voice
            for file, its_content in files.items():
                replace_file(folder / file.name, its_content)
            for file in files:
                os.replace(folder / file.name, file)
        await finish_in_turns(self._catalogue.look_again())
        made = self._catalogue.made_of([recording])
        return web.json_response({"name": made[0] if made else name}, status=201)

    async def _rename(self, request: web.Request) -> web.Response:
        voice, _ = self._of_files(request.match_info["name"])
        if voice.is_one_of_several:
            raise HttpError(
                "conflict",
                f"Voice '{voice.name}' is one of several of a file; rename all of them by "
                f"'description' in {voice.files[0]}",
            )
        description = _checked(required_text(await read_json(request), "description"))
        settings = replace(voice.settings, description=description)
        replace_file(voice.files[0], settings.as_toml().encode())
        await finish_in_turns(self._catalogue.look_again())
        return web.json_response(described(self._of_files(voice.name)[0]))

    async def _remove(self, request: web.Request) -> web.Response:
        voice, trash = self._of_files(request.match_info["name"])
        names = self._catalogue.made_of([voice.files[-1]])
        if needed := next(filter(self._default.is_of_flag, names), None):
            raise HttpError(
                "needed",
                f"The server was told to speak with '{needed}' (--voice, or the app's option "
                "'voice'), and would not start without it; change that first",
            )
        try:
            undo = trash.put(file for file in reversed(voice.files) if os.path.lexists(file))
        except FileNotFoundError as error:
            raise HttpError("not-found", f"Voice '{voice.name}' is gone") from error
        for name in names:
            self._default.forget(name)
        await finish_in_turns(self._catalogue.look_again())
        return web.json_response({"undo": undo, "names": names})

    async def _undo(self, request: web.Request) -> web.Response:
        files: list[Path] = []
        try:
            for trash in self._trashes.values():
                with suppress(KeyError):
                    files += trash.restore(request.match_info["id"])
        except FileExistsError as error:
            raise HttpError("conflict", str(error)) from error
        if not files:
            raise HttpError("not-found", "The voice is gone: an hour has passed")
        await finish_in_turns(self._catalogue.look_again())
        names = self._catalogue.made_of(files)
        return web.json_response({"name": names[0] if names else files[-1].stem})

    def _engine(self) -> CloningEngine[Any]:
        engines = self._catalogue.cloning_engines
        if not engines:
            raise HttpError(
                "conflict", "This server cannot clone voices; api/status says what it needs"
            )
        return engines[0]

    def _of_files(self, name: str) -> tuple[FileVoice, Trash]:
        """Find a voice that can be changed here, and the trash for its files."""
        voice = self._catalogue.find(name)
        if voice is None:
            raise HttpError("not-found", f"There is no voice '{name:.80}'")
        if not isinstance(voice, FileVoice):
            raise HttpError(
                "conflict",
                f"Voice '{name}' is not made of a file of its own; only those can be changed here",
            )
        file = voice.files[-1]
        folder = next(each for each in self._trashes if each in file.parents)
        if leads_through_link(file, folder):
            raise HttpError(
                "conflict", f"The folder of voice '{name}' is a link; change it where that leads"
            )
        return voice, self._trashes[folder]

    def count_new(self) -> None:
        """Count a new voice; raise HttpError if too many were made within an hour."""
        now = time.monotonic()
        if len(self._made) == MOST_IN_AN_HOUR and now - self._made[0] < _HOUR_SECONDS:
            raise HttpError(
                "too-many", f"{MOST_IN_AN_HOUR} voices were made within an hour; wait for a while"
            )
        self._made.append(now)

    def _free_description(self, description: str) -> str:
        """Number a description that another voice has, so that users can tell them apart."""
        voices = self._catalogue.voices.values()
        taken = {voice.label for voice in voices if isinstance(voice, FileVoice)}
        free, number = description, 1
        while free in taken:
            number += 1
            free = f"{description} {number}"
        return free

    def _free_name(self, description: str) -> str:
        """Make a free name from the letters of a description."""
        base = name = slug(description)[:_MAX_NAME_CHARACTERS].strip("-") or "voice"
        number = 1
        while (
            self._catalogue.find(name)
            or (self._voices_dir / name).exists()
            or any(self._voices_dir.glob(f"{name}.*"))
        ):
            number += 1
            name = f"{base}-{number}"
        return name


def _checked(description: str) -> str:
    """Strip a description; raise RequestError if it is empty, too long, or of several lines."""
    description = description.strip()
    if not description.isprintable() or not 0 < len(description) <= _MAX_DESCRIPTION_CHARACTERS:
        raise RequestError(
            f"'description' must be one line of 1 to {_MAX_DESCRIPTION_CHARACTERS} characters"
        )
    return description


# --- recordings -----------------------------------------------------------------------------------

_NAME = "The recording"  # in messages
_SUFFIXES = {b"RIFF": ".wav", b"fLaC": ".flac", b"OggS": ".ogg", b"ID3": ".mp3", b"\xff": ".mp3"}
"""Suffixes by the first bytes of a file; no other kind is accepted."""


def suffix_of(content: bytes) -> str:
    """Choose the suffix of a recording's file; raise RecordingError unless it is of such a kind."""
    for start, suffix in _SUFFIXES.items():
        if content.startswith(start):
            return suffix
    raise RecordingError(f"{_NAME} must be a WAV, FLAC, MP3 or Ogg (Opus) file")


async def listen(engine: CloningEngine[Any], content: bytes) -> Heard:
    """Find the seconds that would make a voice; raise RecordingError if there are none."""
    suffix_of(content)
    return await finish_in_turns(engine.listen(content, _NAME))


async def hearing(engine: CloningEngine[Any], content: bytes) -> dict[str, object]:
    heard = problem = None
    try:
        heard = await listen(engine, content)
    except RecordingError as error:
        problem = {"code": error.code, "message": str(error)}
    two_voices = {"code": "two-voices", "message": "Two people seem to speak; one is cloned best"}
    return {
        "seconds": heard and heard.seconds,
        "start_seconds": heard and heard.start_seconds,
        "end_seconds": heard and heard.end_seconds,
        "problem": problem,
        "warning": two_voices if heard and heard.has_two_voices else None,
    }
