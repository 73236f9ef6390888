"""The page: its files, and its API for the server, the voices and the lexicon."""

import asyncio
import logging
from dataclasses import asdict, replace
from pathlib import Path

from aiohttp import web

from ... import __version__
from ...engines.contract import ClonedVoice, FileVoice, Voice
from ...errors import RequestError, UnknownVoiceError, printable
from ...files import read_bytes, replace_file
from ...speech.script import Script, Sentence
from ...speech.synthesizer import Synthesizer
from ...steps import finish_in_turns
from ...text import LexiconFile, lexicon_entries, remove_entry, set_entry
from ..fields import required_text
from .downloads import DownloadRoutes
from .guard import Guard
from .metrics import Metrics
from .piper_uploads import MAX_UPLOAD_BYTES
from .requests import read_json

_LOGGER = logging.getLogger(__name__)

_CONTENT_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


def page_routes() -> list[web.RouteDef]:
    """Return the routes of the page: / and its other files under /page."""
    files = {file.name: file for file in Path(__file__).with_name("page").iterdir()}

    async def answer(request: web.Request) -> web.Response:
        file = files.get(request.match_info.get("name", "index.html"))
        if file is None or file.suffix not in _CONTENT_TYPES:
            raise web.HTTPNotFound
        content_type = _CONTENT_TYPES[file.suffix]
        return web.Response(body=file.read_bytes(), content_type=content_type, charset="utf-8")

    return [web.get("/", answer), web.get("/page/{name}", answer)]


# --- voices -------------------------------------------------------------------------------------

_MAX_CHOICE_BYTES = 1000


class DefaultVoice:
    """The default voice that was chosen on the page, kept in a file across restarts.

    The choice counts until `--voice` changes.
    """

    def __init__(self, synthesizer: Synthesizer, voices_dir: Path) -> None:
        """Use a hidden file in a folder, which need not exist yet."""
        self._synthesizer = synthesizer
        self._file = voices_dir / ".default-voice"
        self._of_flag = synthesizer.settings.voice

    def restore(self) -> None:
        """Restore the choice, unless the voice is gone or `--voice` has changed since."""
        if not self._file.exists():
            return
        try:
            name, of_flag = f"{read_bytes(self._file, _MAX_CHOICE_BYTES).decode()}\n".split("\n")[
                :2
            ]
            if of_flag == (self._of_flag or ""):
                self._use(name)
        except (OSError, UnicodeDecodeError, UnknownVoiceError) as error:
            # It lists every voice, and repeats a name that anybody may have written.
            problem = printable(f"{error!s:.200}")
            _LOGGER.warning("The default voice that was chosen is not used: %s", problem)

    def choose(self, name: str) -> None:
        """Make a voice the default.

        Raises:
            UnknownVoiceError: there is no such voice.
            OSError: the choice cannot be saved.
        """
        self._synthesizer.choose_voice(name)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(self._file, f"{name}\n{self._of_flag or ''}\n".encode())
        self._use(name)

    def is_of_flag(self, name: str) -> bool:
        """Return whether `--voice` names this voice, so that a start without it would fail."""
        return name == self._of_flag

    def forget(self, name: str) -> None:
        """Return to the voice of the flag, or the first, if a voice was the default."""
        if self._synthesizer.settings.voice == name:
            self._synthesizer.settings = replace(self._synthesizer.settings, voice=self._of_flag)
            self._file.unlink(missing_ok=True)

    def _use(self, name: str) -> None:
        self._synthesizer.choose_voice(name)
        self._synthesizer.settings = replace(self._synthesizer.settings, voice=name)


def page_api_routes(
    synthesizer: Synthesizer,
    chosen: DefaultVoice,
    downloads: DownloadRoutes,
    metrics: Metrics,
    guard: Guard,
) -> list[web.RouteDef]:
    async def status(request: web.Request) -> web.Response:
        default = _default_voice(synthesizer)
        cloning, piper = synthesizer.catalogue.cloning_engines, synthesizer.catalogue.piper
        return web.json_response(
            {
                "version": __version__,
                "engine": None if default is None else default.engine_name,
                "device": cloning[0].device if cloning else "cpu",
                "voices": len(synthesizer.catalogue.voices),
                "requests": metrics.requests,
                "under_way": synthesizer.under_way,
                "real_time_factor": metrics.real_time_factor,
                "memory_mb": round(metrics.memory_bytes / 1e6),
                "uptime_seconds": round(metrics.uptime_seconds),
                "can_clone": bool(cloning),
                "max_piper_bytes": MAX_UPLOAD_BYTES if piper and piper.is_installed() else None,
                "clones_with": [engine.name for engine in cloning],
                "how_to_clone": []
                if cloning
                else [asdict(step) for step in downloads.steps_to_cloning],
                "has_embedded_only": synthesizer.catalogue.has_embedded_only,
                "token": guard.page_token,
            }
        )

    async def voices(request: web.Request) -> web.Response:
        default = _default_voice(synthesizer)
        return web.json_response(
            {
                "default": None if default is None else default.name,
                "voices": [described(voice) for voice in synthesizer.catalogue.voices.values()],
            }
        )

    async def set_default(request: web.Request) -> web.Response:
        chosen.choose(required_text(await read_json(request), "voice"))
        return web.Response(status=204)

    return [
        web.get("/api/status", status),
        web.get("/api/voices", voices),
        web.put("/api/default", guard.changing(set_default)),
    ]


def described(voice: Voice) -> dict[str, object]:
    return {
        "name": voice.name,
        "description": voice.description,
        "label": voice.label if isinstance(voice, FileVoice) else voice.description,
        "language": voice.languages[0],
        "region": voice.region,
        "engine": voice.engine_name,
        "sample_rate": voice.sample_rate,
        "is_cloned": isinstance(voice, ClonedVoice),
        "can_be_renamed": isinstance(voice, FileVoice) and not voice.is_one_of_several,
        "can_be_deleted": isinstance(voice, FileVoice),
        "is_ready": voice.is_ready,
    }


def _default_voice(synthesizer: Synthesizer) -> Voice | None:
    try:
        return synthesizer.choose_voice()
    except UnknownVoiceError:
        return None


# --- texts and words ------------------------------------------------------------------------------

_ENTRIES_A_PAGE = 500


def text_routes(synthesizer: Synthesizer, guard: Guard) -> list[web.RouteDef]:
    async def normalize(request: web.Request) -> web.Response:
        text = required_text(await read_json(request), "text")
        script = Script(synthesizer.settings, is_ssml=False)
        sentences = []
        for parts in (script.add(text), script.finish()):
            for part in parts:
                if isinstance(part, Sentence):
                    sentences.append({"written": part.written.strip(), "spoken": part.text})
                await asyncio.sleep(0)
        return web.json_response({"sentences": sentences})

    async def entries(request: web.Request) -> web.Response:
        offset = request.query.get("offset", "0")
        if not (offset.isascii() and offset.isdigit() and len(offset) < 9):
            raise RequestError(f"'offset' is '{offset:.20}'; it must be a whole number")
        return await _listed(synthesizer.settings.lexicon, int(offset))

    async def set_word(request: web.Request) -> web.Response:
        lexicon = synthesizer.settings.lexicon
        values = await read_json(request)
        written, spoken = (required_text(values, key).strip() for key in ("written", "spoken"))
        await finish_in_turns(set_entry(lexicon, written, spoken))
        return await _listed(lexicon)

    async def remove_word(request: web.Request) -> web.Response:
        lexicon = synthesizer.settings.lexicon
        written = required_text(await read_json(request), "written").strip()
        await finish_in_turns(remove_entry(lexicon, written))
        return await _listed(lexicon)

    return [
        web.post("/api/normalize", normalize),
        web.get("/api/lexicon", entries),
        web.post("/api/lexicon", guard.changing(set_word)),
        web.delete("/api/lexicon", guard.changing(remove_word)),
    ]


async def _listed(lexicon: LexiconFile, offset: int = 0) -> web.Response:
    entries = await finish_in_turns(lexicon_entries(lexicon))
    some = entries[offset : offset + _ENTRIES_A_PAGE]
    return web.json_response(
        {
            "entries": [{"written": entry.written, "spoken": entry.spoken} for entry in some],
            "total": len(entries),
        }
    )
