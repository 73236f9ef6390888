"""The speech APIs of OpenAI, Rhasspy 2.5 and MaryTTS: their requests, in their own words."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from aiohttp import web

from ...errors import RequestError
from ...speech.synthesizer import Synthesizer
from .requests import carried, read_body, read_json, required_text, text_of
from .speech import SpeechEndpoint, SpeechRequest

MODEL = "vietts"


# --- OpenAI ---------------------------------------------------------------------------------------


def openai_routes(synthesizer: Synthesizer, endpoint: SpeechEndpoint) -> list[web.RouteDef]:
    """The routes under /v1."""

    async def models(request: web.Request) -> web.Response:
        model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "wyoming-vietts"}
        return web.json_response({"object": "list", "data": [model]})

    async def voices(request: web.Request) -> web.Response:
        listed = [
            {"id": voice.name, "name": voice.description, "language": voice.languages[0]}
            for voice in synthesizer.catalogue.voices.values()
        ]
        return web.json_response({"voices": listed})

    return [
        web.post("/v1/audio/speech", endpoint.handler(_read_openai)),
        web.get("/v1/models", models),
        web.get("/v1/audio/voices", voices),
    ]


async def _read_openai(request: web.Request) -> SpeechRequest:
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
    return SpeechRequest(
        text=required_text(values, "input"),
        voice=text_of({"voice": voice}, "voice"),
        speed=_speed(values.get("speed")),
        audio_format=text_of(values, "response_format") or "mp3",
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


# --- Rhasspy --------------------------------------------------------------------------------------


def rhasspy_routes(endpoint: SpeechEndpoint) -> list[web.RouteDef]:
    """Its two routes."""
    return [
        web.post("/api/text-to-speech", endpoint.handler(_read_rhasspy_body)),
        web.get("/api/tts", endpoint.handler(_read_rhasspy_query), allow_head=False),
    ]


async def _read_rhasspy_body(request: web.Request) -> SpeechRequest:
    try:
        text = (await read_body(request)).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(f"The text is not UTF-8 (byte {error.start})") from error
    return SpeechRequest(text, voice=request.query.get("voice") or None)


async def _read_rhasspy_query(request: web.Request) -> SpeechRequest:
    text = request.query.get("text")
    if text is None:
        raise RequestError("The parameter 'text' is missing")
    return SpeechRequest(carried(text), voice=request.query.get("voice") or None)


# --- MaryTTS --------------------------------------------------------------------------------------

_MAX_PARAMETERS = 100
_INPUT_TYPES = ("TEXT", "SSML")


def mary_routes(synthesizer: Synthesizer, endpoint: SpeechEndpoint) -> list[web.RouteDef]:
    """Its three routes."""

    async def voices(request: web.Request) -> web.Response:
        lines = [
            f"{voice.name} {_mary_locale(voice.languages[0])} unknown general\n"
            for voice in synthesizer.catalogue.voices.values()
        ]
        return web.Response(text="".join(lines))

    async def locales(request: web.Request) -> web.Response:
        found = {
            _mary_locale(language)
            for voice in synthesizer.catalogue.voices.values()
            for language in voice.languages
        }
        return web.Response(text="".join(f"{locale}\n" for locale in sorted(found)))

    return [
        web.get("/process", endpoint.handler(_read_mary_query), allow_head=False),
        web.post("/process", endpoint.handler(_read_mary_form)),
        web.get("/voices", voices),
        web.get("/locales", locales),
    ]


async def _read_mary_query(request: web.Request) -> SpeechRequest:
    return _mary_request(request.query)


async def _read_mary_form(request: web.Request) -> SpeechRequest:
    """Read a form, whose Content-Type some clients leave out."""
    try:
        form = (await read_body(request)).decode()
        fields = parse_qsl(form, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS)
    except ValueError as error:
        raise RequestError(f"The form cannot be read: {error}") from error
    return _mary_request(dict(fields))


def _mary_request(parameters: Mapping[str, str]) -> SpeechRequest:
    """Read the parameters; LOCALE may be anything, as all voices speak Vietnamese.

    Raises:
        RequestError: text is missing, or something other than a WAV file is asked for.
    """
    text = parameters.get("INPUT_TEXT")
    if text is None:
        raise RequestError("The parameter 'INPUT_TEXT' is missing")
    input_type = parameters.get("INPUT_TYPE", "TEXT")
    if input_type not in _INPUT_TYPES:
        raise RequestError(
            f"Unknown INPUT_TYPE '{input_type:.80}'; available: {', '.join(_INPUT_TYPES)}"
        )
    output_type = parameters.get("OUTPUT_TYPE", "AUDIO")
    if output_type != "AUDIO":
        raise RequestError(f"Unknown OUTPUT_TYPE '{output_type:.80}'; available: AUDIO")
    audio = parameters.get("AUDIO", "WAVE")
    if not audio.startswith("WAV"):
        raise RequestError(f"Unknown AUDIO '{audio:.80}'; available: WAVE")
    return SpeechRequest(carried(text), voice=parameters.get("VOICE") or None)


def _mary_locale(language: str) -> str:
    """`vi_VN` of `vi-VN`."""
    return language.replace("-", "_")
