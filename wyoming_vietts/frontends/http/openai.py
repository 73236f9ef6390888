"""The API of OpenAI's clients."""

from aiohttp import web

from ...errors import RequestError
from ...speech.narrator import Narrator
from .bodies import read_json, required_text, text_of
from .formats import can_compress
from .speaking import Speaker, Wanted

MODEL = "vietts"


def openai_routes(narrator: Narrator, speaker: Speaker) -> list[web.RouteDef]:
    """The routes under /v1."""

    async def models(request: web.Request) -> web.Response:
        model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "wyoming-vietts"}
        return web.json_response({"object": "list", "data": [model]})

    async def voices(request: web.Request) -> web.Response:
        listed = [
            {"id": voice.name, "name": voice.description, "language": voice.languages[0]}
            for voice in narrator.catalogue.voices.values()
        ]
        return web.json_response({"voices": listed})

    return [
        web.post("/v1/audio/speech", speaker.handler(_read)),
        web.get("/v1/models", models),
        web.get("/v1/audio/voices", voices),
    ]


async def _read(request: web.Request) -> Wanted:
    """Read a request for speech.

    Raises:
        RequestError: it is not as OpenAI has them.
    """
    values = await read_json(request)
    voice = values.get("voice")
    if isinstance(voice, dict):
        voice = voice.get("id")
    stream_format = text_of(values, "stream_format") or "audio"
    if stream_format not in ("audio", "sse"):
        raise RequestError(f"Unknown stream_format '{stream_format:.80}'; available: audio, sse")
    return Wanted(
        text=required_text(values, "input"),
        voice=text_of({"voice": voice}, "voice"),
        speed=_speed(values.get("speed")),
        # OpenAI's default is mp3; where it cannot be made, players take a WAV file as well.
        audio_format=text_of(values, "response_format") or ("mp3" if can_compress() else "wav"),
        as_events=stream_format == "sse",
    )


def _speed(value: object) -> float:
    if value is None:
        return 1.0
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise RequestError(f"'speed' must be a number, not {type(value).__name__}")
    try:
        return float(value)
    except OverflowError as error:
        raise RequestError("'speed' has too many digits") from error
