"""What the page asks for: the state of the server, and its voices."""

from aiohttp import web

from ... import __version__
from ...engines.contract import ClonedVoice, Voice
from ...errors import UnknownVoiceError
from ...speech.narrator import Narrator
from .bodies import read_json, required_text
from .default_voice import DefaultVoice
from .downloads import Downloads
from .guard import Guard
from .metrics import Metrics


def page_api_routes(
    narrator: Narrator,
    chosen: DefaultVoice,
    downloads: Downloads,
    metrics: Metrics,
    guard: Guard,
) -> list[web.RouteDef]:
    """The routes for the server as a whole."""

    async def status(request: web.Request) -> web.Response:
        default = _default_voice(narrator)
        cloning = narrator.catalogue.cloning_engine
        return web.json_response(
            {
                "version": __version__,
                "engine": None if default is None else default.engine_name,
                "device": "cpu" if cloning is None else cloning.device,
                "voices": len(narrator.catalogue.voices),
                "requests": metrics.requests,
                "under_way": narrator.under_way,
                "real_time_factor": metrics.real_time_factor,
                "memory_mb": round(metrics.memory_bytes / 1e6),
                "uptime_seconds": round(metrics.uptime_seconds),
                "can_clone": cloning is not None,
                "how_to_clone": None if cloning is not None else downloads.steps_to_cloning,
                "has_lexicon": narrator.settings.lexicon is not None,
                "token": guard.page_token,
            }
        )

    async def voices(request: web.Request) -> web.Response:
        default = _default_voice(narrator)
        return web.json_response(
            {
                "default": None if default is None else default.name,
                "voices": [described(voice) for voice in narrator.catalogue.voices.values()],
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
    """A voice, as the page has it."""
    return {
        "name": voice.name,
        "description": voice.description,
        "language": voice.languages[0],
        "engine": voice.engine_name,
        "sample_rate": voice.sample_rate,
        "is_cloned": isinstance(voice, ClonedVoice),
        "is_ready": voice.is_ready,
    }


def _default_voice(narrator: Narrator) -> Voice | None:
    try:
        return narrator.choose_voice()
    except UnknownVoiceError:
        return None
